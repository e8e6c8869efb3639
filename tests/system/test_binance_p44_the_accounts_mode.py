"""P44 on Binance: how an account is set up is read first, watched, and held against what is expected."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest

from binance_world import BTC, STILL, World, limit, perform
from leadline.engine.configuration import WATCH_S, ConfigurationChanged, ExpectedConfiguration
from leadline.engine.protection import ProtectionAnswered, ProtectionPolicy
from leadline.errors import CheckFailed, Held
from leadline.model.account import MarginMode
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, OrderState, PositionSide, Trigger

ORDERS = "POST /fapi/v1/order"
TOLD_S = 1.0
"""What an event tells counts within so long."""


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


@pytest.mark.parametrize(
    ("expected", "path", "params", "within_s", "words"),
    [
        (
            ExpectedConfiguration(leverage=20),
            "/fapi/v1/leverage",
            {"symbol": "BTCUSDT", "leverage": "7"},
            TOLD_S,
            "has leverage 7, and 20 is expected",
        ),
        (
            ExpectedConfiguration(multi_assets=False),
            "/fapi/v1/multiAssetsMargin",
            {"multiAssetsMargin": "true"},
            TOLD_S,
            "in multi-assets mode, and single-asset mode is expected",
        ),
        (
            ExpectedConfiguration(margin_mode=MarginMode.CROSS),
            "/fapi/v1/marginType",
            {"symbol": "BTCUSDT", "marginType": "ISOLATED"},
            WATCH_S + 2,  # no event tells it
            "margined isolated, and cross is expected",
        ),
    ],
)
def test_what_is_set_elsewhere_in_mid_session_holds_what_opens(
    expected: ExpectedConfiguration, path: str, params: dict[str, str], within_s: float, words: str
) -> None:
    async def scene(world: World) -> None:
        async with world.client(account={"expected": expected}) as client:
            await client.system.ready(30)
            order = await client.submit(limit())
            assert order.state is OrderState.WORKING
            await client.system.orders.cancel(order.client_id)
            await world.clock.sleep(1)
            world.elsewhere("POST", path, **params)
            await world.clock.sleep(within_s)
            sent = len(world.orders())
            with pytest.raises(Held, match=words):
                await client.system.orders.submit(limit())
            assert len(world.orders()) == sent
            assert client.events(ConfigurationChanged)[-1][1].problems

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_an_order_refused_for_its_position_side_has_the_mode_read_anew_at_once() -> None:
    async def scene(world: World) -> None:
        expected = ExpectedConfiguration(hedge=False)
        async with world.client(account={"expected": expected}) as client:
            await client.system.ready(30)
            world.elsewhere("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
            assert (await client.submit(limit())).reason.startswith("-4061")
            await world.clock.sleep(TOLD_S)
            with pytest.raises(Held, match="one-way mode is expected"):
                await client.system.orders.submit(limit())

    perform(scene, contracts=STILL[:1], rate=0.0)


@pytest.mark.parametrize("hedge", [False, True])
def test_the_policy_closes_by_the_mode_of_the_account_and_nothing_else(hedge: bool) -> None:
    async def scene(world: World) -> None:
        world.demo.hedge = hedge
        side = PositionSide.LONG if hedge else PositionSide.NET
        other = PositionSide.SHORT
        async with world.client(account={"protection": ProtectionPolicy.CLOSE}) as client:
            await client.system.ready(30)
            await client.submit(market(Side.BUY, position_side=side))
            if hedge:
                await client.submit(market(Side.SELL, "0.020", position_side=other))
            await world.clock.sleep(1)
            guard = OrderRequest(
                symbol=BTC, side=Side.SELL, kind=OrderKind.STOP_LOSS, qty=Decimal("0.010"),
                trigger=Trigger(Decimal("64500.0")), position_side=side, reduce_only=not hedge,
            )  # fmt: skip
            assert (await client.submit(guard)).reason.startswith("-2021")
            await world.clock.sleep(3)
            held = {one.side: one.amount for one in world.demo.held()}
            assert held == ({"SHORT": -20} if hedge else {})
            [(_, answered)] = client.events(ProtectionAnswered)
            assert (answered.closed, answered.error) == (Decimal("0.010"), "")

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
