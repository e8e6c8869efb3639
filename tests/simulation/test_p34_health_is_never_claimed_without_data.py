"""What a feed says of itself while nothing works, and while there is nothing to say."""

from __future__ import annotations

import pytest

from leadline.errors import Stale
from leadline.model.market import Channel
from scenario import BTC, ETH, Scenario, each, perform


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
            assert client.system.line.connected
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
            assert client.system.line.connects == 1

    perform(scene)
