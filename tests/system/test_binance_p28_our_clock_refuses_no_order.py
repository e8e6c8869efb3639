"""P28 on Binance: every signed request is dated by the venue's clock, whatever ours does."""

from __future__ import annotations

import pytest

from binance_world import STILL, Client, World, limit, perform
from leadline.clock import NS_PER_S
from leadline.model.order import OrderState
from leadline.simulation.loop import LoopClock
from leadline.venues.binance.timing import READ_WINDOW_MS

LONG_S = 480.0
DRIFT_S_PER_MIN = 0.75
"""Six seconds in the end: as far as the usual drift leads in two hours, and more than recvWindow forgives."""

EACH_S = 10.0


class DriftingClock(LoopClock):
    """A machine whose clocks, monotonic and wall, both run slow; timers do not."""

    def mono_ns(self) -> int:
        return super().mono_ns() - self._lost_ns()

    def wall_ns(self) -> int:
        return super().wall_ns() - self._lost_ns()

    def _lost_ns(self) -> int:
        return round(super().mono_ns() * DRIFT_S_PER_MIN / 60)


class DriftingWall(LoopClock):
    """A machine whose wall clock alone runs ahead."""

    def wall_ns(self) -> int:
        return super().wall_ns() + round(super().mono_ns() * DRIFT_S_PER_MIN / 60)


async def trade(world: World, client: Client, seconds: float) -> None:
    """An order every ten seconds, cancelled before the next."""
    until_s = world.now_s + seconds
    while world.now_s < until_s:
        order = await client.submit(limit(deadline_s=2.0))
        await world.clock.sleep(EACH_S)
        await client.system.orders.cancel(order.client_id)
    await world.clock.sleep(1)


def rejected(client: Client) -> list[str]:
    return [one.reason for one in client.system.orders.orders() if one.state is OrderState.REJECTED]


def refused(world: World) -> list[str]:
    return [one.name for one in world.asked if one.status >= 400]


@pytest.mark.parametrize("clock", [DriftingClock, DriftingWall])
@pytest.mark.parametrize("by_rest", [False, True])
def test_a_clock_that_drifts_refuses_nothing(clock: type[LoopClock], by_rest: bool) -> None:
    async def scene(world: World) -> None:
        world.by_rest = by_rest
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await trade(world, client, LONG_S)

            assert bool(world.requests("POST /fapi/v1/order")) is by_rest
            assert len(client.system.orders.orders()) > 30
            assert (rejected(client), refused(world)) == ([], [])
            windows_ms = {int(one.query["recvWindow"]) for one in world.asked if "recvWindow" in one.query}
            assert max(windows_ms) <= READ_WINDOW_MS  # whatever drifts, none is made longer

    perform(scene, contracts=STILL[:1], rate=0.0, clock=clock)


@pytest.mark.parametrize("step_s", [30.0, -30.0, 3600.0])
def test_a_step_of_the_wall_clock_refuses_nothing(step_s: float) -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await trade(world, client, 20)
            world.clock.step_wall(step_s)
            await trade(world, client, 120)

            assert (rejected(client), refused(world)) == ([], [])

    perform(scene, contracts=STILL[:1], rate=0.0)


@pytest.mark.parametrize("step_s", [30.0, -30.0])
def test_a_program_begun_on_a_wrong_clock_is_refused_nothing(step_s: float) -> None:
    async def scene(world: World) -> None:
        world.clock.step_wall(step_s)
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await trade(world, client, 60)

            assert (rejected(client), refused(world)) == ([], [])

    perform(scene, contracts=STILL[:1], rate=0.0)


class SuspendedClock(LoopClock):
    """A machine whose clocks can be made to stand still for a while, as those of a suspended one do."""

    stood_ns = 0

    def mono_ns(self) -> int:
        return super().mono_ns() - self.stood_ns

    def wall_ns(self) -> int:
        return super().wall_ns() - self.stood_ns


def test_a_venue_whose_clock_is_suddenly_thirty_seconds_ahead_refuses_one_order_at_most() -> None:
    async def scene(world: World) -> None:
        assert isinstance(world.clock, SuspendedClock)
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await trade(world, client, 20)
            world.clock.stood_ns = 30 * NS_PER_S
            await trade(world, client, 90)

            assert len(rejected(client)) <= 1
            placed = [one["client_id"] for one in world.orders()]
            assert len(placed) == len(set(placed))
            states = [one.state for one in client.system.orders.orders()]
            assert set(states[-5:]) == {OrderState.CANCELED}

    perform(scene, contracts=STILL[:1], rate=0.0, clock=SuspendedClock)


def test_answers_that_take_four_hundred_milliseconds_longer_than_requests_refuse_nothing() -> None:
    async def scene(world: World) -> None:
        world.inject(kind="REPLY", delay_s=0.4, path="/time")
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await trade(world, client, 180)

            assert (rejected(client), refused(world)) == ([], [])

    perform(scene, contracts=STILL[:1], rate=0.0)
