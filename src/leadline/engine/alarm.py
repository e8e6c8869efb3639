"""To wait for a call or for a while, whichever comes first, on the injected clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from leadline.clock import Clock

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Runs something as a task of its owner."""


class Alarm:
    """One waiter at a time; a wake before the wait is not lost."""

    __slots__ = ("_clock", "_rung", "_spawn", "_waiter")

    def __init__(self, clock: Clock, spawn: Spawn) -> None:
        self._clock = clock
        self._spawn = spawn
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """End the wait, or the next one at once."""
        self._rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self, delay_s: float | None) -> None:
        """Return when woken, or after `delay_s` seconds; None waits for the call alone."""
        if not self._rung:
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            timer = None if delay_s is None else self._spawn(self._ring(delay_s))
            if timer is not None:  # its owner may end it, and whoever waits here is not to wait for ever
                timer.add_done_callback(lambda _: _release(waiter))
            try:
                await waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        self._rung = False

    async def _ring(self, delay_s: float) -> None:
        await self._clock.sleep(delay_s)
        self.wake()


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
