from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from leadline.clock import NS_PER_MS, NS_PER_S, ManualClock
from leadline.core.limits import DecayingCounter
from leadline.core.session import News
from leadline.errors import CheckFailed, ConnectionLost, RateLimited, Throttled, UnknownSymbol
from leadline.model.market import Channel, FrozenBook, InstrumentsChanged, Subscription, VenueMode
from leadline.net.departures import Priority
from leadline.net.http import MemoryHttp, PacedHttp, Purpose, Request, Response
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.venues.binance.limits import AddressLimits
from leadline.venues.binance.snapshots import DepthSnapshot
from leadline.venues.binance.venue import LIMITS, REFERENCE_TTL_S, Binance

START_NS = 29_833_333 * 60 * NS_PER_S + 17 * NS_PER_S
"""Unix time of the venue at monotonic 0: seventeen seconds into a minute."""


def contract(base: str, **changed: Any) -> dict[str, Any]:
    return {
        "symbol": f"{base}USDT",
        "pair": f"{base}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "9", "tickSize": "0.1"},
            {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "9", "stepSize": "1"},
        ],
        **changed,
    }


class Desk:
    """Binance's REST with prepared bodies by path, and its own count of weight by the minute."""

    def __init__(self, now_ns: Callable[[], int], bases: tuple[str, ...] = ("BTC", "ETH")) -> None:
        self.now_ns = now_ns
        self.contracts = [contract(base) for base in bases]
        self.rate_limit = {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": 2400,
        }
        self.asked: list[Request] = []
        self.weights: Counter[int] = Counter()
        self.bodies: dict[str, Any] = {
            "ping": {},
            "depth": {"lastUpdateId": 7, "T": 5, "bids": [["1.0", "2"]], "asks": [["1.1", "2"]]},
        }

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        minute = self.now_ns() // (60 * NS_PER_S)
        self.weights[minute] += round(request.cost)
        name = request.path.removeprefix("/fapi/v1/")
        body = self.bodies.get(name)
        if name == "time":
            body = {"serverTime": self.now_ns() // NS_PER_MS}
        elif name == "exchangeInfo":
            body = {"symbols": self.contracts, "rateLimits": [self.rate_limit]}
        if isinstance(body, Response):
            return body
        headers = (("x-mbx-used-weight-1m", str(self.weights[minute])),)
        return Response(200, headers, json.dumps(body).encode())

    def paths(self, name: str) -> list[Request]:
        return [request for request in self.asked if request.path.endswith(f"/{name}")]


async def loaded(desk_of: Callable[[Desk], object] = lambda desk: None) -> tuple[Binance, Desk, ManualClock]:
    """A venue on a clock that stands, loaded; asked for nothing else yet."""
    clock = ManualClock(wall_ns=START_NS)
    desk = Desk(lambda: START_NS + clock.mono_ns())
    desk_of(desk)
    address = AddressLimits(clock)
    binance = Binance(MemoryHttp(desk.answer, clock, address.weight, address.terms), clock, limits=address)
    loading = asyncio.create_task(binance.load())
    while not loading.done():
        await asyncio.sleep(0)
        clock.advance(0.02)
    await loading
    clock.advance(1)
    desk.asked.clear()
    return binance, desk, clock


# --- what REST answers ---


async def test_loading_measures_the_clock_and_reads_the_contracts_once_an_hour() -> None:
    binance, desk, clock = await loaded()

    assert binance.symbols.resolve("btcusdt") == "BTC/USDT:USDT"
    assert binance.venue_time.known
    await binance.load()
    assert desk.asked == []
    clock.advance(REFERENCE_TTL_S)
    await binance.load()
    assert len(desk.paths("exchangeInfo")) == 1


async def test_the_weight_of_a_minute_is_what_the_venue_says() -> None:
    binance, _, _ = await loaded(lambda desk: desk.rate_limit.update(limit=6000))

    assert binance.address.weight.limit == 4800


async def test_few_symbols_are_asked_for_one_by_one_and_many_all_at_once() -> None:
    row = {"bidPrice": "1", "bidQty": "1", "askPrice": "2", "askQty": "1"}
    binance, desk, _ = await loaded()

    desk.bodies["ticker/bookTicker"] = [row | {"symbol": "BTCUSDT"}, row | {"symbol": "ETHUSDT"}]
    asked = await binance.fetch_tickers(["BTCUSDT", "BTC/USDT:USDT"], Purpose.SNAPSHOT)
    assert list(asked) == ["BTC/USDT:USDT", "ETH/USDT:USDT"]
    assert [dict(request.query) for request in desk.asked] == [{"symbol": "BTCUSDT"}]


async def test_of_all_contracts_only_those_asked_for_are_told() -> None:
    row = {"bidPrice": "1", "bidQty": "1", "askPrice": "2", "askQty": "1"}
    bases = ("BTC", "ETH", "SOL", "XRP")
    binance, desk, _ = await loaded(
        lambda desk: setattr(desk, "contracts", [contract(base) for base in bases])
    )
    desk.bodies["ticker/bookTicker"] = [row | {"symbol": f"{base}USDT"} for base in bases]

    told = await binance.fetch_tickers(["BTCUSDT", "ETHUSDT", "SOLUSDT"], Purpose.FALLBACK)
    assert list(told) == ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]
    assert [request.query for request in desk.asked] == [()]
    assert await binance.fetch_tickers([], Purpose.FALLBACK) == {}


