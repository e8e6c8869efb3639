"""level3: every resting order of the best `depth` price levels, and the messages that keep its readers right.

Rules kept (dossier §7): orders of a level in queue order; a level that moves into the window is told whole,
one that falls out is not told at all; a message says first what is gone, then what changed or came.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from leadline.emulator.instruments import Pair
from leadline.emulator.market import Batch, Listing
from leadline.emulator.matching import ASK, BID, BookSide, Change, Order, OrderBook
from leadline.emulator.numbers import fixed, stamp_fine
from leadline.emulator.wire import Frame

CHECKED_LEVELS = 10

OrderName = Callable[[Order], str]


class Resting(NamedTuple):
    """One order as the readers hold it."""

    order_id: int
    name: str
    qty: int
    since_ns: int


class Event(NamedTuple):
    """One row of a message: `kind` is add, modify or delete, `key` the price, negated on the bid side."""

    kind: str
    key: int
    order: Resting


def order_names(of_account: Callable[[int], str | None]) -> OrderName:
    """The venue's ids of all orders, of those of accounts by the engine's number."""

    def name_of(order: Order) -> str:
        own = of_account(order.order_id) if order.owner is not None else None
        return own or crowd_name(order.order_id)

    return name_of


def crowd_name(order_id: int) -> str:
    """The venue's id of an order of the crowd: the same for good, without a meaning."""
    text = base64.b32encode(hashlib.blake2b(str(order_id).encode("ascii"), digest_size=10).digest()).decode()
    return f"O{text[:5]}-{text[5:10]}-{text[10:]}"


def checksum(engine: OrderBook) -> int:
    """CRC-32 over the orders of the ten best asks, then bids; without point a price is its tick count."""
    tokens = []
    for side in (engine.asks, engine.bids):
        for key in side.keys[:CHECKED_LEVELS]:
            price = key * side.sign
            tokens += [f"{price}{order.qty}" for order in side.levels[key].orders.values()]
    return zlib.crc32("".join(tokens).encode("ascii"))


class SideOrders:
    """What a reader of one side holds between messages: the orders of the best `depth` levels."""

    def __init__(self, engine: BookSide, depth: int, name_of: OrderName) -> None:
        self._engine = engine
        self._depth = depth
        self._name_of = name_of
        self._held: dict[int, list[Resting]] = {}
        self._last = 0
        for key in engine.keys[:depth]:
            self._held[key] = self._queue(key, {})
            self._last = key

    def rows(self) -> list[Event]:
        """All that is held, best level first."""
        return [Event("add", key, order) for key in sorted(self._held) for order in self._held[key]]

    def update(self, changes: Iterable[Change]) -> list[Event]:
        """The rows of the next message."""
        changed = dict.fromkeys(change.key for change in changes)
        if len(self._held) >= self._depth and min(changed) > self._last:
            return []
        window = self._engine.keys[: self._depth]
        inside = set(window)
        gone: list[Event] = []
        come: list[Event] = []
        for key in changed:
            if key in self._held and (key in inside or key not in self._engine.levels):
                self._compare(key, gone, come)
        for key in window:
            if key not in self._held:
                self._compare(key, gone, come)
        for key in [key for key in self._held if key not in inside]:
            del self._held[key]
        self._last = window[-1] if window else 0
        return gone + come

    def _compare(self, key: int, gone: list[Event], come: list[Event]) -> None:
        """Note what became of one level since it was last told."""
        held = {order.order_id: order for order in self._held.get(key, ())}
        queue = self._held[key] = self._queue(key, held)
        staying = _staying(held, queue)
        gone += [Event("delete", key, order) for number, order in held.items() if number not in staying]
        for one in queue:
            if one.order_id not in staying:
                come.append(Event("add", key, one))
            elif one.qty != held[one.order_id].qty:
                come.append(Event("modify", key, one))

    def _queue(self, key: int, held: dict[int, Resting]) -> list[Resting]:
        level = self._engine.levels.get(key)
        if level is None:
            return []
        return [
            Resting(
                number, held[number].name if number in held else self._name_of(one), one.qty, one.since_ns
            )
            for number, one in level.orders.items()
        ]


