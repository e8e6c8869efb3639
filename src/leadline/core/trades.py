"""Continuity of one instrument's trades by the venue's id, which counts up by one.

Every id passes at most once, whoever supplies it; an id that was skipped is remembered until it comes or REST
shows that it never existed. Where the ids themselves go back, what follows passes all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from leadline.clock import NS_PER_S
from leadline.model.market import Trade

KEPT_TRADES = 1000
LARGEST_HOLE = 100_000
"""A jump of the id beyond this is recorded but not tracked id by id."""
_MOST_HOLES = 64

_YOUNGER_NS = NS_PER_S
"""A trade this much later than the one of the highest id is no repetition, whatever its id: the venue counts
anew, or had sent an id far too high. Less may be two ways of rounding one time."""


class Hole:
    """Ids that were skipped between two known trades; `size` is None where ids went back and tell nothing."""

    __slots__ = ("after", "before", "first_id", "missing", "size")

    def __init__(self, after: Trade, before: Trade, after_id: int, before_id: int) -> None:
        skipped = range(after_id + 1, before_id)
        self.after = after
        self.before = before
        self.first_id = after_id + 1
        self.size = len(skipped) or None
        self.missing = set(skipped) if len(skipped) <= LARGEST_HOLE else set()

    @property
    def tracked(self) -> bool:
        """Whether the hole is known, and small enough to be filled id by id."""
        return self.size is not None and self.size <= LARGEST_HOLE


class TradeLog:
    """What has been delivered of one instrument's trades, and what is missing."""

    def __init__(self) -> None:
        self.last: Trade | None = None
        self.holes: list[Hole] = []
        self._abandoned: list[Hole] = []
        self._recent: deque[Trade] = deque(maxlen=KEPT_TRADES)

    def merge(self, trades: Iterable[Trade]) -> tuple[list[Trade], list[Hole]]:
        """The trades not seen before, in the order given, and the holes that they open."""
        fresh: list[Trade] = []
        opened: list[Hole] = []
        for trade in trades:
            number, last = trade.trade_id, self.last
            if number is None or last is None or last.trade_id is None:
                self.last = trade
            elif number > last.trade_id or self._younger(trade, last):
                if number != last.trade_id + 1:
                    opened.append(self._open(Hole(last, trade, last.trade_id, number)))
                self.last = trade
            elif not self._fill(number):
                continue
            fresh.append(trade)
            self._recent.append(trade)
        return fresh, opened

    def within_holes(self, trades: Iterable[Trade]) -> list[Trade]:
        """Those of the trades whose ids are missing."""
        missing = [hole.missing for hole in self.holes]
        return [trade for trade in trades if any(trade.trade_id in ids for ids in missing)]

    def filled(self) -> list[Hole]:
        """Holes that have no missing id left; they are forgotten here."""
        done = [hole for hole in self.holes if hole.tracked and not hole.missing]
        self.holes = [hole for hole in self.holes if hole not in done]
        return done

    def abandoned(self) -> list[Hole]:
        """Holes forgotten since the last call: the oldest at the bound, and all when the ids went back."""
        abandoned, self._abandoned = self._abandoned, []
        return abandoned

    def forget(self, hole: Hole) -> None:
        """Stop waiting for what is missing there."""
        self.holes = [other for other in self.holes if other is not hole]

    def recent(self) -> tuple[Trade, ...]:
        """The last trades (bounded), in order of their ids."""
        return tuple(sorted(self._recent, key=_by_id))

    @property
    def continuous(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self.holes

    def _open(self, hole: Hole) -> Hole:
        over = max(0, len(self.holes) + 1 - _MOST_HOLES)
        if hole.size is None:  # an id means another trade from here on
            over = len(self.holes)
            self._recent.clear()
        self._abandoned += self.holes[:over]
        self.holes = [*self.holes[over:], hole]
        return hole

    def _younger(self, trade: Trade, last: Trade) -> bool:
        if trade.venue_ns is None or last.venue_ns is None or trade.venue_ns < last.venue_ns + _YOUNGER_NS:
            return False
        return not any(trade.trade_id == known.trade_id for known in self._recent)

    def _fill(self, number: int) -> bool:
        for hole in self.holes:
            if number in hole.missing:
                hole.missing.remove(number)
                return True
        return False


def _by_id(trade: Trade) -> int:
    return -1 if trade.trade_id is None else trade.trade_id
