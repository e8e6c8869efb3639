"""Whether the client finds what stream and REST tell differently, and finds nothing where they agree.

Rule: a difference over the tolerance must be told within the interval that the client itself announces, as
long as nothing else strikes; one that nobody planted must not be told, and nobody innocent be blamed.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from leadline.clock import NS_PER_S
from leadline.engine.events import Diverged, Event, Reconverged
from leadline.model.market import Channel
from leadline.model.reading import Source
from leadline.simulation.alarms import Alarms
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import FALSE_ALARM, MISSED_DIVERGENCE, Findings
from leadline.simulation.strikes import Event as Striking
from leadline.simulation.strikes import Strike
from leadline.simulation.untruths import Untruth, Untruths

TOLERANCE = Decimal("0.001")
SLACK_S = 3.0
"""Beyond the announced interval: round trips, and the second in which it is looked."""

CLEARING_S = 12.0
"""So long after another fault the client may still be busy with it."""

REMEMBERED_S = 180.0
"""So long after a difference has ended it may still be spoken of."""

_BESIDE = frozenset({"SKEW", "LAG", "MISSTATE", "SHUFFLE", "TOKEN_INVALID", "ACCEPT_THEN_DROP"})
"""Kinds that keep neither REST nor the market's stream from being looked at."""

Interval = Callable[[str, Channel], float | None]
"""The announced interval of a symbol's channel; None while the client does not watch it."""


class _Standing:
    """One planted difference: whether it was told, and since when nothing has disturbed the looking."""

    def __init__(self, untruth: Untruth, now_ns: int) -> None:
        self.untruth = untruth
        self.since_ns = now_ns
        self.interval_s = 0.0
        self.told = False
        self.judged = False


class DifferenceJudge:
    """The differences of one run."""

    def __init__(self, untruths: Untruths, alarms: Alarms, loop: VirtualLoop, findings: Findings) -> None:
        self._untruths = untruths
        self._alarms = alarms
        self._loop = loop
        self._findings = findings
        self._standing: list[_Standing] = []
        self._disturbed_until_ns = 0
        self._known = 0
        self.differences = 0
        """Differences that stood long enough to be found."""

    def born(self) -> None:
        """A life of the client begins; what the one before had told is not known to it."""
        for one in self._standing:
            one.since_ns, one.interval_s, one.told = self._loop.now_ns, 0.0, False

    def struck(self, strike: Strike) -> None:
        """A fault begins."""
        beside = strike.event is Striking.CLOCK_STEP or strike.fields.get("kind") in _BESIDE
        account = strike.fields.get("channel") in ("executions", "balances")
        if not (beside or account):
            until_ns = self._loop.now_ns + round((strike.lasts_s + CLEARING_S) * NS_PER_S)
            self._disturbed_until_ns = max(self._disturbed_until_ns, until_ns)

    def heard(self, event: Event) -> None:
        """An event of the client's feed."""
        if isinstance(event, Reconverged):
            for one in self._standing:
                if _about(one.untruth, event):
                    one.told = False
        if not isinstance(event, Diverged) or event.channel not in ("ticker", "book"):
            return
        for one in self._standing:
            if _about(one.untruth, event):
                one.told = True
        self._justified(event)

    def look(self, interval_s: Interval) -> None:
        """Once a second: has what must have been told been told?"""
        now_ns = self._loop.now_ns
        for untruth in self._untruths.market[self._known :]:
            self._known += 1
            if _over_tolerance(untruth):
                self._standing.append(_Standing(untruth, now_ns))
        self._standing = [one for one in self._standing if now_ns <= one.untruth.end_ns]
        for one in self._standing:
            announced_s = interval_s(one.untruth.symbol, one.untruth.channel)
            if announced_s is None or now_ns < self._disturbed_until_ns:
                one.since_ns, one.interval_s = now_ns, 0.0
                continue
            one.interval_s = max(one.interval_s, announced_s)
            stood_s = (now_ns - one.since_ns) / NS_PER_S
            if stood_s > one.interval_s + SLACK_S and not one.judged:
                one.judged = True
                self.differences += 1
                if not one.told:
                    true = f"looked at every {one.interval_s:.1f} s, undisturbed for {stood_s:.1f} s"
                    self._add(MISSED_DIVERGENCE, one.untruth.symbol, one.untruth, true)

    def _justified(self, event: Diverged) -> None:
        channel = Channel.TICKER if event.channel == "ticker" else Channel.BOOK
        if self._alarms.excused(channel, event.symbol):
            return
        since_ns = self._loop.now_ns - round(REMEMBERED_S * NS_PER_S)
        planted = [
            one
            for one in self._untruths.market
            if one.symbol == event.symbol and one.channel is channel and one.end_ns >= since_ns
        ]
        if not planted:
            self._add(FALSE_ALARM, event.symbol, event, "both tell the same")
        elif event.blamed is Source.STREAM and all(one.source is Source.REST for one in planted):
            self._add(FALSE_ALARM, event.symbol, event, "it is REST that is wrong")

    def _add(self, kind: str, symbol: str, seen: object, true: object) -> None:
        self._findings.add(kind, symbol, seen, true, self._loop.now_ns)


def _about(untruth: Untruth, event: Diverged | Reconverged) -> bool:
    channel = "ticker" if untruth.channel is Channel.TICKER else "book"
    return (channel, untruth.symbol) == (event.channel, event.symbol)


def _over_tolerance(untruth: Untruth) -> bool:
    """Whether the difference is one to tell; what is late may be the same by chance."""
    if not untruth.factor:
        return False
    factor = Decimal(untruth.factor)
    return abs(factor - 1) / max(factor, Decimal(1)) > TOLERANCE
