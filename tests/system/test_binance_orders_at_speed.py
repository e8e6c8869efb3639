"""Orders as fast as they are asked for: a burst at once, then the venue's rate, without limits a hundred."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

from binance_world import Client, World, limit, perform
from leadline.app.opening import open_system
from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.errors import Throttled
from leadline.model.order import OrderRequest, OrderState, TimeInForce
from served_binance import served_binance

AT_ONCE: OrderRequest = limit("0.010", "60000.0", time_in_force=TimeInForce.IOC)
"""It finds nobody and is over at once: only so many may rest."""


async def next_minute(world: World) -> None:
    """Wait until every window has begun anew, as everybody knows."""
    await world.clock.sleep(61.5 - world.network.venue_ns / NS_PER_S % 60)


async def keep_placing(world: World, client: Client, at_once: int, for_s: float) -> None:
    """Have so many orders on their way at every moment of the time, as far as they may leave."""
    until_s = world.now_s + for_s

    async def one_after_the_other() -> None:
        while world.now_s < until_s:
            try:
                order = await client.system.orders.submit(AT_ONCE)
                assert order.state is not OrderState.REJECTED, order.reason
            except Throttled as error:
                await world.clock.sleep(min(error.delay_s, until_s - world.now_s))

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    await world.clock.sleep(1.0)  # for the news of the last


def taken(world: World, since_ms: int, length_s: int) -> Counter[int]:
    """How many orders the venue has taken since then in each window, by the second at which it begins."""
    times = [one.time_ms for one in world.demo.orders.values() if one.time_ms >= since_ms]
    begin_ms = since_ms // 60_000 * 60_000
    return Counter((at_ms - begin_ms) // 1000 // length_s * length_s for at_ms in times)


def test_a_hundred_orders_of_one_second_leave_at_once() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await next_minute(world)
            begun_s = world.now_s
            orders = await asyncio.gather(*(client.system.orders.submit(limit("0.002")) for _ in range(100)))
            took_s = world.now_s - begun_s

            assert {order.state for order in orders} == {OrderState.WORKING}
            assert len({order.order_id for order in orders}) == len(world.demo.open_orders) == 100
            assert took_s < 1.0
            assert world.demo.counts.seconds.used(world.network.venue_ns) == 100

    perform(scene)


def test_after_that_orders_leave_at_the_rate_of_the_venue_and_none_is_refused() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await next_minute(world)
            since_ms = world.network.venue_ns // NS_PER_MS
            await keep_placing(world, client, at_once=50, for_s=118)

            by_window, by_minute = (taken(world, since_ms, length_s) for length_s in (10, 60))
            assert [by_window[begin_s] for begin_s in range(0, 120, 10)] == 2 * [240, 240, 240, 240, 0, 0]
            assert (by_minute[0], by_minute[60]) == (960, 960)
            assert {order.state for order in client.system.orders.orders()} == {OrderState.EXPIRED}

    perform(scene)


def test_without_limits_a_hundred_orders_leave_in_every_second() -> None:
    async def scene(world: World) -> None:
        for window in (world.demo.counts.seconds, world.demo.counts.minute):
            window.limit = 1_000_000
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await client.submit(AT_ONCE)
            await next_minute(world)
            since_ms = world.network.venue_ns // NS_PER_MS
            await keep_placing(world, client, at_once=8, for_s=12)

            by_second = taken(world, since_ms, 1)
            assert all(by_second[second] >= 100 for second in range(2, 13))
            assert {order.state for order in client.system.orders.orders()} == {OrderState.EXPIRED}

    perform(scene)


async def test_the_processor_carries_a_hundred_orders_a_second_with_sockets_journal_and_the_venue(
    tmp_path: Path,
) -> None:
    most = 1000
    async with served_binance(tmp_path) as venue:
        demo = venue.exchange.trading.demo
        for window in (demo.counts.seconds, demo.counts.minute):
            window.limit = 1_000_000
        async with open_system(venue.settings, account="main") as system:
            await system.ready(30)
            await system.orders.submit(AT_ONCE)
            left = iter(range(most))

            async def one_after_the_other() -> None:
                for _ in left:
                    order = await system.orders.submit(AT_ONCE)
                    assert order.state is not OrderState.REJECTED, order.reason

            begun_ns = time.process_time_ns()
            await asyncio.gather(*(one_after_the_other() for _ in range(16)))
            spent_s = (time.process_time_ns() - begun_ns) / NS_PER_S
    assert len(demo.orders) == most + 1
    assert spent_s < most / 100
