"""Budgets counted as the venue counts them; the rule: ask, then spend, and the answer is a delay.

One kind is a counter that decays, the other points in fixed windows of the venue's own clock.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from leadline.clock import NS_PER_S

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


@dataclass(frozen=True, slots=True)
class Standing:
    """A shared counter as it is kept: when it would be empty at which decay, and when that was written."""

    empty_ns: int
    decay_per_s: float
    written_ns: int


class SharedBudget(ABC):
    """A Budget over a Standing that others change as well; each user reckons by the figures it knows."""

    def __init__(self, limit: float, decay_per_s: float) -> None:
        self._limit = limit
        self._decay_per_s = decay_per_s

    @abstractmethod
    def _kept(self) -> Standing | None:
        """What is kept now."""

    @abstractmethod
    def _change(self, change: Callable[[Standing | None], tuple[Standing, T]]) -> T:
        """Replace what is kept by what the change makes of it, with nobody in between."""

    def read(self, now_ns: int) -> DecayingCounter:
        return self._counter(self._kept(), now_ns)

    def take(self, cost: float, now_ns: int, reserve: float = 0.0) -> float:
        return self._changed(lambda counter: counter.take(cost, now_ns, reserve), now_ns)

    def spend(self, cost: float, now_ns: int) -> None:
        self._changed(lambda counter: counter.spend(cost, now_ns), now_ns)

    def exceeded(self, now_ns: int) -> None:
        self._changed(lambda counter: counter.exceeded(now_ns), now_ns)

    def resize(self, limit: float, decay_per_s: float, now_ns: int) -> None:
        self._limit, self._decay_per_s = limit, decay_per_s

    def _changed(self, act: Callable[[DecayingCounter], T], now_ns: int) -> T:
        def change(kept: Standing | None) -> tuple[Standing, T]:
            counter = self._counter(kept, now_ns)
            told = act(counter)
            empty_ns = now_ns if counter.empty_ns is None else counter.empty_ns
            return Standing(empty_ns, self._decay_per_s, now_ns), told

        return self._change(change)

    def _counter(self, kept: Standing | None, now_ns: int) -> DecayingCounter:
        if kept is None:
            return DecayingCounter(self._limit, self._decay_per_s)
        if kept.written_ns > now_ns + NS_PER_S:  # the machine has been restarted: expect the worst
            counter = DecayingCounter(self._limit, self._decay_per_s)
            counter.exceeded(now_ns)
            return counter
        counter = DecayingCounter(self._limit, kept.decay_per_s, kept.empty_ns)
        if kept.decay_per_s != self._decay_per_s:
            counter.resize(self._limit, self._decay_per_s, now_ns)
        return counter


_TRANSIT_NS = NS_PER_S
"""assumed: a request arrives within this, or counts where nobody expected it."""


class WeightWindow:
    """Points in fixed windows of the venue's clock; a request counts in the window in which it arrives.

    Which one that is nobody knows near an edge, so a request must fit into, and is charged to, each window it
    may arrive in. `venue_ns` says between which Unix times the venue's clock stands at a monotonic moment.
    """

    def __init__(self, limit: float, length_s: int, venue_ns: Callable[[int], tuple[int, int]]) -> None:
        self.limit = limit
        self._length_ns = length_s * NS_PER_S
        self._venue_ns = venue_ns
        self._spent: dict[int, float] = {}
        self._closed_until_ns = 0

    def read(self, now_ns: int) -> Self:
        return self

    def level(self, now_ns: int) -> float:
        """What is spent of the fullest window that a request of now may count in, in points."""
        return max(self._spent.get(window, 0.0) for window in self._windows(now_ns))

    def delay_s(self, cost: float, now_ns: int, ahead: float = 0.0, reserve: float = 0.0) -> float:
        """Seconds until a request of this cost fits, after others that cost `ahead`; infinity when never.

        `reserve` is left untouched, as far as the limit lets the request fit at all. What costs nothing waits
        only while the venue wants no request at all.
        """
        closed_s = max(0, self._closed_until_ns - now_ns) / NS_PER_S
        if cost > self.limit:
            return math.inf
        if cost <= 0:
            return closed_s
        room = max(self.limit - reserve, cost)
        wanted = ahead + cost
        windows = self._windows(now_ns)
        full = [window for window in windows if self._spent.get(window, 0.0) + wanted > room]
        if not full:
            return closed_s
        over = self._spent.get(full[-1], 0.0) + wanted - room
        begin_ns = (full[-1] + math.ceil(over / room)) * self._length_ns
        return max(closed_s, (begin_ns - self._venue_ns(now_ns)[0]) / NS_PER_S)

    def take(self, cost: float, now_ns: int, reserve: float = 0.0) -> float:
        delay_s = self.delay_s(cost, now_ns, reserve=reserve)
        if delay_s == 0:
            self.spend(cost, now_ns)
        return delay_s

    def spend(self, cost: float, now_ns: int) -> None:
        """A request of this cost leaves now; the windows before are forgotten."""
        windows = self._windows(now_ns)
        self._spent = {window: points for window, points in self._spent.items() if window >= windows[0]}
        for window in windows:
            self._spent[window] = max(0.0, self._spent.get(window, 0.0) + cost)

    def told(self, spent: float, sent_ns: int, received_ns: int) -> None:
        """The venue counts so much in the window of a request that left and was answered then (monotonic).

        It corrects upwards only, because what is on its way is not in it, and says nothing where the answer
        may be of either of two windows.
        """
        window = self._venue_ns(sent_ns)[0] // self._length_ns
        if window == self._venue_ns(received_ns)[1] // self._length_ns:
            self._spent[window] = max(self._spent.get(window, 0.0), spent)

    def exceeded(self, now_ns: int) -> None:
        """The venue says that we are over: nothing leaves before the window has certainly ended."""
        earliest_ns, latest_ns = self._venue_ns(now_ns)
        end_ns = (latest_ns // self._length_ns + 1) * self._length_ns
        self.close((end_ns - earliest_ns) / NS_PER_S, now_ns)

    def close(self, delay_s: float, now_ns: int) -> None:
        """The venue wants no request at all for so long, not even one that costs nothing."""
        self._closed_until_ns = max(self._closed_until_ns, now_ns + math.ceil(delay_s * NS_PER_S))

    def resize(self, limit: float) -> None:
        """The venue turns out to allow another number of points; what is spent stays so."""
        self.limit = limit

    def _windows(self, now_ns: int) -> range:
        """The windows, by number, that a request which leaves now may count in."""
        earliest_ns, latest_ns = self._venue_ns(now_ns)
        last = (latest_ns + _TRANSIT_NS) // self._length_ns
        return range(earliest_ns // self._length_ns, last + 1)
