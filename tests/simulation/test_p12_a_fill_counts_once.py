"""Every message twice, the last fifty fills again with every reconnect, restarts: each fill counts once."""

from __future__ import annotations

from decimal import Decimal

from account_stage import AccountStage, Trader, buy, perform
from leadline.engine.order_news import OrderEvent
from leadline.model.order import Order, OrderState

RECONNECTS = 20
PARTS = 60


async def half_filled(stage: AccountStage) -> tuple[Trader, Order]:
    """An order with more fills than a snapshot repeats, every message of it told twice."""
    trader = await stage.start()
    order = await trader.submit(buy("1"))
    await stage.until(stage.now_s + 1)
    stage.fault(kind="DUP", channel="executions", count=10_000)
    for _ in range(PARTS):
        stage.fill(order.client_id, "0.01")
        await stage.until(stage.now_s + 0.2)
    return trader, order


def counted(trader: Trader) -> list[str]:
    return [news.fill.exec_id for _, news in trader.heard(OrderEvent) if news.fill is not None]


def test_messages_told_twice_count_once_and_are_counted() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, _ = await half_filled(stage)

        assert counted(trader) == [one["exec_id"] for one in stage.truth.fills()]
        assert trader.orders.counts.fills == PARTS
        assert trader.desk.lines.carrier.repeated("executions") >= PARTS
        assert stage.differences() == []

    perform(scene)


def test_fifty_fills_repeated_by_each_of_twenty_reconnects_count_once_and_are_counted() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, order = await half_filled(stage)
        for number in range(RECONNECTS):
            stage.cut()
            stage.fill(order.client_id, "0.01" if number % 2 else "0.005")
            await stage.until(stage.now_s + 40)

        assert sorted(counted(trader)) == sorted(one["exec_id"] for one in stage.truth.fills())
        assert trader.orders.counts.fills == PARTS + RECONNECTS
        assert trader.orders.counts.fills_duplicate >= 40 * RECONNECTS
        assert stage.differences() == []
        assert await stage.balance_differences() == []

    perform(scene)


def test_a_restart_never_fails_by_a_fill_it_knows_and_counts_none_again() -> None:
    async def scene(stage: AccountStage) -> None:
        _, order = await half_filled(stage)
        for killed in (True, False, True):
            if killed:
                stage.fill(order.client_id, "0.01")
                trader = await stage.kill_and_restart()
            else:
                await stage.stop()
                stage.fill(order.client_id, "0.01")
                trader = await stage.start()
            await stage.until(stage.now_s + 30)

            assert stage.differences() == []
        assert trader.orders.get(order.client_id).filled_qty == Decimal("0.01") * (PARTS + 3)
        assert trader.orders.counts.fills == PARTS + 3
        assert (
            len(counted(trader)) == len(set(counted(trader))) >= 1
        )  # what the dead had not on disk comes again
        assert await stage.balance_differences() == []

    perform(scene)


def test_two_fills_of_one_order_both_count_though_all_but_their_ids_is_equal() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        order = await trader.submit(buy("0.02"))
        await stage.until(stage.now_s + 1)
        stage.fill(order.client_id, "0.01")
        stage.fill(order.client_id, "0.01")
        await stage.until(stage.now_s + 1)

        known = trader.orders.get(order.client_id)
        first, second = known.fills
        assert (first.order_id, first.qty, first.price, first.venue_ns) == (
            second.order_id,
            second.qty,
            second.price,
            second.venue_ns,
        )
        assert first.exec_id != second.exec_id
        assert (known.state, known.filled_qty) == (OrderState.FILLED, Decimal("0.02"))

    perform(scene)
