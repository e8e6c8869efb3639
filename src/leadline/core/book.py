"""One L2 book in integers, with each level's checksum text kept beside it.

A book is empty until a snapshot is loaded and after `clear`; between the two it is exactly what the venue
said, truncated to the subscribed depth.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

from leadline.model.compact import CompactBook
from leadline.model.instrument import from_units
from leadline.model.market import FrozenBook, Level, VenueTime, parse_time_ns

Change = tuple[int, int]
"""Price and quantity in units of the book's precisions; quantity 0 removes the level."""

CHECKED_DEPTH = 10
"""Levels a side that Kraken's checksum covers, whatever the subscribed depth (dossier §6.1)."""


class _Side:
    """One side, best first: `keys` ascend (a bid's key is its negated price) and `tokens` run beside them.

    A token is a level's checksum text, the price's digits and then the quantity's; it is all that is kept.
    """

    __slots__ = ("depth", "keys", "sign", "text", "tokens")

    def __init__(self, sign: int, depth: int) -> None:
        self.sign = sign
        self.depth = depth
        self.keys: list[int] = []
        self.tokens: list[bytes] = []
        self.text = b""
        """The tokens of the checked levels, joined."""

    def clear(self) -> None:
        self.keys.clear()
        self.tokens.clear()
        self.text = b""

    def apply(self, changes: Sequence[Change]) -> bool:
        """Apply changes in order, then truncate; True when the best level may have changed."""
        keys, tokens, sign, depth = self.keys, self.tokens, self.sign, self.depth
        touched = CHECKED_DEPTH
        for price, qty in changes:
            key = price * sign
            at = bisect_left(keys, key)
            if at < touched:
                touched = at
            if at < len(keys) and keys[at] == key:
                if qty:
                    tokens[at] = b"%d%d" % (price, qty)
                else:
                    del keys[at], tokens[at]
            elif qty:
                keys.insert(at, key)
                tokens.insert(at, b"%d%d" % (price, qty))
        if len(keys) > depth:
            del keys[depth:], tokens[depth:]
        if touched < CHECKED_DEPTH:
            self.text = b"".join(tokens if depth <= CHECKED_DEPTH else tokens[:CHECKED_DEPTH])
        return not touched

    def levels(self, count: int) -> list[Change]:
        sign = self.sign
        levels = zip(self.keys[:count], self.tokens, strict=False)
        return [_units(key * sign, token) for key, token in levels]

    def copy(self, count: int) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
        """Keys and tokens of the best levels, not decoded."""
        return tuple(self.keys[:count]), tuple(self.tokens[:count])


def _units(price: int, token: bytes) -> Change:
    return price, int(token[len(b"%d" % price) :])


@dataclass(slots=True)
class BookCounts:
    """Messages of books by what their proof said, snapshots included.

    `proven` agree with the venue's checksum, `wrong` do not or make no sense, `unsynced` have no snapshot to
    be applied to, `unchecked` carry no checksum.
    """

    proven: int = 0
    wrong: int = 0
    unsynced: int = 0
    unchecked: int = 0

    @property
    def updates(self) -> int:
        """All of them."""
        return self.proven + self.wrong + self.unsynced + self.unchecked


def sum_of(counts: Iterable[BookCounts]) -> BookCounts:
    """What several books or lines have counted, together."""
    total = BookCounts()
    for each in counts:
        total.proven += each.proven
        total.wrong += each.wrong
        total.unsynced += each.unsynced
        total.unchecked += each.unchecked
    return total


class Book:
    """The mutable book behind a view; prices and quantities are integers of the given precisions."""

    __slots__ = (
        "_asks",
        "_asks_crc",
        "_bids",
        "crossed",
        "depth",
        "price_precision",
        "qty_precision",
        "symbol",
        "venue_time",
        "view",
    )

    def __init__(self, symbol: str, depth: int, price_precision: int, qty_precision: int) -> None:
        self.symbol = symbol
        self.depth = depth
        self.price_precision = price_precision
        self.qty_precision = qty_precision
        self.venue_time: VenueTime = None
        self.crossed = False
        """Whether the best bid is not below the best ask."""
        self._bids = _Side(-1, depth)
        self._asks = _Side(1, depth)
        self._asks_crc = 0
        self.view = BookView(self)

    def clear(self) -> None:
        """Hold no levels: nothing that was here may be served any more."""
        self._bids.clear()
        self._asks.clear()
        self._asks_crc = 0
        self.crossed = False
        self.venue_time = None

    def load(self, bids: Sequence[Change], asks: Sequence[Change]) -> int:
        """Replace everything by a snapshot; returns the checksum of the result."""
        self.clear()
        return self.apply(bids, asks)

    def apply(self, bids: Sequence[Change], asks: Sequence[Change]) -> int:
        """Apply one message, each side in its own order, truncate, and return the checksum of the result.

        CRC-32 chains, so a message that leaves the ten checked asks alone costs only the bids' half.
        assumed: the text of a side of fewer than ten levels is shorter, with nothing in their place.
        """
        best_moved = False
        if asks:
            side = self._asks
            best_moved = side.apply(asks)
            self._asks_crc = crc32(side.text)
        if bids and self._bids.apply(bids):
            best_moved = True
        if best_moved:
            best_bid, best_ask = self._bids.keys, self._asks.keys
            self.crossed = bool(best_bid and best_ask) and -best_bid[0] >= best_ask[0]
        return crc32(self._bids.text, self._asks_crc)

    def bids(self, count: int) -> list[Change]:
        """The best `count` bids as integers, best first."""
        return self._bids.levels(count)

    def asks(self, count: int) -> list[Change]:
        """The best `count` asks as integers, best first."""
        return self._asks.levels(count)

    @property
    def certain_depth(self) -> int:
        """Levels a side between which certainly no other lies: all, because the venue keeps to the depth."""
        return self.depth

    @property
    def verified_depth(self) -> int:
        """Levels a side that the venue's checksum covers."""
        return min(CHECKED_DEPTH, self.depth)

    def copy(self, count: int) -> BookCopy:
        """The best levels as they lie, decoded later if at all."""
        return _TokenCopy(self, self._bids.copy(count), self._asks.copy(count))

    def state_hash(self) -> str:
        """A digest of symbol, precisions and levels; two books of equal content have equal digests."""
        return state_hash(self)

    def __len__(self) -> int:
        return len(self._bids.keys) + len(self._asks.keys)


