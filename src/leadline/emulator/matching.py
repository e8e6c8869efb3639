"""Price-time priority matching of one pair: queues of orders behind every level, in integer ticks and lots.

Every change of a level's total is noted in engine order; whoever publishes takes the notes after each event.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import NamedTuple

BID = 0
ASK = 1


class Change(NamedTuple):
    """The total of one level after an engine step; `key` is the price, negated on the bid side."""

    side: int
    key: int
    qty: int


@dataclass(slots=True)
class Order:
    """One order. `owner` is None for the order flow, else the account it belongs to."""

    order_id: int
    side: int
    price: int
    qty: int
    owner: str | None = None


class Fill(NamedTuple):
    """One match between the incoming order and a resting one, at the resting one's price."""

    maker: Order
    price: int
    qty: int


class Level:
    """The orders resting at one price, oldest first, and their total."""

    __slots__ = ("changed_ns", "orders", "qty")

    def __init__(self) -> None:
        self.qty = 0
        self.orders: dict[int, Order] = {}
        self.changed_ns = 0


class BookSide:
    """Levels by key, and the keys sorted best first (ask: price, bid: negated price)."""

    __slots__ = ("keys", "levels", "side", "sign")

    def __init__(self, side: int) -> None:
        self.side = side
        self.sign = 1 if side == ASK else -1
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def top(self, depth: int) -> list[tuple[int, int]]:
        """The best `depth` levels as (price, quantity)."""
        return [(key * self.sign, self.levels[key].qty) for key in self.keys[:depth]]


def _floored(scaled: int, decimals: int) -> int:
    return int(scaled * 10**decimals) if decimals >= 0 else int(scaled // 10**-decimals)


class OrderBook:
    """The resting orders of one pair and the rules by which they meet."""

    def __init__(self) -> None:
        self.bids = BookSide(BID)
        self.asks = BookSide(ASK)
        self.sides = (self.bids, self.asks)
        self._orders: dict[int, Order] = {}
        self._changes: list[Change] = []

    def submit(self, order: Order, now_ns: int, *, market: bool = False) -> list[Fill]:
        """Match the order; what a limit order has left rests, what a market order has left is gone."""
        fills = self._match(order, now_ns, market)
        if order.qty and not market:
            self._rest(order, now_ns)
        return fills

    def cancel(self, order_id: int, now_ns: int) -> Order | None:
        """Take a resting order out; None where there is none of that id."""
        order = self._orders.pop(order_id, None)
        if order is None:
            return None
        side = self.sides[order.side]
        key = order.price * side.sign
        level = side.levels[key]
        del level.orders[order_id]
        self._lower(side, key, level, order.qty, now_ns)
        return order

    def taken_changes(self) -> list[Change]:
        """The notes since the last call, in engine order."""
        changes, self._changes = self._changes, []
        return changes

    def best(self, side: int) -> tuple[int, int] | None:
        """Price and total of the best level of a side, None where it is empty."""
        one = self.sides[side]
        if not one.keys:
            return None
        key = one.keys[0]
        return key * one.sign, one.levels[key].qty

    def rescale(self, price_decimals: int, qty_decimals: int) -> None:
        """Move every order to finer (positive) or coarser (negative) ticks and lots.

        Coarser prices move away from the other side, coarser quantities downwards; an order that is left
        with nothing is gone. Queue priority is kept. The notes taken so far are void.
        """
        orders = list(self._orders.values())
        for side in self.sides:
            side.keys.clear()
            side.levels.clear()
        self._orders.clear()
        for order in orders:
            sign = self.sides[order.side].sign
            order.price = -_floored(-order.price * sign, price_decimals) * sign
            order.qty = _floored(order.qty, qty_decimals)
            if order.price > 0 and order.qty > 0:
                self._rest(order, 0)
        self._changes.clear()

    def _match(self, order: Order, now_ns: int, market: bool) -> list[Fill]:
        other = self.sides[1 - order.side]
        limit = None if market else order.price * other.sign
        fills: list[Fill] = []
        while order.qty and other.keys and (limit is None or other.keys[0] <= limit):
            key = other.keys[0]
            level = other.levels[key]
            maker = next(iter(level.orders.values()))
            qty = min(order.qty, maker.qty)
            order.qty -= qty
            maker.qty -= qty
            if not maker.qty:
                del level.orders[maker.order_id]
                del self._orders[maker.order_id]
            self._lower(other, key, level, qty, now_ns)
            fills.append(Fill(maker, key * other.sign, qty))
        return fills

    def _rest(self, order: Order, now_ns: int) -> None:
        side = self.sides[order.side]
        key = order.price * side.sign
        level = side.levels.get(key)
        if level is None:
            level = side.levels[key] = Level()
            insort(side.keys, key)
        level.orders[order.order_id] = order
        level.qty += order.qty
        level.changed_ns = now_ns
        self._orders[order.order_id] = order
        self._changes.append(Change(order.side, key, level.qty))

    def _lower(self, side: BookSide, key: int, level: Level, qty: int, now_ns: int) -> None:
        level.qty -= qty
        level.changed_ns = now_ns
        if not level.qty:
            del side.levels[key]
            del side.keys[bisect_left(side.keys, key)]
        self._changes.append(Change(side.side, key, level.qty))
