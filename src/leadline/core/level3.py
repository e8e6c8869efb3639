"""One book of single orders in integers: who stands where in which queue, and the checksum over all of it.

Rule: orders of a level keep the order in which the venue listed them; the checksum covers the ten best levels
of each side, order by order (dossier §7).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple
from zlib import crc32

from leadline.core.book import CHECKED_DEPTH
from leadline.core.session import FrameSkipped, LineDown, LineUp, SubscriptionRefused
from leadline.model.instrument import from_units
from leadline.model.market import BookDropped, Level3, RestingOrder


class OrderEvent(Enum):
    """What has become of a resting order."""

    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"


class OrderChange(NamedTuple):
    """One order of one side, in units of the book's precisions; `venue_time` is the venue's own text."""

    event: OrderEvent
    order_id: str
    price: int
    qty: int
    venue_time: str


class _Side:
    """Queues by price; `keys` ascend from the best (a bid's key is its negated price)."""

    def __init__(self, sign: int, depth: int) -> None:
        self._sign = sign
        self._depth = depth
        self._keys: list[int] = []
        self._levels: dict[int, dict[str, OrderChange]] = {}
        self._where: dict[str, int] = {}

    def clear(self) -> None:
        self._keys.clear()
        self._levels.clear()
        self._where.clear()

    def apply(self, changes: Sequence[OrderChange]) -> None:
        for change in changes:
            if change.event is OrderEvent.DELETE:
                self._remove(change.order_id)
            elif change.event is OrderEvent.MODIFY and self._stands(change):
                self._levels[change.price * self._sign][change.order_id] = change
            else:  # new, or moved to another price: last in its queue
                self._remove(change.order_id)
                self._append(change)
        while len(self._keys) > self._depth:  # what falls out of the window is never deleted by the venue
            for order_id in self._levels.pop(self._keys.pop()):
                del self._where[order_id]

    def best(self) -> int | None:
        return self._keys[0] * self._sign if self._keys else None

    def orders(self, levels: int) -> Iterator[OrderChange]:
        """The orders of the best levels, level by level, each in its queue's order."""
        for key in self._keys[:levels]:
            yield from self._levels[key].values()

    def _stands(self, change: OrderChange) -> bool:
        return self._where.get(change.order_id) == change.price * self._sign

    def _append(self, change: OrderChange) -> None:
        key = change.price * self._sign
        if key not in self._levels:
            self._levels[key] = {}
            insort(self._keys, key)
        self._levels[key][change.order_id] = change
        self._where[change.order_id] = key

    def _remove(self, order_id: str) -> None:
        key = self._where.pop(order_id, None)
        if key is None:
            return
        level = self._levels[key]
        del level[order_id]
        if not level:
            del self._levels[key]
            self._keys.remove(key)


class Level3Book:
    """The orders of one instrument within `depth` price levels a side; empty until a snapshot."""

    def __init__(self, symbol: str, depth: int, price_precision: int, qty_precision: int) -> None:
        self.symbol = symbol
        self.price_precision = price_precision
        self.qty_precision = qty_precision
        self.venue_time: str | None = None
        self._bids = _Side(-1, depth)
        self._asks = _Side(1, depth)

    def clear(self) -> None:
        """Hold nothing: what was here may not be served any more."""
        self._bids.clear()
        self._asks.clear()
        self.venue_time = None

    def apply(self, bids: Sequence[OrderChange], asks: Sequence[OrderChange]) -> int:
        """Apply one message, each side in its own order, truncate, and return the checksum of the result."""
        self._bids.apply(bids)
        self._asks.apply(asks)
        return self.checksum()

    def checksum(self) -> int:
        """CRC-32 over price and quantity of every order of the ten best levels, asks first (dossier §7)."""
        text = b"".join(
            b"%d%d" % (order.price, order.qty)
            for side in (self._asks, self._bids)
            for order in side.orders(CHECKED_DEPTH)
        )
        return crc32(text)

    def crossed(self) -> bool:
        """Whether the best bid is not below the best ask."""
        bid, ask = self._bids.best(), self._asks.best()
        return bid is not None and ask is not None and bid >= ask

    def freeze(self, levels: int) -> Level3:
        """The orders of the best levels as a value."""
        bids, asks = self._frozen(self._bids, levels), self._frozen(self._asks, levels)
        return Level3(self.symbol, bids, asks, self.venue_time)

    def _frozen(self, side: _Side, levels: int) -> tuple[RestingOrder, ...]:
        return tuple(
            RestingOrder(
                order.order_id,
                from_units(order.price, self.price_precision),
                from_units(order.qty, self.qty_precision),
                order.venue_time,
            )
            for order in side.orders(levels)
        )


Level3News = Level3Book | BookDropped | SubscriptionRefused | FrameSkipped | LineUp | LineDown

EmitLevel3 = Callable[[Level3News, int], None]
"""Takes the news and the monotonic nanoseconds of its receipt; a book is the live one, just proven."""
