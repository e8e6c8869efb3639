"""A cold start of two hundred symbols: reference data, line, subscriptions, first verified data."""

from __future__ import annotations

from leadline.emulator.instruments import synthetic
from leadline.engine.topic_state import RECEIVING
from leadline.model.market import Channel
from scenario import Scenario, each, perform

SYMBOLS = 200
COLD_START_S = 15.0


def test_two_hundred_symbols_are_live_within_fifteen_seconds_of_a_cold_start() -> None:
    async def scene(world: Scenario) -> None:
        wanted = each(world.symbols, Channel.TICKER, Channel.BOOK)
        async with world.client(wanted) as client:
            await client.system.ready(COLD_START_S)
            assert world.now_s <= COLD_START_S
            states = {topic.subscription: topic.state for topic in client.feed.stats.topics}
            assert set(states) == set(wanted)
            assert set(states.values()) <= RECEIVING
            assert len(world.sent) <= 1 + 2 * SYMBOLS / 50

    perform(scene, synthetic(SYMBOLS, levels=20), rate=200)
