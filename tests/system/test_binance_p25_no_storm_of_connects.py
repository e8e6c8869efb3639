"""P25 on Binance: every address accepts and closes for ten minutes, the process stays below its budget."""

from __future__ import annotations

from typing import Any

import pytest

from binance_world import BTC, World, each, perform, until
from leadline.clock import NS_PER_S
from leadline.engine.topic_state import RECEIVING
from leadline.model.market import Channel

TEN_MINUTES_S = 600.0
WANTED = each([BTC], Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.MARK)


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        ({"kind": "CLOSE", "after_s": 0.3}, 40),
        ({"kind": "REFUSE", "status": 503}, 120),
        ({"kind": "REFUSE"}, 120),
    ],
)
def test_public_private_and_request_connections_together_stay_below_what_is_allowed(
    fault: dict[str, Any], most: int
) -> None:
    async def scene(world: World) -> None:
        async with world.client(WANTED, account={}, lines=3) as client:
            await client.system.ready(30)
            begun_s = world.now_s
            world.inject(**fault, for_s=TEN_MINUTES_S)
            if fault["kind"] == "REFUSE":
                world.network.cut()
            await world.clock.sleep(TEN_MINUTES_S)

            tries = [one for one in world.network.connects_ns if one / NS_PER_S > begun_s]
            assert most / 3 < len(tries) <= most
            assert world.exchange.budget.take(world.network.venue_ns)  # the venue never turned us away
            await until(world, lambda: {one.state for one in client.feed.stats.topics} <= RECEIVING, 700)

    perform(scene, rate=4.0)
