"""P12 on Binance: told twice, told as a light trade too, told by REST again and after a restart: one fill."""

from __future__ import annotations

from decimal import Decimal

from binance_world import STILL, Client, World, limit, perform, until
from leadline.engine.order_news import OrderEvent
from leadline.model.order import OrderState

RECONNECTS = 20


def counted(client: Client) -> list[str]:
    return [one.fill.exec_id for _, one in client.events(OrderEvent) if one.fill is not None]


def test_messages_told_twice_and_reconnects_that_read_everything_again_count_each_fill_once() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            order = await client.submit(limit("0.500"))
            world.inject(kind="DUP", channel="executions", count=100)
            for _ in range(50):
                world.fill(order.client_id, "0.005")
            await world.clock.sleep(1)
            for _ in range(RECONNECTS):
                world.inject(kind="CLOSE", line="ws_private", code=1006)
                await until(world, lambda: not client.system.desk.streaming, 10)
                world.fill(order.client_id, "0.001")
                await until(world, lambda: client.system.desk.streaming, 60)
            await world.clock.sleep(2)

            assert counted(client) == [one["exec_id"] for one in world.fills()]
            assert len(counted(client)) == 50 + RECONNECTS
            assert client.system.orders.counts.fills == 50 + RECONNECTS
            assert client.system.orders.counts.fills_duplicate >= 50
            told = client.order(order.client_id)
            assert told.filled_qty == await client.position() == world.position() == Decimal("0.270")
            assert (await client.system.balances.get("USDT")).value.total == world.wallet()

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_a_restart_counts_none_again_and_is_not_stopped_by_one() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            order = await client.submit(limit("0.100"))
            world.fill(order.client_id, "0.010")
            world.fill(order.client_id, "0.010")  # two that are alike but for their ids
            await world.clock.sleep(1)
            before = client.fills()
        world.fill(order.client_id, "0.080")
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await world.clock.sleep(1)

            assert len(before) == 2
            assert counted(client) == [world.fills()[2]["exec_id"]]
            assert [one[0] for one in client.fills()] == [one["exec_id"] for one in world.fills()]
            assert client.order(order.client_id).state is OrderState.FILLED
            assert len(client.system.orders.orders()) == 1

    perform(scene, contracts=STILL[:1], rate=0.0)
