"""P5 on Binance: fills in bursts and in holes of the stream come once each, in the venue's order."""

from __future__ import annotations

from collections.abc import Sequence

from binance_world import STILL, World, limit, perform, until
from leadline.core.session import LineUp
from leadline.engine.order_news import NewsGap, OrderEvent, OrderNews
from leadline.model.order import OrderState

BURST = 200
RECONNECTED_S = 3.0


def fills_of(news: Sequence[OrderNews]) -> list[str]:
    return [one.fill.exec_id for one in news if isinstance(one, OrderEvent) and one.fill is not None]


def test_two_hundred_fills_at_one_moment_all_reach_a_reader_that_is_busy_elsewhere() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            order = await client.submit(limit("1.000"))
            read: list[OrderNews] = []
            events = client.system.orders.events()

            async def slow() -> None:
                async for news in events:
                    read.append(news)
                    if len(fills_of(read)) == BURST:
                        return
                    await world.clock.sleep(0.05)

            reader = world.loop.create_task(slow())
            await world.clock.sleep(0)
            for _ in range(BURST):
                world.fill(order.client_id, "0.005")
            await reader
            await events.aclose()

            assert fills_of(read) == [one["exec_id"] for one in world.fills()]
            assert len(set(fills_of(read))) == BURST
            assert client.order(order.client_id).state is OrderState.FILLED

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_fills_of_a_hole_come_once_in_order_within_three_seconds_and_the_hole_is_told_first() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            order = await client.submit(limit("0.100"))
            world.fill(order.client_id, "0.010")
            await world.clock.sleep(1)
            client.told.clear()
            world.inject(kind="CLOSE", line="ws_private", code=1006)
            world.fill(order.client_id, "0.020")  # matched, and swallowed with the connection
            world.inject(kind="REFUSE", for_s=4)
            for _ in range(3):
                await world.clock.sleep(1)
                world.fill(order.client_id, "0.015")
            world.inject(kind="DUP", channel="executions", count=5)
            up_s = await until(world, lambda: bool(client.events(LineUp)), 40)
            world.fill(order.client_id, "0.005")
            await world.clock.sleep(RECONNECTED_S)

            told = fills_of([one for _, one in client.events(OrderEvent)])
            assert told == [one["exec_id"] for one in world.fills()][1:]
            assert world.now_s - up_s < RECONNECTED_S + 0.1
            kinds = [type(one) for _, one in client.told]
            filled = [isinstance(one, OrderEvent) and one.fill is not None for _, one in client.told]
            assert kinds.index(NewsGap) < filled.index(True)

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_a_dropped_message_costs_nothing_though_this_stream_has_no_sequence() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            order = await client.submit(limit("0.100"))
            world.inject(kind="DROP", channel="executions", count=2)
            for _ in range(4):
                world.fill(order.client_id, "0.010")
            await world.clock.sleep(60)

            told = fills_of([one for _, one in client.events(OrderEvent)])
            assert sorted(told) == sorted(one["exec_id"] for one in world.fills())
            assert client.order(order.client_id).filled_qty.normalize() == world.position().normalize()

    perform(scene, contracts=STILL[:1], rate=0.0)
