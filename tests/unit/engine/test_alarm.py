from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from leadline.clock import ManualClock
from leadline.engine.alarm import Alarm
from orderrig import settle


async def test_a_wait_ends_by_time_or_by_call() -> None:
    clock = ManualClock()
    async with asyncio.TaskGroup() as group:
        alarm = Alarm(clock, group.create_task)
        by_time = group.create_task(alarm.wait(1.0))
        await settle()
        assert not by_time.done()
        clock.advance(1.0)
        await settle()
        assert by_time.done()

        by_call = group.create_task(alarm.wait(None))
        await settle()
        alarm.wake()
        await settle()
        assert by_call.done()


async def test_a_call_before_the_wait_is_not_lost() -> None:
    async with asyncio.TaskGroup() as group:
        alarm = Alarm(ManualClock(), group.create_task)
        alarm.wake()
        await alarm.wait(None)

        again = group.create_task(alarm.wait(None))
        await settle()
        assert not again.done()
        alarm.wake()


async def test_a_wait_ends_when_its_timer_is_ended_by_its_owner() -> None:
    clock = ManualClock()
    timers: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        timers.append(asyncio.ensure_future(work))
        return timers[-1]

    alarm = Alarm(clock, spawn)
    waiting = asyncio.ensure_future(alarm.wait(60.0))
    await asyncio.sleep(0)
    timers[0].cancel()

    await asyncio.wait_for(waiting, 1.0)