class OrderWindow:
    """Both sides of one depth, and the frames that keep its readers right."""

    def __init__(self, listing: Listing, depth: int, name_of: OrderName) -> None:
        self._listing = listing
        self._depth = depth
        self._name_of = name_of
        self.restart()

    def restart(self) -> None:
        """Begin again from the engine's present state, as a new snapshot does."""
        engine = self._listing.book
        self._sides = tuple(
            SideOrders(side, self._depth, self._name_of) for side in (engine.bids, engine.asks)
        )
        self._checksum = checksum(engine)

    def snapshot(self, time_ns: int) -> Frame:
        """All orders, level by level from the best, in queue order."""
        pair = self._listing.pair
        rows = [side.rows() for side in self._sides]
        bids, asks = (",".join(_row(pair, event) for event in side) for side in rows)
        text = (
            f'{{"channel":"level3","type":"snapshot","data":[{{"symbol":"{pair.symbol}",'
            f'"checksum":{checksum(self._listing.book)},"bids":[{bids}],"asks":[{asks}],'
            f'"timestamp":"{stamp_fine(time_ns)}"}}]}}'
        )
        target = self._target(rows)
        return Frame(text, "snapshot", "level3", pair.symbol, telling=True, target=target)

    def update(self, batch: Batch) -> Frame | None:
        """The message of one engine event; None where nothing inside the window changed."""
        rows: list[list[Event]] = [[], []]
        for side in (BID, ASK):
            changes = [change for change in batch.changes if change.side == side]
            if changes:
                rows[side] = self._sides[side].update(changes)
        if not rows[BID] and not rows[ASK]:
            return None
        pair = self._listing.pair
        before, self._checksum = self._checksum, checksum(self._listing.book)
        bids, asks = (
            ",".join(f'{{"event":"{event.kind}",{_row(pair, event)[1:]}' for event in side) for side in rows
        )
        text = (
            f'{{"channel":"level3","type":"update","data":[{{"checksum":{self._checksum},'
            f'"timestamp":"{stamp_fine(batch.time_ns)}","symbol":"{pair.symbol}",'
            f'"bids":[{bids}],"asks":[{asks}]}}]}}'
        )
        telling = self._checksum != before
        target = self._target(rows) if telling else ""
        return Frame(text, "update", "level3", pair.symbol, telling=telling, target=target)

    def _target(self, rows: list[list[Event]]) -> str:
        """The last row that puts an order into a checked level, up to its quantity."""
        pair = self._listing.pair
        for side, engine in ((ASK, self._listing.book.asks), (BID, self._listing.book.bids)):
            checked = set(engine.keys[:CHECKED_LEVELS])
            for event in reversed(rows[side]):
                if event.kind != "delete" and event.key in checked:
                    return _row(pair, event).partition('"timestamp"')[0].removeprefix("{")
        return ""


def _staying(held: dict[int, Resting], queue: list[Resting]) -> set[int]:
    """The orders that keep the place in the queue they were told with.

    They stand before all that came; where the engine has them otherwise, nobody keeps a place.
    """
    kept = [
        one.order_id for one in queue if one.order_id in held and held[one.order_id].since_ns == one.since_ns
    ]
    staying = set(kept)
    as_told = [number for number in held if number in staying]
    first = [one.order_id for one in queue[: len(kept)]]
    return staying if kept == as_told == first else set()


def _row(pair: Pair, event: Event) -> str:
    order = event.order
    return (
        f'{{"order_id":"{order.name}","limit_price":{fixed(abs(event.key), pair.price_precision)},'
        f'"order_qty":{fixed(order.qty, pair.qty_precision)},"timestamp":"{stamp_fine(order.since_ns)}"}}'
    )
