"""Over real sockets: prices of REST that the streams contradict, and orders that wait until they agree."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from leadline.app.opening import open_system
from leadline.app.system import System
from leadline.engine.events import Diverged, Reconverged
from leadline.engine.halts import CROSS_CHECK
from leadline.errors import Held
from leadline.model.market import Channel
from leadline.model.reading import UNVALIDATED, Source
from served_account import far_bid, served_account

BTC, ETH = "BTC/USD", "ETH/USD"


async def event_of(system: System, kind: type[Diverged] | type[Reconverged]) -> Diverged | Reconverged:
    """The first such event, past or to come."""
    async for event in system.feed.events():
        if isinstance(event, kind):
            return event
    raise AssertionError("the events never end")


async def test_orders_wait_while_rest_contradicts_the_streams_and_leave_when_it_does_not(
    tmp_path: Path,
) -> None:
    async with served_account(tmp_path) as venue:
        channels = (Channel.TICKER, Channel.BOOK)
        async with open_system(venue.settings, [BTC, ETH], channels=channels, account="main") as system:
            await system.ready()
            order = await system.orders.submit(far_bid())  # its symbol is looked at more often now
            venue.inject(kind="SKEW", symbol=BTC, factor="0.97")
            async with asyncio.timeout(system.feed.validator.interval_s(BTC)):
                told = await event_of(system, Diverged)

            assert isinstance(told, Diverged)
            assert (told.symbol, told.blamed) == (BTC, Source.REST)
            assert list(system.orders.halts(CROSS_CHECK)) == [BTC]
            with pytest.raises(Held, match="stream and REST differ"):
                await system.orders.submit(far_bid())
            ticker = await system.feed.ticker(BTC)
            assert ticker.source is Source.STREAM
            assert ticker.confidence < UNVALIDATED
            venue.exchange.end_faults(venue.exchange.next_event_at())
            async with asyncio.timeout(60):
                while system.feed.validator.open:
                    await event_of(system, Reconverged)

            assert system.orders.halts() == {}
            await system.orders.submit(far_bid())
            await system.orders.cancel(order.client_id)
