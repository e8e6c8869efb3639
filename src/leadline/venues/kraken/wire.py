"""Kraken WebSocket v2 channel frames: bytes to typed values. Strings of the wire end here.

Book levels are decoded as floats, which is exact as long as the scaled number stays below `EXACT_UNITS`;
beyond that the frame is decoded again with the digits kept (`decode_exact_book`). All else is `Decimal`.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from math import floor
from typing import Literal

import msgspec
from msgspec import Struct

from leadline.core.book import Change
from leadline.model.instrument import Instrument, InstrumentStatus, to_units
from leadline.model.market import (
    Bar,
    BarBatch,
    Side,
    Ticker,
    Trade,
    TradeBatch,
    VenueMode,
    VenueStatus,
    parse_time_ns,
)

EXACT_UNITS = 1 << 50
"""Below this a float proves which whole number of units its text meant.

`units = floor(x * 10**p + 0.5)` finds it: x, the product and the sum are each off by at most 2^-53 of their
size, together less than 0.5. `units / 10**p == x` proves it: the quotient is the float nearest to those
units, and two wholes below 2^52 never share one. What would round (a text with more decimals) is thereby
refused, as far as a float can tell, which is to the sixteenth digit.
"""

POWERS = tuple(10.0**precision for precision in range(23))
"""Powers of ten that a float holds exactly."""

NOT_UNDERSTOOD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises: besides wrong types, for bytes that are no UTF-8 and for nesting without end."""

Kind = Literal["snapshot", "update"]

MOST_TEXT = 4096
"""Characters kept of a text whose length is the venue's choice."""


class WireLevel(Struct, gc=False):
    price: float
    qty: float


class WireBook(Struct, gc=False):
    symbol: str
    bids: list[WireLevel]
    asks: list[WireLevel]
    checksum: int | None = None
    timestamp: str | None = None


class BookFrame(Struct, tag_field="channel", tag="book", gc=False):
    type: Kind
    data: tuple[WireBook]


class WireTicker(Struct, gc=False):
    """The last trade is told only if there was one in 24 hours, and so is what derives from it (§5.1)."""

    symbol: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    volume: Decimal
    last: Decimal | None = None
    vwap: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    change: Decimal | None = None
    change_pct: Decimal | None = None
    timestamp: str | None = None


class TickerFrame(Struct, tag_field="channel", tag="ticker", gc=False):
    type: Kind
    data: list[WireTicker]


class WireTrade(Struct, gc=False):
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    trade_id: int
    timestamp: str


class TradeFrame(Struct, tag_field="channel", tag="trade", gc=False):
    type: Kind
    data: list[WireTrade]


class WireBar(Struct, gc=False):
    symbol: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    trades: int
    volume: Decimal
    vwap: Decimal
    interval_begin: str
    interval: int


class OhlcFrame(Struct, tag_field="channel", tag="ohlc", gc=False):
    type: Kind
    data: list[WireBar]


class WirePair(Struct):
    symbol: str
    base: str
    quote: str
    status: str
    price_precision: int
    price_increment: Decimal
    qty_precision: int
    qty_increment: Decimal
    qty_min: Decimal
    cost_min: Decimal = Decimal(0)
    cost_precision: int | None = None
    marginable: bool | None = None
    has_index: bool | None = None


class WireReference(Struct):
    pairs: list[WirePair]


class InstrumentFrame(Struct, tag_field="channel", tag="instrument"):
    type: Kind
    data: WireReference


class WireStatus(Struct):
    system: str
    upcoming_maintenance: msgspec.Raw = msgspec.Raw(b"[]")
    emergency: msgspec.Raw = msgspec.Raw(b"[]")


class StatusFrame(Struct, tag_field="channel", tag="status"):
    data: list[WireStatus]


class HeartbeatFrame(Struct, tag_field="channel", tag="heartbeat", gc=False):
    pass


Frame = BookFrame | TickerFrame | TradeFrame | OhlcFrame | HeartbeatFrame | InstrumentFrame | StatusFrame


class _Whose(Struct):
    symbol: str


class _BookGlimpse(Struct, tag_field="channel", tag="book"):
    """What is left of a book frame that is no `BookFrame`."""

    data: list[_Whose]


class _ExactLevel(Struct):
    price: Decimal
    qty: Decimal


class _ExactBook(Struct):
    bids: list[_ExactLevel]
    asks: list[_ExactLevel]


class _ExactFrame(Struct):
    data: tuple[_ExactBook]


_frames: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)
_glimpses: msgspec.json.Decoder[_BookGlimpse] = msgspec.json.Decoder(_BookGlimpse)
_exact: msgspec.json.Decoder[_ExactFrame] = msgspec.json.Decoder(_ExactFrame)

decode = _frames.decode
"""A channel frame; raises one of `NOT_UNDERSTOOD` for anything else, answers included."""


def book_symbols(frame: bytes) -> list[str]:
    """Whose books a frame was about that could not be understood; none when even that is unclear."""
    try:
        return [whose.symbol for whose in _glimpses.decode(frame).data]
    except NOT_UNDERSTOOD:
        return []


def levels(wire: list[WireLevel], price_power: float, qty_power: float) -> list[Change] | None:
    """Levels in integer units; None when a float may not stand for the text: see `EXACT_UNITS`."""
    changes = []
    limit = EXACT_UNITS
    try:
        for level in wire:
            wire_price = level.price
            price = floor(wire_price * price_power + 0.5)
            if price / price_power != wire_price or not 0 < price < limit:
                return None
            if wire_qty := level.qty:
                qty = floor(wire_qty * qty_power + 0.5)
                if qty / qty_power != wire_qty or not 0 < qty < limit:
                    return None
                changes.append((price, qty))
            else:
                changes.append((price, 0))
    except OverflowError:  # the product is no float any more
        return None
    return changes


