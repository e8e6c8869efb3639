"""Kraken's public REST: method, path, query and time in; status and body out (dossier §13–§14.1).

Errors come with HTTP 200; results stand under the canonical pair id; decimals are REST's own (§13.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from leadline.emulator.instruments import Pair, asset, assets_of
from leadline.emulator.kraken.requests import INTERVALS
from leadline.emulator.limits import TokenBucket
from leadline.emulator.market import Listing, Market
from leadline.emulator.matching import BID, BookSide
from leadline.emulator.numbers import NS_PER_S, fixed, multiplied, ratio, rescaled, stamp_second
from leadline.emulator.sights import Sights
from leadline.emulator.tape import MINUTE_S, Bar
from leadline.emulator.wire import Answer

# assumed: "about 1 request a second" and this much at once
PUBLIC_PER_S = 1.0
PUBLIC_BURST = 15
ROWS_OF_OHLC = 720
REST_VOLUME_DECIMALS = 3
FEES = ((0, 0.4), (10_000, 0.35), (50_000, 0.24), (100_000, 0.22), (250_000, 0.2), (500_000, 0.18))
FEES_MAKER = ((0, 0.25), (10_000, 0.2), (50_000, 0.14), (100_000, 0.12), (250_000, 0.1), (500_000, 0.08))


class RestError(Exception):
    """An error text for the `error` array."""


Query = Mapping[str, str]


class Rest:
    """The endpoints of /0/public."""

    def __init__(self, market: Market, sights: Sights, now_ns: int) -> None:
        self._market = market
        self._sights = sights
        self._bucket = TokenBucket(PUBLIC_PER_S, PUBLIC_BURST, now_ns)
        self._endpoints: dict[str, Callable[[Query, int], Any]] = {
            "Time": self._time,
            "SystemStatus": self._system_status,
            "Assets": self._assets,
            "AssetPairs": self._asset_pairs,
            "Ticker": self._ticker,
            "OHLC": self._ohlc,
            "Depth": self._depth,
            "Trades": self._trades,
            "Spread": self._spread,
        }

    def answer(
        self, method: str, path: str, query: Query, now_ns: int, bucket: TokenBucket | None = None
    ) -> Answer:
        """What the venue answers; `bucket` replaces the usual limit."""
        try:
            result = self._result(method, path, query, now_ns, bucket or self._bucket)
        except RestError as error:
            return json_answer({"error": [str(error)]})
        return json_answer({"error": [], "result": result})

    def _result(self, method: str, path: str, query: Query, now_ns: int, bucket: TokenBucket) -> Any:
        endpoint = self._endpoints.get(path.removeprefix("/0/public/"))
        if endpoint is None or not path.startswith("/0/public/") or method not in ("GET", "POST"):
            raise RestError("EGeneral:Unknown method")
        if not bucket.take(now_ns):
            raise RestError("EGeneral:Too many requests")
        return endpoint(query, now_ns)

    def _time(self, query: Query, now_ns: int) -> Any:
        moment = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
        return {"unixtime": now_ns // NS_PER_S, "rfc1123": moment.strftime("%a, %d %b %y %H:%M:%S +0000")}

    def _system_status(self, query: Query, now_ns: int) -> Any:
        return {"status": self._market.system, "timestamp": stamp_second(now_ns)}

    def _assets(self, query: Query, now_ns: int) -> Any:
        known = {one.rest_id: one for one in assets_of(self._pairs())}
        names = {name: one for one in known.values() for name in (one.rest_id, one.altname, one.name)}
        wanted = list(known.values())
        if query.get("asset"):
            try:
                wanted = [names[name] for name in query["asset"].split(",")]
            except KeyError as error:
                raise RestError("EQuery:Unknown asset") from error
        return {
            one.rest_id: {
                "aclass": "currency",
                "altname": one.altname,
                "decimals": one.precision,
                "display_decimals": one.precision_display,
                "collateral_value": 1,
                "status": "enabled",
            }
            for one in wanted
        }

    def _asset_pairs(self, query: Query, now_ns: int) -> Any:
        if not query.get("pair"):
            return {one.pair.rest_id: _pair_row(one) for one in self._market.listings.values()}
        # assumed, from the working code of python-kraken-sdk: asked by the slash name, answered under it
        return {
            name if "/" in name else listing.pair.rest_id: _pair_row(listing)
            for name, listing in ((name, self._listing(name)) for name in query["pair"].split(","))
        }

    def _ticker(self, query: Query, now_ns: int) -> Any:
        if query.get("pair"):
            wanted = [self._listing(name) for name in query["pair"].split(",")]
        else:
            wanted = list(self._market.listings.values())
        rows = {}
        for one in wanted:
            row = _ticker_row(self._sights.listing("rest", "ticker", one, now_ns), now_ns)
            factor = self._sights.factor("rest", "ticker", one.pair.symbol)
            rows[one.pair.rest_id] = row if factor is None else _skewed(row, factor)
        return rows

    def _ohlc(self, query: Query, now_ns: int) -> Any:
        listing = self._listing_in(query)
        interval = _integer(query, "interval", 1)
        if interval not in INTERVALS:
            raise RestError("EGeneral:Invalid arguments")
        since_s = _integer(query, "since", 0)
        rows = [
            _candle(listing.pair, bar)
            for bar in _filled(listing, interval, now_ns)[-ROWS_OF_OHLC:]
            if bar.begin_s > since_s
        ]
        running_s = now_ns // NS_PER_S // (interval * MINUTE_S) * interval * MINUTE_S
        return {listing.pair.rest_id: rows, "last": running_s - interval * MINUTE_S}

    def _depth(self, query: Query, now_ns: int) -> Any:
        listing = self._listing_in(query)
        count = _integer(query, "count", 100)
        if not 1 <= count <= 500:
            raise RestError("EGeneral:Invalid arguments")
        book = self._sights.listing("rest", "book", listing, now_ns).book
        factor = self._sights.factor("rest", "book", listing.pair.symbol)
        sides = {"asks": book.asks, "bids": book.bids}
        return {
            listing.pair.rest_id: {
                name: _levels(listing.pair, side, count, factor) for name, side in sides.items()
            }
        }

    def _trades(self, query: Query, now_ns: int) -> Any:
        listing = self._listing_in(query)
        pair = listing.pair
        count = _integer(query, "count", 1000)
        if not 1 <= count <= 1000:
            raise RestError("EGeneral:Invalid arguments")
        kept = list(listing.tape.trades)
        if "since" in query:
            since = _integer(query, "since", 0)
            since_ns = since if since >= 10**12 else since * NS_PER_S
            found = [one for one in kept if one.time_ns > since_ns][:count]
        else:
            since_ns, found = 0, kept[-count:]
        rows = [
            [
                _price(pair, one.price),
                fixed(one.qty, pair.qty_precision),
                _token(fixed(one.time_ns // 100, 7).rstrip("0").rstrip(".")),
                "b" if one.taker_side == BID else "s",
                "m" if one.market else "l",
                "",
                one.trade_id,
            ]
            for one in found
        ]
        return {pair.rest_id: rows, "last": str(found[-1].time_ns if found else since_ns)}

    def _spread(self, query: Query, now_ns: int) -> Any:
        listing = self._listing_in(query)
        since_s = _integer(query, "since", 0)
        rows = [
            [time_s, _price(listing.pair, bid), _price(listing.pair, ask)]
            for time_s, bid, ask in listing.spreads
            if time_s >= since_s
        ]
        return {listing.pair.rest_id: rows, "last": now_ns // NS_PER_S}

    def _pairs(self) -> list[Pair]:
        return [listing.pair for listing in self._market.listings.values()]

    def _listing_in(self, query: Query) -> Listing:
        if not query.get("pair"):
            raise RestError("EGeneral:Invalid arguments")
        return self._listing(query["pair"])

    def _listing(self, name: str) -> Listing:
        return listing_of(self._market, name)


def listing_of(market: Market, name: str) -> Listing:
    """The listing of that name: id, altname, or either slash form; raises `RestError`."""
    for symbol, listing in market.listings.items():
        pair = listing.pair
        if name in (symbol, pair.rest_id, pair.altname, pair.wsname):
            return listing
    raise RestError("EQuery:Unknown asset pair")


def json_answer(payload: dict[str, Any]) -> Answer:
    """A body of the venue's with status 200."""
    return Answer(200, msgspec.json.encode(payload))


