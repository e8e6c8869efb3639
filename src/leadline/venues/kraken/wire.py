"""Kraken WebSocket v2 frames: bytes to typed values and back. Strings of the wire end here.

Book levels are decoded as floats, which is exact as long as the scaled number stays below `EXACT_UNITS`; beyond
that the frame is decoded again with the digits kept (`decode_exact_book`). Everything else is `Decimal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from leadline.core.book import Change
from leadline.core.subscriptions import Ask, Verb
from leadline.model.instrument import Instrument, InstrumentStatus, to_units
from leadline.model.market import (
    Bar,
    BarBatch,
    Channel,
    Side,
    Subscription,
    Ticker,
    Trade,
    TradeBatch,
    VenueMode,
    parse_time_ns,
)

EXACT_UNITS = 1 << 50
"""Below this, int(x·10^p + 0.5) is the integer the wire text means: x and the product are each off by at most
2^-53 of their size and so is the sum, together less than 2^50 · 3 · 2^-53 < 0.5."""

POWERS = tuple(10.0**precision for precision in range(23))
"""Powers of ten that a float holds exactly."""

NAMES = {
    Channel.TICKER: "ticker",
    Channel.BOOK: "book",
    Channel.TRADES: "trade",
    Channel.BARS: "ohlc",
    Channel.INSTRUMENTS: "instrument",
}
CHANNELS = {name: channel for channel, name in NAMES.items()}


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
    type: str
    data: list[WireBook]


class WireTicker(Struct, gc=False):
    symbol: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    last: Decimal
    volume: Decimal
    vwap: Decimal
    low: Decimal
    high: Decimal
    change: Decimal
    change_pct: Decimal
    timestamp: str | None = None


class TickerFrame(Struct, tag_field="channel", tag="ticker", gc=False):
    type: str
    data: list[WireTicker]


class WireTrade(Struct, gc=False):
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    trade_id: int
    timestamp: str


class TradeFrame(Struct, tag_field="channel", tag="trade", gc=False):
    type: str
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
    type: str
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


class WireReference(Struct):
    pairs: list[WirePair]


class InstrumentFrame(Struct, tag_field="channel", tag="instrument"):
    type: str
    data: WireReference


class WireStatus(Struct):
    system: str
    upcoming_maintenance: list[msgspec.Raw] = []
    emergency: list[msgspec.Raw] = []


class StatusFrame(Struct, tag_field="channel", tag="status"):
    data: list[WireStatus]


class HeartbeatFrame(Struct, tag_field="channel", tag="heartbeat", gc=False):
    pass


Frame = BookFrame | TickerFrame | TradeFrame | OhlcFrame | HeartbeatFrame | InstrumentFrame | StatusFrame


class WireResult(Struct):
    channel: str | None = None
    symbol: str | None = None
    depth: int | None = None
    interval: int | None = None


class Reply(Struct):
    """An answer to a request; `success` is absent on pong only (dossier §2)."""

    method: str
    success: bool | None = None
    error: str | None = None
    req_id: int | None = None
    symbol: str | None = None
    result: WireResult | None = None


class _RateReply(Struct):
    """The other shape of the message-rate refusal (dossier §3.5)."""

    error: str = msgspec.field(name="Error")


class _ExactLevel(Struct):
    price: Decimal
    qty: Decimal


class _ExactBook(Struct):
    bids: list[_ExactLevel]
    asks: list[_ExactLevel]


class _ExactFrame(Struct):
    data: list[_ExactBook]


_frames: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)
_rate_replies: msgspec.json.Decoder[_RateReply] = msgspec.json.Decoder(_RateReply)
_exact: msgspec.json.Decoder[_ExactFrame] = msgspec.json.Decoder(_ExactFrame)

decode = _frames.decode
"""A channel frame; raises msgspec.MsgspecError for anything else, answers included."""


def decode_reply(frame: bytes) -> Reply:
    """An answer to a request; raises msgspec.MsgspecError when it is none."""
    try:
        return _replies.decode(frame)
    except msgspec.ValidationError:
        refusal = _rate_replies.decode(frame)
        return Reply(method="error", success=False, error=refusal.error)


def levels(wire: list[WireLevel], price_power: float, qty_power: float) -> list[Change] | None:
    """Levels in integer units; None when a number is too large for the proof above (or not positive)."""
    changes = []
    limit = EXACT_UNITS
    for level in wire:
        price = int(level.price * price_power + 0.5)
        qty = int(level.qty * qty_power + 0.5)
        if not 0 < price < limit > qty >= 0:
            return None
        changes.append((price, qty))
    return changes


def decode_exact_book(
    frame: bytes, price_precision: int, qty_precision: int
) -> tuple[list[Change], list[Change]]:
    """Bids and asks from the digits of the wire, exact at any size; raises ValueError for what is no level."""
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


def ticker(wire: WireTicker) -> Ticker:
    return Ticker(
        wire.symbol, wire.bid, wire.bid_qty, wire.ask, wire.ask_qty, wire.last, wire.volume, wire.vwap, wire.low,
        wire.high, wire.change, wire.change_pct, wire.timestamp,
    )  # fmt: skip


def trade_batches(frame: TradeFrame) -> list[TradeBatch]:
    """The trades of a frame by symbol, in the venue's order."""
    by_symbol: dict[str, list[Trade]] = {}
    for w in frame.data:
        trade = Trade(w.symbol, w.side, w.price, w.qty, w.trade_id, w.timestamp)
        by_symbol.setdefault(w.symbol, []).append(trade)
    return [
        TradeBatch(symbol, tuple(trades), frame.type == "snapshot") for symbol, trades in by_symbol.items()
    ]


