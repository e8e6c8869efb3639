"""Kraken behind the port of market data."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.limits import DecayingCounter
from leadline.core.session import News
from leadline.errors import CheckFailed, RateLimited, Rejected, UnknownSymbol
from leadline.model.market import InstrumentsChanged, VenueMode
from leadline.net.departures import Priority
from leadline.net.http import Http, MemoryHttp, Purpose, Request, Response
from leadline.venues.kraken.venue import LIMITS, MOST_NAMED_PAIRS, PUBLIC, Endpoints, Kraken
from leadline.venues.ports import MarketData

PAIR = {"altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD"} | {
    "pair_decimals": 1,
    "lot_decimals": 8,
}
PAIRS = {
    "XXBTZUSD": PAIR,
    "XETHZUSD": PAIR | {"altname": "ETHUSD", "wsname": "ETH/USD", "base": "XETH"},
}
ROW = {name: ["1.0", "1", "1.0"] for name in "ab"} | {name: ["1.0", "2.0"] for name in "cvplh"}
DEPTH = {"bids": [["1.0", "2.000", 1]], "asks": [["1.1", "2.000", 1]]}


class Desk:
    """Kraken's REST with prepared results by endpoint; what has none fails as an unknown method."""

    def __init__(self, **results: object) -> None:
        self.results: dict[str, object] = {"AssetPairs": PAIRS} | results
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        name = request.path.removeprefix("/0/public/")
        result = self.results.get(name)
        if isinstance(result, Response):
            return result
        body: dict[str, object] = {"error": ["EGeneral:Unknown method"]}
        if result is not None:
            body = {"error": [], "result": result}
        return Response(200, (), json.dumps(body).encode())

    def paths(self) -> list[str]:
        return [request.path.removeprefix("/0/public/") for request in self.asked]


class LeapingClock(ManualClock):
    """Passes the time that anyone waits for."""

    async def sleep(self, delay_s: float) -> None:
        self.advance(delay_s)


def http_of(desk: Desk, clock: ManualClock) -> MemoryHttp:
    return MemoryHttp(desk.answer, clock, DecayingCounter(1000, 1000))


async def loaded(desk: Desk) -> Kraken:
    clock = LeapingClock()
    kraken = Kraken(http_of(desk, clock), clock)
    await kraken.load()
    return kraken


def test_kraken_is_a_source_of_market_data() -> None:
    market: MarketData = Kraken(http_of(Desk(), ManualClock()), ManualClock())
    assert market.name == "kraken"


def test_the_addresses_are_krakens_own_and_encrypted() -> None:
    own = Endpoints()
    assert all(url.startswith("wss://") for url in (own.ws_public, own.ws_private, own.ws_level3))
    assert own.rest == "https://api.kraken.com"


async def test_reference_data_is_asked_for_once_an_hour() -> None:
    desk, clock = Desk(), LeapingClock()
    kraken = Kraken(http_of(desk, clock), clock)
    await kraken.load()
    clock.advance(3599)
    await kraken.load()
    assert desk.paths() == ["AssetPairs"]
    clock.advance(1)
    await kraken.load()
    assert desk.paths() == ["AssetPairs", "AssetPairs"]
    assert [instrument.symbol for instrument in kraken.reference.instruments()] == ["BTC/USD", "ETH/USD"]


async def test_reference_data_that_failed_to_come_is_asked_for_again() -> None:
    desk, clock = Desk(AssetPairs=Response(429, (("Retry-After", "3"),), b"")), LeapingClock()
    kraken = Kraken(http_of(desk, clock), clock)
    with pytest.raises(RateLimited):
        await kraken.load()
    desk.results["AssetPairs"] = PAIRS
    await kraken.load()
    assert kraken.reference.instrument("XXBTZUSD").symbol == "BTC/USD"


async def test_all_tickers_come_in_one_request() -> None:
    desk = Desk(Ticker={"XXBTZUSD": ROW, "XETHZUSD": ROW})
    kraken = await loaded(desk)
    tickers = await kraken.fetch_tickers(["BTC/USD", "xbt-usd", "ETH/USD"], Purpose.FALLBACK)
    assert sorted(tickers) == ["BTC/USD", "ETH/USD"]
    assert desk.paths() == ["AssetPairs", "Ticker"]


