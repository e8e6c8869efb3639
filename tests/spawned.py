"""Programs of the tests that run beside the venue in the test's own event loop; every wait is bounded."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType

PATIENCE_S = 40


@asynccontextmanager
async def spawned(program: ModuleType, *arguments: object) -> AsyncIterator[Process]:
    """A program that runs on; killed at the end of the block if it is still there."""
    assert program.__file__ is not None
    command = (sys.executable, "-W", "error", program.__file__, *map(str, arguments))
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: Process) -> str:
    """The next line that it says."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        return (await process.stdout.readline()).decode().strip()


async def go(process: Process) -> None:
    """Give it the line that it waits for."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    await process.stdin.drain()
