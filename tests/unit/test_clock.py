from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from leadline.clock import NS_PER_S, ManualClock, SystemClock


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has this clock")
def test_time_goes_on_while_the_machine_is_suspended() -> None:
    assert isinstance(SystemClock.mono_ns, partial)
    assert SystemClock.mono_ns.args == (time.CLOCK_BOOTTIME,)
    assert SystemClock().mono_ns() <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


async def test_a_manual_clock_wakes_whoever_slept_until_within_the_time_that_passed() -> None:
    clock = ManualClock()
    sleepers = [asyncio.ensure_future(clock.sleep(delay_s)) for delay_s in (1, 2, 3)]
    await asyncio.sleep(0)
    clock.advance(2)
    await asyncio.sleep(0)

    assert [sleeper.done() for sleeper in sleepers] == [True, True, False]
    clock.advance(1)
    await sleepers[2]


def test_a_step_moves_unix_time_alone() -> None:
    clock = ManualClock(wall_ns=5 * NS_PER_S, mono_ns=7)
    clock.step_wall(-2)

    assert (clock.wall_ns(), clock.mono_ns()) == (3 * NS_PER_S, 7)
