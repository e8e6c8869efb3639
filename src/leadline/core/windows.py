"""Budgets of points in fixed windows of the venue's own clock.

Rule: a request must fit into, and is charged to, every window that it may arrive in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Self, TypeVar

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.core.cells import Cell
from leadline.core.limits import restarted

T = TypeVar("T")

VenueBounds = Callable[[int], tuple[int, int]]
"""Between which Unix times the venue's clock stands at a monotonic moment."""

_TRANSIT_NS = NS_PER_S
"""assumed: a request arrives within this, or counts where nobody expected it."""

_KEPT = 8
"""Windows that are remembered: those charged last, more than users whose clocks differ charge at one time."""


class KeptWindows(Struct, frozen=True):
    """Windows as they are kept: points by a window's number, the end of a refusal, when it was written.

    The last two are monotonic.
    """

    spent: Mapping[int, float] = {}
    closed_until_ns: int = 0
    written_ns: int = 0


class WeightWindow:
    """Points in windows as one user reckons with them.

    In which window a request counts nobody knows near an edge, because it is that in which it arrives.
    """

    def __init__(
        self, limit: float, length_s: int, venue_ns: VenueBounds, kept: KeptWindows | None = None
    ) -> None:
        kept = kept or KeptWindows()
        self.limit = limit
        self._length_ns = length_s * NS_PER_S
        self._venue_ns = venue_ns
        self._spent = dict(kept.spent)
        self._closed_until_ns = kept.closed_until_ns

    def to_keep(self, now_ns: int) -> KeptWindows:
        """What must be kept of it."""
        return KeptWindows(self._spent, self._closed_until_ns, now_ns)

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
        """A request of this cost leaves now."""
        for window in self._windows(now_ns):
            self._keep(window, max(0.0, self._spent.get(window, 0.0) + cost))

    def told(self, spent: float, sent_ns: int, received_ns: int) -> None:
        """The venue counts so much in the window of a request that left and was answered then (monotonic).

        It corrects upwards only, because what is on its way is not in it, and says nothing where the answer
        may be of either of two windows.
        """
        window = self._venue_ns(sent_ns)[0] // self._length_ns
        if window == self._venue_ns(received_ns)[1] // self._length_ns:
            self._keep(window, max(self._spent.get(window, 0.0), spent))

    def exceeded(self, now_ns: int) -> None:
        """The venue says that we are over: nothing leaves before the window has certainly ended."""
        earliest_ns, latest_ns = self._venue_ns(now_ns)
        end_ns = (latest_ns // self._length_ns + 1) * self._length_ns
        self.close((end_ns - earliest_ns) / NS_PER_S, now_ns)

    def close(self, delay_s: float, now_ns: int) -> None:
        """The venue wants no request at all for so long, not even one that costs nothing."""
        self._closed_until_ns = max(self._closed_until_ns, now_ns + math.ceil(delay_s * NS_PER_S))

    def _keep(self, window: int, points: float) -> None:
        self._spent.pop(window, None)
        self._spent[window] = points
        if len(self._spent) > _KEPT:
            del self._spent[next(iter(self._spent))]

    def _windows(self, now_ns: int) -> range:
        """The windows, by number, that a request which leaves now may count in."""
        earliest_ns, latest_ns = self._venue_ns(now_ns)
        last = (latest_ns + _TRANSIT_NS) // self._length_ns
        return range(earliest_ns // self._length_ns, last + 1)


class SharedWindow:
    """An Allowance of such windows that others spend as well.

    Each user reckons by the clock and the limit it knows.
    """

    def __init__(self, cell: Cell[KeptWindows], limit: float, length_s: int, venue_ns: VenueBounds) -> None:
        self._cell = cell
        self.limit = limit
        self._length_s = length_s
        self._venue_ns = venue_ns

    def read(self, now_ns: int) -> WeightWindow:
        return self._window(self._cell.kept(), now_ns)

    def level(self, now_ns: int) -> float:
        """What is spent of the fullest window that a request of now may count in, in points."""
        return self.read(now_ns).level(now_ns)

    def delay_s(self, cost: float, now_ns: int) -> float:
        """Seconds until a request of this cost fits; infinity when never."""
        return self.read(now_ns).delay_s(cost, now_ns)

    def take(self, cost: float, now_ns: int, reserve: float = 0.0) -> float:
        return self._changed(lambda window: window.take(cost, now_ns, reserve), now_ns)

    def spend(self, cost: float, now_ns: int) -> None:
        self._changed(lambda window: window.spend(cost, now_ns), now_ns)

    def told(self, spent: float, sent_ns: int, received_ns: int) -> None:
        """The venue counts so much in the window of a request that left and was answered then (monotonic)."""
        self._changed(lambda window: window.told(spent, sent_ns, received_ns), received_ns)

    def exceeded(self, now_ns: int) -> None:
        self._changed(lambda window: window.exceeded(now_ns), now_ns)

    def close(self, delay_s: float, now_ns: int) -> None:
        """The venue wants no request at all for so long, not even one that costs nothing."""
        self._changed(lambda window: window.close(delay_s, now_ns), now_ns)

    def resize(self, limit: float) -> None:
        """The venue turns out to allow another number of points; what is spent stays so."""
        self.limit = limit

    def _changed(self, act: Callable[[WeightWindow], T], now_ns: int) -> T:
        def change(kept: KeptWindows | None) -> tuple[KeptWindows, T]:
            window = self._window(kept, now_ns)
            told = act(window)
            return window.to_keep(now_ns), told

        return self._cell.change(change)

    def _window(self, kept: KeptWindows | None, now_ns: int) -> WeightWindow:
        if kept is not None and restarted(kept.written_ns, now_ns):
            # the points go by the venue's clock; a refusal is known to be older than the machine's time
            kept = KeptWindows(kept.spent, max(0, kept.closed_until_ns - kept.written_ns), now_ns)
        return WeightWindow(self.limit, self._length_s, self._venue_ns, kept)
