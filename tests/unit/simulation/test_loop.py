"""Virtual time passes only by jumping to what is due next."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest

from leadline.simulation.life import Life
from leadline.simulation.loop import LoopClock, Stuck, VirtualLoop

HOUR_S = 3600


def run(work: Coroutine[Any, Any, Any], loop: VirtualLoop | None = None) -> Any:
    with asyncio.Runner(loop_factory=lambda: loop or VirtualLoop()) as runner:
        return runner.run(work)


def test_hours_pass_at_once_and_to_the_nanosecond() -> None:
    loop = VirtualLoop()

    async def work() -> list[int]:
        seen = []
        for at_ns in (HOUR_S * 10**9 + 1, 5 * HOUR_S * 10**9 + 7):
            reached = loop.create_future()
            loop.call_at_ns(at_ns, reached.set_result, None)
            await reached
            seen.append(loop.now_ns)
        return seen

    assert run(work(), loop) == [HOUR_S * 10**9 + 1, 5 * HOUR_S * 10**9 + 7]


def test_a_timeout_runs_on_virtual_time() -> None:
    async def work() -> None:
        async with asyncio.timeout(HOUR_S):
            await asyncio.sleep(2 * HOUR_S)

    with pytest.raises(TimeoutError):
        run(work())


def test_waiting_for_what_can_never_come_is_an_error() -> None:
    async def work() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="no timer"):
        run(work())


def test_turning_in_circles_at_one_moment_is_an_error() -> None:
    async def work() -> None:
        asleep = True
        while asleep:
            await asyncio.sleep(0)
            asleep = asyncio.get_running_loop().time() < 1

    with pytest.raises(Stuck, match="stopped passing"):
        run(work())


def test_while_the_loop_is_kept_the_world_goes_on_and_the_program_does_not() -> None:
    loop = VirtualLoop()
    rung: list[tuple[str, int]] = []

    def ring(name: str) -> None:
        rung.append((name, loop.now_ns))

    async def program() -> None:
        for at_ns in (1_000, 2 * 10**9, 40 * 10**9):
            loop.call_at_ns(at_ns, ring, "program")
        loop.block(30.0)
        assert [name for name, _ in rung] == ["world", "world again"]
        await asyncio.sleep(15)

    def world() -> None:
        ring("world")
        loop.call_at_ns(loop.now_ns + 5 * 10**9, ring, "world again")

    async def work() -> None:
        loop.call_at_ns(10 * 10**9, world)
        loop.call_at_ns(20 * 10**9, ring, "never").cancel()
        await Life().start(loop, program(), "program")

    run(work(), loop)
    late = 30 * 10**9
    assert rung == [
        ("world", 10 * 10**9),
        ("world again", 15 * 10**9),
        ("program", late),
        ("program", late),
        ("program", 40 * 10**9),
    ]


def test_a_step_moves_unix_time_and_not_the_monotonic_one() -> None:
    loop = VirtualLoop()

    async def work() -> tuple[int, int]:
        clock = LoopClock(loop, wall_ns=1_000 * 10**9)
        await clock.sleep(1.5)
        clock.step_wall(-60)
        return clock.wall_ns(), clock.mono_ns()

    assert run(work(), loop) == (941_500_000_000, 1_500_000_000)


def test_a_closed_loop_lets_go_of_the_world() -> None:
    class World:
        def happens(self) -> None:
            raise AssertionError("the loop is closed before")

    world = World()
    gone = weakref.ref(world)
    loop = VirtualLoop()
    loop.call_at_ns(10**9, world.happens)
    clock = LoopClock(loop, 0)
    loop.close()
    del world

    assert gone() is None
    assert clock.mono_ns() == 0


def test_what_has_rung_at_the_moment_a_block_begins_rings_not_again() -> None:
    loop = VirtualLoop()
    rung: list[int] = []

    def block() -> None:
        rung.append(loop.now_ns)
        loop.block(5.0)

    async def work() -> None:
        loop.call_at_ns(10 * 10**9, block)
        await loop.until(20 * 10**9)

    run(work(), loop)
    assert rung == [10 * 10**9]