def _token(text: str) -> msgspec.Raw:
    """A number written digit by digit, past what a double holds."""
    return msgspec.Raw(text.encode("ascii"))


def _integer(query: Query, name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise RestError("EGeneral:Invalid arguments")
    return int(text)


def _price(pair: Pair, ticks: int) -> str:
    decimals = pair.rest_price_decimals
    return fixed(rescaled(ticks, pair.price_precision, decimals), decimals)


def _volume(pair: Pair, lots: int) -> str:
    return fixed(rescaled(lots, pair.qty_precision, REST_VOLUME_DECIMALS), REST_VOLUME_DECIMALS)


def _levels(pair: Pair, side: BookSide, count: int, factor: Decimal | None) -> list[list[Any]]:
    rows = []
    for price, qty in side.top(count):
        changed_s = side.levels[price * side.sign].changed_ns // NS_PER_S
        rows.append([multiplied(_price(pair, price), factor), _volume(pair, qty), changed_s])
    return rows


def _vwap(pair: Pair, bar: Bar | None) -> str:
    """REST prints the mean with its own decimals, finer than the tick."""
    decimals = pair.rest_price_decimals
    if bar is None or not bar.volume:
        return fixed(0, decimals)
    return fixed(ratio(bar.cost * 10 ** (decimals - pair.price_precision), bar.volume), decimals)


def _best_row(pair: Pair, best: tuple[int, int] | None) -> list[str]:
    price, lots = best or (0, 0)
    whole = max(1, lots // 10**pair.qty_precision)
    return [_price(pair, price), str(whole), f"{whole}.000"]


def _skewed(row: dict[str, Any], factor: Decimal) -> dict[str, Any]:
    """A ticker's row with every price in it multiplied."""
    best = {name: [multiplied(row[name][0], factor), *row[name][1:]] for name in ("a", "b", "c")}
    spans = {name: [multiplied(one, factor) for one in row[name]] for name in ("p", "l", "h")}
    return row | best | spans | {"o": multiplied(row["o"], factor)}


def _ticker_row(listing: Listing, now_ns: int) -> dict[str, Any]:
    pair, tape = listing.pair, listing.tape
    day = tape.day(now_ns)
    today = tape.since(now_ns // NS_PER_S // 86_400 * 86_400)
    last = tape.last_price
    spans = (today, day)
    return {
        "a": _best_row(pair, listing.best[1]),
        "b": _best_row(pair, listing.best[0]),
        "c": [_price(pair, last), fixed(tape.last.qty if tape.last else 0, pair.qty_precision)],
        "v": [fixed(one.volume if one else 0, pair.qty_precision) for one in spans],
        "p": [_vwap(pair, one) for one in spans],
        "t": [one.count if one else 0 for one in spans],
        "l": [_price(pair, one.low if one else last) for one in spans],
        "h": [_price(pair, one.high if one else last) for one in spans],
        "o": _price(pair, today.open if today else last),
    }


def _filled(listing: Listing, interval: int, now_ns: int) -> list[Bar]:
    """Bars up to the running one; an interval without trades repeats the close before it."""
    span_s = interval * MINUTE_S
    running_s = now_ns // NS_PER_S // span_s * span_s
    known = {bar.begin_s: bar for bar in listing.tape.bars(interval)}
    begin_s = max(min(known, default=running_s), running_s - (ROWS_OF_OHLC - 1) * span_s)
    close = known[min(known)].open if known else listing.tape.last_price
    rows = []
    while begin_s <= running_s:
        bar = known.get(begin_s) or Bar(begin_s, close, close, close, close, 0, 0, 0)
        close = bar.close
        rows.append(bar)
        begin_s += span_s
    return rows


def _candle(pair: Pair, bar: Bar) -> list[Any]:
    prices = [fixed(price, pair.price_precision) for price in (bar.open, bar.high, bar.low, bar.close)]
    vwap = fixed(bar.vwap, pair.price_precision) if bar.count else "0.0"
    return [bar.begin_s, *prices, vwap, fixed(bar.volume, pair.qty_precision), bar.count]


def _pair_row(listing: Listing) -> dict[str, Any]:
    pair = listing.pair
    leverage = [2, 3, 4, 5] if pair.marginable else []
    row = {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": asset(pair.base).rest_id,
        "aclass_quote": "currency",
        "quote": asset(pair.quote).rest_id,
        "lot": "unit",
        "cost_decimals": pair.cost_precision,
        "pair_decimals": pair.price_precision,
        "lot_decimals": pair.qty_precision,
        "lot_multiplier": 1,
        "leverage_buy": leverage,
        "leverage_sell": leverage,
        "fees": FEES,
        "fees_maker": FEES_MAKER,
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": _trimmed(pair.qty_min, pair.qty_precision),
        "costmin": fixed(pair.cost_min, pair.cost_precision).rstrip("0"),
        "tick_size": fixed(1, pair.price_precision),
        "status": listing.status,
    }
    return row | {"long_position_limit": 300, "short_position_limit": 240} if pair.marginable else row


def _trimmed(scaled: int, decimals: int) -> str:
    text = fixed(scaled, decimals)
    return text.rstrip("0").rstrip(".") if decimals else text
