"""Binance's public REST: what each endpoint costs and answers (dossier §3.4, §5).

A request costs its weight even where it is refused; the two funding endpoints have a pool of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from leadline.emulator.binance import rest_rows
from leadline.emulator.binance.errors import Refused, refused
from leadline.emulator.binance.frames import millis
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.stream_names import INTERVALS_MIN
from leadline.emulator.binance.topics import Sources
from leadline.emulator.binance.weights import LIMIT
from leadline.emulator.market import Listing
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.sights import Sights

Row = TypeVar("Row")
DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1_000: 20}
USUAL_LEVELS = 500
AGG_WINDOW_MS = 2 * 86_400_000
FUNDING_PATHS = ("/fapi/v1/fundingRate", "/fapi/v1/fundingInfo")
UNTOLD_WEIGHT = ("/fapi/v1/ticker/bookTicker", "/fapi/v2/ticker/price")
"""Where the header is documented as wrong (§3.2)."""
ASSETS = (("USDT", "-10000"), ("BTC", "-0.10000000"), ("USDC", "-10000"))
_FIXED = {
    "/fapi/v1/ping": 1,
    "/fapi/v1/time": 1,
    "/fapi/v1/exchangeInfo": 1,
    "/fapi/v1/openInterest": 1,
    "/fapi/v1/trades": 5,
    "/fapi/v1/historicalTrades": 200,
    "/fapi/v1/aggTrades": 20,
}
_BY_SYMBOL = {
    "/fapi/v1/premiumIndex": (1, 10),
    "/fapi/v1/ticker/24hr": (1, 40),
    "/fapi/v1/ticker/price": (1, 2),
    "/fapi/v2/ticker/price": (1, 2),
    "/fapi/v1/ticker/bookTicker": (2, 5),
}
_KLINES = ("/fapi/v1/klines", "/fapi/v1/continuousKlines")


class MarketRest:
    """The endpoints without a signature."""

    def __init__(self, sources: Sources, sights: Sights, start_ns: int) -> None:
        self._sources = sources
        self._sights = sights
        self._booted_ms = millis(start_ns)
        self._endpoints: dict[str, Callable[[Params, int], Any]] = {
            "/fapi/v1/ping": lambda params, now_ns: {},
            "/fapi/v1/time": lambda params, now_ns: {"serverTime": millis(now_ns)},
            "/fapi/v1/exchangeInfo": self._exchange_info,
            "/fapi/v1/depth": self._depth,
            "/fapi/v1/trades": self._trades,
            "/fapi/v1/historicalTrades": self._trades,
            "/fapi/v1/aggTrades": self._agg_trades,
            "/fapi/v1/klines": self._klines,
            "/fapi/v1/continuousKlines": self._klines,
            "/fapi/v1/premiumIndex": self._premium,
            "/fapi/v1/fundingRate": self._funding_rate,
            "/fapi/v1/fundingInfo": lambda params, now_ns: [],
            "/fapi/v1/ticker/24hr": self._days,
            "/fapi/v1/ticker/price": self._prices,
            "/fapi/v2/ticker/price": self._prices,
            "/fapi/v1/ticker/bookTicker": self._bests,
            "/fapi/v1/openInterest": self._open_interest,
        }

    def knows(self, path: str) -> bool:
        """Whether the path is one of these endpoints."""
        return path in self._endpoints

    def weight(self, path: str, query: Mapping[str, str]) -> int:
        """What a request costs; band edges as measured (§3.4, §17 25)."""
        if path in _FIXED:
            return _FIXED[path]
        if path in _BY_SYMBOL:
            return _BY_SYMBOL[path]["symbol" not in query]
        limit = query.get("limit", "")
        if path == "/fapi/v1/depth":
            return DEPTH_WEIGHTS.get(int(limit), 1) if limit.isdecimal() else 1
        if path not in _KLINES:
            return 0
        rows = int(limit) if limit.isdecimal() else 500
        return 1 if rows <= 100 else 2 if rows <= 500 and limit else 5 if rows <= 1_000 else 10

    def answer(self, path: str, query: Mapping[str, str], now_ns: int) -> Any:
        """The JSON value of the answer; raises `errors.Refused`."""
        params = Params(query)
        params.check(())
        return self._endpoints[path](params, now_ns)

    def _exchange_info(self, params: Params, now_ns: int) -> Any:
        return {
            "timezone": "UTC",
            "serverTime": self._booted_ms,
            "futuresType": "U_MARGINED",
            "rateLimits": [
                _limit("REQUEST_WEIGHT", "MINUTE", 1, LIMIT),
                _limit("ORDERS", "MINUTE", 1, 1_200),
                _limit("ORDERS", "SECOND", 10, 300),
            ],
            "exchangeFilters": [],
            "assets": [
                {"asset": name, "marginAvailable": True, "autoAssetExchange": threshold}
                for name, threshold in ASSETS
            ],
            "symbols": list(self._sources.listed.rows().values()),
        }

    def _depth(self, params: Params, now_ns: int) -> Any:
        listing = self._listing(params)
        limit = params.integer("limit", USUAL_LEVELS)
        if limit not in DEPTH_WEIGHTS:
            raise Refused(-4021, f"{limit} is not valid depth limit")
        symbol = listing.pair.symbol
        seen_ns = self._sights.seen_ns("rest", "book", symbol, now_ns)
        book = self._sights.listing("rest", "book", listing, now_ns).book
        last_id = self._sources.ids.at(symbol, seen_ns)
        factor = self._sights.factor("rest", "book", symbol)
        shown = self._sources.shown(symbol)
        return rest_rows.depth(shown, book, int(limit), last_id, (seen_ns, now_ns), factor)

    def _trades(self, params: Params, now_ns: int) -> Any:
        listing = self._listing(params)
        limit = _limit_of(params, 500, 1_000)
        shown = self._sources.shown(listing.pair.symbol)
        kept = list(listing.tape.trades)
        from_id = params.integer("fromId")
        if from_id is not None:
            kept = [one for one in kept if one.trade_id >= from_id][:limit]
        return [rest_rows.trade(shown, one) for one in kept[-limit:]]

    def _agg_trades(self, params: Params, now_ns: int) -> Any:
        symbol = self._listing(params).pair.symbol
        limit = _limit_of(params, 500, 1_000)
        start_ms, end_ms = _span(params)
        if start_ms is not None and start_ms < millis(now_ns) - AGG_WINDOW_MS:
            raise Refused(-4166, "Search window is restricted to recent 2 days only.")
        from_id = params.integer("fromId")
        found = [
            one
            for one in self._sources.aggs.of[symbol].kept
            if (from_id is None or one.agg_id >= from_id)
            and (start_ms is None or millis(one.time_ns) >= start_ms)
            and (end_ms is None or millis(one.time_ns) <= end_ms)
        ]
        from_front = from_id is not None or start_ms is not None
        shown = self._sources.shown(symbol)
        return [rest_rows.agg_trade(shown, one) for one in _cut(found, limit, from_front)]

    def _klines(self, params: Params, now_ns: int) -> Any:
        symbol = self._listing(params, "symbol" if "symbol" in params else "pair").pair.symbol
        minutes = INTERVALS_MIN.get(params.needed("interval"))
        if minutes is None:
            raise Refused(-1120, "Invalid interval.")
        limit = _limit_of(params, 500, 1_500)
        start_ms, end_ms = _span(params)
        found = [
            bar
            for bar in self._sources.klines.of[symbol].bars(minutes, now_ns // NS_PER_S)
            if (start_ms is None or bar.begin_s * 1_000 >= start_ms)
            and (end_ms is None or bar.begin_s * 1_000 <= end_ms)
        ]
        shown = self._sources.shown(symbol)
        return [rest_rows.kline(shown, bar, minutes) for bar in _cut(found, limit, start_ms is not None)]

    def _premium(self, params: Params, now_ns: int) -> Any:
        marks = self._sources.marks
        return self._each(
            params,
            list(marks.states),
            lambda symbol: rest_rows.premium(marks.states[symbol], marks.funding_ms(symbol, now_ns), now_ns),
        )

    def _funding_rate(self, params: Params, now_ns: int) -> Any:
        states = self._sources.marks.states
        limit = _limit_of(params, 100, 1_000)
        start_ms, end_ms = _span(params)
        symbols = [self._listing(params).pair.symbol] if "symbol" in params else list(states)
        found = sorted(
            (
                one
                for symbol in symbols
                for one in states[symbol].history
                if (start_ms is None or millis(one.time_ns) >= start_ms)
                and (end_ms is None or millis(one.time_ns) <= end_ms)
            ),
            key=lambda one: one.time_ns,
        )
        return [rest_rows.funding(one) for one in _cut(found, limit, start_ms is not None)]

    def _days(self, params: Params, now_ns: int) -> Any:
        klines = self._sources.klines.of
        with_trades = [one for one in self._sources.listed.trading() if klines[one].day(now_ns) is not None]

        def row(symbol: str) -> Any:
            bar = klines[symbol].day(now_ns)
            if bar is None:
                raise refused(-1121)
            last = self._sources.listing(symbol).tape.last
            begin_s = klines[symbol].day_begin_s(now_ns)
            return rest_rows.day(self._sources.shown(symbol), bar, last, begin_s, now_ns)

        return self._each(params, with_trades, row)

    def _prices(self, params: Params, now_ns: int) -> Any:
        def row(symbol: str) -> Any:
            ticks = self._sources.listing(symbol).tape.last_price
            return rest_rows.price(self._sources.shown(symbol), ticks, now_ns)

        return self._each(params, self._sources.listed.trading(), row)

    def _bests(self, params: Params, now_ns: int) -> Any:
        def row(symbol: str) -> Any:
            listing = self._sights.listing("rest", "ticker", self._sources.listing(symbol), now_ns)
            factor = self._sights.factor("rest", "ticker", symbol)
            last_id = self._sources.ids.last(symbol)
            return rest_rows.best(self._sources.shown(symbol), listing.best, last_id, now_ns, factor)

        return self._each(params, self._sources.listed.trading(), row)

    def _open_interest(self, params: Params, now_ns: int) -> Any:
        symbol = self._listing(params).pair.symbol
        shown = self._sources.shown(symbol)
        # assumed: nobody counts positions of the crowd; a day's volume stands for them
        day = self._sources.klines.of[symbol].day(now_ns)
        held = shown.qty(day.volume if day is not None else 0)
        return {"openInterest": held, "symbol": symbol, "time": millis(now_ns)}

    def _each(self, params: Params, symbols: Sequence[str], row: Callable[[str], Any]) -> Any:
        """One row for the symbol asked for, or all rows."""
        if "symbol" in params:
            return row(self._listing(params).pair.symbol)
        return [row(symbol) for symbol in symbols]

    def _listing(self, params: Params, name: str = "symbol") -> Listing:
        """The listing asked for; lower case is taken too (§2.1)."""
        listing = self._sources.market.listings.get(params.needed(name).upper())
        if listing is None:
            raise refused(-1121)
        return listing


def _limit(kind: str, interval: str, number: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def _limit_of(params: Params, usual: int, most: int) -> int:
    limit = params.integer("limit", usual)
    if not limit or limit > most:
        raise refused(-1130, "limit")
    return limit


def _span(params: Params) -> tuple[int | None, int | None]:
    start_ms, end_ms = params.integer("startTime"), params.integer("endTime")
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        raise refused(-1023)
    return start_ms, end_ms


def _cut(found: Sequence[Row], limit: int, from_front: bool) -> Sequence[Row]:
    """The oldest rows where a beginning was named, else the newest."""
    return found[:limit] if from_front else found[-limit:]
