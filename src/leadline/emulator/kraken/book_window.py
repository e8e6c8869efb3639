"""The part of a book one depth shows, and what a message must say to keep its readers right.

Rules kept (dossier §6.2): changes inside the window in engine order, then refills at the far end; no delete
of a level the reader does not hold or that merely falls out, no level that repeats what the reader holds.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, insort
from collections.abc import Iterable

from leadline.emulator.kraken.frames import book, level
from leadline.emulator.market import Batch, Listing
from leadline.emulator.matching import ASK, BID, BookSide, Change, OrderBook
from leadline.emulator.wire import Frame

CHECKED_LEVELS = 10


def checksum(engine: OrderBook) -> int:
    """CRC-32 over the ten best asks, then bids; without point and leading zeros a price is its tick count."""
    tokens = [
        f"{price}{qty}" for side in (engine.asks, engine.bids) for price, qty in side.top(CHECKED_LEVELS)
    ]
    return zlib.crc32("".join(tokens).encode("ascii"))


class SideWindow:
    """What a reader of one side holds between messages: the best `depth` keys and their quantities."""

    def __init__(self, engine: BookSide, depth: int) -> None:
        self._engine = engine
        self._depth = depth
        self._keys: list[int] = engine.keys[:depth]
        self._held: dict[int, int] = {key: engine.levels[key].qty for key in self._keys}
        self._last: int | None = None

    def update(self, changes: Iterable[Change]) -> list[tuple[int, int]]:
        """The (key, quantity) rows of the next message, in order."""
        keys = self._engine.keys
        self._last = keys[self._depth - 1] if len(keys) >= self._depth else None
        rows: list[tuple[int, int]] = []
        unseen: list[int] = []
        for change in changes:
            if self._inside(change.key):
                self._apply(change.key, change.qty, rows)
            else:
                unseen.append(change.key)
        self._complete(unseen, rows)
        for key in self._keys[self._depth :]:
            del self._held[key]
        del self._keys[self._depth :]
        return rows

    def _inside(self, key: int) -> bool:
        """Whether the level is, or would come to stand, among the best `depth`."""
        if len(self._keys) >= self._depth:
            return key <= self._keys[self._depth - 1]
        return self._last is None or key <= self._last or key in self._held

    def _apply(self, key: int, qty: int, rows: list[tuple[int, int]]) -> None:
        held = self._held.get(key, 0)
        if qty == held:
            return
        if not qty:
            del self._held[key]
            del self._keys[bisect_left(self._keys, key)]
        else:
            if not held:
                insort(self._keys, key)
            self._held[key] = qty
        rows.append((key, qty))

    def _complete(self, unseen: list[int], rows: list[tuple[int, int]]) -> None:
        """Add what moved into the window, and settle levels that changed while out of it."""
        engine = self._engine
        wanted = engine.keys[: self._depth]
        if self._keys[: self._depth] != wanted:
            for key in [key for key in self._keys if key not in engine.levels]:
                self._apply(key, 0, rows)
            for key in wanted:
                if key not in self._held:
                    self._apply(key, engine.levels[key].qty, rows)
        for key in unseen:
            if key in engine.levels and key in self._held:
                self._apply(key, engine.levels[key].qty, rows)


class BookWindow:
    """Both sides of one depth, and the frames that keep its readers right."""

    def __init__(self, listing: Listing, depth: int) -> None:
        self._listing = listing
        self._depth = depth
        self.restart()

    def restart(self) -> None:
        """Begin again from the engine's present state, as a new snapshot does."""
        engine = self._listing.book
        self._sides = (SideWindow(engine.bids, self._depth), SideWindow(engine.asks, self._depth))
        self._checksum = checksum(engine)

    def snapshot(self, time_ns: int) -> Frame:
        """All levels, best first."""
        pair, engine = self._listing.pair, self._listing.book
        texts = [
            [level(pair, price, qty) for price, qty in side.top(self._depth)]
            for side in (engine.bids, engine.asks)
        ]
        text = book(pair.symbol, "snapshot", texts[BID], texts[ASK], checksum(engine), time_ns)
        target = next((one for side in texts for one in side), "")
        return Frame(text, "snapshot", "book", pair.symbol, telling=True, target=target)

    def update(self, batch: Batch) -> Frame | None:
        """The message of one engine event; None where nothing inside the window changed."""
        rows: list[list[tuple[int, int]]] = [[], []]
        for side in (BID, ASK):
            changes = [change for change in batch.changes if change.side == side]
            if changes:
                rows[side] = self._sides[side].update(changes)
        if not rows[BID] and not rows[ASK]:
            return None
        engine, pair = self._listing.book, self._listing.pair
        texts = [
            [level(pair, -key, qty) for key, qty in rows[BID]],
            [level(pair, key, qty) for key, qty in rows[ASK]],
        ]
        before, self._checksum = self._checksum, checksum(engine)
        text = book(pair.symbol, "update", texts[BID], texts[ASK], self._checksum, batch.time_ns)
        frame = Frame(text, "update", "book", pair.symbol, telling=self._checksum != before)
        frame.target = self._target(rows, texts) if frame.telling else ""
        return frame

    def _target(self, rows: list[list[tuple[int, int]]], texts: list[list[str]]) -> str:
        """The last row of the message that speaks of a checked level."""
        for side, one in ((ASK, self._listing.book.asks), (BID, self._listing.book.bids)):
            checked = one.keys[:CHECKED_LEVELS]
            for (key, _), text in zip(reversed(rows[side]), reversed(texts[side]), strict=True):
                if len(checked) < CHECKED_LEVELS or key <= checked[-1]:
                    return text
        raise AssertionError("a checksum changed and no row says why")
