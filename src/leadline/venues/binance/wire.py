"""Market frames of Binance: bytes to typed values. Strings of the wire end here.

Rule: fields nobody documents are tolerated, but what is needed and missing, or no amount, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec import Struct

from leadline.clock import NS_PER_MS
from leadline.core.range_book import TextLevel
from leadline.model.market import (
    Bar,
    BarBatch,
    DayStats,
    FrozenBook,
    Level,
    Liquidation,
    MarkPrice,
    Side,
    Ticker,
    Trade,
    TradeBatch,
)
from leadline.venues.binance.stream_names import INTERVALS

NOT_UNDERSTOOD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises: besides wrong types, for bytes that are no UTF-8 and for nesting without end."""

MOST_TEXT = 4096
"""Characters kept of a text whose length is the venue's choice."""

SECONDS = {word: seconds for seconds, word in INTERVALS.items()}
"""Lengths of candles by the venue's words."""


class WireDepth(Struct, tag_field="e", tag="depthUpdate", gc=False,
                rename={"first_id": "U", "last_id": "u", "previous_id": "pu", "bids": "b", "asks": "a",
                        "venue_ms": "T"}):  # fmt: skip
    """Changes of a book, or its best levels: the two differ in the stream's name only (dossier §10.3)."""

    first_id: int
    last_id: int
    previous_id: int
    bids: list[TextLevel]
    asks: list[TextLevel]
    venue_ms: int | None = None


class DepthFrame(Struct, gc=False):
    data: WireDepth


class WireBookTicker(Struct, tag_field="e", tag="bookTicker", gc=False,
                     rename={"symbol": "s", "last_id": "u", "bid": "b", "bid_qty": "B", "ask": "a",
                             "ask_qty": "A", "venue_ms": "T", "sent_ms": "E"}):  # fmt: skip
    symbol: str
    last_id: int
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    venue_ms: int | None = None
    sent_ms: int | None = None


class WireAggTrade(Struct, tag_field="e", tag="aggTrade", gc=False,
                   rename={"symbol": "s", "trade_id": "a", "price": "p", "qty": "q", "venue_ms": "T",
                           "buyer_is_maker": "m"}):  # fmt: skip
    symbol: str
    trade_id: int
    price: Decimal
    qty: Decimal
    venue_ms: int
    buyer_is_maker: bool


class WireCandle(Struct, gc=False,
                 rename={"begin_ms": "t", "interval": "i", "open": "o", "close": "c", "high": "h", "low": "l",
                         "volume": "v", "trades": "n", "quote_volume": "q"}):  # fmt: skip
    begin_ms: int
    interval: str
    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    trades: int
    quote_volume: Decimal


class WireKline(Struct, tag_field="e", tag="kline", gc=False, rename={"symbol": "s", "candle": "k"}):
    symbol: str
    candle: WireCandle


class WireMark(Struct, tag_field="e", tag="markPriceUpdate", gc=False,
               rename={"symbol": "s", "mark": "p", "settle": "P", "index": "i", "rate": "r",
                       "funding_ms": "T", "sent_ms": "E"}):  # fmt: skip
    """Where no funding is to come, its time is 0, and the rate zero or no text (dossier §10.3)."""

    symbol: str
    mark: Decimal
    sent_ms: int
    settle: Decimal | None = None
    index: Decimal | None = None
    rate: str = ""
    funding_ms: int = 0


class WireStats(Struct, tag_field="e", tag="24hrTicker", gc=False,
                rename={"symbol": "s", "change": "p", "change_pct": "P", "vwap": "w", "last": "c",
                        "open": "o", "high": "h", "low": "l", "volume": "v", "quote_volume": "q",
                        "trades": "n", "sent_ms": "E"}):  # fmt: skip
    symbol: str
    change: Decimal
    change_pct: Decimal
    vwap: Decimal
    last: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    sent_ms: int


class WireForced(Struct, gc=False,
                 rename={"symbol": "s", "side": "S", "qty": "q", "price": "p", "average_price": "ap",
                         "venue_ms": "T"}):  # fmt: skip
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    average_price: Decimal
    venue_ms: int


class WireForceOrder(Struct, tag_field="e", tag="forceOrder", gc=False, rename={"order": "o"}):
    order: WireForced


class WireContract(Struct, tag_field="e", tag="contractInfo", gc=False, rename={"symbol": "s"}):
    """Something about a contract has changed; what it is now, exchangeInfo says."""

    symbol: str


Event = (
    WireDepth
    | WireBookTicker
    | WireAggTrade
    | WireKline
    | WireMark
    | WireStats
    | WireForceOrder
    | WireContract
)


class Frame(Struct, gc=False):
    """An event with the name of its stream."""

    stream: str
    data: Event


decode: Callable[[bytes], Frame] = msgspec.json.Decoder(Frame).decode
"""A frame of a combined connection; raises one of `NOT_UNDERSTOOD` for anything else, answers included."""

