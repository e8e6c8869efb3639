"""Cancel-only, post-only, maintenance: held with the mode as the reason, resumed after a reconciliation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from account_stage import BTC, ETH, AccountStage, buy, perform, refused
from leadline.core.breaker import BreakerState
from leadline.engine.account_events import Reconciled
from leadline.engine.dead_man import DeadManChanged
from leadline.errors import CheckFailed, Error, Held
from leadline.model.level import Level
from leadline.model.order import Amendment, OrderState
from scenario import ONE_WAY_S

DEAD_MAN_S = 60
HEARD_S = 2 * ONE_WAY_S
TEN_MINUTES_S = 600.0
PLACING = frozenset({"add_order", "batch_add", "amend_order", "edit_order"})


class Wire:
    """Requests that the program puts on its account's stream, each with its time."""

    def __init__(self, stage: AccountStage) -> None:
        self._stage = stage
        self.sent: list[tuple[float, dict[str, Any]]] = []
        stage.network.departing = self._departing

    def _departing(self, text: str) -> None:
        self.sent.append((self._stage.now_s, json.loads(text)))

    def placing(self, since_s: float = 0.0) -> list[float]:
        """When something that places or changes an order left."""
        return [at_s for at_s, request in self.sent if request["method"] in PLACING and at_s >= since_s]


async def mode(stage: AccountStage, name: str) -> None:
    """The venue changes its mode, and the program hears of it."""
    stage.fault(kind="STATUS", mode=name)
    await stage.until(stage.now_s + HEARD_S)


def armed(stage: AccountStage) -> bool:
    return stage.truth.account.armed_ns is not None


def rest(stage: AccountStage, since_s: float, until_s: float) -> list[tuple[float, str]]:
    return [(at_s, name) for at_s, name in stage.asked if since_s <= at_s < until_s]


async def first_order(stage: AccountStage, **more: Any) -> float:
    """Try to place an order every 10 ms; the time at which one was let out."""
    while True:
        left_s = stage.now_s
        try:
            await stage.trader.submit(buy(**more))
        except Held:
            await stage.until(left_s + 0.01)
        else:
            return left_s


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("cancel_only", {}),
        ("cancel_only", {"post_only": True}),
        ("maintenance", {"post_only": True}),
        ("post_only", {}),
    ],
)
def test_what_a_mode_does_not_take_is_held_here_with_the_mode_as_the_reason(
    name: str, more: dict[str, Any]
) -> None:
    async def scene(stage: AccountStage) -> None:
        trader, wire = await stage.start(), Wire(stage)
        await mode(stage, name)
        since_s = stage.now_s
        for _ in range(20):
            error = await refused(trader.submit(buy(**more)))
            assert isinstance(error, Held)
            assert f"the venue is in {name} mode" in str(error)
            await stage.until(stage.now_s + 1)
        assert wire.placing() == []
        assert rest(stage, since_s, stage.now_s) == []
        assert stage.truth.orders() == []

    perform(scene)


def test_cancels_pass_in_cancel_only_and_post_only_orders_in_post_only() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        first, second = await trader.submit(buy()), await trader.submit(buy(symbol=ETH, price="3000"))
        await mode(stage, "cancel_only")
        change = Amendment(limit_price=buy(price="60000").limit_price)
        assert isinstance(await refused(trader.orders.amend(first.client_id, change)), Held)
        (outcome,) = await trader.orders.cancel(first.client_id)
        assert outcome.error is None
        assert await trader.orders.cancel_all() == 1
        await stage.until(stage.now_s + 1)
        await mode(stage, "post_only")
        assert isinstance(await refused(trader.submit(buy())), Held)
        await first_order(stage, post_only=True)
        await stage.until(stage.now_s + 1)
        states = [trader.orders.get(name).state for name in (first.client_id, second.client_id)]  # type: ignore[union-attr]
        assert states == [OrderState.CANCELED] * 2
        assert len(stage.truth.account.open_orders) == 1
        assert stage.differences() == []

    perform(scene)