def bar_batches(frame: OhlcFrame) -> list[BarBatch]:
    """The candles of a frame by symbol and interval, none judged complete: the wire has no closed flag (§5.4)."""
    by_stream: dict[tuple[str, int], list[Bar]] = {}
    for w in frame.data:
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
    return tuple(
        Instrument(
            "kraken", w.symbol, w.base, w.quote, w.price_precision, w.qty_precision, w.price_increment,
            w.qty_increment, w.qty_min, w.cost_min, _instrument_status(w.status),
        )
        for w in frame.data.pairs
    )  # fmt: skip


def _instrument_status(text: str) -> InstrumentStatus:
    try:
        return InstrumentStatus(text)
    except ValueError:
        return InstrumentStatus.UNKNOWN


def venue_mode(text: str) -> VenueMode:
    """A mode this version does not know is UNKNOWN, never a guess."""
    try:
        return VenueMode(text)
    except ValueError:
        return VenueMode.UNKNOWN


def encode(ask: Ask) -> str:
    """A subscribe or unsubscribe request; an unsubscribe repeats depth and interval (dossier §4)."""
    first = ask.subscriptions[0]
    params: dict[str, object] = {"channel": NAMES[first.channel]}
    if first.channel is not Channel.INSTRUMENTS:
        params["symbol"] = [subscription.symbol for subscription in ask.subscriptions]
    if first.channel is Channel.BOOK:
        params["depth"] = first.param
    elif first.channel is Channel.BARS:
        params["interval"] = first.param // 60
    elif first.channel is Channel.TICKER:
        params["event_trigger"] = "bbo"
    if ask.verb is Verb.SUBSCRIBE:
        params["snapshot"] = True
    method = "subscribe" if ask.verb is Verb.SUBSCRIBE else "unsubscribe"
    return msgspec.json.encode({"method": method, "params": params, "req_id": ask.request_id}).decode()


def acknowledged(reply: Reply, asked: Sequence[Subscription]) -> Subscription | None:
    """Which of the subscriptions asked for in that request this answer is about; None when it does not say."""
    symbol = reply.result.symbol if reply.result else reply.symbol
    if symbol is None:
        return asked[0] if len(asked) == 1 else None
    return next((subscription for subscription in asked if subscription.symbol == symbol), None)
