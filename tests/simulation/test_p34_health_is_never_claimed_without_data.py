"""What a feed says of itself while nothing works, and while there is nothing to say."""

from __future__ import annotations

import pytest

import account_stage
from account_stage import AccountStage
from leadline.core.session import LineDown, LineUp
from leadline.emulator.instruments import synthetic
from leadline.engine.events import StreamDead
from leadline.errors import Stale
from leadline.model.market import Channel
from scenario import BTC, ETH, Scenario, each, perform

DAY_S = 24 * 3600


def test_a_feed_without_a_line_has_nothing_receiving_and_says_why_of_every_stream() -> None:
    async def scene(world: Scenario) -> None:
        world.inject(kind="REFUSE", status=503)
        async with world.client(each([BTC, ETH], Channel.BOOK, Channel.TRADES)) as client:
            for until_s in (1.0, 10.0, 60.0):
                await world.until(until_s)
                stats = client.feed.stats
                assert (stats.wanted, stats.receiving, stats.explained) == (4, 0, 4)
                assert stats.line
                assert all(topic.reason and topic.last_age_s is None for topic in stats.topics)
            with pytest.raises(Stale, match="HTTP 503"):
                await client.system.ready(5)
            assert repr(client.feed) == "Feed(0 of 4 streams receiving, 0 gaps)"

    perform(scene)


def test_a_line_that_stands_is_no_data() -> None:
    async def scene(world: Scenario) -> None:
        world.inject(kind="STALL")
        async with world.client(each([BTC, ETH], Channel.BOOK, Channel.TICKER)) as client:
            await world.until(60)
            stats = client.feed.stats
            assert client.system.lines.connected
            assert (stats.wanted, stats.receiving, stats.explained) == (4, 0, 4)
            with pytest.raises(Stale, match="no data since"):
                await client.system.ready(5)

    perform(scene)


def test_a_feed_of_which_nothing_is_wanted_claims_no_stream() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client() as client:
            await world.until(120)
            stats = client.feed.stats
            assert (stats.wanted, stats.receiving, stats.topics) == (0, 0, ())
            assert repr(client.feed) == "Feed(0 of 0 streams receiving, 0 gaps)"
            assert client.system.lines.connects == 1

    perform(scene)


@pytest.mark.timeout(600)
def test_a_flat_account_and_ten_illiquid_symbols_are_left_alone_for_a_day() -> None:
    pairs = synthetic(10, levels=20)

    async def scene(world: AccountStage) -> None:
        trader = await world.start()
        feed = trader.system.feed
        fallen = []
        feed.listen(lambda event: fallen.append(event) if isinstance(event, LineDown | StreamDead) else None)
        for pair in pairs:
            feed.on_ticker(pair.symbol, lambda reading: None)
            feed.on_trade(pair.symbol, lambda reading: None)
            feed.on_book(pair.symbol, lambda reading: None)
        await world.until(DAY_S)

        assert fallen == []
        assert [type(event) for _, event in trader.told if isinstance(event, LineUp | LineDown)] == [LineUp]
        assert (feed.stats.receiving, feed.stats.wanted) == (30, 30)
        assert feed.stats.gaps.total == 0
        assert feed.detection.dead.count == 0
        assert feed.detection.suspected.count > 1000  # there was silence enough, and REST was asked
        assert all(topic.updates > 20 for topic in feed.stats.topics)

    account_stage.perform(scene, pairs, rate=0.1)
