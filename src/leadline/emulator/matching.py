"""Price-time priority matching of one pair: queues of orders behind every level, in integer ticks and lots.

Every change of a level's total is noted in engine order; whoever publishes takes the notes after each event.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

BID = 0
ASK = 1
SelfTrade = Literal["cancel_newest", "cancel_oldest", "cancel_both"]


class Change(NamedTuple):
    """The total of one level after an engine step; `key` is the price, negated on the bid side."""

    side: int
    key: int
    qty: int


@dataclass(slots=True)
class Order:
    """One order. `owner` is None for the order flow, else the account it belongs to.

    With a `display` only that much of it shows while it rests: `qty` shows, `hidden` waits behind it.
    `stp` says what gives way where it, coming in, meets an order of its own owner; `prevented` that it did.
    `since_ns` is when it took its place in the queue.
    """

    order_id: int
    side: int
    price: int
    qty: int
    owner: str | None = None
    since_ns: int = 0
    display: int = 0
    hidden: int = 0
    stp: SelfTrade = "cancel_newest"
    prevented: bool = False

    @property
    def remaining(self) -> int:
        return self.qty + self.hidden


class Fill(NamedTuple):
    """One match between the incoming order and a resting one, at the resting one's price.

    `refill` is the next slice an iceberg order showed because this match used the last one up.
    """

    maker: Order
    price: int
    qty: int
    taker: Order
    refill: int = 0


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

    def put(self, key: int, qty: int, time_ns: int) -> None:
        """Make the total of a level so much, with no orders behind it; 0 takes the level away."""
        level = self.levels.get(key)
        if not qty:
            if level is not None:
                del self.levels[key]
                del self.keys[bisect_left(self.keys, key)]
            return
        if level is None:
            level = self.levels[key] = Level()
            insort(self.keys, key)
        level.qty, level.changed_ns = qty, time_ns


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
        self._prevented: list[Order] = []

    def submit(self, order: Order, now_ns: int, *, market: bool = False, may_rest: bool = True) -> list[Fill]:
        """Match the order; what a limit order has left rests if it may, a market order's is gone."""
        fills = self._match(order, now_ns, market)
        if order.qty and may_rest and not market and not order.prevented:
            if order.display:
                order.qty, order.hidden = min(order.display, order.qty), max(0, order.qty - order.display)
            self._rest(order, now_ns)
        return fills

    def order(self, order_id: int) -> Order | None:
        """The resting order of that id."""
        return self._orders.get(order_id)

    def lower(self, order_id: int, remaining: int, now_ns: int) -> None:
        """Leave less of a resting order, in its place in the queue; the hidden part gives first."""
        order = self._orders[order_id]
        shown = min(order.qty, remaining)
        order.hidden = remaining - shown
        if shown < order.qty:
            side = self.sides[order.side]
            key = order.price * side.sign
            cut = order.qty - shown
            order.qty = shown
            self._lower(side, key, side.levels[key], cut, now_ns)

    def reachable(self, order: Order, *, market: bool = False) -> Iterator[tuple[int, int]]:
        """Price and quantity of every order this one would meet, hidden parts too, were it large enough.

        Orders of its own owner are passed over, or end the walk where the incoming one would give way.
        """
        other = self.sides[1 - order.side]
        for key in other.keys:
            if not market and key > order.price * other.sign:
                return
            for maker in other.levels[key].orders.values():
                if order.owner is None or maker.owner != order.owner:
                    yield key * other.sign, maker.remaining
                elif order.stp != "cancel_oldest":
                    return

    def taken_prevented(self) -> list[Order]:
        """The resting orders that gave way to their owner's own since the last call."""
        prevented, self._prevented = self._prevented, []
        return prevented

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
            order.display = _floored(order.display, qty_decimals)
            remaining = _floored(order.remaining, qty_decimals)
            order.qty = min(order.display or remaining, remaining)
            order.hidden = remaining - order.qty
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
            if order.owner is not None and maker.owner == order.owner:
                if self._prevent(order, maker, now_ns):
                    break
                continue
            qty = min(order.qty, maker.qty)
            order.qty -= qty
            maker.qty -= qty
            refill = 0 if maker.qty else self._used_up(level, maker, now_ns)
            self._lower(other, key, level, qty - refill, now_ns)
            fills.append(Fill(maker, key * other.sign, qty, order, refill))
        return fills

    def _prevent(self, order: Order, maker: Order, now_ns: int) -> bool:
        """Let one owner's orders not meet; whether the incoming one gives way."""
        if order.stp != "cancel_newest":
            self.cancel(maker.order_id, now_ns)
            self._prevented.append(maker)
        order.prevented = order.stp != "cancel_oldest"
        return order.prevented

    def _used_up(self, level: Level, maker: Order, now_ns: int) -> int:
        """Take a maker whose shown part is gone off its level, or queue its next slice at the end."""
        del level.orders[maker.order_id]
        if not maker.hidden:
            del self._orders[maker.order_id]
            return 0
        maker.qty = min(maker.display, maker.hidden)
        maker.hidden -= maker.qty
        maker.since_ns = now_ns
        level.orders[maker.order_id] = maker
        return maker.qty

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
        order.since_ns = now_ns or order.since_ns
        self._orders[order.order_id] = order
        self._changes.append(Change(order.side, key, level.qty))

    def _lower(self, side: BookSide, key: int, level: Level, qty: int, now_ns: int) -> None:
        level.qty -= qty
        level.changed_ns = now_ns
        if not level.qty:
            del side.levels[key]
            del side.keys[bisect_left(side.keys, key)]
        self._changes.append(Change(side.side, key, level.qty))
