"""P26 on Binance: connections with an age are replaced on every route, and no reader notices."""

from __future__ import annotations

from typing import Any

import pytest

from binance_world import BTC, ETH, STILL, World, each, limit, perform, until
from leadline.core.session import LineDown
from leadline.engine.events import LineRotated, RotationPutOff, SourceChanged, StreamDead
from leadline.model.market import BookDropped, Channel, Gap
from leadline.model.order import OrderState
from leadline.model.reading import Source

CUT_AT_AGE_S = 250.0
ROTATE_S = 200.0
LONG_S = 660.0
WANTED = each([BTC], Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.MARK, Channel.BARS)


@pytest.mark.parametrize("lines", [1, 2])
def test_every_route_hands_over_before_the_venue_closes_and_nothing_is_missed_or_doubled(lines: int) -> None:
    async def scene(world: World) -> None:
        for line in ("ws_public", "ws_market"):
            world.inject(kind="CLOSE", line=line, after_s=CUT_AT_AGE_S)
        async with world.client(WANTED, lines=lines, rotate_after_s=ROTATE_S) as client:
            trades: list[Any] = []
            marks: list[Any] = []
            sources: set[Source] = set()
            client.feed.on_trade(BTC, lambda reading: trades.append(reading.value.trade_id))
            client.feed.on_mark(BTC, lambda reading: marks.append(reading.value.venue_time))
            client.feed.on_book(BTC, lambda reading: sources.add(reading.source), 20)
            await client.system.ready(30)
            sources.clear()
            client.told.clear()
            await world.clock.sleep(LONG_S)

            rotated = [one.route for _, one in client.events(LineRotated)]
            assert min(rotated.count("public"), rotated.count("market")) >= lines * 3
            kinds = (LineDown, Gap, BookDropped, SourceChanged, StreamDead)
            assert client.events(kinds) == []
            assert sources == {Source.STREAM}
            assert trades == list(range(trades[0], trades[0] + len(trades)))
            assert len(trades) > 80
            assert marks == sorted(set(marks))

    perform(scene, rate=6.0)


def test_no_line_is_replaced_while_it_is_not_known_what_became_of_an_order() -> None:
    async def scene(world: World) -> None:
        async with world.client(
            each([ETH], Channel.TICKER, Channel.BOOK), account={}, rotate_after_s=60.0
        ) as client:
            await until(world, lambda: client.system.desk.streaming, 30)
            await world.clock.sleep(50)
            world.inject(kind="ACCEPT_THEN_DROP", count=1)
            world.inject(kind="STALL", channel="executions")
            world.inject(kind="REFUSE", route="rest")
            order = await client.system.orders.submit(limit())
            assert client.order(order.client_id).state is OrderState.UNKNOWN
            await world.clock.sleep(60)
            assert client.events(LineRotated) == []
            assert client.events(RotationPutOff)
            world.heal()
            await until(world, lambda: bool(client.events(LineRotated)), 60)
            assert client.order(order.client_id).state is OrderState.WORKING

    perform(scene, contracts=STILL, rate=6.0)
