"""Two minutes without the venue while it goes on filling: every order is known again, to the last digit."""

from __future__ import annotations

from decimal import Decimal

from account_stage import AccountStage, Trader, buy, perform, refused
from leadline.engine.account_events import Reconciled
from leadline.errors import BreakerOpen
from leadline.model.order import Order, OrderState

OUTAGE_S = 120.0
KNOWN_S = 10.0
PRICES = [f"{63_380 - step}.0" for step in range(6)]


async def placed(stage: AccountStage) -> tuple[Trader, list[Order]]:
    """Six orders, all acknowledged, the first the best."""
    trader = await stage.start()
    orders = [await trader.submit(buy("0.01", price)) for price in PRICES]
    assert {order.state for order in orders} == {OrderState.WORKING}
    return trader, orders


async def outage(stage: AccountStage, orders: list[Order]) -> None:
    """No names and no connects for two minutes, three orders filled meanwhile, one of them in parts."""
    stage.unreachable(OUTAGE_S)
    stage.fault(kind="REFUSE", route="all", for_s=OUTAGE_S)
    await stage.until(stage.now_s + 30)
    stage.fill(orders[0].client_id)
    await stage.until(stage.now_s + 30)
    stage.fill(orders[1].client_id, "0.004")
    await stage.until(stage.now_s + 30)
    stage.fill(orders[1].client_id)
    stage.fill(orders[2].client_id)
    await stage.until(stage.now_s + 30)


def test_no_order_ends_by_an_error_of_the_network() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, orders = await placed(stage)
        await outage(stage, orders)

        assert {order.state for order in trader.orders.orders()} == {OrderState.WORKING}
        assert [order.client_id for order in trader.orders.open()] == [order.client_id for order in orders]

    perform(scene)


def test_within_ten_seconds_of_the_recovery_all_six_are_known_with_price_fee_and_quantity() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, orders = await placed(stage)
        await outage(stage, orders)
        await stage.until(stage.now_s + KNOWN_S)

        states = [trader.orders.get(order.client_id).state for order in orders]
        assert states == [OrderState.FILLED] * 3 + [OrderState.WORKING] * 3
        assert stage.differences() == []
        first = trader.orders.get(orders[0].client_id).fills
        assert [(fill.qty, fill.price, fill.maker) for fill in first] == [
            (Decimal("0.01"), Decimal(PRICES[0]), True)
        ]
        assert [str(fee.qty) for fee in first[0].fees] == ["1.58450"]

    perform(scene)


def test_within_ten_seconds_of_the_recovery_balances_are_the_venues_to_the_last_digit() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, orders = await placed(stage)
        await outage(stage, orders)
        assert isinstance(
            await refused(trader.does(trader.desk.balances.all())), BreakerOpen
        )  # never a guess
        await stage.until(stage.now_s + KNOWN_S)

        assert await stage.balance_differences() == []
        assert trader.desk.balances.drifts == 0
        assert trader.heard(Reconciled)

    perform(scene)


def test_the_count_of_unconfirmed_orders_shows_the_outage_and_its_end() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, orders = await placed(stage)
        assert trader.orders.counts.unconfirmed == 0
        stage.call(stage.now_s + OUTAGE_S / 2, lambda: seen.append(trader.orders.counts.unconfirmed))
        seen: list[int] = []
        await outage(stage, orders)
        await stage.until(stage.now_s + KNOWN_S)

        assert seen == [len(orders)]
        assert trader.orders.counts.unconfirmed == 0

    perform(scene)


def test_a_program_killed_in_the_outage_knows_the_same_after_it() -> None:
    async def scene(stage: AccountStage) -> None:
        _, orders = await placed(stage)
        await outage(stage, orders)
        trader = await stage.kill_and_restart()
        await stage.until(stage.now_s + KNOWN_S)

        assert stage.differences() == []
        assert await stage.balance_differences() == []
        assert {order.client_id for order in trader.orders.orders()} == {one.client_id for one in orders}

    perform(scene)
