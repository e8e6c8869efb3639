"""Binance's public REST endpoints as values: what to send, what it weighs, how to read the answer exactly.

An answer is read whole or not at all; what a status other than 200 means is in `refusals` (dossier §2.6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from leadline.clock import NS_PER_MS
from leadline.core.venue_time import VenueTime
from leadline.errors import ProtocolError
from leadline.model.market import (
    Bar,
    DayStats,
    FrozenBook,
    FundingRate,
    Level,
    MarkPrice,
    Side,
    Ticker,
    Trade,
)
from leadline.net.http import Http, Purpose, Request, Response
from leadline.venues.binance.refusals import status_error
from leadline.venues.binance.snapshots import DepthSnapshot, decode_depth
from leadline.venues.binance.symbols import ExchangeInfo, SymbolTable
from leadline.venues.binance.wire import vwap

T = TypeVar("T")

TRADES_A_PAGE = 1000
BARS_A_PAGE = 1500
FUNDINGS_A_PAGE = 1000

BOOK_WEIGHTS = {5: 2.0, 10: 2.0, 20: 2.0, 50: 2.0, 100: 5.0, 500: 10.0, 1000: 20.0}
"""The only numbers of levels that are answered, and what they weigh (dossier §3.4)."""

_BAR_WEIGHTS = ((100, 1.0), (500, 2.0), (1000, 5.0), (BARS_A_PAGE, 10.0))
"""Up to so many candles weigh so much, the edges within, as measured (dossier §3.4)."""

TIME_PATH = "/fapi/v1/time"
FUNDINGS_PATH = "/fapi/v1/fundingRate"
BEST_PRICES_PATH = "/fapi/v1/ticker/bookTicker"


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[T]):
    """One request and the reading of the body of its answer; a signed call is one before it is signed."""

    request: Request
    read: Callable[[bytes], T]

    def answer(self, response: Response, venue_ms: int | None = None) -> T:
        """The typed answer; `venue_ms` is the venue's Unix time, which tells how long a ban still lasts.

        Raises a VenueError for a status other than 200, ProtocolError (with the bytes) for what is not an
        answer to this request.
        """
        if response.status != 200:
            raise status_error(response, venue_ms=venue_ms)
        try:
            return self.read(response.body)
        except (msgspec.MsgspecError, ValueError, ArithmeticError) as why:
            asked = f"{self.request.method} {self.request.path}"
            raise ProtocolError(f"the answer to {asked} cannot be read: {why}", response.body) from why


def _get(path: str, cost: float, *query: tuple[str, str]) -> Request:
    return Request("GET", path, query, cost=cost)


def ping() -> Endpoint[None]:
    """Whether the venue's REST is there at all."""
    return Endpoint(_get("/fapi/v1/ping", 1), lambda body: None)


def time() -> Endpoint[int]:
    """The venue's clock in Unix nanoseconds, to the millisecond."""
    return Endpoint(_get(TIME_PATH, 1), lambda body: _times.decode(body).server_time * NS_PER_MS)


class _Time(Struct, rename="camel"):
    server_time: int


_times = msgspec.json.Decoder(_Time)


async def measure_time(http: Http, venue_time: VenueTime, purpose: Purpose) -> int:
    """The venue's clock in Unix nanoseconds, told to `venue_time`; raises as asking and `answer` do."""
    asked = time()
    response = await http.send(asked.request, purpose)
    venue_ns = asked.answer(response)
    venue_time.sample(response.sent_ns, response.received_ns, venue_ns, venue_ns, resolution_ns=NS_PER_MS)
    return venue_ns


def exchange_info() -> Endpoint[ExchangeInfo]:
    """All contracts and the pools of requests; its `serverTime` is stale and not read (dossier §2.5)."""
    return Endpoint(_get("/fapi/v1/exchangeInfo", 1), _infos.decode)


_infos = msgspec.json.Decoder(ExchangeInfo)


def depth(wire: str, limit: int) -> Endpoint[DepthSnapshot]:
    """A snapshot for a book to be bridged from; `limit` is one of BOOK_WEIGHTS."""
    return Endpoint(_depth_request(wire, limit), lambda body: decode_depth(body, limit))


def book(symbol: str, wire: str, levels: int) -> Endpoint[FrozenBook]:
    """The top of one book, best first: exactly `levels` a side where it has so many (at most 1000)."""
    limit = next((limit for limit in BOOK_WEIGHTS if limit >= levels), max(BOOK_WEIGHTS))

    return Endpoint(_depth_request(wire, limit), lambda body: top_of(symbol, decode_depth(body), levels))


def top_of(symbol: str, told: DepthSnapshot, levels: int) -> FrozenBook:
    """The best levels of a snapshot; raises ValueError where a number is no amount."""
    return FrozenBook(symbol, _levels(told.bids[:levels]), _levels(told.asks[:levels]), told.venue_ms)


