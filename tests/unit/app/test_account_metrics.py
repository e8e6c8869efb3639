from __future__ import annotations

from decimal import Decimal

import pytest

from account_stage import BTC, AccountStage, buy, perform
from leadline.app.account_metrics import account_metrics, account_times
from leadline.engine.halts import OPERATOR
from leadline.errors import Held
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, Trigger


def found(stage: AccountStage) -> dict[tuple[str, ...], float]:
    return {
        (sample.name.removeprefix("leadline_"), *sample.labels.values()): sample.value
        for family in account_metrics(stage.trader.account, stage.clock)
        for sample in family.samples
    }


def test_orders_fills_and_holds_are_told_by_state() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        one = await trader.submit(buy("0.01"))
        await trader.submit(buy("0.02", "50000.0"))
        assert found(stage)["order_counter_spent",] > 1
        stage.fill(one.client_id, "0.004")
        trader.orders.halt(BTC, "looking", OPERATOR)
        await stage.clock.sleep(1)
        told = found(stage)

        assert (told["orders", "working"], told["orders", "partially_filled"]) == (1, 1)
        assert (told["fills_total",], told["fills_duplicate_total",]) == (1, 0)
        assert told["symbols_halted", "operator"] == 1
        assert told["symbols_halted", "reconciliation"] == 0
        assert told["account_ready",] == 1
        (answers,) = account_times(trader.account)
        assert [s.value for s in answers.samples if s.name.endswith("_count")] == [2]

    perform(scene)


def test_a_dead_stream_an_open_breaker_and_an_armed_switch_show() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start(dead_man_s=60)
        await stage.clock.sleep(5)
        assert found(stage)["dead_man_armed",] == 1
        stage.fault(kind="CLOSE")
        stage.fault(kind="REFUSE", route="all", for_s=40)
        await stage.clock.sleep(30)
        told = found(stage)

        assert (told["account_ready",], told["breaker_state", "open"]) == (0, 1)
        assert told["breaker_state", "closed"] == 0
        assert told["breaker_trips_total",] == 1
        assert trader.account.breaker.opened == 1

    perform(scene)


def test_credentials_that_were_not_renewed_and_guards_that_are_missing_are_counted() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        assert (found(stage)["credential_failures_total",], found(stage)["protection_missing_total",]) == (
            0,
            0,
        )
        stage.fault(kind="REPLY", path="GetWebSocketsToken", status=500, body="{}", for_s=5)
        stage.fault(kind="CLOSE")
        await stage.clock.sleep(10)
        trader.orders.halt(BTC, "looking", OPERATOR)
        with pytest.raises(Held):
            await trader.orders.submit(
                OrderRequest(
                    symbol=BTC, side=Side.SELL, kind=OrderKind.STOP_LOSS, qty=Decimal("0.01"), margin=True,
                    trigger=Trigger(Decimal(50_000)), reduce_only=True,
                )
            )  # fmt: skip
        told = found(stage)

        assert told["credential_failures_total",] >= 1
        assert told["protection_missing_total",] == 1

    perform(scene)


def test_a_clock_that_is_off_shows_whichever_way() -> None:
    async def scene(stage: AccountStage) -> None:
        await stage.start()
        for step_s in (-20.0, 40.0):
            stage.clock.step_wall(step_s)
            await stage.clock.sleep(90)
            assert abs(found(stage)["clock_offset_seconds",] - 20.0) < 1.0

    perform(scene, rate=5)


def test_nothing_that_is_owned_or_traded_is_a_label() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        order = await trader.submit(buy("0.01"))
        stage.fill(order.client_id)
        await stage.clock.sleep(1)
        assert order.qty == Decimal("0.01")
        labels = {label for key in found(stage) for label in key[1:]}

        assert not labels & {BTC, "BTC", "USD", order.client_id}

    perform(scene)