async def test_the_venue_is_online_where_it_answers() -> None:
    binance, _, _ = await loaded()

    assert (await binance.fetch_status(Purpose.STATUS)).mode is VenueMode.ONLINE


async def test_a_book_is_asked_for_in_a_size_the_venue_has() -> None:
    binance, desk, _ = await loaded()

    book = await binance.fetch_book("BTCUSDT", 3000, Purpose.SNAPSHOT)
    assert book.symbol == "BTC/USDT:USDT"
    assert dict(desk.asked[0].query)["limit"] == "1000"
    with pytest.raises(CheckFailed, match="at least one level"):
        await binance.fetch_book("BTCUSDT", 0, Purpose.SNAPSHOT)


async def test_trades_are_never_asked_for_beyond_what_the_venue_keeps() -> None:
    binance, desk, clock = await loaded()
    desk.bodies["aggTrades"] = []
    now_ns = START_NS + clock.mono_ns()

    await binance.fetch_trades("BTCUSDT", 0, Purpose.BACKFILL)
    kept_ns = now_ns - int(dict(desk.asked[0].query)["startTime"]) * NS_PER_MS
    assert 47 * 3600 * NS_PER_S < kept_ns < 48 * 3600 * NS_PER_S
    clock.advance(1)
    await binance.fetch_trades("BTCUSDT", now_ns - NS_PER_S, Purpose.FALLBACK)
    assert int(dict(desk.asked[1].query)["startTime"]) == (now_ns - NS_PER_S) // NS_PER_MS


async def test_no_more_candles_are_asked_for_than_there_can_be() -> None:
    binance, desk, clock = await loaded()
    desk.bodies["klines"] = []
    now_ns = START_NS + clock.mono_ns()

    await binance.fetch_bars("BTCUSDT", 60, now_ns - 600 * NS_PER_S, Purpose.FALLBACK)
    assert dict(desk.asked[0].query)["limit"] == "11"
    assert desk.asked[0].cost == 1
    await binance.fetch_bars("BTCUSDT", 86400, 0, Purpose.FALLBACK)
    assert dict(desk.asked[1].query) | {"startTime": "0", "interval": "1d", "limit": "1500"} == dict(
        desk.asked[1].query
    )
    with pytest.raises(CheckFailed, match="1m, 3m, 5m"):
        await binance.fetch_bars("BTCUSDT", 61, 0, Purpose.FALLBACK)