def _depth_request(wire: str, limit: int) -> Request:
    return _get("/fapi/v1/depth", BOOK_WEIGHTS[limit], ("symbol", wire), ("limit", str(limit)))


def _levels(rows: Sequence[tuple[str, str]]) -> tuple[Level, ...]:
    levels = tuple(Level(Decimal(price), Decimal(qty)) for price, qty in rows)
    _check_finite(*(number for level in levels for number in (level.price, level.qty)))
    return levels


class _BestRow(Struct, rename="camel"):
    symbol: str
    bid_price: Decimal
    bid_qty: Decimal
    ask_price: Decimal
    ask_qty: Decimal
    time: int | None = None


_bests: msgspec.json.Decoder[_BestRow | list[_BestRow]] = msgspec.json.Decoder(_BestRow | list[_BestRow])


def tickers(symbols: SymbolTable, wire: str | None = None) -> Endpoint[dict[str, Ticker]]:
    """Best prices by symbol, of one contract or of all that the table knows."""
    request = _of_one_or_all(BEST_PRICES_PATH, wire, 2, 5)

    def read(body: bytes) -> dict[str, Ticker]:
        return _by_symbol(_bests.decode(body), symbols, _ticker)

    return Endpoint(request, read)


def _ticker(symbol: str, row: _BestRow) -> Ticker:
    _check_finite(row.bid_price, row.bid_qty, row.ask_price, row.ask_qty)
    return Ticker(symbol, row.bid_price, row.bid_qty, row.ask_price, row.ask_qty, venue_time=row.time)


class _DayRow(Struct, rename="camel"):
    symbol: str
    price_change: Decimal
    price_change_percent: Decimal
    weighted_avg_price: Decimal
    last_price: Decimal
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    volume: Decimal
    quote_volume: Decimal
    close_time: int
    count: int


_days: msgspec.json.Decoder[_DayRow | list[_DayRow]] = msgspec.json.Decoder(_DayRow | list[_DayRow])


def day_stats(symbols: SymbolTable, wire: str | None = None) -> Endpoint[dict[str, DayStats]]:
    """The last 24 hours by symbol, of one contract or of all that trade."""
    request = _of_one_or_all("/fapi/v1/ticker/24hr", wire, 1, 40)

    def read(body: bytes) -> dict[str, DayStats]:
        return _by_symbol(_days.decode(body), symbols, _day)

    return Endpoint(request, read)


def _day(symbol: str, row: _DayRow) -> DayStats:
    stats = DayStats(
        symbol=symbol,
        last=row.last_price,
        volume=row.volume,
        quote_volume=row.quote_volume,
        vwap=row.weighted_avg_price,
        open=row.open_price,
        low=row.low_price,
        high=row.high_price,
        change=row.price_change,
        change_pct=row.price_change_percent,
        trades=row.count,
        venue_time=row.close_time,
    )
    _check_finite(stats.last, stats.volume, stats.quote_volume, stats.vwap, stats.open, stats.low)
    _check_finite(stats.high, stats.change, stats.change_pct)
    return stats


class _MarkRow(Struct, rename="camel"):
    symbol: str
    mark_price: Decimal
    index_price: Decimal
    next_funding_time: int
    time: int
    last_funding_rate: str = ""
    estimated_settle_price: str = ""


_marks: msgspec.json.Decoder[_MarkRow | list[_MarkRow]] = msgspec.json.Decoder(_MarkRow | list[_MarkRow])


def marks(symbols: SymbolTable, wire: str | None = None) -> Endpoint[dict[str, MarkPrice]]:
    """Mark and index prices by symbol; `last_funding_rate` is the rate to come (dossier §5.7)."""
    request = _of_one_or_all("/fapi/v1/premiumIndex", wire, 1, 10)

    def read(body: bytes) -> dict[str, MarkPrice]:
        return _by_symbol(_marks.decode(body), symbols, _mark)

    return Endpoint(request, read)


def _mark(symbol: str, row: _MarkRow) -> MarkPrice:
    funded = row.next_funding_time > 0 and row.last_funding_rate != ""
    mark = MarkPrice(
        symbol=symbol,
        mark=row.mark_price,
        index=row.index_price,
        funding_rate=Decimal(row.last_funding_rate) if funded else None,
        next_funding_ns=row.next_funding_time * NS_PER_MS if funded else None,
        settle_estimate=Decimal(row.estimated_settle_price) if row.estimated_settle_price else None,
        venue_time=row.time,
    )
    _check_finite(
        mark.mark, row.index_price, mark.funding_rate or mark.mark, mark.settle_estimate or mark.mark
    )
    return mark


class _FundingRow(Struct, rename="camel"):
    funding_time: int
    funding_rate: Decimal
    mark_price: str = ""
    rate_type: str = "Regular"


_fundings = msgspec.json.Decoder(list[_FundingRow])


