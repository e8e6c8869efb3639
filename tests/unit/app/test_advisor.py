from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import account_stage
from account_stage import BTC, ETH, AccountStage, buy
from leadline.app.advisor import SPAN_S, Advisor
from leadline.app.beside import beside
from leadline.app.system import Keep, System
from leadline.clock import NS_PER_S
from leadline.engine.checkpoint_files import MemoryCheckpoints
from leadline.engine.readers import LOSSLESS_BOUND
from leadline.errors import Error, Throttled
from leadline.model.market import Channel, Gap, GapCause
from leadline.model.reading import Source
from leadline.net.http import Purpose, Request
from leadline.venues.ports import Action
from scenario import Scenario, each, perform

STREAMS = each([BTC, ETH], Channel.TICKER, Channel.BOOK)


@asynccontextmanager
async def advised(system: System) -> AsyncIterator[Advisor]:
    advisor = Advisor(system)
    stop = system.feed.listen(advisor.hear)
    async with beside(advisor.run):
        yield advisor
    stop()


def kinds(advisor: Advisor) -> list[str]:
    return [each.kind for each in advisor.recommendations()]


@pytest.mark.parametrize("lines", [1, 2])
def test_it_is_silent_for_ten_minutes_in_which_all_is_well(lines: int) -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(STREAMS, lines=lines) as client, advised(client.system) as advisor:
            client.feed.on_book(BTC, lambda reading: None)
            for _ in range(60):
                await world.clock.sleep(10)
                await client.feed.ticker(BTC)
                assert advisor.recommendations() == []
            figures = advisor.figures()

            assert figures.stream_reads > 1000
            assert (figures.seen_s, figures.lines) == (600.0, lines)
            assert 0 < figures.budget_share < 0.8
            assert figures.rest_p99_s is not None
            assert figures.clock_offset_s is None  # without an account nobody knows the venue's

    perform(scene, rate=20)


def test_a_line_that_breaks_is_counted_and_a_second_one_recommended() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(STREAMS) as client, advised(client.system) as advisor:
            for _ in range(3):
                await world.clock.sleep(120)
                world.inject(kind="CLOSE")
            await world.clock.sleep(30)

            assert advisor.figures().line_losses == 3
            (advice,) = advisor.recommendations()
            assert advice.kind == "unsteady line"
            assert "broke 3 times" in advice.text

    perform(scene, rate=20)


def test_switches_are_counted_where_there_are_two_lines() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(STREAMS, lines=2) as client, advised(client.system) as advisor:
            for _ in range(4):
                await world.clock.sleep(120)
                world.inject(kind="CLOSE", only="oldest")
            await world.clock.sleep(30)

            assert advisor.figures().switches >= 3
            assert kinds(advisor) == ["switches"]

    perform(scene, rate=20)


def test_what_was_an_hour_ago_is_forgotten() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC], Channel.TICKER)) as client, advised(client.system) as advisor:
            for _ in range(3):
                await world.clock.sleep(20)
                world.inject(kind="CLOSE")
            await world.clock.sleep(60)
            assert kinds(advisor) == ["unsteady line"]
            await world.clock.sleep(SPAN_S + 120)

            assert advisor.figures().line_losses == 0
            assert SPAN_S <= advisor.figures().seen_s <= SPAN_S + 60
            assert kinds(advisor) == []

    perform(scene, rate=2)


def test_reads_by_rest_a_refused_stream_and_a_price_that_is_off_are_named() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(STREAMS) as client, advised(client.system) as advisor:
            await client.system.ready()
            world.inject(kind="SUB_REJECT", symbol=ETH, channel="trade")
            client.feed.hold(Channel.TRADES, ETH)
            world.inject(kind="SKEW", factor="10", symbol=BTC)
            for _ in range(110):
                await client.feed.ticker(ETH, source=Source.REST)
                await world.clock.sleep(1.5)
            figures = advisor.figures()

            assert figures.rest_reads + figures.cache_reads >= 110
            assert figures.refused == ("trades ETH/USD",)
            assert {odd.symbol for odd in figures.odd} == {BTC}
            assert all(odd.pattern.startswith("theirs is 10 × ours") for odd in figures.odd)
            assert {"divergence", "stream share", "refused"} <= set(kinds(advisor))

    perform(scene, rate=20)


