from __future__ import annotations

import asyncio
import logging
import random
from decimal import Decimal
from itertools import pairwise

import pytest

from account_stage import AccountStage, buy, perform
from feedrig import settle
from leadline.app.authorised import Connect
from leadline.app.system import Keep, System
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.retry import ConnectBudget
from leadline.engine.checkpoint_files import MemoryCheckpoints
from leadline.engine.events import CheckpointRestored
from leadline.engine.halts import BETWEEN_VENUES
from leadline.errors import ConnectFailed, Stale, UnknownSymbol
from leadline.model.market import Bar, BarBatch, Channel, Subscription, Ticker
from leadline.model.reading import Source
from leadline.net.websocket import Socket, memory_pair
from leadline.venues.memory import CONTRACTS, MemoryMarket, MemorySession
from stage import Stage, play

TICKER = Subscription(Channel.TICKER, "BTC/USD")
BOOK = Subscription(Channel.BOOK, "BTC/USD", 10)
TRADES = Subscription(Channel.TRADES, "ETH/USD")
BARS = Subscription(Channel.BARS, "ETH/USD", 60)


def test_ready_means_verified_data_for_all_that_is_required() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system([TICKER, BOOK, TRADES, BARS]) as system:
            await system.ready()

            assert (system.feed.stats.receiving, system.feed.stats.wanted) == (4, 4)
            assert (await system.feed.book("BTC/USD")).verified

    play(scene)


def test_what_is_required_is_streamed_on_although_nobody_reads_it() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system([BOOK]) as system:
            await system.ready()
            await stage.clock.sleep(120)

            assert system.feed.stats.receiving == 1

    play(scene)


def test_the_market_enters_the_history_although_no_checkpoints_are_kept() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system([TICKER]) as system:
            await system.ready()
            await stage.clock.sleep(60)

            assert system.checkpoints is None
            told = [change for change in system.state.market if isinstance(change.value, Ticker)]
            assert len(told) > 5
            assert all(new.at_ns - old.at_ns >= NS_PER_S for old, new in pairwise(told))

    play(scene)


def test_a_system_that_requires_nothing_is_ready_at_once() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            await system.ready(0)

    play(scene)


def test_a_venue_that_cannot_be_reached_at_the_start_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(kind="REFUSE", route="all", for_s=30)
        with caplog.at_level(logging.WARNING, "leadline"):
            async with stage.system([TICKER]) as system:
                await system.ready()

        assert 30 < stage.now_s < 75
        assert "no reference data yet: the connection was reset; trying again in" in caplog.text

    play(scene)


def test_what_is_not_ready_in_time_is_named_with_the_reason() -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(kind="ACK_NO_DATA", channel="book", symbol="BTC/USD")
        async with stage.system([TICKER, BOOK]) as system:
            with pytest.raises(Stale, match="book BTC/USD depth 10: ") as caught:
                await system.ready(4)

            assert "ticker" not in str(caught.value)
            assert 4 < stage.now_s < 8

    play(scene)


def test_ready_does_not_wait_for_what_the_venue_refuses() -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(
            kind="SUB_REJECT", symbol="BTC/USD", channel="ticker", error="Currency pair not supported"
        )
        async with stage.system([TICKER]) as system:
            with pytest.raises(Stale, match="Currency pair not supported"):
                await system.ready(1000)

    play(scene)


def test_a_refusal_for_good_ends_the_stream_and_leaves_rest() -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(kind="REFUSE", route="ws", status=403)
        async with stage.system([TICKER]) as system:
            with pytest.raises(ConnectFailed) as caught:
                await system.ready(1000)

            assert caught.value.terminal
            assert system.failure is caught.value
            assert (await system.feed.ticker("BTC/USD")).source is Source.REST

    play(scene)


def test_an_unknown_required_symbol_is_refused_before_anything_is_connected() -> None:
    async def scene(stage: Stage) -> None:
        system = stage.system([Subscription(Channel.TICKER, "BTC/USDD")])
        with pytest.raises(UnknownSymbol, match="did you mean BTC/USD"):
            async with system:
                raise AssertionError("entered")

        assert stage.network.connects_ns == []

    play(scene)


def test_what_the_block_raises_comes_out_as_it_is() -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(LookupError, match="of mine"):
            async with stage.system([TICKER]):
                raise LookupError("of mine")

    play(scene)


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 5.0])
def test_it_can_be_left_at_any_moment(after_s: float) -> None:
    async def run(system: System) -> None:
        async with system:
            await system.ready()
            async for _ in system.feed.books("BTC/USD"):
                pass

    async def scene(stage: Stage) -> None:
        task = asyncio.ensure_future(run(stage.system([TICKER, BOOK, TRADES])))
        await stage.clock.sleep(after_s)
        begun_s = stage.now_s
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert stage.now_s - begun_s < 5

    play(scene)