@pytest.mark.parametrize(
    "between", [("cancel_only", "post_only"), ("cancel_only",), ("cancel_only", "maintenance")]
)
def test_an_order_leaves_again_by_itself_but_only_after_a_reconciliation(between: tuple[str, ...]) -> None:
    async def scene(stage: AccountStage) -> None:
        trader, wire = await stage.start(), Wire(stage)
        await trader.submit(buy())
        for name in between:
            await mode(stage, name)
            await stage.until(stage.now_s + 30)
        online_s = stage.now_s
        stage.fault(kind="STATUS", mode="online")
        order_s = await first_order(stage)

        assert [at_s for at_s in wire.placing(online_s) if at_s < order_s] == []
        assert order_s - online_s < 2.0
        passed = [at_s for at_s, told in trader.heard(Reconciled) if online_s < at_s <= order_s]
        assert len(passed) == 1
        names = [name for _, name in rest(stage, online_s, order_s)]
        assert names == ["OpenOrders", "BalanceEx"]
        assert len(stage.truth.account.open_orders) == 2
        assert stage.differences() == []

    perform(scene)


def test_the_first_order_after_cancel_only_waits_for_a_reconciliation_in_post_only_too() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        await mode(stage, "cancel_only")
        await stage.until(stage.now_s + 30)
        changed_s = stage.now_s
        stage.fault(kind="STATUS", mode="post_only")
        order_s = await first_order(stage, post_only=True)
        passed = [at_s for at_s, _ in trader.heard(Reconciled) if changed_s < at_s <= order_s]
        assert len(passed) == 1

    perform(scene)


def test_an_order_that_meets_the_change_of_mode_on_its_way_is_refused_once_and_not_repeated() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, wire = await stage.start(), Wire(stage)
        stage.fault(kind="STATUS", mode="cancel_only")
        order = await trader.submit(buy())
        assert order.state is OrderState.REJECTED
        assert order.reason == "EService:Market in cancel_only mode"
        await stage.until(stage.now_s + 60)
        assert len(wire.placing()) == 1
        assert trader.account.breaker.state(stage.clock.mono_ns()) is BreakerState.CLOSED
        assert stage.truth.orders() == []

    perform(scene)


def test_ten_minutes_of_maintenance_with_the_stream_gone_are_not_hammered_and_end_by_themselves() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, wire = await stage.start(), Wire(stage)
        order = await trader.submit(buy())
        await mode(stage, "maintenance")
        began_s = stage.now_s
        stage.fault(kind="CLOSE")
        connects = len(stage.network.connects_ns)
        while stage.now_s < began_s + TEN_MINUTES_S:
            assert isinstance(await refused(trader.submit(buy())), Error)
            await stage.until(stage.now_s + 1)
        assert wire.placing(began_s) == []
        minutes = TEN_MINUTES_S / 60
        assert len(rest(stage, began_s, stage.now_s)) <= 12 * minutes
        assert len(stage.network.connects_ns) - connects <= 24 * minutes
        assert "AddOrder" not in {name for _, name in rest(stage, began_s, stage.now_s)}

        stage.fault(kind="STATUS", mode="online")
        online_s = stage.now_s
        order_s = await first_order(stage)
        assert order_s - online_s < 35
        assert [at_s for at_s, _ in trader.heard(Reconciled) if online_s < at_s <= order_s]
        await stage.until(stage.now_s + 2)
        assert stage.truth.order(order.client_id).open
        assert stage.differences() == []

    perform(scene)


