"""What is made of other values: bars of trades at any interval, the top of a book, its imbalance.

A bar that lacks trades is never called complete, and a bar nobody traded in is never made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec import Struct

from leadline.model.market import Bar, Gap, Level, Trade

KEPT_BARS = 720
"""Bars that a late trade can still correct; older ones are given up as they were told last."""

_MOST_HOLES = 64  # at the bound all bars up to the oldest hole's end stay incomplete for good
_S = 1_000_000_000


class TopOfBook(Struct, frozen=True):
    """The best level of each side; None where a side is empty."""

    symbol: str
    bid: Level | None
    ask: Level | None


def imbalance(bids: Sequence[Level], asks: Sequence[Level]) -> Decimal | None:
    """Quantity on the bid less that on the ask, by their sum: -1 to 1; None where both sides are empty."""
    bid_qty = sum((level.qty for level in bids), Decimal(0))
    ask_qty = sum((level.qty for level in asks), Decimal(0))
    total = bid_qty + ask_qty
    return (bid_qty - ask_qty) / total if total else None


class _Building:
    """A bar as far as its trades are known, which may come in any order."""

    __slots__ = ("begin_ns", "cost", "first", "high", "last", "low", "told_complete", "trades", "volume")

    def __init__(self, begin_ns: int) -> None:
        self.begin_ns = begin_ns
        self.trades = 0
        self.volume = Decimal(0)
        self.cost = Decimal(0)
        self.first: tuple[tuple[int, int, int], Decimal] | None = None
        self.last: tuple[tuple[int, int, int], Decimal] | None = None
        self.high = self.low = Decimal(0)
        self.told_complete = False

    def add(self, trade: Trade, key: tuple[int, int, int]) -> None:
        price = trade.price
        if self.first is None or self.last is None:
            self.first = self.last = (key, price)
            self.high = self.low = price
        else:
            self.first = min(self.first, (key, price))
            self.last = max(self.last, (key, price))
            self.high, self.low = max(self.high, price), min(self.low, price)
        self.trades += 1
        self.volume += trade.qty
        self.cost += price * trade.qty

    def bar(self, symbol: str, interval_s: int, *, complete: bool) -> Bar:
        assert self.first is not None and self.last is not None
        vwap = self.cost / self.volume if self.volume else self.last[1]
        return Bar(
            symbol, interval_s, self.begin_ns, self.first[1], self.high, self.low, self.last[1],
            self.volume, vwap, self.trades, complete,
        )  # fmt: skip


class BarMaker:
    """Bars of one instrument's trades, in whatever order they come, and the judgement when one is complete.

    A bar is complete when a later trade is known and no hole of the trades reaches into it. The bar of the
    very first trade never is: nobody knows what came before. Intervals are counted from the Unix epoch.
    """

    def __init__(self, symbol: str, interval_s: int) -> None:
        self.symbol = symbol
        self.interval_s = interval_s
        self.unplaced = 0
        """Trades whose time the venue did not say: no bar has them."""
        self._width_ns = interval_s * _S
        self._bars: dict[int, _Building] = {}
        self._newest_ns = -1
        self._blind_until_ns: int | None = None
        self._open: Gap | None = None
        self._holes: dict[tuple[int, int], None] = {}
        self._arrived = 0

    def begin(self, trades: Iterable[Trade], holes: Iterable[tuple[int, int]]) -> None:
        """Take in the known past and what it lacks (from, until: Unix nanoseconds) without telling of it."""
        for trade in trades:
            self.take(trade)
        for hole in holes:
            self._hole(hole)

    def take(self, trade: Trade) -> list[Bar]:
        """The bars that one more trade changes: one that has ended comes once more before its successor."""
        venue_ns = trade.venue_ns
        if venue_ns is None:
            self.unplaced += 1
            return []
        begin_ns = venue_ns - venue_ns % self._width_ns
        told: list[Bar] = []
        if self._blind_until_ns is None:
            self._blind_until_ns = begin_ns
        if begin_ns > self._newest_ns:
            ended, self._newest_ns = self._bars.get(self._newest_ns), begin_ns
            if ended is not None and self._whole(ended):
                told.append(self._tell(ended))
        building = self._bars.get(begin_ns)
        if building is None:
            if len(self._bars) >= KEPT_BARS and begin_ns < min(self._bars):
                return told  # too late for a bar that is given up
            building = self._bars[begin_ns] = _Building(begin_ns)
            self._evict()
        self._arrived += 1
        building.add(trade, (venue_ns, -1 if trade.trade_id is None else trade.trade_id, self._arrived))
        told.append(self._tell(building))
        return told

    def gap(self, gap: Gap) -> list[Bar]:
        """The bars that are complete now because a hole is not, or no longer, theirs."""
        if gap.until_ns is None:
            self._open = gap
            return []
        if self._open is not None and gap.cause is self._open.cause:
            self._open = None
        span = (gap.from_ns, gap.until_ns)
        if gap.filled:
            self._holes.pop(span, None)
        else:
            self._hole(span)
        bars = self._bars
        return [
            self._tell(bars[at])
            for at in sorted(bars)
            if not bars[at].told_complete and self._whole(bars[at])
        ]

    def _hole(self, span: tuple[int, int]) -> None:
        self._holes[span] = None
        if len(self._holes) > _MOST_HOLES:
            oldest = min(self._holes)
            del self._holes[oldest]
            self._blind_until_ns = max(self._blind_until_ns or 0, oldest[1])

    def _whole(self, building: _Building) -> bool:
        begin_ns, end_ns = building.begin_ns, building.begin_ns + self._width_ns
        if begin_ns >= self._newest_ns or begin_ns <= (self._blind_until_ns or 0):
            return False
        if self._open is not None and self._open.from_ns < end_ns:
            return False
        return not any(after_ns < end_ns and before_ns >= begin_ns for after_ns, before_ns in self._holes)

    def _tell(self, building: _Building) -> Bar:
        building.told_complete = self._whole(building)
        return building.bar(self.symbol, self.interval_s, complete=building.told_complete)

    def _evict(self) -> None:
        while len(self._bars) > KEPT_BARS:
            del self._bars[min(self._bars)]