def decode_exact_book(
    frame: bytes, price_precision: int, qty_precision: int
) -> tuple[list[Change], list[Change]]:
    """Bids and asks from the wire's digits, exact at any size; raises ValueError for what is no level."""
    book = _exact.decode(frame).data[0]
    return (
        _exact_levels(book.bids, price_precision, qty_precision),
        _exact_levels(book.asks, price_precision, qty_precision),
    )


def _exact_levels(wire: list[_ExactLevel], price_precision: int, qty_precision: int) -> list[Change]:
    changes = [(to_units(level.price, price_precision), to_units(level.qty, qty_precision)) for level in wire]
    for price, qty in changes:
        if price <= 0 or qty < 0:
            raise ValueError(f"a level of {qty} at {price}")
    return changes


def _check_amounts(*numbers: Decimal) -> None:
    """Raise ValueError unless all are finite and none is negative: a text such as "NaN" decodes as well."""
    try:
        sane = min(numbers) >= 0 and max(numbers).is_finite()
    except InvalidOperation:
        sane = False
    if not sane:
        raise ValueError(f"not all of {', '.join(map(str, numbers))} are amounts")


def tickers(frame: TickerFrame) -> list[Ticker]:
    """The tickers of a frame; raises ValueError when a number is no amount."""
    return [_ticker(wire) for wire in frame.data]


def _ticker(wire: WireTicker) -> Ticker:
    told = [number for number in (wire.last, wire.vwap, wire.low, wire.high) if number is not None]
    changes = [number.copy_abs() for number in (wire.change, wire.change_pct) if number is not None]
    _check_amounts(wire.bid, wire.bid_qty, wire.ask, wire.ask_qty, wire.volume, *told, *changes)
    return Ticker(
        wire.symbol, wire.bid, wire.bid_qty, wire.ask, wire.ask_qty, wire.last, wire.volume, wire.vwap,
        wire.low, wire.high, wire.change, wire.change_pct, wire.timestamp,
    )  # fmt: skip


def trade_batches(frame: TradeFrame) -> list[TradeBatch]:
    """The trades of a frame by symbol, in the venue's order; raises ValueError when a number is no amount."""
    by_symbol: dict[str, list[Trade]] = {}
    for w in frame.data:
        _check_amounts(w.price, w.qty)
        trade = Trade(w.symbol, w.side, w.price, w.qty, w.trade_id, w.timestamp)
        by_symbol.setdefault(w.symbol, []).append(trade)
    return [
        TradeBatch(symbol, tuple(trades), frame.type == "snapshot") for symbol, trades in by_symbol.items()
    ]


def bar_batches(frame: OhlcFrame) -> list[BarBatch]:
    """The candles of a frame by symbol and interval, none judged complete: there is no closed flag (§5.4).

    Raises ValueError when a number is no amount or the beginning is no time.
    """
    by_stream: dict[tuple[str, int], list[Bar]] = {}
    for w in frame.data:
        _check_amounts(w.open, w.high, w.low, w.close, w.volume, w.vwap)
        begin_ns = parse_time_ns(w.interval_begin)
        if begin_ns is None:
            raise ValueError(f"interval_begin {w.interval_begin!r} is no time")
        bar = Bar(
            w.symbol, w.interval * 60, begin_ns, w.open, w.high, w.low, w.close, w.volume, w.vwap, w.trades
        )
        by_stream.setdefault((w.symbol, w.interval * 60), []).append(bar)
    snapshot = frame.type == "snapshot"
    return [
        BarBatch(symbol, interval, tuple(bars), snapshot) for (symbol, interval), bars in by_stream.items()
    ]


def instruments(frame: InstrumentFrame) -> tuple[Instrument, ...]:
    """The instruments of a frame, without those whose numbers cannot be: nothing could be counted in them."""
    return tuple(_instrument(pair) for pair in frame.data.pairs if _is_countable(pair))


def _is_countable(w: WirePair) -> bool:
    try:
        _check_amounts(w.price_increment, w.qty_increment, w.qty_min, w.cost_min)
    except ValueError:
        return False
    return 0 <= w.price_precision < len(POWERS) > w.qty_precision >= 0


def _instrument(w: WirePair) -> Instrument:
    return Instrument(
        "kraken", w.symbol, w.base, w.quote, w.price_precision, w.qty_precision, w.price_increment,
        w.qty_increment, w.qty_min, w.cost_min, InstrumentStatus(w.status), w.cost_precision, w.marginable,
        w.has_index,
    )  # fmt: skip


def notices(status: WireStatus) -> list[str]:
    """Announcements beside the mode; assumed: anything but an empty list is one (dossier §3.1 shows none)."""
    raws = (bytes(status.upcoming_maintenance), bytes(status.emergency))
    return [raw.decode(errors="replace")[:MOST_TEXT] for raw in raws if raw not in (b"[]", b"null")]


def venue_statuses(frame: StatusFrame) -> list[VenueStatus]:
    """What the venue says of itself, with its announcements."""
    return [
        VenueStatus(venue_mode(status.system), "; ".join([status.system, *notices(status)]))
        for status in frame.data
    ]


def venue_mode(text: str) -> VenueMode:
    """A mode this version does not know is UNKNOWN, never a guess."""
    try:
        return VenueMode(text)
    except ValueError:
        return VenueMode.UNKNOWN
