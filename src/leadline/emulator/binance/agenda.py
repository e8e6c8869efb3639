"""What is to happen at a time: acts by their moments, each of which judges for itself if it still matters."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from leadline.emulator.market import NEVER

Act = Callable[[int], None]


class Agenda:
    """Acts by their moment; those of one moment in the order they were noted."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Act]] = []
        self._numbers = count()

    def at(self, due_ns: int, act: Act) -> None:
        """Let `act` be called with the time once that moment has come."""
        heappush(self._heap, (due_ns, next(self._numbers), act))

    def next_ns(self) -> int:
        """When the next act is due; `NEVER` where there is none."""
        return self._heap[0][0] if self._heap else NEVER

    def woke(self, now_ns: int) -> None:
        """Do everything due by then, new acts included."""
        while self._heap and self._heap[0][0] <= now_ns:
            due_ns, _, act = heappop(self._heap)
            act(max(due_ns, now_ns))
