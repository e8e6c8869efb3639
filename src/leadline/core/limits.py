"""Budgets counted as the venue counts them; the rule: ask, then spend, and the answer is a delay.

One kind, here, is a counter that decays, the other (`core/windows.py`) points in fixed windows of the
venue's own clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, Self, TypeVar

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.core.cells import Cell

T = TypeVar("T")


class Reckoning(Protocol):
    """A budget as it stands, to reckon with."""

    limit: float

    def level(self, now_ns: int) -> float:
        """How many points are spent."""

    def delay_s(self, cost: float, now_ns: int, ahead: float = 0.0, reserve: float = 0.0) -> float:
        """Seconds until a request of this cost fits, after others that cost `ahead`; infinity when never.

        `reserve` is left untouched, as far as the limit lets the request fit at all.
        """


class Allowance(Protocol):
    """Points that requests cost, however the venue counts them; may be shared by all who ask it."""

    def read(self, now_ns: int) -> Reckoning:
        """Where it stands, to reckon with."""

    def take(self, cost: float, now_ns: int, reserve: float = 0.0) -> float:
        """Spend the cost and return 0, or spend nothing and return the seconds until it fits."""

    def spend(self, cost: float, now_ns: int) -> None:
        """A request of this cost leaves now, whether it fits or not; a negative cost is one given back."""

    def exceeded(self, now_ns: int) -> None:
        """The venue says that we are over: it stands at its limit, whatever we believed."""


class Budget(Allowance, Protocol):
    """A decaying counter that may be shared: by coroutines, or by the processes that use one key."""

    def read(self, now_ns: int) -> DecayingCounter:
        """Where it stands, as a counter of one's own to reckon with."""

    def resize(self, limit: float, decay_per_s: float, now_ns: int) -> None:
        """The venue turns out to count by other figures; the points that stand are kept."""


class DecayingCounter:
    """A counter that each request raises by its cost and time lowers at a steady rate.

    Kept as the moment at which it would stand at zero, so that the arithmetic is whole nanoseconds: a request
    that waits exactly as long as it was told then fits.
    """

    def __init__(self, limit: float, decay_per_s: float, empty_ns: int | None = None) -> None:
        self.limit = limit
        self.decay_per_s = decay_per_s
        self.empty_ns = empty_ns
        self._ns_per_point = NS_PER_S / decay_per_s
        self._limit_ns = self._span_ns(limit)

    def _span_ns(self, points: float) -> int:
        return round(points * self._ns_per_point)

    def _level_ns(self, now_ns: int) -> int:
        return 0 if self.empty_ns is None else max(0, self.empty_ns - now_ns)

    def read(self, now_ns: int) -> Self:
        return self

    def level(self, now_ns: int) -> float:
        """Where the counter stands, in points."""
        return self._level_ns(now_ns) / self._ns_per_point

    def delay_s(self, cost: float, now_ns: int, ahead: float = 0.0, reserve: float = 0.0) -> float:
        """Seconds until a request of this cost fits, after others that cost `ahead`; infinity when never.

        `reserve` is left untouched, as far as the limit lets the request fit at all. What costs nothing
        always fits.
        """
        if cost > self.limit:
            return math.inf
        if cost <= 0:
            return 0.0
        room_ns = self._span_ns(max(self.limit - reserve, cost))
        over_ns = self._level_ns(now_ns) + self._span_ns(ahead) + self._span_ns(cost) - room_ns
        return max(0, over_ns) / NS_PER_S

    def take(self, cost: float, now_ns: int, reserve: float = 0.0) -> float:
        delay_s = self.delay_s(cost, now_ns, reserve=reserve)
        if delay_s == 0:
            self.spend(cost, now_ns)
        return delay_s

    def spend(self, cost: float, now_ns: int) -> None:
        """A request of this cost leaves now."""
        self.empty_ns = now_ns + self._level_ns(now_ns) + self._span_ns(cost)

    def exceeded(self, now_ns: int) -> None:
        """The venue says that we are over: the counter stands at its limit, whatever we believed."""
        self.empty_ns = now_ns + max(self._level_ns(now_ns), self._limit_ns)

    def resize(self, limit: float, decay_per_s: float, now_ns: int) -> None:
        points = self.level(now_ns)
        self.limit, self.decay_per_s = limit, decay_per_s
        self._ns_per_point = NS_PER_S / decay_per_s
        self._limit_ns = self._span_ns(limit)
        self.empty_ns = now_ns + self._span_ns(points)


class Standing(Struct, frozen=True):
    """A shared counter as it is kept: when it would be empty at which decay, and when that was written."""

    empty_ns: int
    decay_per_s: float
    written_ns: int


class SharedBudget:
    """A Budget over a Standing that others change as well; each user reckons by the figures it knows."""

    def __init__(self, cell: Cell[Standing], limit: float, decay_per_s: float) -> None:
        self._cell = cell
        self.limit = limit
        self.decay_per_s = decay_per_s

    def read(self, now_ns: int) -> DecayingCounter:
        return self._counter(self._cell.kept(), now_ns)

    def take(self, cost: float, now_ns: int, reserve: float = 0.0) -> float:
        return self._changed(lambda counter: counter.take(cost, now_ns, reserve), now_ns)

    def spend(self, cost: float, now_ns: int) -> None:
        self._changed(lambda counter: counter.spend(cost, now_ns), now_ns)

    def exceeded(self, now_ns: int) -> None:
        self._changed(lambda counter: counter.exceeded(now_ns), now_ns)

    def resize(self, limit: float, decay_per_s: float, now_ns: int) -> None:
        self.limit, self.decay_per_s = limit, decay_per_s

    def _changed(self, act: Callable[[DecayingCounter], T], now_ns: int) -> T:
        def change(kept: Standing | None) -> tuple[Standing, T]:
            counter = self._counter(kept, now_ns)
            told = act(counter)
            empty_ns = now_ns if counter.empty_ns is None else counter.empty_ns
            return Standing(empty_ns, self.decay_per_s, now_ns), told

        return self._cell.change(change)

    def _counter(self, kept: Standing | None, now_ns: int) -> DecayingCounter:
        if kept is None:
            return DecayingCounter(self.limit, self.decay_per_s)
        if restarted(kept.written_ns, now_ns):  # expect the worst
            counter = DecayingCounter(self.limit, self.decay_per_s)
            counter.exceeded(now_ns)
            return counter
        counter = DecayingCounter(self.limit, kept.decay_per_s, kept.empty_ns)
        if kept.decay_per_s != self.decay_per_s:
            counter.resize(self.limit, self.decay_per_s, now_ns)
        return counter


def restarted(written_ns: int, now_ns: int) -> bool:
    """Whether the machine, and its monotonic time with it, has begun anew since something was written."""
    return written_ns > now_ns + NS_PER_S
