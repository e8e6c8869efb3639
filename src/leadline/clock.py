"""Time as a port: nothing outside this file reads a clock or sleeps on its own.

Two readings, never mixed: `wall_ns` is Unix time and may step at any moment; `mono_ns` never steps and is
the only one used for ages, deadlines and silence.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Clock(Protocol):
    """What time it is, and a way to let some pass."""

    def wall_ns(self) -> int:
        """Unix time in nanoseconds; may step."""

    def mono_ns(self) -> int:
        """Nanoseconds since some fixed moment, those of a suspended machine included; never steps."""

    async def sleep(self, delay_s: float) -> None:
        """Return after `delay_s` seconds of monotonic time; 0 lets other tasks run once."""


def _steady() -> Callable[[], int]:
    """A clock that goes on while the machine is suspended: what was received before it is not fresh after it.

    On Linux that is CLOCK_BOOTTIME, on macOS CLOCK_MONOTONIC, on Windows Python's own.
    """
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        if hasattr(time, name):
            return partial(time.clock_gettime_ns, getattr(time, name))
    return time.monotonic_ns


def cpu_ns() -> int:
    """What the calling thread has used of a processor, in nanoseconds."""
    return time.thread_time_ns()


class SystemClock:
    """The machine's own clocks."""

    wall_ns = staticmethod(time.time_ns)
    mono_ns = staticmethod(_steady())

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


class ManualClock:
    """A clock that stands still until told otherwise; sleepers wake in `advance`."""

    def __init__(self, wall_ns: int = 1_790_000_000 * NS_PER_S, mono_ns: int = 0) -> None:
        self._wall_ns = wall_ns
        self._mono_ns = mono_ns
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def wall_ns(self) -> int:
        return self._wall_ns

    def mono_ns(self) -> int:
        return self._mono_ns

    async def sleep(self, delay_s: float) -> None:
        if delay_s <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._mono_ns + round(delay_s * NS_PER_S), self._count, waiter))
        await waiter

    def advance(self, delay_s: float) -> None:
        """Let time pass; whoever slept until within it is woken."""
        passed = round(delay_s * NS_PER_S)
        self._mono_ns += passed
        self._wall_ns += passed
        while self._sleepers and self._sleepers[0][0] <= self._mono_ns:
            waiter = heapq.heappop(self._sleepers)[2]
            if not waiter.done():
                waiter.set_result(None)

    def step_wall(self, delay_s: float) -> None:
        """Step Unix time alone, as an administrator or NTP would."""
        self._wall_ns += round(delay_s * NS_PER_S)
