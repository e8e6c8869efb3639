"""Every failover of the client: how long it took, and whether anything had been withheld from it at all.

Rule: a failover, or a stream taken out of use, is false where neither venue nor network kept anything back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.engine.events import Event, LineSwitched, Reconverged, SourceChanged, StreamDead
from leadline.model.market import Channel
from leadline.model.reading import Source
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import FALSE_ALARM, Findings
from leadline.simulation.strikes import Event as Striking
from leadline.simulation.strikes import Strike

AFTERMATH_S = 45.0
"""So long after its end a fault explains what a client does: all must live again by then."""

BIRTH_S = 20.0
"""A client that has just begun has nothing yet to fail over from."""

UNANSWERED_S = 30.0
"""So long ago a lost answer of REST may be the reason why nobody has borne a stream out."""

HARMLESS = frozenset({"REPLY", "RATE", "MISSTATE", "SHUFFLE", "TOKEN_INVALID", "ACCEPT_THEN_DROP", "DUP"})
"""Kinds that keep nothing of a stream back."""

_HARMLESS_EVENTS = frozenset({Striking.CLOCK_STEP, Striking.LOST_ANSWERS})
_ACCOUNT = ("executions", "balances")
_CHANNELS = {
    "book": Channel.BOOK,
    "ticker": Channel.TICKER,
    "trade": Channel.TRADES,
    "ohlc": Channel.BARS,
}


class _Withheld(NamedTuple):
    """Something was kept back from the client until then; None stands for every channel or symbol."""

    until_ns: int
    channel: Channel | None
    symbol: str | None


class Alarms:
    """The failovers of one run."""

    def __init__(self, loop: VirtualLoop, findings: Findings, harmless: Collection[str] = HARMLESS) -> None:
        self._loop = loop
        self._harmless = harmless
        self._findings = findings
        self._withheld: list[_Withheld] = []
        self._losses: dict[int, float] = {}
        self._misled_until_ns: dict[str, int] = {}
        """Until when REST may have told that a stream had missed something."""
        self._doubtful_until_ns: dict[str, int] = {}
        """Until when REST may still be doubted for it: other faults keep the client from finding it true."""
        self._believed_ns: dict[str, int] = {}
        """When the client last found that REST and stream tell the same again."""
        self._unanswered_ns = -round(UNANSWERED_S * NS_PER_S)
        self._came_ns: dict[tuple[Channel, str], int] = {}

    @property
    def failover_ms(self) -> Counter[int]:
        """How long readers waited for another source, by whole milliseconds, each loss once."""
        return Counter(-int(-took_ms // 1) for took_ms in self._losses.values())

    def born(self) -> None:
        """A life of the client begins."""
        self._keep_back(BIRTH_S - AFTERMATH_S, None, None)

    def struck(self, strike: Strike) -> None:
        """A fault begins."""
        until_ns, now_ns = self._until_ns(strike.lasts_s), self._loop.now_ns
        for symbol, doubtful_ns in self._doubtful_until_ns.items():
            if doubtful_ns >= now_ns:
                self._doubtful_until_ns[symbol] = max(doubtful_ns, until_ns)
        if strike.event is not None:
            if strike.event not in _HARMLESS_EVENTS:
                self._keep_back(strike.lasts_s, None, None)
            return
        fields = strike.fields
        kind, channel = fields["kind"], fields.get("channel")
        on_rest = fields.get("route") == "rest"
        if kind in ("SKEW", "LAG") and on_rest:
            self._misled_until_ns[fields["symbol"]] = self._doubtful_until_ns[fields["symbol"]] = until_ns
        if kind in self._harmless or channel in _ACCOUNT or on_rest:
            return
        self._keep_back(strike.lasts_s, _CHANNELS.get(channel or ""), fields.get("symbol"))

    def unanswered(self) -> None:
        """An answer of REST will never come."""
        self._unanswered_ns = self._loop.now_ns

    def came(self, channel: Channel, symbol: str) -> None:
        """A reader has come to a stream: what was lost before that, nobody had to be served for at once."""
        self._came_ns[channel, symbol] = self._loop.now_ns

    def heard(self, event: Event) -> None:
        """An event of the client's feed."""
        if _wished(event):
            return
        match event:
            case SourceChanged(source=Source.REST, previous=Source.STREAM):
                if event.channel in (Channel.TICKER, Channel.BOOK):
                    came_ns = self._came_ns.get((event.channel, event.symbol), 0)
                    if event.took_ms * NS_PER_MS <= self._loop.now_ns - came_ns:
                        self._lost(event.took_ms, self._refuge_ns(event.symbol))
                self._justified(event.channel, event.symbol, event)
            case Reconverged():
                self._believed_ns[event.symbol] = self._loop.now_ns
            case LineSwitched():
                self._lost(event.took_ms)
                self._justified(None, None, event)
            case StreamDead() if not self._unsure(event):
                self._justified(event.subscription.channel, event.subscription.symbol, event)

    def excused(self, channel: Channel | None, symbol: str | None) -> bool:
        """Whether anything of that was kept back of late."""
        now_ns = self._loop.now_ns
        self._withheld = [one for one in self._withheld if one.until_ns >= now_ns]
        return any(
            (channel is None or one.channel in (None, channel))
            and (symbol is None or one.symbol in (None, symbol))
            for one in self._withheld
        )

    def _keep_back(self, for_s: float, channel: Channel | None, symbol: str | None) -> None:
        self._withheld.append(_Withheld(self._until_ns(for_s), channel, symbol))

    def _until_ns(self, for_s: float) -> int:
        """When the aftermath of what lasts so long is over."""
        return self._loop.now_ns + round((for_s + AFTERMATH_S) * NS_PER_S)

    def _unsure(self, event: StreamDead) -> bool:
        """Whether the client could not know better, because the network has lost REST's answer."""
        lately_ns = self._loop.now_ns - round(UNANSWERED_S * NS_PER_S)
        return "did not answer" in event.reason and self._unanswered_ns > lately_ns

    def _lied_of(self, symbol: str) -> bool:
        """Whether REST tells wrong things of a symbol, or did so of late: it is no refuge then."""
        return self._loop.now_ns <= self._misled_until_ns.get(symbol, -1)

    def _refuge_ns(self, symbol: str) -> int:
        """From when on REST could be turned to: who has been told wrong things may doubt it for a while."""
        return min(self._believed_ns.get(symbol, 0), self._doubtful_until_ns.get(symbol, 0))

    def _lost(self, took_ms: float, refuge_ns: int = 0) -> None:
        """All streams of one loss are noticed at one moment; the slowest of them counts."""
        now_ms = self._loop.now_ns / NS_PER_MS
        noticed_ms = round(now_ms - took_ms)
        waited_ms = min(took_ms, now_ms - refuge_ns / NS_PER_MS)
        self._losses[noticed_ms] = max(waited_ms, self._losses.get(noticed_ms, 0.0))

    def _justified(self, channel: Channel | None, symbol: str | None, event: Event) -> None:
        if not (self._lied_of(symbol or "") or self.excused(channel, symbol)):
            self._findings.add(FALSE_ALARM, symbol or "", event, "nothing was withheld", self._loop.now_ns)


def _wished(event: Event) -> bool:
    """Whether it is no failover: the program wanted a deeper book, or REST is only asked whether a silent
    stream has missed anything, and the stream has not been given up."""
    match event:
        case SourceChanged():
            return event.cause.startswith("subscribed anew") or event.cause == "the stream is silent"
    return False
