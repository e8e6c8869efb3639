from __future__ import annotations

import asyncio
import logging

import pytest

from leadline.app.system import Keep, System
from leadline.engine.checkpoint_files import MemoryCheckpoints
from leadline.engine.events import CheckpointRestored
from leadline.errors import ConnectFailed, Stale, UnknownSymbol
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source
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