async def test_no_tickers_cost_no_request() -> None:
    desk = Desk()
    kraken = await loaded(desk)
    assert await kraken.fetch_tickers([], Purpose.FALLBACK) == {}
    assert desk.paths() == ["AssetPairs"]


async def test_one_delisted_pair_does_not_cost_the_others_their_tickers() -> None:
    desk, clock = Desk(), LeapingClock()

    def answer(request: Request) -> Response:
        if request.path.endswith("/Ticker") and request.query:
            return Response(200, (), b'{"error":["EQuery:Unknown asset pair"]}')
        return desk.answer(request)

    desk.results["Ticker"] = {"XXBTZUSD": ROW}
    kraken = Kraken(MemoryHttp(answer, clock, DecayingCounter(1000, 1000)), clock)
    await kraken.load()
    assert list(await kraken.fetch_tickers(["BTC/USD", "ETH/USD"], Purpose.FALLBACK)) == ["BTC/USD"]
    with pytest.raises(Rejected):
        await kraken.fetch_tickers(["ETH/USD"], Purpose.FALLBACK)


async def test_very_many_tickers_are_asked_for_without_naming_them() -> None:
    symbols = [f"A{number}/USD" for number in range(MOST_NAMED_PAIRS + 1)]
    pairs = {
        symbol.replace("/", ""): PAIR | {"altname": symbol.replace("/", ""), "wsname": symbol}
        for symbol in symbols
    }
    desk = Desk(AssetPairs=pairs, Ticker={"A7USD": ROW})
    kraken = await loaded(desk)
    assert list(await kraken.fetch_tickers(symbols, Purpose.FALLBACK)) == ["A7/USD"]
    assert desk.asked[-1].query == ()


async def test_a_book_is_never_asked_for_deeper_than_rest_gives() -> None:
    desk = Desk(Depth={"XXBTZUSD": DEPTH})
    kraken = await loaded(desk)
    book = await kraken.fetch_book("BTC/USD", 1000, Purpose.SNAPSHOT)
    assert book.bids[0].qty == Decimal("2.000")
    assert dict(desk.asked[-1].query)["count"] == "500"
    with pytest.raises(CheckFailed):
        await kraken.fetch_book("BTC/USD", 0, Purpose.SNAPSHOT)


async def test_an_interval_kraken_lacks_is_refused_with_the_valid_ones() -> None:
    kraken = await loaded(Desk())
    with pytest.raises(CheckFailed, match="1, 5, 15, 30, 60, 240, 1440, 10080, 21600 minutes"):
        await kraken.fetch_bars("BTC/USD", 120, 0, Purpose.HISTORY)


async def test_bars_trades_status_clock_and_assets_are_fetched() -> None:
    candle = [600, "1.0", "2.0", "0.5", "1.5", "1.2", "3.0", 7]
    desk = Desk(
        OHLC={"XXBTZUSD": [candle], "last": 540},
        Trades={"XXBTZUSD": [["1.0", "2.0", 1.5, "b", "l", "", 9]], "last": "1500000000"},
        SystemStatus={"status": "post_only", "timestamp": "2025-11-11T00:17:10Z"},
        Time={"unixtime": 1688669448},
        Assets={"XXBT": {"altname": "XBT", "decimals": 10, "display_decimals": 5}},
    )
    kraken = await loaded(desk)
    (bar,) = await kraken.fetch_bars("BTC/USD", 60, 0, Purpose.HISTORY)
    (trade,) = await kraken.fetch_trades("BTC/USD", 0, Purpose.BACKFILL)
    assert (bar.trades, bar.complete, trade.trade_id) == (7, False, 9)
    assert (await kraken.fetch_status(Purpose.STATUS)).mode is VenueMode.POST_ONLY
    assert await kraken.fetch_time_ns(Purpose.DIAGNOSIS) == 1688669448 * NS_PER_S
    assert (await kraken.fetch_assets(Purpose.REFERENCE))["XXBT"].decimals == 10


async def test_an_unknown_symbol_costs_no_request() -> None:
    desk = Desk()
    kraken = await loaded(desk)
    with pytest.raises(UnknownSymbol, match="BTC/USD"):
        await kraken.fetch_book("BTC/USX", 10, Purpose.SNAPSHOT)
    assert desk.paths() == ["AssetPairs"]


