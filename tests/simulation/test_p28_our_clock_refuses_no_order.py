"""Wall clocks that drift and step while orders flow: deadlines are the venue's, ages are monotonic."""

from __future__ import annotations

from decimal import Decimal

import pytest

from account_stage import AccountStage, Trader, buy, perform
from leadline.clock import NS_PER_S
from leadline.engine.records import Intent
from leadline.model.order import OrderState
from leadline.simulation.loop import LoopClock, VirtualLoop

DRIFT_S_PER_MIN = 0.050
TWO_HOURS_S = 7200.0
EACH_S = 20.0
DEADLINE_S = 1.0


class DriftingClock(LoopClock):
    """A machine whose clocks, monotonic and wall, both run slow by 50 ms a minute; timers do not."""

    def mono_ns(self) -> int:
        return super().mono_ns() - self._lost_ns()

    def wall_ns(self) -> int:
        return super().wall_ns() - self._lost_ns()

    def _lost_ns(self) -> int:
        return round(super().mono_ns() * DRIFT_S_PER_MIN / 60)


class SuspendedClock(LoopClock):
    """A machine whose clocks can be made to stand still for a while, as those of a suspended one do."""

    def __init__(self, loop: VirtualLoop, wall_ns: int) -> None:
        super().__init__(loop, wall_ns)
        self._stood = (0, 0)

    def mono_ns(self) -> int:
        return super().mono_ns() - self._lost_ns()

    def wall_ns(self) -> int:
        return super().wall_ns() - self._lost_ns()

    def suspend(self, for_s: float) -> None:
        """Stand still from now on."""
        begun_ns = super().mono_ns()
        self._stood = (begun_ns, begun_ns + round(for_s * NS_PER_S))

    def _lost_ns(self) -> int:
        begun_ns, ended_ns = self._stood
        return max(0, min(super().mono_ns(), ended_ns) - begun_ns)


async def trade(stage: AccountStage, trader: Trader, seconds: float) -> None:
    """An order every twenty seconds, cancelled before the next."""
    until_s = stage.now_s + seconds
    while stage.now_s < until_s:
        order = await trader.submit(buy(deadline_s=DEADLINE_S))
        await stage.until(stage.now_s + EACH_S)
        await trader.does(trader.orders.cancel(order.client_id))
    await stage.until(stage.now_s + 1)


def rejected(trader: Trader) -> list[str]:
    return [order.reason for order in trader.orders.orders() if order.state is OrderState.REJECTED]


def deadlines_s(stage: AccountStage) -> list[float]:
    """How far ahead of the venue's clock each deadline was when it was decided."""
    start_ns = stage.network.venue_ns - stage.network.now_ns
    return [
        (record.deadline_ns - start_ns) / NS_PER_S - at_s
        for at_s, record in stage.written
        if isinstance(record, Intent)
    ]


def test_a_wall_clock_that_drifts_for_two_hours_refuses_nothing() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        end_s = stage.now_s + TWO_HOURS_S
        while stage.now_s < end_s:
            stage.clock.step_wall(DRIFT_S_PER_MIN)
            await trade(stage, trader, 60)

        assert rejected(trader) == []
        assert len(stage.truth.orders()) >= TWO_HOURS_S / EACH_S / 1.1
        assert all(abs(ahead_s - DEADLINE_S) < 0.1 for ahead_s in deadlines_s(stage))
        assert stage.differences() == []

    perform(scene)


def test_a_monotonic_clock_that_drifts_as_well_refuses_nothing() -> None:
    async def scene(stage: AccountStage) -> None:
        stage.clock = DriftingClock(stage.loop, stage.clock.wall_ns())
        trader = await stage.start()
        await trade(stage, trader, TWO_HOURS_S / 4)

        assert rejected(trader) == []
        assert all(abs(ahead_s - DEADLINE_S) < 0.2 for ahead_s in deadlines_s(stage))
        assert stage.differences() == []

    perform(scene)


