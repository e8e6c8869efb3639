"""One Kraken book stream: frames in, a verdict out, and a book that holds levels only while they are proven.

Every message is checked, the snapshot included. A message that fails empties the book at once; what follows
is ignored until the next snapshot, because an update to an unknown book means nothing.
"""

from __future__ import annotations

from enum import Enum, auto

from leadline.core.book import Book, BookCounts, Change
from leadline.model.instrument import Instrument
from leadline.venues.kraken import wire
from leadline.venues.kraken.wire import levels


class Verdict(Enum):
    """What a message did to the book."""

    PROVEN = auto()  # applied, and the venue's checksum agrees
    UNCHECKED = auto()  # applied, but the message carried no checksum
    UNSYNCED = auto()  # ignored: there is no snapshot to apply it to
    WRONG = auto()  # the checksum differs, or the levels are no levels: the book is empty now


_PROVEN = Verdict.PROVEN  # once, not per message: reading a member through its class is a call in 3.11
_NONE: list[Change] = []


class BookStream:
    """The book of one symbol at one depth on one connection."""

    __slots__ = ("_price_power", "_qty_power", "_synced", "book", "counts", "crossed", "proven", "view")

    def __init__(self, instrument: Instrument, depth: int) -> None:
        self.book = Book(instrument.symbol, depth, instrument.price_precision, instrument.qty_precision)
        self.view = self.book.view
        self.counts = BookCounts()
        self._price_power = wire.POWERS[instrument.price_precision]
        self._qty_power = wire.POWERS[instrument.qty_precision]
        self._synced = False
        self.proven = False
        self.crossed = False

    def fits(self, instrument: Instrument) -> bool:
        """Whether the book counts in the instrument's decimals."""
        book = self.book
        return (book.price_precision, book.qty_precision) == (
            instrument.price_precision,
            instrument.qty_precision,
        )

    def drop(self) -> bool:
        """Empty the book until the next snapshot; True when it held something."""
        held = self._synced
        self.book.clear()
        self._synced = self.proven = self.crossed = False
        return held

    def receive(self, message: wire.WireBook, snapshot: bool, frame: bytes) -> Verdict:
        """Apply one message; `frame` is its bytes, for numbers a float cannot hold."""
        if not self._synced and not snapshot:
            self.counts.unsynced += 1
            return Verdict.UNSYNCED
        bids: list[Change] | None = _NONE
        asks: list[Change] | None = _NONE
        if wire_bids := message.bids:
            bids = levels(wire_bids, self._price_power, self._qty_power)
        if wire_asks := message.asks:
            asks = levels(wire_asks, self._price_power, self._qty_power)
        if bids is None or asks is None:
            exact = self._exact(frame)
            if exact is None:
                return self._fail()
            bids, asks = exact
        book = self.book
        if snapshot:
            self._synced = True
            book.clear()
        if book.apply(bids, asks) == message.checksum:
            book.venue_time = message.timestamp
            self.counts.proven += 1
            self.proven = True
            return _PROVEN
        if message.checksum is None:
            self.counts.unchecked += 1
            self.proven = False
            return Verdict.UNCHECKED
        return self._fail()

    def _exact(self, frame: bytes) -> tuple[list[Change], list[Change]] | None:
        try:
            return wire.decode_exact_book(frame, self.book.price_precision, self.book.qty_precision)
        except ValueError:
            return None

    def _fail(self) -> Verdict:
        self.drop()
        self.counts.wrong += 1
        return Verdict.WRONG