decode_event: Callable[[bytes], Event] = msgspec.json.Decoder[Any](Event).decode
"""An event without its stream's name, as an uncombined connection has it; raises as `decode` does."""

decode_depth_frame: Callable[[bytes], DepthFrame] = msgspec.json.Decoder(DepthFrame).decode
"""A frame that is known to be of depth, at less cost."""


def check_amounts(*numbers: Decimal) -> None:
    """Raise ValueError unless all are finite and none is negative: a text such as "NaN" decodes as well."""
    try:
        sane = min(numbers) >= 0 and max(numbers).is_finite()
    except InvalidOperation:
        sane = False
    if not sane:
        raise ValueError(f"not all of {', '.join(map(str, numbers))} are amounts")


def vwap(volume: Decimal, quote_volume: Decimal) -> Decimal:
    """What a unit cost on average, to eight decimals; zero where nothing was traded.

    Raises ValueError where that has too many digits to be told.
    """
    try:
        return round(quote_volume / volume, 8) if volume else Decimal(0)
    except ArithmeticError:
        raise ValueError(f"{quote_volume} for {volume} is no price") from None


def ticker(symbol: str, event: WireBookTicker) -> Ticker:
    """The best prices; raises ValueError when a number is no amount."""
    check_amounts(event.bid, event.bid_qty, event.ask, event.ask_qty)
    moment = event.sent_ms if event.venue_ms is None else event.venue_ms
    return Ticker(symbol, event.bid, event.bid_qty, event.ask, event.ask_qty, venue_time=moment)


def trade_batch(symbol: str, event: WireAggTrade) -> TradeBatch:
    """One aggregated trade; the taker sold where the buyer was the maker. Raises ValueError as above."""
    check_amounts(event.price, event.qty)
    side = Side.SELL if event.buyer_is_maker else Side.BUY
    return TradeBatch(symbol, (Trade(symbol, side, event.price, event.qty, event.trade_id, event.venue_ms),))


def bar_batch(symbol: str, event: WireKline) -> BarBatch:
    """One candle, not judged complete: the frame that closes it may be late or lost (dossier §10.3).

    Raises ValueError as above, and for a length of candles that nobody asks for.
    """
    candle = event.candle
    seconds = SECONDS.get(candle.interval)
    if seconds is None:
        raise ValueError(f"{candle.interval} is no length of candles that is known here")
    check_amounts(candle.open, candle.high, candle.low, candle.close, candle.volume, candle.quote_volume)
    bar = Bar(
        symbol, seconds, candle.begin_ms * NS_PER_MS, candle.open, candle.high, candle.low, candle.close,
        candle.volume, vwap(candle.volume, candle.quote_volume), candle.trades,
    )  # fmt: skip
    return BarBatch(symbol, seconds, (bar,))


def mark_price(symbol: str, event: WireMark) -> MarkPrice:
    """Mark and index price with the funding to come; raises ValueError as above."""
    check_amounts(event.mark, *(each for each in (event.index, event.settle) if each is not None))
    rate, due_ns = None, None
    if event.funding_ms and event.rate:
        rate, due_ns = _finite(event.rate), event.funding_ms * NS_PER_MS
    return MarkPrice(symbol, event.mark, event.index, rate, due_ns, event.settle, event.sent_ms)


def _finite(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number") from None
    if not number.is_finite():
        raise ValueError(f"{text} is no rate")
    return number


def day_stats(symbol: str, event: WireStats) -> DayStats:
    """The last 24 hours; raises ValueError as above."""
    check_amounts(
        event.last, event.volume, event.quote_volume, event.vwap, event.open, event.low, event.high,
        event.change.copy_abs(), event.change_pct.copy_abs(),
    )  # fmt: skip
    return DayStats(
        symbol, event.last, event.volume, event.quote_volume, event.vwap, event.open, event.low, event.high,
        event.change, event.change_pct, event.trades, event.sent_ms,
    )  # fmt: skip


def liquidation(symbol: str, event: WireForceOrder) -> Liquidation:
    """The largest forced order of a second; raises ValueError as above."""
    order = event.order
    check_amounts(order.qty, order.price, order.average_price)
    try:
        side = Side(order.side.lower())
    except ValueError:
        raise ValueError(f"{order.side!r} is no side") from None
    return Liquidation(symbol, side, order.qty, order.price, order.average_price, order.venue_ms)


def top(symbol: str, event: WireDepth) -> FrozenBook:
    """The best levels, whole in every message; raises ValueError as above."""
    return FrozenBook(symbol, _levels(event.bids), _levels(event.asks), event.venue_ms)


def _levels(texts: list[TextLevel]) -> tuple[Level, ...]:
    if not texts:
        return ()
    try:
        numbers = [Decimal(text) for level in texts for text in level]
    except InvalidOperation:
        raise ValueError(f"not all of {texts} are levels") from None
    check_amounts(*numbers)
    return tuple(map(Level, numbers[::2], numbers[1::2]))