async def test_marks_stats_and_fundings_are_told_by_unified_symbol() -> None:
    binance, desk, clock = await loaded()
    desk.bodies["premiumIndex"] = {
        "symbol": "ETHUSDT",
        "markPrice": "1.5",
        "indexPrice": "1.4",
        "nextFundingTime": 5,
        "lastFundingRate": "0.1",
        "time": 4,
    }
    desk.bodies["fundingRate"] = [{"fundingTime": 1000, "fundingRate": "0.1"}]

    assert list(await binance.fetch_marks(["ETHUSDT"], Purpose.SNAPSHOT)) == ["ETH/USDT:USDT"]
    clock.advance(1)
    [funding] = await binance.fetch_funding("ETHUSDT", 0, Purpose.HISTORY)
    assert (funding.symbol, funding.at_ns) == ("ETH/USDT:USDT", NS_PER_S)


async def test_the_pool_of_fundings_is_kept_apart_from_the_weight() -> None:
    binance, desk, clock = await loaded()
    binance.address.fundings.spend(400, clock.mono_ns())

    with pytest.raises(Throttled, match="fundings"):
        await binance.fetch_funding("ETHUSDT", 0, Purpose.HISTORY)
    assert desk.asked == []
    assert (await binance.fetch_status(Purpose.STATUS)).mode is VenueMode.ONLINE


async def test_an_unknown_symbol_is_told_before_anything_is_asked() -> None:
    binance, desk, _ = await loaded()

    with pytest.raises(UnknownSymbol):
        await binance.fetch_book("DOGEUSDT", 5, Purpose.SNAPSHOT)
    assert desk.asked == []


async def test_a_ban_is_told_with_what_is_left_of_it() -> None:
    binance, desk, clock = await loaded()
    end_ms = (START_NS + clock.mono_ns()) // NS_PER_MS + 200_000
    body = json.dumps({"code": -1003, "msg": f"IP banned until {end_ms}."}).encode()
    desk.bodies["ping"] = Response(418, (), body)

    with pytest.raises(RateLimited) as banned:
        await binance.fetch_status(Purpose.STATUS)
    assert banned.value.retry_s == pytest.approx(200, abs=1)
    assert binance.reach.limited


async def test_without_limits_of_its_own_the_clock_is_measured_all_the_same() -> None:
    clock = ManualClock(wall_ns=START_NS)
    desk = Desk(lambda: START_NS)
    binance = Binance(MemoryHttp(desk.answer, clock, DecayingCounter(1000, 1000)), clock)

    assert await binance.fetch_time_ns(Purpose.REFERENCE) == START_NS
    assert binance.venue_time.known


def test_each_stream_has_its_route_and_what_is_offered_is_streamed() -> None:
    clock = ManualClock()
    binance = Binance(MemoryHttp(Desk(lambda: 0).answer, clock, DecayingCounter(1, 1)), clock)

    routes = {
        channel: binance.route_of(Subscription(channel, "BTC/USDT:USDT")) for channel in LIMITS.channels
    }
    assert {channel for channel, route in routes.items() if route == "public"} == {
        Channel.TICKER,
        Channel.BOOK,
        Channel.TOP,
    }
    assert set(routes.values()) == set(binance.routes)


# --- what runs beside the sessions ---


class Slow(PacedHttp):
    """The desk at the end of a way: each request takes a while, and fails as long as the test says so."""

    def __init__(self, desk: Desk, clock: LoopClock, address: AddressLimits) -> None:
        super().__init__(clock, address.weight, address.terms)
        self.desk = desk
        self.failing = False

    async def exchange(self, request: Request) -> Response:
        await asyncio.sleep(0.04)
        if self.failing:
            raise ConnectionLost("cut")
        response = self.desk.answer(request)
        await asyncio.sleep(0.04)
        return response


class Book:
    """A taker of snapshots that notes when it got which."""

    def __init__(self) -> None:
        self.got: list[tuple[str, float]] = []

    def snapshot(self, symbol: str, snapshot: DepthSnapshot, now_ns: int) -> None:
        self.got.append((symbol, now_ns / NS_PER_S))

    def poke(self) -> None:
        pass


