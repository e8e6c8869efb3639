"""P2 on Binance: two minutes without any way to the venue, and after them every order and fill is known."""

from __future__ import annotations

from decimal import Decimal

from binance_world import STILL, World, limit, perform, until
from leadline.model.order import OrderState

OUTAGE_S = 120.0
RECOVERED_S = 10.0
LONGEST_PAUSE_S = 30.0


def test_three_of_six_orders_filled_in_an_outage_are_known_to_the_last_digit_after_it() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            placed = [await client.submit(limit("0.010", f"633{80 - number}.0")) for number in range(6)]
            names = [one.client_id for one in placed]
            assert {client.order(one).state for one in names} == {OrderState.WORKING}
            world.unreachable(OUTAGE_S)
            for number in range(3):
                await world.clock.sleep(OUTAGE_S / 4)
                world.fill(names[number], "0.010")
            assert client.system.orders.counts.unconfirmed > 0
            assert {client.order(one).state for one in names} <= {OrderState.WORKING, OrderState.UNKNOWN}
            await world.clock.sleep(OUTAGE_S / 4)
            await until(world, lambda: client.system.desk.streaming, LONGEST_PAUSE_S + 5)
            await world.clock.sleep(RECOVERED_S)

            assert [client.order(one).state for one in names] == [
                *[OrderState.FILLED] * 3, *[OrderState.WORKING] * 3,
            ]  # fmt: skip
            assert [(one[0], one[1], one[2], one[3]) for one in client.fills()] == [
                (one["exec_id"], Decimal(one["qty"]), Decimal(one["price"]), one["maker"])
                for one in world.fills()
            ]
            fees = [(fee.asset, fee.qty) for one in client.fills() for fee in one[4]]
            assert fees == [(one["fee_asset"], Decimal(one["fee"])) for one in world.fills()]
            assert await client.position() == world.position() == Decimal("0.030")
            assert (await client.system.balances.get("USDT")).value.total == world.wallet()
            assert client.system.orders.counts.unconfirmed == 0

    perform(scene, contracts=STILL[:1], rate=0.0)
