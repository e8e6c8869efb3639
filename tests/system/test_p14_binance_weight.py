"""P14 on Binance: what REST costs there is counted as the venue counts it, and no storm draws a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from leadline.clock import NS_PER_S
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.wire import Answer
from leadline.errors import RateLimited, Throttled
from leadline.net.departures import Priority
from leadline.net.http import PacedHttp, Purpose, Request, Response
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.venues.binance.limits import AddressLimits
from leadline.venues.binance.snapshots import DepthSnapshot
from leadline.venues.binance.venue import Binance

START_NS = 29_833_333 * 60 * NS_PER_S + 17 * NS_PER_S
LEVELS = 1000


class Wire(PacedHttp):
    """The emulated venue's REST, 40 ms away."""

    def __init__(self, exchange: BinanceExchange, clock: LoopClock, address: AddressLimits) -> None:
        super().__init__(clock, address.weight, address.terms)
        self.emulated = exchange
        self.clock = clock
        self.statuses: list[int] = []
        self.cost = 0.0
        self.tells_when = True
        """Whether a refusal says when to come again; nobody has promised that of futures."""

    async def exchange(self, request: Request) -> Response:
        self.cost += request.cost
        await asyncio.sleep(0.04)
        now_ns = START_NS + self.clock.mono_ns()
        answer = self.emulated.request(request.method, request.path, dict(request.query), now_ns)
        await asyncio.sleep(0.04)
        assert isinstance(answer, Answer)
        self.statuses.append(answer.status)
        headers = tuple(one for one in answer.headers if self.tells_when or one[0].lower() != "retry-after")
        return Response(answer.status, headers, answer.body)


class Address:
    """Leadline and the venue, on virtual time; this machine's clock is behind the venue's."""

    def __init__(self, behind_s: float = 0.7) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = LoopClock(loop, START_NS - round(behind_s * NS_PER_S))
        self.exchange = BinanceExchange(start_ns=START_NS, rate=5.0, history_minutes=600)
        self.limits = AddressLimits(self.clock)
        self.http = Wire(self.exchange, self.clock, self.limits)
        self.binance = Binance(self.http, self.clock, limits=self.limits)

    @property
    def counted(self) -> int:
        """What the venue has counted in its minute."""
        return self.exchange.weights.used(START_NS + self.clock.mono_ns())

    @property
    def believed(self) -> float:
        return self.limits.weight.level(self.clock.mono_ns())