@pytest.mark.parametrize("step_s", [30.0, -30.0, 3600.0, -3600.0])
def test_a_step_of_the_wall_clock_refuses_nothing_and_moves_no_deadline(step_s: float) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        await trade(stage, trader, 60)
        stage.clock.step_wall(step_s)
        await trade(stage, trader, 120)
        balance = await trader.does(trader.desk.balances.get("BTC"))

        assert rejected(trader) == []
        assert all(abs(ahead_s - DEADLINE_S) < 0.1 for ahead_s in deadlines_s(stage))
        assert 0 <= balance.age_s <= 5
        assert balance.value.total == Decimal(10)
        assert stage.differences() == []

    perform(scene)


@pytest.mark.parametrize("step_s", [30.0, -30.0])
def test_a_program_begun_on_a_wrong_clock_is_refused_nothing_once_it_is_ready(step_s: float) -> None:
    async def scene(stage: AccountStage) -> None:
        stage.clock.step_wall(step_s)
        trader = await stage.start()
        await trade(stage, trader, 60)
        stage.clock.step_wall(-2 * step_s)
        trader = await stage.kill_and_restart()
        await trade(stage, trader, 60)

        assert rejected(trader) == []
        assert stage.key.nonces.last > 0
        assert stage.exchange.private_rest.gate.key(stage.truth.account.api_key).refused == 0

    perform(scene)


def test_a_venue_whose_clock_is_suddenly_thirty_seconds_ahead_refuses_one_order_at_most() -> None:
    async def scene(stage: AccountStage) -> None:
        clock = stage.clock = SuspendedClock(stage.loop, stage.clock.wall_ns())
        trader = await stage.start()
        await trade(stage, trader, 60)
        clock.suspend(30)
        await stage.until(stage.now_s + 30)
        await trade(stage, trader, 120)

        assert len(rejected(trader)) <= 1
        assert all("Deadline elapsed" in reason for reason in rejected(trader))
        assert all(abs(ahead_s - DEADLINE_S) < 0.1 for ahead_s in deadlines_s(stage)[-5:])
        assert stage.differences() == []

    perform(scene)


def test_by_rest_alone_a_stepped_clock_refuses_nothing_either() -> None:
    async def scene(stage: AccountStage) -> None:
        stage.fault(kind="REFUSE", status=503)
        trader = await stage.start(ready=False)
        await stage.until(stage.now_s + 5)
        for step_s in (30.0, -60.0):
            stage.clock.step_wall(step_s)
            for _ in range(3):
                order = await trader.submit(buy())
                assert order.state is OrderState.WORKING, order.reason
                await trader.does(trader.orders.cancel(order.client_id))
                await stage.until(stage.now_s + 20)

        assert rejected(trader) == []

    perform(scene)


def test_answers_that_take_four_hundred_milliseconds_longer_than_requests_refuse_nothing() -> None:
    async def scene(stage: AccountStage) -> None:
        stage.fault(kind="SHUFFLE", channel="all", delay_s=0.4)
        stage.fault(kind="REPLY", delay_s=0.4)
        trader = await stage.start()
        await trade(stage, trader, 600)

        assert rejected(trader) == []
        assert all(abs(ahead_s - DEADLINE_S) < 0.4 for ahead_s in deadlines_s(stage))

    perform(scene)


def test_a_lost_order_is_judged_by_the_venues_clock_whatever_ours_does() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        stage.call(stage.now_s + 0.01, stage.cut)
        order = await trader.submit(buy(deadline_s=10.0))
        stage.clock.step_wall(3600)
        (intent,) = [record for _, record in stage.written if isinstance(record, Intent)]
        while stage.network.venue_ns <= intent.deadline_ns + NS_PER_S:
            assert trader.orders.get(order.client_id).state is OrderState.UNKNOWN
            await stage.clock.sleep(0.25)
        await trader.known(order.client_id, OrderState.REJECTED, 5.0)

    perform(scene)