def fundings(symbol: str, wire: str, since_ns: int) -> Endpoint[list[FundingRate]]:
    """The first 1 000 fundings settled at `since_ns` or later, oldest first.

    It weighs nothing: fundings have a pool of their own (dossier §3.1).
    """
    since_ms = -(-since_ns // NS_PER_MS)
    query = (("symbol", wire), ("startTime", str(since_ms)), ("limit", str(FUNDINGS_A_PAGE)))

    def read(body: bytes) -> list[FundingRate]:
        return [_funding(symbol, row) for row in _fundings.decode(body)]

    return Endpoint(_get(FUNDINGS_PATH, 0, *query), read)


def _funding(symbol: str, row: _FundingRow) -> FundingRate:
    mark = Decimal(row.mark_price) if row.mark_price else None
    _check_finite(row.funding_rate, mark or row.funding_rate)
    at_ns = row.funding_time * NS_PER_MS
    return FundingRate(symbol, row.funding_rate, at_ns, mark, special=row.rate_type == "Special")


class _TradeRow(Struct):
    a: int
    p: Decimal
    q: Decimal
    T: int
    m: bool


_trade_rows = msgspec.json.Decoder(list[_TradeRow])


def trades_since(symbol: str, wire: str, since_ns: int) -> Endpoint[list[Trade]]:
    """The first 1 000 trades of the millisecond of `since_ns` and after, oldest first.

    assumed: a begin without an end bounds neither the span nor the page but by their own limits (dossier
    §5.5: the last 48 hours).
    """
    since_ms = since_ns // NS_PER_MS
    query = (("symbol", wire), ("startTime", str(since_ms)), ("limit", str(TRADES_A_PAGE)))

    def read(body: bytes) -> list[Trade]:
        return [_trade(symbol, row) for row in _trade_rows.decode(body)]

    return Endpoint(_get("/fapi/v1/aggTrades", 20, *query), read)


def _trade(symbol: str, row: _TradeRow) -> Trade:
    _check_finite(row.p, row.q)
    return Trade(symbol, Side.SELL if row.m else Side.BUY, row.p, row.q, row.a, row.T)


class _Candle(Struct, array_like=True):
    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time: int
    quote_volume: Decimal
    count: int


_candles = msgspec.json.Decoder(list[_Candle])


@dataclass(frozen=True, slots=True)
class BarSpan:
    """The first `count` candles (at most 1 500) that begin at a Unix time or later; `word` is the venue's."""

    interval_s: int
    word: str
    since_ns: int
    count: int


def bars(symbol: str, wire: str, span: BarSpan, asked_ms: int) -> Endpoint[list[Bar]]:
    """The candles of a span, oldest first.

    The venue marks none as ended. Those have that are told together with a later one, and those whose last
    millisecond was over at `asked_ms` by its own clock.
    """
    query = (
        ("symbol", wire),
        ("interval", span.word),
        ("startTime", str(max(0, -(-span.since_ns // NS_PER_MS)))),
        ("limit", str(span.count)),
    )
    weight = next(weight for most, weight in _BAR_WEIGHTS if span.count <= most)

    def read(body: bytes) -> list[Bar]:
        rows = _candles.decode(body)
        running_ms = max((row.open_time for row in rows), default=0)
        return [
            _bar(symbol, span.interval_s, row, row.open_time < running_ms or row.close_time < asked_ms)
            for row in rows
        ]

    return Endpoint(_get("/fapi/v1/klines", weight, *query), read)


def _bar(symbol: str, interval_s: int, row: _Candle, complete: bool) -> Bar:
    _check_finite(row.open, row.high, row.low, row.close, row.volume, row.quote_volume)
    return Bar(
        symbol=symbol,
        interval_s=interval_s,
        begin_ns=row.open_time * NS_PER_MS,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
        vwap=vwap(row.volume, row.quote_volume),
        trades=row.count,
        complete=complete,
    )


def _of_one_or_all(path: str, wire: str | None, cost_of_one: float, cost_of_all: float) -> Request:
    return _get(path, cost_of_all) if wire is None else _get(path, cost_of_one, ("symbol", wire))


R = TypeVar("R", _BestRow, _DayRow, _MarkRow)


def _by_symbol(told: R | list[R], symbols: SymbolTable, read: Callable[[str, R], T]) -> dict[str, T]:
    """Every row that is of a contract of ours; those of the coin-margined market are not."""
    rows = told if isinstance(told, list) else [told]
    return {
        instrument.symbol: read(instrument.symbol, row)
        for row in rows
        if (instrument := symbols.of_wire(row.symbol)) is not None
    }


def _check_finite(*numbers: Decimal) -> None:
    """Raise ValueError for the texts that a Decimal takes but no market means: NaN and Infinity."""
    if wrong := next((number for number in numbers if not number.is_finite()), None):
        raise ValueError(f"{wrong} is no price or quantity")
