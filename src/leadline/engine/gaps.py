"""The ledger of holes: every one is recorded when it opens, and again whenever more is known of it."""

from __future__ import annotations

from collections import OrderedDict

from msgspec import Struct

from leadline.engine.events import EventLog
from leadline.model.market import Gap, GapCause

KEPT_GAPS = 1000
"""At the bound the oldest is forgotten; the counts go on."""


class GapCounts(Struct, frozen=True):
    """All holes so far, those still open, those REST has filled, and those that were found unfillable."""

    total: int
    open: int
    filled: int
    unfilled: int


class GapLedger:
    """Numbers each hole and keeps its latest state."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._gaps: OrderedDict[int, Gap] = OrderedDict()
        self._total = 0
        self._filled = 0
        self._unfilled = 0

    def open(self, gap: Gap) -> int:
        """Record a new hole; the number stands for it in `change`."""
        self._total += 1
        self._gaps[self._total] = gap
        if gap.filled:
            self._filled += 1
        if len(self._gaps) > KEPT_GAPS:
            self._gaps.popitem(last=False)
        self._events.add(gap)
        return self._total

    def change(self, number: int, gap: Gap) -> Gap:
        """Record what has become of a hole."""
        known = self._gaps.get(number)
        if gap.filled and not (known is not None and known.filled):
            self._filled += 1
        if known is not None and known.suspected and _lost(gap):
            self._unfilled += 1
        if known is not None:
            self._gaps[number] = gap
        self._events.add(gap)
        return gap

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The last holes in their latest state, oldest first."""
        return tuple(self._gaps.values())

    def counts(self) -> GapCounts:
        """How many, and in which state."""
        standing = sum(gap.until_ns is None for gap in self._gaps.values())
        return GapCounts(self._total, standing, self._filled, self._unfilled)


def _lost(gap: Gap) -> bool:
    """Whether it is certain by now that something is missing which nobody can give."""
    return bool(gap.missing) and not gap.filled and not gap.suspected


class Loss:
    """Why and since when the stream is not in use, by both clocks, and the gap recorded for it."""

    __slots__ = ("cause", "gap", "gap_number", "reason", "since_ns", "since_wall_ns")

    def __init__(
        self, cause: GapCause, reason: str, since_ns: int, since_wall_ns: int, gap: Gap, gap_number: int
    ) -> None:
        self.cause = cause
        self.reason = reason
        self.since_ns = since_ns
        self.since_wall_ns = since_wall_ns
        self.gap = gap
        self.gap_number = gap_number


class Failovers:
    """Changes from the stream to REST, and how long they took, over all topics."""

    def __init__(self) -> None:
        self.count = 0
        self.max_ms = 0.0
        self.answer_ms_max = 0.0