class Books:
    """Takes every snapshot, and wants the next at once."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.taken = 0

    def snapshot(self, symbol: str, snapshot: DepthSnapshot, now_ns: int) -> None:
        assert snapshot.bids and snapshot.asks
        self.taken += 1
        self.address.binance.snapshots.want(symbol, LEVELS, self)

    def poke(self) -> None:
        pass


def virtually(work: Callable[[Address], Coroutine[Any, Any, None]]) -> None:
    async def arranged() -> None:
        address = Address()
        await address.binance.load()
        await work(address)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(arranged())


def test_every_market_request_weighs_here_what_it_weighs_there() -> None:
    async def work(address: Address) -> None:
        binance, why = address.binance, Purpose.SNAPSHOT
        symbols = [each.symbol for each in binance.symbols.instruments()]
        btc = "BTC/USDT:USDT"
        since_ns = START_NS - 3600 * NS_PER_S
        await asyncio.sleep(45)  # a minute of the venue's begins
        asked: list[Callable[[], Coroutine[Any, Any, object]]] = [
            partial(binance.fetch_status, why),
            partial(binance.fetch_time_ns, why),
            *(partial(binance.fetch_tickers, which, why) for which in (symbols, [btc])),
            *(partial(binance.fetch_marks, which, why) for which in (symbols, [btc])),
            partial(binance.fetch_stats, [btc], why),
            *(partial(binance.fetch_book, btc, depth, why) for depth in (5, 21, 51, 101, 501)),
            partial(binance.fetch_trades, btc, since_ns, why),
            *(
                partial(binance.fetch_bars, btc, 60, START_NS - bars * 60 * NS_PER_S, why)
                for bars in (50, 98, 120, 498, 700, 1100)
            ),
            partial(binance.fetch_funding, btc, since_ns, why),
        ]
        for number, ask in enumerate(asked):
            there, here = address.counted, address.http.cost
            await ask()
            assert (number, address.counted - there) == (number, address.http.cost - here)
        assert address.counted == address.believed > 100
        assert set(address.http.statuses) == {200}

    virtually(work)


def test_a_storm_of_resyncs_for_minutes_is_never_refused_and_a_cancel_always_finds_room() -> None:
    async def work(address: Address) -> None:
        books, peak = Books(address), 0
        running = asyncio.create_task(address.binance.run())
        for contract in address.binance.symbols.instruments():
            address.binance.snapshots.want(contract.symbol, LEVELS, books)
        for _ in range(40):
            await asyncio.sleep(5)
            peak = max(peak, address.counted)
            asked_ns = address.clock.mono_ns()
            await address.http.send(Request("GET", "/fapi/v1/time"), Purpose.CANCEL, Priority.EMERGENCY)
            assert address.clock.mono_ns() - asked_ns < 0.1 * NS_PER_S
        running.cancel()
        assert set(address.http.statuses) == {200}
        assert 1400 < peak <= 1920
        assert books.taken > 200

    virtually(work)


def test_another_program_on_the_address_is_made_room_for() -> None:
    async def work(address: Address) -> None:
        await asyncio.sleep(45)
        address.exchange.weights.spend(1800, START_NS + address.clock.mono_ns())
        await address.binance.fetch_status(Purpose.STATUS)

        with pytest.raises(Throttled):
            await address.binance.fetch_book("BTC/USDT:USDT", LEVELS, Purpose.SNAPSHOT)
        await asyncio.sleep(60)
        await address.binance.fetch_book("BTC/USDT:USDT", LEVELS, Purpose.SNAPSHOT)
        assert set(address.http.statuses) == {200}

    virtually(work)


@pytest.mark.parametrize("tells_when", [True, False])
def test_one_refusal_is_enough_and_no_ban_follows(tells_when: bool) -> None:
    """Not even a cancel leaves before the minute ends: it would be refused, and counted towards a ban."""

    async def work(address: Address) -> None:
        address.http.tells_when = tells_when
        await asyncio.sleep(59)  # to the 16th second of a minute
        await address.binance.fetch_time_ns(Purpose.DIAGNOSIS)
        address.exchange.weights.spend(2400, START_NS + address.clock.mono_ns())

        with pytest.raises(RateLimited) as limited:
            await address.binance.fetch_status(Purpose.STATUS)
        asked = len(address.http.statuses)
        for purpose, priority in ((Purpose.STATUS, Priority.NORMAL), (Purpose.CANCEL, Priority.EMERGENCY)):
            for _ in range(25):
                with pytest.raises(Throttled) as throttled:
                    await address.http.send(Request("GET", "/fapi/v1/time"), purpose, priority)
                assert 43 < throttled.value.delay_s < 46
        assert limited.value.retry_s == pytest.approx(throttled.value.delay_s, abs=1.1)
        assert len(address.http.statuses) == asked
        await asyncio.sleep(throttled.value.delay_s)
        await address.http.send(Request("GET", "/fapi/v1/time"), Purpose.CANCEL, Priority.EMERGENCY)
        assert [status for status in address.http.statuses if status != 200] == [429]

    virtually(work)


def test_a_ban_is_sat_out_to_its_end_and_not_a_request_longer() -> None:
    async def work(address: Address) -> None:
        banned_ns = START_NS + address.clock.mono_ns() + 300 * NS_PER_S
        address.exchange.weights.banned_until_ns = banned_ns

        with pytest.raises(RateLimited) as banned:
            await address.binance.fetch_status(Purpose.STATUS)
        assert banned.value.retry_s == pytest.approx(300, abs=1)
        asked = asyncio.create_task(address.binance.fetch_book("BTC/USDT:USDT", 5, Purpose.BACKFILL))
        await asyncio.sleep(290)
        assert len(address.http.statuses) == 3
        await asked
        assert START_NS + address.clock.mono_ns() - banned_ns < 2 * NS_PER_S
        assert address.http.statuses[2:] == [418, 200]

    virtually(work)
