"""150 books that are read from the start on: one snapshot each, within the weight of a minute."""

from __future__ import annotations

import pytest

from binance_world import World, perform, until
from leadline.emulator.binance.contracts import synthetic
from leadline.engine.topic_state import State, TopicState
from leadline.net.http import Purpose

CONTRACTS = synthetic(150, levels=30)
BUDGET = 1920
"""Four fifths of what a minute allows (dossier §3.1)."""


@pytest.mark.parametrize(("rate", "more"), [(450.0, 1), (100.0, 2)])
def test_150_readers_of_books_cost_no_request_beyond_the_snapshots_of_their_books(
    rate: float, more: int
) -> None:
    """Where a snapshot has come and for a second no change, a reader is served by a request of its own."""

    async def scene(world: World) -> None:
        async with world.client() as client:
            for contract in CONTRACTS:
                client.feed.on_book(contract.unified, lambda reading: None, depth=500)
            peak = 0

            def live() -> bool:
                nonlocal peak
                peak = max(peak, world.exchange.weights.used(world.network.venue_ns))
                return all_live(client.feed.stats.topics)

            await until(world, live, 61)  # 150 of weight 20 fill more than one minute
            http = client.system.http
            assert http is not None
            assert len(CONTRACTS) <= http.counts[Purpose.SNAPSHOT] <= len(CONTRACTS) + more
            assert http.counts[Purpose.FALLBACK] == 0
            assert peak <= BUDGET

    perform(scene, contracts=CONTRACTS, rate=rate)


def all_live(topics: tuple[TopicState, ...]) -> bool:
    return len(topics) == len(CONTRACTS) and all(one.state is State.LIVE for one in topics)
