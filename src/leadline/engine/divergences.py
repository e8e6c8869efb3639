"""What two sources say differently and what follows from it, until they agree again.

Rule: orders of a symbol are held while anything of it diverges; who is blamed is not served; both sides of
every disagreement are kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.core.crosscheck import Divergence
from leadline.engine.events import Diverged, Reconverged
from leadline.engine.topics import Desk, Topic
from leadline.model.market import Channel
from leadline.model.reading import Source

KEPT_EVIDENCE = 200
"""At the bound the oldest disagreement is forgotten; the counts go on."""

AGREEMENTS_TO_END = 3
"""So many looks in a row must agree before the sources are believed again."""

_RENEW_NS = 30 * NS_PER_S  # a quarantined stream that is still contradicted is subscribed anew so often


class Standing(Struct, frozen=True):
    """A divergence that has not ended: its newest evidence, what it is called, and who is not believed."""

    divergence: Divergence
    since_ns: int
    """Unix time."""
    pattern: str
    blamed: Source | None


class _Open:
    """One standing divergence, as it is worked with."""

    def __init__(self, topic: Topic[Any], divergence: Divergence, now_ns: int) -> None:
        self.topic = topic
        self.divergence = divergence
        self.since_ns = now_ns
        self.renewed_ns = now_ns
        self.agreements = 0
        self.pattern = ""
        self.blamed: Source | None = None


class Divergences:
    """The standing divergences of market data.

    `renew` subscribes a topic anew and serves its readers; `serve` has REST asked, which is believed again,
    for the readers of a symbol's lost streams.
    """

    def __init__(self, desk: Desk, renew: Callable[[Topic[Any]], None], serve: Callable[[str], None]) -> None:
        self._desk = desk
        self._renew = renew
        self._serve = serve
        self._open: dict[tuple[Channel, str], _Open] = {}
        self.evidence: deque[Divergence] = deque(maxlen=KEPT_EVIDENCE)
        self.total = 0
        self._hold: Callable[[str, str], None] = lambda symbol, why: None
        self._release: Callable[[str], None] = lambda symbol: None

    def guard(self, hold: Callable[[str, str], None], release: Callable[[str], None]) -> None:
        """Call `hold` with every symbol whose orders must wait and why, `release` when they need not."""
        self._hold, self._release = hold, release
        for one in self._open.values():
            hold(one.topic.symbol, _words(one))

    @property
    def standing(self) -> tuple[Standing, ...]:
        """All that has not ended, oldest first."""
        return tuple(
            Standing(one.divergence, self._desk.wall_ns(one.since_ns), one.pattern, one.blamed)
            for one in self._open.values()
        )

    def stands(self, channel: Channel, symbol: str) -> bool:
        """Whether sources diverge about this now."""
        return (channel, symbol) in self._open

    def contradicted(
        self, topic: Topic[Any], divergence: Divergence, pattern: str, blamed: Source | None, now_ns: int
    ) -> None:
        """A disagreement that was confirmed; one that stands already may have got a name or a culprit."""
        self.evidence.append(divergence)
        key = (topic.subscription.channel, topic.symbol)
        one = self._open.get(key)
        news = one is None
        if one is None:
            one = self._open[key] = _Open(topic, divergence, now_ns)
            self.total += 1
        one.divergence, one.agreements = divergence, 0
        news = news or (bool(pattern) and not one.pattern) or (blamed is not None and one.blamed is None)
        one.pattern = pattern or one.pattern
        if one.blamed is None and blamed is not None:
            one.blamed = blamed
            self._distrust(one, now_ns)
        elif one.blamed is Source.STREAM and now_ns - one.renewed_ns >= _RENEW_NS:
            one.renewed_ns = now_ns
            self._renew(topic)
        if news:
            self._tell(one)

    def agreed(self, topic: Topic[Any], now_ns: int) -> None:
        """The sources agree about this topic; enough times in a row ends what stood."""
        one = self._open.get((topic.subscription.channel, topic.symbol))
        if one is None:
            return
        one.agreements += 1
        if one.agreements >= AGREEMENTS_TO_END:
            lasted_s = (now_ns - one.since_ns) / NS_PER_S
            self._desk.events.add(Reconverged(topic.subscription.channel.value, topic.symbol, lasted_s))
            self._end(one)

    def forget(self, channel: Channel, symbol: str) -> None:
        """Nobody reads this any more: what stood about it holds nothing back."""
        one = self._open.get((channel, symbol))
        if one is not None:
            self._end(one)

    def _tell(self, one: _Open) -> None:
        found = one.divergence
        self._desk.events.add(
            Diverged(
                found.channel, found.symbol, found.what, found.ours, found.theirs, one.pattern, one.blamed
            )
        )
        self._hold(found.symbol, _words(one))

    def _distrust(self, one: _Open, now_ns: int) -> None:
        if one.blamed is Source.STREAM:
            one.topic.quarantine(_words(one), now_ns)
            one.renewed_ns = now_ns
            self._renew(one.topic)
        else:
            self._desk.rest_doubted[one.topic.symbol] = _words(one)

    def _end(self, ended: _Open) -> None:
        symbol = ended.topic.symbol
        del self._open[ended.topic.subscription.channel, symbol]
        ended.topic.quarantined = None  # its next second, or its next value, takes it into use
        left = [one for one in self._open.values() if one.topic.symbol == symbol]
        if symbol in self._desk.rest_doubted and not any(one.blamed is Source.REST for one in left):
            del self._desk.rest_doubted[symbol]
            self._serve(symbol)
        if not left:
            self._release(symbol)


def _words(one: _Open) -> str:
    found = one.divergence
    named = f" ({one.pattern})" if one.pattern else ""
    return f"stream and REST differ: {found.channel} {found.what} {found.ours}, REST {found.theirs}{named}"