class BookState(Protocol):
    """A live book of any kind, as its view reads it."""

    symbol: str
    depth: int
    price_precision: int
    qty_precision: int
    venue_time: VenueTime

    @property
    def certain_depth(self) -> int:
        """Levels a side between which certainly no other lies."""

    @property
    def verified_depth(self) -> int:
        """Levels a side that the venue's proof covers."""

    def bids(self, count: int) -> list[Change]:
        """The best bids as integers, best first."""

    def asks(self, count: int) -> list[Change]:
        """The best asks as integers, best first."""

    def copy(self, count: int) -> BookCopy:
        """The best levels as they are now."""

    def state_hash(self) -> str:
        """A digest of the content alone."""


def state_hash(book: BookState) -> str:
    """The digest of a book's symbol, precisions and levels, whatever kind of book it is."""
    levels = (
        book.symbol,
        book.price_precision,
        book.qty_precision,
        book.bids(book.depth),
        book.asks(book.depth),
    )
    return hashlib.sha256(repr(levels).encode()).hexdigest()


class BookView:
    """What a reader gets: the live book read in `Decimal`, valid until the reader awaits or returns.

    A view whose book has been dropped reads as empty. `freeze` makes a value that may be kept.
    """

    __slots__ = ("_book", "symbol")

    def __init__(self, book: BookState) -> None:
        self._book = book
        self.symbol = book.symbol

    @property
    def depth(self) -> int:
        """Levels a side that the stream was subscribed to."""
        return self._book.depth

    @property
    def verified_depth(self) -> int:
        """Levels a side that the venue's proof covers."""
        return self._book.verified_depth

    @property
    def certain_depth(self) -> int:
        """Levels a side between which certainly no other lies; those beyond are not handed out."""
        return self._book.certain_depth

    @property
    def venue_time(self) -> VenueTime:
        return self._book.venue_time

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self._book.venue_time)

    @property
    def best_bid(self) -> Level | None:
        return next(iter(self.bids(1)), None)

    @property
    def best_ask(self) -> Level | None:
        return next(iter(self.asks(1)), None)

    def bids(self, count: int = 10) -> list[Level]:
        """The best bids, best first; fewer where the book is thin."""
        return self._levels(self._book.bids(count))

    def asks(self, count: int = 10) -> list[Level]:
        """The best asks, best first; fewer where the book is thin."""
        return self._levels(self._book.asks(count))

    def _levels(self, changes: list[Change]) -> list[Level]:
        prices, qtys = self._book.price_precision, self._book.qty_precision
        return [Level(from_units(price, prices), from_units(qty, qtys)) for price, qty in changes]

    def freeze(self, count: int = 10) -> FrozenBook:
        """The top `count` levels a side as a value that may be kept."""
        return FrozenBook(self.symbol, tuple(self.bids(count)), tuple(self.asks(count)), self.venue_time)

    def copy(self, count: int = 10) -> BookCopy:
        """The top `count` levels a side as they are now, decoded only when read: cheaper than `freeze`."""
        return self._book.copy(count)

    def state_hash(self) -> str:
        """A digest that depends on the content alone."""
        return self._book.state_hash()

    def __repr__(self) -> str:
        bid, ask = self.best_bid, self.best_ask
        sides = f"{bid.price} / {ask.price}" if bid and ask else "one side is empty"
        return f"BookView({self.symbol} {sides}, depth {self.depth})"


class BookCopy(ABC):
    """The top of a book at one moment: a value that may be kept, and is decoded only when it is read."""

    __slots__ = ("price_precision", "qty_precision", "symbol", "venue_time")

    def __init__(self, book: BookState) -> None:
        self.symbol = book.symbol
        self.price_precision = book.price_precision
        self.qty_precision = book.qty_precision
        self.venue_time = book.venue_time

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self.venue_time)

    @abstractmethod
    def compact(self) -> CompactBook:
        """The levels as integers, for keeping and sending."""

    def freeze(self) -> FrozenBook:
        """The levels as decimals."""
        return self.compact().expand()

    def __repr__(self) -> str:
        compact = self.compact()
        return f"BookCopy({self.symbol}, {len(compact.bids)} bids, {len(compact.asks)} asks)"


_Copied = tuple[tuple[int, ...], tuple[bytes, ...]]


class _TokenCopy(BookCopy):
    """A copy of keys and tokens."""

    __slots__ = ("_asks", "_bids")

    def __init__(self, book: Book, bids: _Copied, asks: _Copied) -> None:
        super().__init__(book)
        self._bids, self._asks = bids, asks

    def compact(self) -> CompactBook:
        bids = tuple(_units(-key, token) for key, token in zip(*self._bids, strict=True))
        asks = tuple(_units(key, token) for key, token in zip(*self._asks, strict=True))
        return CompactBook(self.symbol, self.price_precision, self.qty_precision, bids, asks, self.venue_time)
