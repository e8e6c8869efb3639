"""P35 on Binance: who dies or goes blind leaves no order behind; who leaves in order takes it off."""

from __future__ import annotations

from decimal import Decimal

from binance_world import BTC, ETH, STILL, World, limit, perform, until
from leadline.engine.dead_man import DeadManChanged, OutlivesNot
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, OrderState, Trigger

TIMEOUT_S = 30
GUARDED = {"dead_man_s": TIMEOUT_S}


def statuses(world: World) -> list[str]:
    return [one["status"] for one in world.orders()]


def test_a_program_that_falls_silent_has_every_order_of_every_symbol_cancelled_in_time() -> None:
    async def scene(world: World) -> None:
        async with world.client(account=GUARDED) as client:
            await client.system.ready(30)
            await client.submit(limit())
            await client.submit(limit("0.100", "2900.00", symbol=ETH))
            await until(world, lambda: set(world.demo.countdowns) == {"BTCUSDT", "ETHUSDT"}, 5)
            await world.clock.sleep(3 * TIMEOUT_S)
            assert statuses(world) == ["NEW", "NEW"]
            world.unreachable(3 * TIMEOUT_S)
            await world.clock.sleep(TIMEOUT_S * 2 / 3 - 2)
            assert statuses(world) == ["NEW", "NEW"]
            await world.clock.sleep(TIMEOUT_S / 3 + 4)
            assert statuses(world) == ["CANCELED", "CANCELED"]
            await until(world, lambda: client.system.orders.open() == [], 4 * TIMEOUT_S)
            assert {one.state for one in client.system.orders.orders()} == {OrderState.CANCELED}

    perform(scene, contracts=STILL, rate=0.0)


def test_a_program_that_no_longer_sees_its_account_stops_refreshing() -> None:
    async def scene(world: World) -> None:
        world.by_rest = True  # else the key of the stream is proven on the connection of requests
        async with world.client(account=GUARDED) as client:
            await client.system.ready(30)
            order = await client.submit(limit())
            await until(world, lambda: "BTCUSDT" in world.demo.countdowns, 5)
            world.inject(kind="HALF_OPEN", line="ws_private", for_s=600)
            world.inject(kind="REPLY", path="/listenKey", status=503, body="{}", for_s=600)
            await until(world, lambda: statuses(world) == ["CANCELED"], 2 * TIMEOUT_S + 15)
            await until(world, lambda: not client.events(DeadManChanged)[-1][1].armed, 5)
            assert [one.armed for _, one in client.events(DeadManChanged)] == [True, True, False]
            world.heal()
            await until(world, lambda: client.order(order.client_id).state is OrderState.CANCELED, 60)

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_a_clean_end_takes_the_switch_off_and_leaves_the_orders() -> None:
    async def scene(world: World) -> None:
        async with world.client(account=GUARDED) as client:
            await client.system.ready(30)
            await client.submit(limit())
            await until(world, lambda: "BTCUSDT" in world.demo.countdowns, 5)
        assert world.demo.countdowns == {}
        await world.clock.sleep(10 * TIMEOUT_S)
        assert statuses(world) == ["NEW"]

    perform(scene, contracts=STILL[:1], rate=0.0)


STOP = OrderRequest(
    symbol=BTC,
    side=Side.SELL,
    kind=OrderKind.STOP_LOSS,
    qty=Decimal("0.010"),
    trigger=Trigger(Decimal(50_000)),
    survive=True,
)


def test_an_order_that_is_to_survive_is_warned_of_but_for_a_conditional_one_which_does() -> None:
    async def scene(world: World) -> None:
        async with world.client(account=GUARDED) as client:
            await client.system.ready(30)
            assert (await client.submit(STOP)).state is OrderState.WORKING
            survivor = await client.submit(limit(survive=True))
            await until(world, lambda: bool(client.events(OutlivesNot)), 5)
            assert [one for _, one in client.events(OutlivesNot)] == [OutlivesNot(survivor.client_id, BTC)]
            world.unreachable(3 * TIMEOUT_S)
            await world.clock.sleep(2 * TIMEOUT_S)
            assert sorted(statuses(world)) == ["CANCELED", "NEW"]

    perform(scene, contracts=STILL[:1], rate=0.0)
