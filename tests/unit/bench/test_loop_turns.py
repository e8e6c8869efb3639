"""The loop notes its longest turn, by the clock and by what was used of a processor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from leadline.bench.loop_turns import TurnsLoop
from leadline.clock import ManualClock


def ran(work: Callable[[TurnsLoop, ManualClock], Awaitable[None]], cpu: ManualClock) -> TurnsLoop:
    clock = ManualClock()
    loop = TurnsLoop(clock.mono_ns, cpu.mono_ns)

    async def main() -> None:
        await work(loop, clock)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    return loop


def test_the_longest_turn_counts_and_not_the_sum() -> None:
    async def work(loop: TurnsLoop, clock: ManualClock) -> None:
        for delay_s in (0.002, 0.007, 0.003):
            clock.advance(delay_s)
            await asyncio.sleep(0)

    assert ran(work, ManualClock()).longest_ms == pytest.approx(7.0)


def test_a_turn_that_waited_for_a_processor_was_long_and_not_busy() -> None:
    cpu = ManualClock()

    async def work(loop: TurnsLoop, clock: ManualClock) -> None:
        clock.advance(0.005)
        cpu.advance(0.001)
        await asyncio.sleep(0)

    loop = ran(work, cpu)

    assert loop.longest_ms == pytest.approx(5.0)
    assert loop.busiest_ms == pytest.approx(1.0)


def test_what_was_before_forget_is_not_told() -> None:
    async def work(loop: TurnsLoop, clock: ManualClock) -> None:
        clock.advance(0.5)
        await asyncio.sleep(0)
        loop.forget()
        clock.advance(0.001)
        await asyncio.sleep(0)

    assert ran(work, ManualClock()).longest_ms == pytest.approx(1.0)