@pytest.mark.parametrize("warned", ["by cancel_only", "by hand"])
def test_the_dead_man_switch_is_off_before_a_maintenance_and_on_again_after_it(warned: str) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start(dead_man_s=DEAD_MAN_S)
        order = await trader.submit(buy())
        await stage.until(stage.now_s + DEAD_MAN_S)
        assert armed(stage)
        if warned == "by cancel_only":
            await mode(stage, "cancel_only")
        else:
            await trader.does(trader.desk.dead_man.pause("a maintenance is announced for 04:00"))
        await stage.until(stage.now_s + 1)
        assert not armed(stage)
        await mode(stage, "maintenance")
        await stage.until(stage.now_s + 5 * DEAD_MAN_S)
        assert not armed(stage)
        await mode(stage, "online")
        await stage.until(stage.now_s + DEAD_MAN_S / 2)
        assert armed(stage)
        assert [told.armed for _, told in trader.heard(DeadManChanged)] == [True, False, True]
        assert stage.truth.order(order.client_id).open
        assert stage.differences() == []

    perform(scene)


def test_a_switch_that_a_maintenance_without_warning_has_sprung_is_known_to_have_struck() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start(dead_man_s=DEAD_MAN_S)
        order = await trader.submit(buy())
        await stage.until(stage.now_s + DEAD_MAN_S)
        await mode(stage, "maintenance")
        await stage.until(stage.now_s + 5 * DEAD_MAN_S)
        await mode(stage, "online")
        await stage.until(stage.now_s + DEAD_MAN_S / 2)
        assert stage.truth.order(order.client_id).status == "canceled"
        assert stage.differences() == []
        told = [told for _, told in trader.heard(DeadManChanged)]
        assert [one.armed for one in told] == [True, True, False, True]
        assert "not refreshed" in told[1].why
        assert "struck or lapsed" in told[2].why
        assert armed(stage)

    perform(scene)


def test_a_pair_in_cancel_only_or_maintenance_is_held_by_name_and_no_other_pair_is() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, wire = await stage.start(), Wire(stage)
        await stage.until(stage.now_s + 5)
        for name, why in (("cancel_only", "only cancels are taken"), ("maintenance", "under maintenance")):
            stage.fault(kind="STATUS", symbol=BTC, mode=name)
            await stage.until(stage.now_s + 2)
            error = await refused(trader.submit(buy()))
            assert isinstance(error, CheckFailed)
            assert why in str(error)
        assert wire.placing() == []
        assert (await trader.submit(buy(symbol=ETH, price="3000"))).state is OrderState.WORKING
        stage.fault(kind="STATUS", symbol=BTC, mode="online")
        await stage.until(stage.now_s + 2)
        assert (await trader.submit(buy())).state is OrderState.WORKING

    perform(scene)


def test_a_maintenance_is_an_emergency_from_its_first_word_to_its_last() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        await stage.until(stage.now_s + 1)
        levels = trader.system.levels
        assert levels.level is Level.FULL
        for name, level in (
            ("post_only", Level.DEGRADED),
            ("cancel_only", Level.EMERGENCY_ONLY),
            ("maintenance", Level.EMERGENCY_ONLY),
            ("online", Level.FULL),
        ):
            await mode(stage, name)
            await stage.until(stage.now_s + 0.1)
            assert levels.level is level
            assert levels.reasons == () or f"in {name} mode" in levels.reasons[0]

    perform(scene)


def test_an_order_that_waits_for_the_end_of_a_maintenance_leaves_once_and_after_a_reconciliation() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, wire = await stage.start(), Wire(stage)
        await mode(stage, "maintenance")
        waiting = trader.does(trader.orders.submit(buy(), wait_s=TEN_MINUTES_S))
        await stage.until(stage.now_s + TEN_MINUTES_S / 2)
        assert wire.placing() == []
        assert [order.state for order in trader.orders.queued()] == [OrderState.UNKNOWN]
        online_s = stage.now_s
        stage.fault(kind="STATUS", mode="online")
        assert (await waiting).state is OrderState.WORKING
        [left_s] = wire.placing()

        assert left_s - online_s < 2.0
        assert [at_s for at_s, _ in trader.heard(Reconciled) if online_s < at_s <= left_s]
        assert len(stage.truth.orders()) == 1

    perform(scene)
