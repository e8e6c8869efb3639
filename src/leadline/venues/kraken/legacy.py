"""Kraken's WebSocket v1 frames, for recordings only: the protocol is frozen and nothing here connects.

Numbers are texts that carry their own decimals, and a book's checksum runs over those digits (dossier §6b).
The texts are kept until the caller knows the precisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from leadline.core.book import Change
from leadline.errors import ProtocolError
from leadline.model.instrument import to_units
from leadline.model.market import Side, Ticker, Trade, TradeBatch, VenueStatus
from leadline.venues.kraken.symbols import symbol_of
from leadline.venues.kraken.times import seconds_to_text
from leadline.venues.kraken.wire import venue_mode

T = TypeVar("T")


class LegacyLevel(Struct, frozen=True, array_like=True):
    """Price and quantity as sent; zero removes, the mark `"r"` says that the level is republished."""

    price: str
    qty: str
    time: Decimal
    mark: str = ""


class LegacyBook(Struct, frozen=True):
    """One book frame, both of its payloads together; a snapshot carries no checksum."""

    symbol: str
    depth: int
    snapshot: bool
    bids: tuple[LegacyLevel, ...]
    asks: tuple[LegacyLevel, ...]
    checksum: int | None

    @property
    def venue_time(self) -> str | None:
        """The newest time of its levels as RFC 3339 text; None when it has no level."""
        times = [level.time for level in (*self.bids, *self.asks)]
        return seconds_to_text(max(times)) if times else None

    def precisions(self) -> tuple[int, int] | None:
        """Decimals of price and quantity in its first level; None when it has no level."""
        for level in (*self.bids, *self.asks):
            return _decimals(level.price), _decimals(level.qty)
        return None

    def changes(self, price_precision: int, qty_precision: int) -> tuple[list[Change], list[Change]]:
        """Bids and asks in integer units, in the order sent.

        Raises ProtocolError for a text with other decimals: the checksum is over the text.
        """
        precisions = (price_precision, qty_precision)
        return _changes(self.bids, precisions), _changes(self.asks, precisions)


LegacyNews = LegacyBook | TradeBatch | Ticker | VenueStatus


def is_legacy(frame: bytes) -> bool:
    """Whether this is a v1 frame: an array, or an object with `event` (v2 has `channel` or `method`)."""
    if frame.lstrip()[:1] == b"[":
        return True
    try:
        return _decode(frame, _Event).event != ""
    except msgspec.MsgspecError:
        return False


def decode(frame: bytes) -> LegacyNews | None:
    """What a v1 frame says; None for control frames and channels that are not followed.

    Raises ProtocolError for anything else.
    """
    try:
        if frame.lstrip()[:1] == b"[":
            return _data(_decode(frame, list[Raw]))
        event = _decode(frame, _Event)
        if event.event == "systemStatus":
            return VenueStatus(venue_mode(event.status), event.status)
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as why:
        raise ProtocolError(f"not a frame of Kraken's WebSocket v1: {why}", frame) from why
    if not event.event:
        raise ProtocolError("not a frame of Kraken's WebSocket v1: neither an array nor an event", frame)
    return None


class _Event(Struct):
    event: str = ""
    status: str = ""


def _data(parts: Sequence[Raw]) -> LegacyNews | None:
    """An array frame: channel id, one or two payloads, channel name, pair."""
    if len(parts) < 4:
        raise ValueError(f"{len(parts)} elements")
    payloads, channel, symbol = parts[1:-2], _decode(parts[-2], str), symbol_of(_decode(parts[-1], str))
    if channel.startswith("book-"):
        return _book(symbol, int(channel.removeprefix("book-")), payloads)
    if channel == "trade":
        return _trades(symbol, payloads[0])
    if channel == "ticker":
        return _ticker(symbol, payloads[0])
    return None


class _BookPayload(Struct, rename={"snapshot_asks": "as", "snapshot_bids": "bs", "asks": "a", "bids": "b"}):
    snapshot_asks: tuple[LegacyLevel, ...] | None = None
    snapshot_bids: tuple[LegacyLevel, ...] | None = None
    asks: tuple[LegacyLevel, ...] = ()
    bids: tuple[LegacyLevel, ...] = ()
    c: str | None = None


def _book(symbol: str, depth: int, payloads: Sequence[Raw]) -> LegacyBook:
    parts = [_decode(payload, _BookPayload) for payload in payloads]
    first = parts[0]
    if first.snapshot_asks is not None or first.snapshot_bids is not None:
        return LegacyBook(symbol, depth, True, first.snapshot_bids or (), first.snapshot_asks or (), None)
    bids = tuple(level for part in parts for level in part.bids)
    asks = tuple(level for part in parts for level in part.asks)
    checksums = [int(part.c) for part in parts if part.c is not None]
    return LegacyBook(symbol, depth, False, bids, asks, checksums[-1] if checksums else None)


def _changes(levels: Sequence[LegacyLevel], precisions: tuple[int, int]) -> list[Change]:
    for level in levels:
        if (_decimals(level.price), _decimals(level.qty)) != precisions:
            raise ProtocolError(
                f"{level.qty} at {level.price} has other decimals than the book: {precisions}"
            )
    return [
        (to_units(Decimal(level.price), precisions[0]), to_units(Decimal(level.qty), precisions[1]))
        for level in levels
    ]


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


class _TradeRow(Struct, array_like=True):
    price: Decimal
    qty: Decimal
    time: Decimal
    side: str


_SIDES = {"b": Side.BUY, "s": Side.SELL}


def _trades(symbol: str, payload: Raw) -> TradeBatch:
    rows = _decode(payload, list[_TradeRow])
    if wrong := next((row.side for row in rows if row.side not in _SIDES), None):
        raise ValueError(f"side {wrong!r} of a trade")
    return TradeBatch(
        symbol,
        tuple(
            Trade(symbol, _SIDES[row.side], row.price, row.qty, None, seconds_to_text(row.time))
            for row in rows
        ),
    )


class _TickerPayload(Struct):
    """Ask and bid as `[price, whole lots, quantity]`, last as `[price, …]`, others as `[today, 24 hours]`."""

    a: tuple[Decimal, Decimal, Decimal]
    b: tuple[Decimal, Decimal, Decimal]
    c: tuple[Decimal, Decimal]
    v: tuple[Decimal, Decimal]
    p: tuple[Decimal, Decimal]
    l: tuple[Decimal, Decimal]  # noqa: E741
    h: tuple[Decimal, Decimal]
    o: tuple[Decimal, Decimal]


def _ticker(symbol: str, payload: Raw) -> Ticker:
    """Unlike REST, v1 says what the price was 24 hours ago, hence the change (percent to two decimals)."""
    row = _decode(payload, _TickerPayload)
    opened = row.o[1]
    change = row.c[0] - opened
    percent = (100 * change / opened).quantize(Decimal("0.01")) if opened else None
    return Ticker(
        symbol, row.b[0], row.b[2], row.a[0], row.a[2], row.c[0], row.v[1], row.p[1], row.l[1], row.h[1],
        change, percent,
    )  # fmt: skip


def _decode(raw: Raw | bytes, kind: type[T]) -> T:
    return msgspec.json.decode(raw, type=kind)
