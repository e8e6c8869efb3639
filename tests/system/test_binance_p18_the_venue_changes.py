"""P18 on Binance: routes and conditional orders are where the venue has them since its migrations."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from binance_world import BTC, ETH, STILL, Client, World, each, limit, perform, until
from leadline.app.config import load_settings
from leadline.engine.protection import ProtectionAnswered, ProtectionMissing, ProtectionPolicy
from leadline.errors import CheckFailed
from leadline.model.market import Channel, Side
from leadline.model.order import Order, OrderKind, OrderRequest, OrderState, Trigger
from leadline.venues.binance.endpoints import Endpoints

WITHIN_S = 1.0
PLACE, ALGO = "POST /fapi/v1/order", "POST /fapi/v1/algoOrder"
CONDITIONAL = {
    OrderKind.STOP_LOSS: "50000.0",
    OrderKind.TAKE_PROFIT: "70000.0",
    OrderKind.STOP_LOSS_LIMIT: "50000.0",
    OrderKind.TAKE_PROFIT_LIMIT: "70000.0",
}

SERVED = frozenset(
    {
        *(Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS),
        *(Channel.TOP, Channel.MARK, Channel.STATS, Channel.LIQUIDATIONS),
    }
)


def protective(kind: OrderKind = OrderKind.STOP_LOSS, at: str = "50000.0") -> OrderRequest:
    price = Decimal(at) if kind in (OrderKind.STOP_LOSS_LIMIT, OrderKind.TAKE_PROFIT_LIMIT) else None
    return OrderRequest(
        symbol=BTC, side=Side.SELL, kind=kind, qty=Decimal("0.010"), trigger=Trigger(Decimal(at)),
        limit_price=price, reduce_only=True,
    )  # fmt: skip


async def bought(client: Client) -> Order:
    request = OrderRequest(symbol=BTC, side=Side.BUY, kind=OrderKind.MARKET, qty=Decimal("0.010"))
    return await client.submit(request)


@pytest.mark.parametrize("by_rest", [False, True])
def test_every_kind_of_conditional_order_goes_to_the_algo_endpoint_from_the_start(by_rest: bool) -> None:
    async def scene(world: World) -> None:
        world.by_rest = by_rest
        async with world.client(account={}) as client:
            await client.system.ready(30)
            assert (await bought(client)).state is OrderState.FILLED
            await world.clock.sleep(6)
            for kind, at in CONDITIONAL.items():
                assert (await client.submit(protective(kind, at))).state is OrderState.WORKING
            assert len(world.demo.open_algos) == len(CONDITIONAL)
            assert world.demo.open_orders == {}
            assert len(world.requests(ALGO)) == (len(CONDITIONAL) if by_rest else 0)
            assert await client.system.orders.cancel_all() == len(CONDITIONAL)
            await world.clock.sleep(1)
            assert world.demo.open_algos == {}

    perform(scene, contracts=STILL[:1], rate=0.0)


@pytest.mark.parametrize("policy", list(ProtectionPolicy))
def test_a_stop_that_is_refused_is_told_within_a_second_and_the_policy_runs(policy: ProtectionPolicy) -> None:
    async def scene(world: World) -> None:
        world.by_rest = True
        async with world.client(account={"protection": policy}) as client:
            await client.system.ready(30)
            await bought(client)
            await client.submit(limit("0.010", "63370.0"))
            await world.clock.sleep(6)
            body = '{"code":-4120,"msg":"Order type not supported for this endpoint."}'
            world.inject(kind="REPLY", path="/algoOrder", status=400, body=body)
            asked_s = world.now_s
            refused = await client.submit(protective())

            assert (refused.state, refused.reason[:5]) == (OrderState.REJECTED, "-4120")
            [(told_s, missing)] = client.events(ProtectionMissing)
            assert told_s - asked_s <= WITHIN_S
            assert missing.symbol == BTC
            await world.clock.sleep(2)
            assert bool(client.events(ProtectionAnswered)) is (policy is not ProtectionPolicy.NONE)
            assert world.position() == (0 if policy is ProtectionPolicy.CLOSE else Decimal("0.010"))
            if policy is ProtectionPolicy.CANCEL:
                assert world.demo.open_orders == {}

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_a_stop_that_somebody_else_takes_away_is_missing_within_a_second() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={"protection": ProtectionPolicy.CLOSE}) as client:
            await client.system.ready(30)
            await bought(client)
            stop = await client.submit(protective())
            assert stop.state is OrderState.WORKING
            gone_s = world.now_s
            world.elsewhere("DELETE", "/fapi/v1/algoOrder", clientAlgoId=stop.client_id)
            told_s = await until(world, lambda: bool(client.events(ProtectionMissing)), WITHIN_S)
            assert told_s - gone_s <= WITHIN_S
            await world.clock.sleep(2)
            assert world.position() == 0

    perform(scene, contracts=STILL[:1], rate=0.0)


@pytest.mark.parametrize("by_whom", ["another", "ourselves"])
def test_a_stop_that_has_gone_while_nobody_ran_is_missing_unless_we_had_asked_for_it(by_whom: str) -> None:
    async def scene(world: World) -> None:
        settings = {"protection": ProtectionPolicy.CLOSE}
        async with world.client(account=settings) as client:
            await client.system.ready(30)
            await bought(client)
            stop = await client.submit(protective())
            if by_whom == "ourselves":
                world.inject(kind="HALF_OPEN", line="ws_private", for_s=30)
                await client.system.orders.cancel(stop.client_id)
        if by_whom == "another":
            world.elsewhere("DELETE", "/fapi/v1/algoOrder", clientAlgoId=stop.client_id)
        await world.clock.sleep(40)
        async with world.client(account=settings) as client:
            await client.system.ready(30)
            await world.clock.sleep(5)
            assert client.order(stop.client_id).state is OrderState.CANCELED
            assert bool(client.events(ProtectionMissing)) is (by_whom == "another")
            assert world.position() == (0 if by_whom == "another" else Decimal("0.010"))

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_a_position_larger_than_one_market_order_may_be_is_closed_in_several() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={"protection": ProtectionPolicy.CLOSE}) as client:
            await client.system.ready(30)
            qty = Decimal("2.5")
            closing = OrderRequest(
                symbol=ETH, side=Side.SELL, kind=OrderKind.MARKET, qty=qty, reduce_only=True
            )
            entry = await client.submit(limit("2.5", "3250.00", symbol=ETH))
            assert entry.state is OrderState.FILLED
            assert world.position("ETHUSDT") == qty
            await world.clock.sleep(6)
            with pytest.raises(CheckFailed, match="the most is 1"):
                await client.submit(closing)
            refused = await client.submit(structs.replace(protective(at="3300.00"), symbol=ETH))

            assert refused.reason.startswith("-2021")
            await until(world, lambda: bool(client.events(ProtectionAnswered)), 10)
            [(_, answered)] = client.events(ProtectionAnswered)
            assert (answered.closed, answered.error) == (qty, "")
            assert world.position("ETHUSDT") == 0
            sold = [one for one in world.orders() if one["side"] == "SELL"]
            assert [Decimal(one["qty"]) for one in sold] == [1, 1, Decimal("0.5")]

    perform(scene, contracts=(replace(STILL[1], most_market_qty=1),), rate=0.0)


def test_every_address_can_be_given_in_a_file(tmp_path: Path) -> None:
    given = {one.name: f"wss://elsewhere.example/{one.name}" for one in fields(Endpoints)}
    given["rest"] = "https://elsewhere.example"
    lines = "".join(f"      {name}: {url}\n" for name, url in given.items())
    file = tmp_path / "leadline.yaml"
    file.write_text(f"venues:\n  binance:\n    endpoints:\n{lines}")

    assert load_settings(file).endpoints == Endpoints(**given)


def test_streams_reach_their_readers_only_by_the_route_that_has_them() -> None:
    """What the unrouted address still serves is the public family; both routes are asked for their own."""

    async def scene(world: World) -> None:
        wanted = each([ETH], *(one for one in Channel if one in SERVED))
        async with world.client(wanted) as client:
            await client.system.ready(60)
            routes = {client.system.lines.route_of(one) for one in wanted}
            assert routes == {"public", "market"}
            await until(world, lambda: client.feed.stats.receiving >= len(wanted) - 1, 30)

    perform(scene, contracts=STILL, rate=10.0)