class Floor:
    """A venue that runs, on virtual time, and what the REST behind it has seen."""

    def __init__(self, bases: tuple[str, ...]) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = LoopClock(loop, START_NS - 800 * NS_PER_MS)  # this machine's clock is behind
        self.desk = Desk(lambda: START_NS + self.clock.mono_ns(), bases)
        self.address = AddressLimits(self.clock)
        self.http = Slow(self.desk, self.clock, self.address)
        self.binance = Binance(self.http, self.clock, limits=self.address)
        self.symbols = [f"{base}/USDT:USDT" for base in bases]

    async def __aenter__(self) -> Floor:
        await self.binance.load()
        self.running = asyncio.create_task(self.binance.run())
        return self

    async def __aexit__(self, *raised: object) -> None:
        self.running.cancel()
        await asyncio.wait([self.running])


def virtually(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(work())


MANY = tuple(f"A{number}" for number in range(150))


def test_150_books_have_their_snapshots_within_seconds_and_one_minutes_weight() -> None:
    async def work() -> None:
        async with Floor(MANY) as floor:
            book = Book()
            for symbol in floor.symbols:
                floor.binance.snapshots.want(symbol, 100, book)
            await asyncio.sleep(5)
            assert sorted(symbol for symbol, _ in book.got) == sorted(floor.symbols)
            assert max(floor.desk.weights.values()) <= 1920

    virtually(work)


def test_150_books_of_500_levels_have_deep_snapshots_by_the_next_minute_within_both_minutes_weight() -> None:
    async def work() -> None:
        async with Floor(MANY) as floor:
            book = Book()
            for symbol in floor.symbols:
                floor.binance.snapshots.want(symbol, 500, book)
            await asyncio.sleep(65)
            assert sorted(symbol for symbol, _ in book.got) == sorted(floor.symbols)
            assert max(floor.desk.weights.values()) <= 1920
            assert sum(floor.desk.weights.values()) >= 150 * 20

    virtually(work)


def test_a_storm_of_resyncs_never_costs_more_than_four_fifths_of_a_minute_and_orders_find_room() -> None:
    async def work() -> None:
        async with Floor(MANY) as floor:
            book = Book()
            for storm in range(40):
                for symbol in floor.symbols:
                    floor.binance.snapshots.want(symbol, 1000, book)
                await asyncio.sleep(7.5)
                asked_s = floor.clock.mono_ns()
                await floor.http.send(
                    Request("DELETE", f"/fapi/v1/order/{storm}", cost=1), Purpose.CANCEL, Priority.EMERGENCY
                )
                assert floor.clock.mono_ns() - asked_s <= 90 * NS_PER_MS
            assert max(floor.desk.weights.values()) <= 1920
            assert sorted(floor.desk.weights.values())[1] > 1400
            assert {symbol for symbol, _ in book.got} == set(floor.symbols)

    virtually(work)


def test_in_a_storm_the_urgent_books_come_first() -> None:
    async def work() -> None:
        async with Floor(MANY) as floor:
            urgent = floor.symbols[-3:]
            floor.binance.urgent = lambda symbol: symbol in urgent
            floor.address.weight.spend(1500, floor.clock.mono_ns())
            book = Book()
            for symbol in floor.symbols:
                floor.binance.snapshots.want(symbol, 1000, book)
            await asyncio.sleep(0.5)
            assert [symbol for symbol, _ in book.got[:3]] == urgent

    virtually(work)


def test_an_urgent_book_that_finds_no_room_in_this_minute_is_the_first_of_the_next() -> None:
    async def work() -> None:
        async with Floor(MANY) as floor:
            urgent = floor.symbols[-1]
            floor.binance.urgent = lambda symbol: symbol == urgent
            floor.address.weight.spend(1900, floor.clock.mono_ns())
            book = Book()
            for symbol in floor.symbols:
                floor.binance.snapshots.want(symbol, 100, book)
            await asyncio.sleep(50)
            assert book.got[0][0] == urgent
            assert floor.http.counts[Purpose.SNAPSHOT] > 100

    virtually(work)


def test_a_snapshot_that_fails_is_fetched_again_later_and_later() -> None:
    async def work() -> None:
        async with Floor(("BTC",)) as floor:
            book = Book()
            floor.http.failing = True
            floor.binance.snapshots.want("BTC/USDT:USDT", 500, book)
            await asyncio.sleep(3)
            assert 3 <= floor.http.counts[Purpose.SNAPSHOT] <= 5
            floor.http.failing = False
            await asyncio.sleep(5)
            assert [symbol for symbol, _ in book.got] == ["BTC/USDT:USDT"]

    virtually(work)


def test_while_rest_does_not_answer_at_all_one_snapshot_at_a_time_tries_it() -> None:
    async def work() -> None:
        async with Floor(MANY) as floor:
            book = Book()
            floor.http.failing = True
            for symbol in floor.symbols:
                floor.binance.snapshots.want(symbol, 100, book)
            await asyncio.sleep(5)
            tried = floor.http.counts[Purpose.SNAPSHOT]
            await asyncio.sleep(100)  # the first tries have cost the minute's weight, there or not
            assert 20 <= floor.http.counts[Purpose.SNAPSHOT] - tried <= 50
            floor.http.failing = False
            await asyncio.sleep(10)
            assert sorted(symbol for symbol, _ in book.got) == sorted(floor.symbols)

    virtually(work)


@pytest.mark.parametrize("after_s", [0.0, 0.5, 30.0])
def test_who_reads_150_books_that_wait_for_snapshots_costs_no_request_more(after_s: float) -> None:
    async def work() -> None:
        async with Floor(MANY) as floor:
            floor.address.weight.spend(1000, floor.clock.mono_ns())  # not all find room in this minute
            book = Book()
            for symbol in floor.symbols:
                floor.binance.snapshots.want(symbol, 100, book)
            await asyncio.sleep(after_s)
            waiting = [symbol for symbol in floor.symbols if floor.binance.snapshots.wanted(symbol)]
            reads = [floor.binance.fetch_book(symbol, 10, Purpose.SNAPSHOT) for symbol in waiting]
            told = await asyncio.gather(*reads, return_exceptions=True)
            await asyncio.sleep(70)

            assert sorted(symbol for symbol, _ in book.got) == sorted(floor.symbols)
            asked = Counter(dict(request.query)["symbol"] for request in floor.desk.paths("depth"))
            assert asked == Counter(dict.fromkeys((f"{base}USDT" for base in MANY), 1))
            assert {type(one) for one in told} <= {FrozenBook, Throttled}, "within a read's patience"
            assert max(floor.desk.weights.values()) <= 1920

    virtually(work)


def test_a_snapshot_not_due_yet_and_a_check_are_no_business_of_each_other() -> None:
    async def work() -> None:
        async with Floor(("BTC",)) as floor:
            book, symbol = Book(), "BTC/USDT:USDT"
            floor.binance.snapshots.want(symbol, 500, book, floor.clock.mono_ns() + 2 * NS_PER_S)
            await floor.binance.fetch_book(symbol, 10, Purpose.FALLBACK)
            assert (book.got, len(floor.desk.paths("depth"))) == ([], 1)
            await asyncio.sleep(1.93)
            await floor.binance.fetch_book(symbol, 10, Purpose.CROSS_CHECK)
            assert len(floor.desk.paths("depth")) == 3

    virtually(work)


def test_a_read_of_more_levels_than_the_snapshot_under_way_has_is_asked_for_on_its_own() -> None:
    async def work() -> None:
        async with Floor(("BTC",)) as floor:
            book, symbol = Book(), "BTC/USDT:USDT"
            floor.binance.snapshots.want(symbol, 100, book)
            await asyncio.sleep(0.01)
            await floor.binance.fetch_book(symbol, 501, Purpose.FALLBACK)
            limits = [dict(request.query)["limit"] for request in floor.desk.paths("depth")]
            assert sorted(limits) == ["1000", "500"]

    virtually(work)


def test_a_wish_that_is_due_later_is_served_then() -> None:
    async def work() -> None:
        async with Floor(("BTC",)) as floor:
            book = Book()
            due_ns = floor.clock.mono_ns() + 2 * NS_PER_S
            floor.binance.snapshots.want("BTC/USDT:USDT", 500, book, due_ns)
            await asyncio.sleep(1.9)
            assert book.got == []
            await asyncio.sleep(0.3)
            assert len(book.got) == 1

    virtually(work)


def test_the_venues_clock_stays_known_through_steps_of_ours_and_drift() -> None:
    async def work() -> None:
        async with Floor(("BTC",)) as floor:
            drift_ns = 0

            def drifting() -> int:
                return START_NS + floor.clock.mono_ns() + floor.clock.mono_ns() * 100 // 1_000_000 + drift_ns

            floor.desk.now_ns = drifting
            for _ in range(30):
                await asyncio.sleep(120)
                least_ns, most_ns = floor.binance.venue_time.bounds_ns(floor.clock.mono_ns()) or (0, 0)
                assert least_ns <= drifting() <= most_ns
                assert most_ns - least_ns < 200 * NS_PER_MS
            drift_ns = 5 * NS_PER_S
            await asyncio.sleep(130)
            known_ns = floor.binance.venue_time.now_ns(floor.clock.mono_ns()) or 0
            assert abs(known_ns - drifting()) < 100 * NS_PER_MS

    virtually(work)


def test_contracts_are_read_again_every_hour_and_soon_after_news_of_one_but_not_for_each() -> None:
    async def work() -> None:
        async with Floor(("BTC",)) as floor:
            told: list[News] = []
            session = floor.binance.session(lambda news, now_ns: told.append(news), "market")
            session.opened(floor.clock.mono_ns())
            floor.desk.contracts.append(contract("ETH"))
            news = b'{"stream":"!contractInfo","data":{"e":"contractInfo","E":1,"s":"ETHUSDT"}}'
            for _ in range(5):
                session.received(news, floor.clock.mono_ns())
            await asyncio.sleep(1)
            assert floor.binance.symbols.of_wire("ETHUSDT") is not None
            assert len(floor.desk.paths("exchangeInfo")) == 2
            [changed] = [each for each in told if isinstance(each, InstrumentsChanged)]
            assert [each.symbol for each in changed.instruments] == ["BTC/USDT:USDT", "ETH/USDT:USDT"]
            await asyncio.sleep(REFERENCE_TTL_S + 60)
            assert len(floor.desk.paths("exchangeInfo")) == 3
            session.closed("done", floor.clock.mono_ns())

    virtually(work)


def test_a_swarm_of_news_is_answered_at_its_begin_and_at_its_end() -> None:
    async def work() -> None:
        async with Floor(("BTC",)) as floor:
            session = floor.binance.session(lambda news, now_ns: None, "market")
            session.opened(floor.clock.mono_ns())
            for _ in range(40):
                session.received(b'{"stream":"!contractInfo","data":{}}', floor.clock.mono_ns())
                await asyncio.sleep(0.1)
            assert len(floor.desk.paths("exchangeInfo")) == 2
            await asyncio.sleep(5)
            assert len(floor.desk.paths("exchangeInfo")) == 3

    virtually(work)


def test_news_that_cannot_be_looked_up_now_are_looked_up_a_little_later() -> None:
    async def work() -> None:
        async with Floor(("BTC",)) as floor:
            session = floor.binance.session(lambda news, now_ns: None, "market")
            session.opened(floor.clock.mono_ns())
            floor.http.failing = True
            session.received(b'{"stream":"!contractInfo","data":{}}', floor.clock.mono_ns())
            await asyncio.sleep(1)
            floor.http.failing = False
            await asyncio.sleep(10)
            assert len(floor.desk.paths("exchangeInfo")) == 2

    virtually(work)


def test_contracts_that_cannot_be_read_now_are_read_a_little_later() -> None:
    async def work() -> None:
        async with Floor(("BTC",)) as floor:
            floor.http.failing = True
            await asyncio.sleep(REFERENCE_TTL_S + 1)
            floor.http.failing = False
            floor.desk.contracts.append(contract("ETH"))
            await asyncio.sleep(15)
            assert floor.binance.symbols.of_wire("ETHUSDT") is not None

    virtually(work)