async def test_warnings_of_the_venue_are_kept() -> None:
    body = b'{"error":["WGeneral:Slow"],"result":{"unixtime":1}}'
    kraken = await loaded(Desk(Time=Response(200, (), body)))
    await kraken.fetch_time_ns(Purpose.DIAGNOSIS)
    assert list(kraken.warnings) == ["WGeneral:Slow"]


class Noting(Http):
    """Notes what each request was for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.sent: list[tuple[Purpose, Priority]] = []

    async def send(
        self, request: Request, purpose: Purpose, priority: Priority = Priority.NORMAL
    ) -> Response:
        self.sent.append((purpose, priority))
        return self._desk.answer(request)

    def exceeded(self) -> None:
        raise AssertionError("nothing here exceeds anything")


async def test_a_rate_limit_told_with_status_200_spends_the_budget() -> None:
    body = b'{"error":["EGeneral:Too many requests"]}'
    clock, counter = ManualClock(), DecayingCounter(limit=8.0, decay_per_s=0.8)
    kraken = Kraken(MemoryHttp(lambda request: Response(200, (), body), clock, counter), clock)
    with pytest.raises(RateLimited):
        await kraken.fetch_time_ns(Purpose.DIAGNOSIS)
    assert counter.delay_s(1.0, clock.mono_ns()) > 0


async def test_a_lost_stream_goes_first_and_the_past_can_wait() -> None:
    http = Noting(Desk(Time={"unixtime": 1}))
    kraken = Kraken(http, ManualClock())
    for purpose in Purpose:
        await kraken.fetch_time_ns(purpose)
    priorities = dict(http.sent)
    assert priorities[Purpose.FALLBACK] is Priority.FALLBACK
    assert priorities[Purpose.BACKFILL] is priorities[Purpose.HISTORY] is Priority.BACKGROUND
    assert {priorities[purpose] for purpose in (Purpose.REFERENCE, Purpose.VALIDATION)} == {Priority.NORMAL}


async def test_what_a_session_says_of_instruments_reaches_the_reference_before_the_reader() -> None:
    kraken = await loaded(Desk())
    seen: list[int] = []

    def emit(news: News, now_ns: int) -> None:
        if isinstance(news, InstrumentsChanged):
            seen.append(kraken.reference.instrument("XXBTZUSD").price_precision)

    session = kraken.session(emit, PUBLIC)
    session.opened(0)
    pair = {"symbol": "BTC/USD", "base": "BTC", "quote": "USD", "status": "online", "price_precision": 2}
    steps = {"price_increment": 0.01, "qty_precision": 8, "qty_increment": 1e-08, "qty_min": 0.0001}
    data = {"assets": [], "pairs": [pair | steps]}
    session.received(json.dumps({"channel": "instrument", "type": "update", "data": data}).encode(), 1)
    assert seen == [2]


async def test_a_pair_listed_since_the_last_load_is_unknown_to_rest_and_harms_no_ticker() -> None:
    kraken = await loaded(Desk(Ticker={"XXBTZUSD": ROW}))
    session = kraken.session(lambda news, now_ns: None, PUBLIC)
    session.opened(0)
    pair = {"symbol": "NEW/USD", "base": "NEW", "quote": "USD", "status": "online", "price_precision": 2}
    steps = {"price_increment": 0.01, "qty_precision": 8, "qty_increment": 1e-08, "qty_min": 0.0001}
    data = {"assets": [], "pairs": [pair | steps]}
    session.received(json.dumps({"channel": "instrument", "type": "update", "data": data}).encode(), 1)
    assert kraken.reference.instrument("NEW-USD").symbol == "NEW/USD"
    assert list(await kraken.fetch_tickers(["BTC/USD", "NEW/USD"], Purpose.FALLBACK)) == ["BTC/USD"]
    with pytest.raises(UnknownSymbol):
        await kraken.fetch_book("NEW/USD", 10, Purpose.FALLBACK)


def test_the_limits_are_krakens() -> None:
    assert LIMITS.book_depths == (10, 25, 100, 500, 1000)
    assert [interval_s // 60 for interval_s in LIMITS.bar_intervals_s] == [
        1,
        5,
        15,
        30,
        60,
        240,
        1440,
        10080,
        21600,
    ]
    assert (LIMITS.rest_book_depth, LIMITS.rest_bars, LIMITS.rest_trades) == (500, 720, 1000)
