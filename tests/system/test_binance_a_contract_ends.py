"""P18 on Binance: a contract that we hold is delisted or delivered, and each step is known as it comes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from binance_world import LIVELY, Client, World, each, limit, perform
from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.errors import CheckFailed
from leadline.model.market import Channel, Side
from leadline.model.order import OrderKind, OrderRequest, OrderState, Provenance

QUARTER = next(one for one in DEMO_CONTRACTS if not one.perpetual)
ENDS_S = 20.0
QTY = Decimal("0.050")


async def refused(client: Client, request: OrderRequest) -> str:
    with pytest.raises(CheckFailed) as caught:
        await client.system.orders.submit(request)
    return str(caught.value)


@pytest.mark.parametrize(
    ("symbol", "wire", "cause"),
    [
        ("ETH/USDT:USDT", "ETHUSDT", "settlement"),
        (QUARTER.unified, QUARTER.symbol, "delivery"),
    ],
)
def test_orders_are_refused_here_and_positions_and_wallet_are_exact_to_the_end(
    symbol: str, wire: str, cause: str
) -> None:
    async def scene(world: World) -> None:
        streams = each([symbol], Channel.BOOK, Channel.TICKER, Channel.TRADES)
        async with world.client(streams, account={}) as client:
            await client.system.ready(30)
            buy = OrderRequest(symbol=symbol, side=Side.BUY, kind=OrderKind.MARKET, qty=QTY)
            await client.submit(buy)
            below = limit(str(QTY), str(world.best(wire)[0] - 100), symbol=symbol)
            resting = await client.submit(below)
            assert (await client.position(symbol), resting.state) == (QTY, OrderState.WORKING)

            world.inject(kind="DELIST", symbol=symbol, after_s=ENDS_S)
            ends_s = world.now_s + ENDS_S
            await world.clock.sleep(2)
            assert "takes only what makes a position smaller" in await refused(client, below)
            await world.clock.sleep(ends_s + 2 - world.now_s)
            assert "it is being settled or delivered" in await refused(client, below)
            await world.clock.sleep(62)
            assert "it is delisted" in await refused(client, below)

            assert await client.position(symbol) == world.position(wire) == 0
            assert (await client.system.balances.get("USDT")).value.total == world.wallet()
            gone = client.order(resting.client_id)
            assert (gone.state, gone.reason) == (OrderState.EXPIRED, "the symbol is delisted")
            known = client.system.orders.orders()
            [closing] = [one for one in known if one.provenance is Provenance.ADOPTED]
            assert cause in closing.reason
            assert [one[0] for one in client.fills()] == sorted(one["exec_id"] for one in world.fills())
            assert client.system.desk.positions.drifts == client.system.desk.balances.drifts == 0

    perform(scene, contracts=(*LIVELY, QUARTER), rate=20.0)
