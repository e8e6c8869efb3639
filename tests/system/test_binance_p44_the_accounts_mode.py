"""P44 on Binance: how an account is set up is read first, watched, and held against what is expected."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest

from binance_world import BTC, STILL, World, limit, perform
from leadline.engine.configuration import WATCH_S, ExpectedConfiguration
from leadline.errors import CheckFailed, Held
from leadline.model.account import MarginMode
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, OrderState, PositionSide

ORDERS = "POST /fapi/v1/order"


def market(side: Side, qty: str = "0.010", **more: object) -> OrderRequest:
    fields = {"symbol": BTC, "side": side, "kind": OrderKind.MARKET, "qty": Decimal(qty), **more}
    return OrderRequest(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "expected", "words"),
    [
        ("hedge", ExpectedConfiguration(hedge=False), "one-way mode is expected"),
        ("one-way", ExpectedConfiguration(hedge=True), "hedge mode is expected"),
        ("multi", ExpectedConfiguration(multi_assets=False), "multi"),
        ("isolated", ExpectedConfiguration(margin_mode=MarginMode.CROSS), "isolated"),
        ("cross", ExpectedConfiguration(margin_mode=MarginMode.ISOLATED), "cross"),
        ("leverage", ExpectedConfiguration(leverage=5), "leverage"),
    ],
)
def test_a_mismatch_is_explained_before_the_first_order_and_nothing_was_sent(
    there: str, expected: ExpectedConfiguration, words: str
) -> None:
    async def scene(world: World) -> None:
        world.demo.hedge = there == "hedge"
        world.demo.multi_assets = there == "multi"
        if there == "isolated":
            world.demo.setting("BTCUSDT").isolated = True
        async with world.client(account={"expected": expected}) as client:
            await client.system.ready(30)
            with pytest.raises(Held, match=words):
                await client.system.orders.submit(limit())
            assert world.orders() == []
            assert world.requests(ORDERS) == []
            assert world.demo.hedge is (there == "hedge")  # and nobody has changed the account

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_the_mode_flipped_elsewhere_holds_what_opens_and_lets_cancels_pass() -> None:
    async def scene(world: World) -> None:
        expected = ExpectedConfiguration(hedge=False)
        async with world.client(account={"expected": expected}) as client:
            await client.system.ready(30)
            order = await client.submit(limit())
            world.demo.hedge = True
            await world.clock.sleep(WATCH_S + 2)
            with pytest.raises(Held, match="one-way mode is expected"):
                await client.system.orders.submit(limit())
            [outcome] = await client.system.orders.cancel(order.client_id)
            assert outcome.error is None
            world.demo.hedge = False
            await world.clock.sleep(WATCH_S + 2)
            assert (await client.submit(limit())).state is OrderState.WORKING

    perform(scene, contracts=STILL[:1], rate=0.0)


@pytest.mark.parametrize("hedge", [False, True])
def test_an_order_that_closes_never_turns_the_position_round(hedge: bool) -> None:
    """More than is held, sent to close: the venue cuts or refuses it, and nothing is open the other way."""

    async def scene(world: World) -> None:
        world.demo.hedge = hedge
        side = PositionSide.LONG if hedge else PositionSide.NET
        closing = {"position_side": side} | ({} if hedge else {"reduce_only": True})
        async with world.client(account={}) as client:
            await client.system.ready(30)
            opened = await client.submit(market(Side.BUY, position_side=side))
            assert opened.state is OrderState.FILLED
            await world.clock.sleep(1)
            with suppress(CheckFailed):
                await client.submit(market(Side.SELL, "0.030", **closing))
            await world.clock.sleep(1)
            assert world.position() >= 0
            assert await client.position() == world.position()

    perform(scene, contracts=STILL[:1], rate=0.0)
