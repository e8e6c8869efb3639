"""What has been measured of a running system over the last hour, for recommendations.

Rule: counts are differences of what the parts count, peaks are looked at once a second; nothing is guessed.
"""

from __future__ import annotations

from collections import deque
from typing import NoReturn

from msgspec import Struct

from leadline.app.system import System
from leadline.clock import NS_PER_S
from leadline.core.advice import Figures, Odd, Recommendation, Slow, recommendations
from leadline.core.session import LineDown, LineUp
from leadline.engine.events import Event, LoopBlocked
from leadline.engine.tallies import Tallies
from leadline.engine.topic_state import State

SPAN_S = 3600
"""How far back figures go, to within a minute."""

LOOK_S = 1.0
_SLICE_S = 60


class _Counts(Struct, frozen=True):
    """Counts of the parts at one moment; they only grow."""

    stream: int
    rest: int
    cache: int
    switches: int
    unfilled: int
    throttled: int
    trips: int
    delayed: int


class _Slice:
    """One minute: what was counted before it, and what happened in it."""

    def __init__(self, begun_ns: int, before: _Counts) -> None:
        self.begun_ns = begun_ns
        self.before = before
        self.losses = 0
        self.blocked_ms = 0.0
        self.blocked_by = ""
        self.budget_share = 0.0
        self.tallies = Tallies()


class Advisor:
    """Watches one system that has been entered: its feed is to be told to `hear`, and `run` kept running."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._clock = system.clock
        self._standing = {line.number for line in system.lines.lines if line.connected}
        self._slices: deque[_Slice] = deque([_Slice(self._clock.mono_ns(), self._counts())])

    async def run(self) -> NoReturn:
        """Look once a second until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_S)

    def look(self) -> None:
        """Take the peaks of this moment, and forget what is too long ago."""
        now_ns = self._clock.mono_ns()
        if now_ns - self._slices[-1].begun_ns >= _SLICE_S * NS_PER_S:
            self._slices.append(_Slice(now_ns, self._counts()))
        while now_ns - self._slices[0].begun_ns >= (SPAN_S + _SLICE_S) * NS_PER_S:
            self._slices.popleft()
        http = self._system.http
        if http is not None:
            budget = http.budget.read(now_ns)
            share = budget.level(now_ns) / budget.limit
            self._slices[-1].budget_share = max(self._slices[-1].budget_share, share)

    def hear(self, event: Event) -> None:
        """Something has happened to the feed."""
        now = self._slices[-1]
        now.tallies.hear(event)
        match event:
            case LineUp(line):
                self._standing.add(line)
            case LineDown(line=line) if line in self._standing:
                self._standing.discard(line)
                now.losses += 1
            case LoopBlocked(blocked_ms, culprit) if blocked_ms > now.blocked_ms:
                now.blocked_ms, now.blocked_by = blocked_ms, culprit

    def recommendations(self) -> list[Recommendation]:
        """Everything worth saying now, the most harmful first; nothing when all is well."""
        return recommendations(self.figures())

    def figures(self) -> Figures:
        """What has been measured over the last hour, or since the start."""
        system, now_ns, counts = self._system, self._clock.mono_ns(), self._counts()
        slices, before = self._slices, self._slices[0].before
        worst = max(slices, key=lambda each: each.blocked_ms)
        account = system.account if system.account is not None and system.account.opened else None
        offset_ns = None if account is None else account.account.venue_ns() - self._clock.wall_ns()
        http = system.http
        p99_ns = None if http is None or not http.round_trips.count else http.round_trips.quantile(0.99)
        return Figures(
            seen_s=(now_ns - slices[0].begun_ns) / NS_PER_S,
            stream_reads=counts.stream - before.stream,
            rest_reads=counts.rest - before.rest,
            cache_reads=counts.cache - before.cache,
            wanted_share=system.feed.shares.wanted,
            lines=len(system.lines.lines),
            line_losses=sum(each.losses for each in slices),
            switches=counts.switches - before.switches,
            clock_offset_s=None if offset_ns is None else offset_ns / NS_PER_S,
            slow=self._slow(),
            blocked_ms=worst.blocked_ms,
            blocked_by=worst.blocked_by,
            budget_share=max(each.budget_share for each in slices),
            throttled=counts.throttled - before.throttled,
            rest_p99_s=None if p99_ns is None else p99_ns / NS_PER_S,
            unfilled_gaps=counts.unfilled - before.unfilled,
            odd=self._odd(),
            refused=self._refused(),
            breaker_trips=counts.trips - before.trips,
            orders_delayed=counts.delayed - before.delayed,
            unsaved=system.checkpoints is not None and system.checkpoints.failing,
        )

    def _counts(self) -> _Counts:
        system, account = self._system, self._system.account
        stats = system.feed.stats
        opened = account is not None and account.opened
        return _Counts(
            stats.readings.stream,
            stats.readings.rest,
            stats.readings.cache,
            system.lines.switches.count,
            stats.gaps.unfilled,
            0 if system.http is None else system.http.throttled,
            account.breaker.opened if account is not None and opened else 0,
            account.desk.orders.counts.delayed if account is not None and opened else 0,
        )

    def _slow(self) -> tuple[Slow, ...]:
        worst: dict[str, float] = {}
        dropped: dict[str, int] = {}
        for each in self._slices:
            for name, took_ms in each.tallies.worst_ms.items():
                worst[name] = max(took_ms, worst.get(name, 0.0))
            for name, count in each.tallies.dropped_of.items():
                dropped[name] = dropped.get(name, 0) + count
        return tuple(
            Slow(name, worst.get(name, 0.0), dropped.get(name, 0)) for name in worst.keys() | dropped.keys()
        )

    def _odd(self) -> tuple[Odd, ...]:
        """Differences that stand and are of a kind that is known."""
        return tuple(
            Odd(each.divergence.channel, each.divergence.symbol, each.pattern)
            for each in self._system.feed.validator.open
            if each.pattern
        )

    def _refused(self) -> tuple[str, ...]:
        return tuple(
            str(topic.subscription)
            for topic in self._system.feed.stats.topics
            if topic.state is State.REFUSED
        )
