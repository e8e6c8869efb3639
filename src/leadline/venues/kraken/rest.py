"""Kraken's public REST endpoints as values: what to send, and how to read the answer exactly.

An answer is read whole or not at all; HTTP 200 says nothing, the `error` list does (dossier §13).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from leadline.clock import NS_PER_S
from leadline.errors import ProtocolError
from leadline.model.market import Bar, FrozenBook, Level, Side, Ticker, Trade, VenueStatus
from leadline.net.http import Request, Response
from leadline.venues.kraken.refusals import status_error, venue_error
from leadline.venues.kraken.symbols import AssetPair, Names
from leadline.venues.kraken.times import seconds_to_text
from leadline.venues.kraken.wire import venue_mode

T = TypeVar("T")

TRADES_A_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What an endpoint answered, and the warnings that came with it."""

    value: T
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[T]):
    """One request and the reading of its `result`."""

    request: Request
    read: Callable[[Raw], T]

    def answer(self, response: Response, wall_ns: int) -> Answer[T]:
        """The typed answer; raises as `read_answer` does."""
        return read_answer(f"{self.request.method} {self.request.path}", self.read, response, wall_ns)


def read_answer(asked: str, read: Callable[[Raw], T], response: Response, wall_ns: int) -> Answer[T]:
    """The typed answer to what was asked.

    Raises a VenueError for a status other than 200 or an `E…` entry, ProtocolError (with the bytes) for what
    is not an answer to this request.
    """
    if response.status != 200:
        raise status_error(response, wall_ns)
    try:
        envelope = _envelopes.decode(response.body)
        if refused := next((text for text in envelope.error if not text.startswith("W")), None):
            raise venue_error(refused, wall_ns)
        return Answer(read(envelope.result), tuple(envelope.error))
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as why:
        raise ProtocolError(f"the answer to {asked} cannot be read: {why}", response.body) from why


class _Envelope(Struct):
    error: list[str]
    result: Raw = Raw(b"")


_envelopes: msgspec.json.Decoder[_Envelope] = msgspec.json.Decoder(_Envelope)


def _get(name: str, *query: tuple[str, str]) -> Request:
    return Request("GET", f"/0/public/{name}", query)


def time() -> Endpoint[int]:
    """Kraken's clock in Unix nanoseconds, to the second."""
    return Endpoint(_get("Time"), lambda result: _decode(result, _Time).unixtime * NS_PER_S)


class _Time(Struct):
    unixtime: int


def system_status() -> Endpoint[VenueStatus]:
    """The venue's mode; one this version does not know is UNKNOWN."""
    return Endpoint(_get("SystemStatus"), _read_status)


class _Status(Struct):
    status: str


def _read_status(result: Raw) -> VenueStatus:
    status = _decode(result, _Status).status
    return VenueStatus(venue_mode(status), status)


class Asset(Struct, frozen=True):
    """One row of Assets: the short name, decimals of the ledger and of the screen, what is allowed."""

    altname: str
    decimals: int
    display_decimals: int
    status: str = ""


def assets() -> Endpoint[dict[str, Asset]]:
    """All assets by REST id."""
    return Endpoint(_get("Assets"), lambda result: _decode(result, dict[str, Asset]))


def asset_pairs() -> Endpoint[Mapping[str, AssetPair | None]]:
    """All pairs by REST key; None for a row that cannot be read, so that it harms no other."""
    return Endpoint(_get("AssetPairs"), _read_asset_pairs)


def _read_asset_pairs(result: Raw) -> Mapping[str, AssetPair | None]:
    return {key: _asset_pair(row) for key, row in _decode(result, dict[str, Raw]).items()}


def _asset_pair(row: Raw) -> AssetPair | None:
    try:
        return _decode(row, AssetPair)
    except msgspec.ValidationError:
        return None


class _TickerRow(Struct):
    """Ask, bid and last as `[price, …, quantity]`; the others as `[today, last 24 hours]` (dossier §14.1)."""

    a: tuple[Decimal, Decimal, Decimal]
    b: tuple[Decimal, Decimal, Decimal]
    c: tuple[Decimal, Decimal]
    v: tuple[Decimal, Decimal]
    p: tuple[Decimal, Decimal]
    l: tuple[Decimal, Decimal]  # noqa: E741
    h: tuple[Decimal, Decimal]


def tickers(pairs: Sequence[Names], everything: bool = False) -> Endpoint[dict[str, Ticker]]:
    """Tickers by symbol in one request; a pair the answer lacks is absent.

    With `everything` the request names no pair, so that one delisted pair cannot spoil it, and the answer is
    cut down to `pairs`. REST gives the opening of the UTC day, not of the last 24 hours: `change` stays None.
    """
    query = () if everything else (("pair", ",".join(names.rest_key for names in pairs)),)

    def read(result: Raw) -> dict[str, Ticker]:
        rows = _decode(result, dict[str, Raw])
        found = {names.symbol: row for names in pairs if (row := rows.get(names.rest_key)) is not None}
        return {symbol: _ticker(symbol, _decode(row, _TickerRow)) for symbol, row in found.items()}

    return Endpoint(_get("Ticker", *query), read)