def test_a_reader_that_blocks_is_named_and_what_was_dropped_for_another_is_counted() -> None:
    async def scene(stage: AccountStage) -> None:
        stage.parts = {"required": STREAMS}
        feed = (await stage.start()).system.feed
        async with advised(stage.trader.system) as advisor:
            blocked = []

            def strategy(reading: object) -> None:
                if not blocked:
                    blocked.append(True)
                    stage.loop.block(0.4)

            feed.on_book(BTC, strategy)
            await stage.clock.sleep(5)
            feed.tell(Gap(Channel.TRADES, BTC, GapCause.OVERFLOW, 0, 1, LOSSLESS_BOUND))
            figures = advisor.figures()

            assert figures.blocked_ms >= 300
            assert "strategy" in figures.blocked_by
            slow = {each.name: each for each in figures.slow}
            assert slow[f"a reader of every trades {BTC}"].dropped == LOSSLESS_BOUND
            assert any("strategy" in name and each.worst_ms >= 300 for name, each in slow.items())
            assert {"blocked loop", "slow reader"} <= set(kinds(advisor))

    account_stage.perform(scene, rate=20)


def test_a_budget_that_is_run_dry_is_told_with_the_requests_that_found_no_room() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(STREAMS) as client, advised(client.system) as advisor:
            await client.system.ready()
            http = client.system.http
            assert http is not None
            many = [Request("GET", "/0/public/Time", (("n", str(number)),)) for number in range(40)]
            asked = [http.send(request, Purpose.HISTORY) for request in many]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            refused = sum(isinstance(answer, Throttled) for answer in answers)
            figures = advisor.figures()

            assert figures.throttled == refused > 0
            assert figures.budget_share > 0.8
            assert "budget" in kinds(advisor)

    perform(scene, rate=20)


def test_the_account_tells_of_its_breaker_its_clock_its_order_counter_and_its_disk() -> None:
    disk = MemoryCheckpoints()

    async def scene(stage: AccountStage) -> None:
        stage.parts = {"required": STREAMS, "keep": Keep(disk, period_s=5.0)}
        trader = await stage.start()
        async with advised(trader.system) as advisor:
            stage.clock.step_wall(-20)
            stage.fault(kind="RATE", symbol=BTC, burn=120.0, counter="kraken_counter")
            stage.fault(kind="REPLY", path="/BalanceEx", status=503, count=3)
            for _ in range(3):
                with pytest.raises(Error):
                    await trader.does(trader.desk.balances.get("BTC", Source.REST))
            disk.failing = OSError(28, "No space left on device")
            await stage.clock.sleep(60)
            figures = advisor.figures()

            assert figures.breaker_trips == 1
            assert figures.clock_offset_s == pytest.approx(20, abs=1)
            assert figures.unsaved
            assert {"breaker", "clock", "checkpoints"} <= set(kinds(advisor))

    account_stage.perform(scene, rate=20)


def test_orders_that_waited_for_the_venues_counter_are_counted() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        async with advised(trader.system) as advisor:
            while trader.account.account.charge(BTC, Action.ADD) == 0:
                pass
            await trader.submit(buy("0.01", "50000.0"))

            assert advisor.figures().orders_delayed == 1
            assert kinds(advisor) == ["order counter"]

    account_stage.perform(scene)


def test_holes_that_nothing_fills_are_counted() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(STREAMS) as client, advised(client.system) as advisor:
            await client.system.ready()
            client.feed.hold(Channel.TRADES, BTC)
            await world.clock.sleep(10)
            world.inject(kind="REPLY", path="/Trades", body='{"error":[],"result":{"BTC/USD":[],"last":"0"}}')
            world.inject(kind="DROP", channel="trade", symbol=BTC)
            await world.clock.sleep(240)

            assert advisor.figures().unfilled_gaps == 1
            assert "unfilled gaps" in kinds(advisor)

    perform(scene, rate=20)


def test_the_time_it_has_seen_begins_with_it() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(STREAMS) as client:
            await world.clock.sleep(100)
            advisor = Advisor(client.system)

            assert advisor.figures().seen_s == 0.0
            assert world.clock.mono_ns() >= 100 * NS_PER_S

    perform(scene)
