"""A killed program does nothing any more, however it is called."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

from leadline.simulation.life import Life
from leadline.simulation.loop import VirtualLoop


def lived(scene: Callable[[VirtualLoop, Life], Awaitable[Any]]) -> None:
    """Play a scene with one program that is dead at its end, and take that apart."""
    loop, life = VirtualLoop(), Life()
    try:
        loop.run_until_complete(scene(loop, life))  # type: ignore[arg-type]
    finally:
        life.kill()
        loop.set_exception_handler(lambda loop, context: None)
        loop.close()
        life.bury()


def test_nothing_of_a_killed_program_runs_not_even_a_finally() -> None:
    done: list[str] = []

    async def inner(called: asyncio.Event) -> None:
        try:
            await called.wait()
            done.append("called")
        finally:
            done.append("finally")

    async def program(called: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(inner(called))
            asyncio.get_running_loop().call_later(3.0, done.append, "timer")
            while True:
                done.append("turn")
                await asyncio.sleep(1.0)

    async def scene(loop: VirtualLoop, life: Life) -> None:
        called = asyncio.Event()
        life.start(loop, program(called), "program")
        await asyncio.sleep(1.5)
        life.kill()
        called.set()
        gc.collect()
        await asyncio.sleep(10.0)
        assert done == ["turn", "turn"]

    lived(scene)


def test_the_world_around_a_killed_program_goes_on() -> None:
    async def program() -> None:
        await asyncio.sleep(100.0)

    async def scene(loop: VirtualLoop, life: Life) -> None:
        life.start(loop, program(), "program")
        life.kill()
        before_ns = loop.now_ns
        async with asyncio.timeout(5.0):
            await asyncio.sleep(2.0)
        assert loop.now_ns - before_ns == 2_000_000_000

    lived(scene)


def test_a_program_that_ends_by_itself_leaves_nothing_to_bury() -> None:
    async def program() -> None:
        await asyncio.sleep(1.0)

    async def scene(loop: VirtualLoop, life: Life) -> None:
        await life.start(loop, program(), "program")
        assert not life.over
        assert not [task for task in life.tasks if not task.done()]

    lived(scene)