def _ticker(symbol: str, row: _TickerRow) -> Ticker:
    _check_finite(*row.a, *row.b, *row.c, *row.v, *row.p, *row.l, *row.h)
    return Ticker(
        symbol=symbol,
        bid=row.b[0],
        bid_qty=row.b[2],
        ask=row.a[0],
        ask_qty=row.a[2],
        last=row.c[0],
        volume=row.v[1],
        vwap=row.p[1],
        low=row.l[1],
        high=row.h[1],
    )


class _Candle(Struct, array_like=True):
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    vwap: Decimal
    volume: Decimal
    count: int


def bars(pair: Names, interval_s: int, since_ns: int) -> Endpoint[list[Bar]]:
    """Candles that begin at `since_ns` or later, oldest first; the last row is running (dossier §14.1).

    Kraken's `since` is a second that the candles begin after, and reaches back 720 candles whatever it says.
    """
    after_s = -(-since_ns // NS_PER_S) - 1
    since = (("since", str(after_s)),) if after_s > 0 else ()
    query = (("pair", pair.rest_key), ("interval", str(interval_s // 60)), *since)

    def read(result: Raw) -> list[Bar]:
        rows, last = _of_pair(result, pair)
        candles = _decode(rows, list[_Candle])
        committed_s = _decode(last, int)
        # assumed: a candle at or before `last` is final, but never the running one
        ended = [candle.time <= committed_s and candle is not candles[-1] for candle in candles]
        found = [_bar(pair.symbol, interval_s, *row) for row in zip(candles, ended, strict=True)]
        return [bar for bar in found if bar.begin_ns >= since_ns]

    return Endpoint(_get("OHLC", *query), read)


def _bar(symbol: str, interval_s: int, row: _Candle, complete: bool) -> Bar:
    _check_finite(row.open, row.high, row.low, row.close, row.vwap, row.volume)
    return Bar(
        symbol=symbol,
        interval_s=interval_s,
        begin_ns=row.time * NS_PER_S,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
        vwap=row.vwap,
        trades=row.count,
        complete=complete,
    )


class _DepthRow(Struct, array_like=True):
    price: Decimal
    volume: Decimal


class _Depth(Struct):
    bids: list[_DepthRow]
    asks: list[_DepthRow]


def book(pair: Names, depth: int) -> Endpoint[FrozenBook]:
    """The top `depth` levels a side, best first; its short quantities prove no checksum (dossier §13.5)."""

    def read(result: Raw) -> FrozenBook:
        sides = _decode(_of_pair(result, pair)[0], _Depth)
        return FrozenBook(pair.symbol, _levels(sides.bids), _levels(sides.asks))

    return Endpoint(_get("Depth", ("pair", pair.rest_key), ("count", str(depth))), read)


def _levels(rows: Sequence[_DepthRow]) -> tuple[Level, ...]:
    _check_finite(*(number for row in rows for number in (row.price, row.volume)))
    return tuple(Level(row.price, row.volume) for row in rows)


class _TakerSide(Enum):
    BUY = "b"
    SELL = "s"


class _TradeRow(Struct, array_like=True):
    price: Decimal
    volume: Decimal
    time: Decimal
    side: _TakerSide
    order_type: str
    misc: str
    trade_id: int | None = None


def trades(pair: Names, since_ns: int) -> Endpoint[list[Trade]]:
    """The first 1 000 trades after `since_ns` (exclusive; 0 is the beginning of trading), oldest first."""
    query = (("pair", pair.rest_key), ("since", str(max(0, since_ns))), ("count", str(TRADES_A_PAGE)))

    def read(result: Raw) -> list[Trade]:
        rows = _decode(_of_pair(result, pair)[0], list[_TradeRow])
        return [_trade(pair.symbol, row) for row in rows]

    return Endpoint(_get("Trades", *query), read)


def _trade(symbol: str, row: _TradeRow) -> Trade:
    _check_finite(row.price, row.volume)
    return Trade(symbol, Side[row.side.name], row.price, row.volume, row.trade_id, seconds_to_text(row.time))


def _check_finite(*numbers: Decimal) -> None:
    """Raise ValueError for the texts that a Decimal takes but no market means: NaN and Infinity."""
    if wrong := next((number for number in numbers if not number.is_finite()), None):
        raise ValueError(f"{wrong} is no price or quantity")


def _decode(raw: Raw, kind: type[T]) -> T:
    return msgspec.json.decode(raw, type=kind)


def _of_pair(result: Raw, pair: Names) -> tuple[Raw, Raw]:
    """What was answered about the pair, and `last`; the key is any of the pair's names (dossier §14.1)."""
    answers = _decode(result, dict[str, Raw])
    last = answers.pop("last", Raw(b"0"))
    for name in (pair.rest_key, pair.altname, pair.wsname, pair.symbol):
        if name in answers:
            return answers[name], last
    raise ValueError(f"it is about {', '.join(answers) or 'no pair'}, not {pair.rest_key}")
