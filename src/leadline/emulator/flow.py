"""The crowd: a seeded stream of orders and cancels that keeps one pair's book alive around a wandering price.

It sees only the book it acts on and its own random numbers, so the same seed gives the same market.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from leadline.emulator.instruments import Pair
from leadline.emulator.matching import ASK, BID, Fill, Order, OrderBook

TAKER_SHARE = 0.12
BURST_SHARE = 0.12
CANCEL, TAKE, MAKE = range(3)


class OrderFlow:
    """Draws the next act of the crowd in one pair and carries it out on the book."""

    def __init__(self, pair: Pair, book: OrderBook, rng: random.Random, order_id: Callable[[], int]) -> None:
        self._pair = pair
        self._book = book
        self._rng = rng
        self._order_id = order_id
        self._fair = float(pair.price)

    def open(self, now_ns: int) -> None:
        """Put the first orders up: `levels` levels a side, `step` ticks apart on average."""
        for side, sign in ((BID, -1), (ASK, 1)):
            price = self._pair.price + sign * max(1, self._pair.step // 2)
            for _ in range(self._pair.levels):
                if price < 1:
                    break
                for _ in range(self._rng.choice((1, 1, 2))):
                    self._book.submit(Order(self._order_id(), side, price, self._qty()), now_ns)
                price += sign * self._rng.randint(1, 2 * self._pair.step)

    def act(self, now_ns: int, mode: str) -> list[tuple[Fill, int, bool]]:
        """One act or a burst; each fill comes with the taker's side and whether it was a market order.

        Within an event a side first loses levels and then gains some, so that readers who truncate after
        every level (python-kraken-sdk) and readers who truncate after the message hold the same book.
        """
        acts = self._rng.randint(2, 4) if self._rng.random() < BURST_SHARE else 1
        plan = sorted(self._drawn(mode) for _ in range(acts))
        fills: list[tuple[Fill, int, bool]] = []
        taker_side = self._taker_side()
        for act, side in plan:
            self._wander()
            if act == CANCEL:
                self._cancel(side, now_ns)
            elif act == TAKE:
                fills += self._take(taker_side, now_ns, limit_only=mode == "limit_only")
            else:
                self._make(side, now_ns)
        return fills

    def rescale(self, pair: Pair, price_ratio: float) -> None:
        """Go on in the pair's new ticks and lots."""
        self._pair = pair
        self._fair *= price_ratio

    def _wander(self) -> None:
        anchor = self._pair.price
        pull = 0.0005 * (anchor - self._fair)
        self._fair = max(2.0, self._fair + self._rng.gauss(0.0, 0.35 * self._pair.step) + pull)

    def _drawn(self, mode: str) -> tuple[int, int]:
        """What somebody does next, and on which side."""
        side = BID if self._rng.random() < 0.5 else ASK
        if mode == "cancel_only":
            return CANCEL, side
        if mode != "post_only" and self._rng.random() < TAKER_SHARE:
            return TAKE, side
        levels = len(self._book.sides[side].keys)
        wish = 0.5 + (self._pair.levels - levels) / self._pair.levels
        return (MAKE if self._rng.random() < min(0.9, max(0.1, wish)) else CANCEL), side

    def _taker_side(self) -> int:
        """Mostly towards the price the crowd holds fair."""
        bid, ask = self._book.best(BID), self._book.best(ASK)
        low = bid is None or ask is None or bid[0] + ask[0] < 2 * self._fair
        return BID if (self._rng.random() < 0.8) == low else ASK

    def _make(self, side: int, now_ns: int) -> None:
        one, other = self._book.sides[side], self._book.sides[1 - side]
        step = self._pair.step
        if one.keys and self._rng.random() < 0.35:
            key = one.keys[self._rng.randrange(len(one.keys))] + self._rng.randint(0, 2 * step)
        else:
            best = one.keys[0] if one.keys else round(self._fair) * one.sign + step
            spread = best + other.keys[0] if other.keys else 0
            key = best + int(self._rng.expovariate(1 / (4 * step)))
            key -= self._rng.randint(0, max(step, spread // 3))
        if other.keys:
            key = max(key, 1 - other.keys[0])
        price = key * one.sign
        if price >= 1:
            self._book.submit(Order(self._order_id(), side, price, self._qty()), now_ns)

    def _cancel(self, side: int, now_ns: int) -> None:
        one = self._book.sides[side]
        if len(one.keys) < 2:
            return
        near = self._rng.random() < 0.7
        position = int(self._rng.expovariate(0.2)) if near else self._rng.randrange(len(one.keys))
        level = one.levels[one.keys[min(position, len(one.keys) - 1)]]
        ours = [order.order_id for order in level.orders.values() if order.owner is None]
        if ours:
            self._book.cancel(self._rng.choice(ours), now_ns)

    def _take(self, side: int, now_ns: int, *, limit_only: bool) -> list[tuple[Fill, int, bool]]:
        other = self._book.sides[1 - side]
        reach = min(int(self._rng.expovariate(1.2)), 6, len(other.keys) - 2)
        if reach < 0:
            return []
        before = sum(other.levels[key].qty for key in other.keys[:reach])
        last = other.levels[other.keys[reach]].qty
        qty = before + max(1, int(last * min(1.0, self._rng.random() * 1.3)))
        price = other.keys[reach] * other.sign
        market = not limit_only and self._rng.random() < 0.6
        if not market and reach == 0 and self._rng.random() < 0.3:
            qty = last + self._qty()
        order = Order(self._order_id(), side, price, qty)
        return [(fill, side, market) for fill in self._book.submit(order, now_ns, market=market)]

    def _qty(self) -> int:
        if self._rng.random() < 0.2:
            qty = self._pair.qty // 10 * self._rng.choice((1, 2, 5, 10))
        else:
            qty = int(self._pair.qty * math.exp(self._rng.gauss(-0.5, 1.0)))
        return max(self._pair.qty_min, qty)