def test_a_second_run_knows_the_market_of_the_first_and_never_takes_it_for_fresh() -> None:
    kept = MemoryCheckpoints()

    async def first(stage: Stage) -> None:
        async with stage.system([TICKER, BOOK], keep=Keep(kept)) as system:
            await system.ready()

    async def second(stage: Stage) -> None:
        stage.inject(kind="REFUSE", route="ws")
        stage.inject(kind="REPLY", path="/0/public/Ticker", status=503)
        async with stage.system([TICKER, BOOK], keep=Keep(kept)) as system:
            with pytest.raises(Stale):
                await system.feed.ticker("BTC/USD")
            old = await system.feed.ticker("BTC/USD", stale_ok=True)

            assert (old.source, old.verified) == (Source.CHECKPOINT, False)
            assert any(isinstance(event, CheckpointRestored) for event in system.feed.recent_events)

    play(first)
    play(second)


def test_its_repr_says_how_it_stands() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system([TICKER]) as system:
            await system.ready()

            assert repr(system) == "System(kraken, connected, Feed(1 of 1 streams receiving, 0 gaps))"

    play(scene)


def test_a_system_has_as_many_lines_as_it_is_told() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system([TICKER, BOOK, TRADES, BARS], lines=2) as system:
            await system.ready()
            await stage.clock.sleep(5)

            assert [(state.number, state.connected, state.warm) for state in system.lines.lines] == [
                (1, True, 4),
                (2, True, 4),
            ]
            assert repr(system) == "System(kraken, connected, Feed(4 of 4 streams receiving, 0 gaps))"

    play(scene)


def test_orders_of_a_leg_are_held_and_let_go_by_the_comparisons_own_name() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        leg = trader.system.leg("XBT/USD")
        leg.hold(leg.symbol, "venues differ")

        assert leg.name == "kraken BTC/USD"
        assert trader.orders.halts(BETWEEN_VENUES) == {"BTC/USD": "venues differ"}
        leg.release(leg.symbol)
        assert trader.orders.halts() == {}

    perform(scene)


def test_a_leg_without_an_account_holds_nothing() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            leg = system.leg("BTC/USD")
            leg.hold(leg.symbol, "venues differ")
            leg.release(leg.symbol)
            with pytest.raises(UnknownSymbol):
                system.leg("XYZ/USD")

    play(scene)


def test_books_of_symbols_with_orders_come_before_others() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        urgent = trader.system.market.urgent
        assert not urgent("BTC/USD")
        await trader.orders.submit(buy())

        assert urgent("BTC/USD") and not urgent("ETH/USD")

    perform(scene)


async def test_each_route_is_reached_by_its_own_way_and_named_while_it_is_silent() -> None:
    reached: list[str] = []
    far = []

    def way(route: str) -> Connect:
        async def connect() -> Socket:
            near, other = memory_pair()
            reached.append(route)
            far.append(other)
            return near

        return connect

    clock = ManualClock(mono_ns=1000 * NS_PER_S)
    market = MemoryMarket(("BTC/USDT:USDT",), {Channel.MARK: "market"}, CONTRACTS)
    ways = {route: way(route) for route in market.routes}
    mark = Subscription(Channel.MARK, "BTC/USDT:USDT")
    async with System(
        market, ways, clock, required=[mark], chance=random.Random(1), connects=ConnectBudget()
    ) as system:
        await settle()
        assert reached == ["market"]
        with pytest.raises(Stale, match=r"mark BTC/USDT:USDT: acknowledged by route market 0\.0 s ago"):
            await system.ready(0)


@pytest.mark.parametrize(("spoken", "ready"), [(300, False), (60, True)])
async def test_bars_of_another_interval_neither_make_ready_nor_hold_it_up(spoken: int, ready: bool) -> None:
    async def connect() -> Socket:
        near, far = memory_pair()
        kept.append(far)
        return near

    kept: list[Socket] = []
    symbol, clock = "BTC/USDT:USDT", ManualClock(mono_ns=1000 * NS_PER_S)
    market = MemoryMarket((symbol,))
    wanted = Subscription(Channel.BARS, symbol, 60)
    async with System(
        market, connect, clock, required=[wanted], chance=random.Random(1), connects=ConnectBudget()
    ) as system:
        system.feed.hold(Channel.BARS, symbol, 300)
        await settle()
        [session] = system.lines.sessions
        assert isinstance(session, MemorySession)
        one = Decimal(1)
        bar = Bar(symbol, spoken, 1_790_000_100 * NS_PER_S, one, one, one, one, one, one, 1, False)
        session.say(BarBatch(symbol, spoken, (bar,)), clock.mono_ns())
        if ready:
            await system.ready(0)
        else:
            with pytest.raises(Stale, match=r"bars BTC/USDT:USDT 60 s: acknowledged"):
                await system.ready(0)
