"""An asyncio loop on virtual time: when nothing is ready it jumps to the next timer, so nobody ever waits.

Code of the client can keep the loop (`block`); the world around it goes on meanwhile. A run in which nothing
can happen any more, or in which time has stopped passing, is an error and not a hang.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple, TypeVarTuple, Unpack

from leadline.clock import NS_PER_S
from leadline.simulation.life import LIFE

Ts = TypeVarTuple("Ts")

TURNS_WITHOUT_TIME = 200_000
"""So many turns of the loop at one moment are taken for an endless one."""


class Stuck(RuntimeError):
    """Nothing is ready and no timer is set, or the program turns in circles at one moment."""


class _Leap(selectors.BaseSelector):
    """Watches no file: being asked to wait, it moves time on instead."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck(f"nothing is ready and no timer is set at {self.now_ns / NS_PER_S:.3f} s")
        before_ns = self.now_ns
        if timeout > 0:
            self.now_ns = max(before_ns, round((before_ns / NS_PER_S + timeout) * NS_PER_S))
        self._turns = 0 if self.now_ns > before_ns else self._turns + 1
        if self._turns > TURNS_WITHOUT_TIME:
            self._turns = 0
            raise Stuck(f"time has stopped passing at {self.now_ns / NS_PER_S:.3f} s")
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Accepted and ignored: the loop's own wake-up pipe, which only threads would use."""
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        raise KeyError(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class _WorldTimer(NamedTuple):
    """A timer of the world around the client, which nothing that the client does can hold up."""

    at_ns: int
    number: int
    handle: asyncio.TimerHandle
    callback: Callable[..., object]
    args: tuple[Any, ...]
    context: Context


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `now_ns` is its time in whole nanoseconds since its making.

    What bears the mark of a `Life` runs only while that life lasts.
    """

    def __init__(self) -> None:
        self._leap = _Leap()
        self._world: list[_WorldTimer] = []
        self._numbers = count()
        super().__init__(self._leap)
        self.set_task_factory(_marked)

    @property
    def now_ns(self) -> int:
        return self._leap.now_ns

    def time(self) -> float:
        return self._leap.now_ns / NS_PER_S

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        life = LIFE.get() if context is None else context.get(LIFE)
        if life is None:
            return super().call_soon(callback, *args, context=context)
        return super().call_soon(life.run, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        life = LIFE.get() if context is None else context.get(LIFE)
        if life is not None:
            return super().call_at(when, life.run, callback, *args, context=context)
        handle = super().call_at(when, callback, *args, context=context)
        while self._world and self._world[0].at_ns < self.now_ns:
            heappop(self._world)
        at_ns = round(when * NS_PER_S)
        world = _WorldTimer(at_ns, next(self._numbers), handle, callback, args, context or copy_context())
        heappush(self._world, world)
        return handle

    def block(self, for_s: float) -> None:
        """Keep the loop for so long: time passes, the world's timers ring, and nothing else runs."""
        until_ns = self.now_ns + round(for_s * NS_PER_S)
        while self._world and self._world[0].at_ns <= until_ns:
            due = heappop(self._world)
            if due.handle.cancelled() or due.at_ns <= self.now_ns:
                continue  # what is due at this very moment has rung already, or does once the loop is free
            due.handle.cancel()
            self._leap.now_ns = due.at_ns
            due.context.run(due.callback, *due.args)
        self._leap.now_ns = until_ns

    def close(self) -> None:
        """Close, and let go of the world: a reading that is kept holds its clock, and that this loop."""
        self._world.clear()
        super().close()

    def call_at_ns(
        self, at_ns: int, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """`call_at` in whole nanoseconds."""
        return self.call_at(at_ns / NS_PER_S, callback, *args, context=context)

    async def until(self, at_ns: int) -> None:
        """Wait for a moment; one that has passed lets other tasks run once."""
        reached: asyncio.Future[None] = self.create_future()
        timer = self.call_at_ns(at_ns, reached.set_result, None)
        try:
            await reached
        finally:
            timer.cancel()


def _marked(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
    """A task, entered among those of the life that it is part of."""
    task = asyncio.Task(work, loop=loop, **named)
    context: Context | None = named.get("context")
    life = LIFE.get() if context is None else context.get(LIFE)
    if life is not None:
        life.tasks.add(task)
    return task


class LoopClock:
    """The clock of the simulated client: monotonic time is the loop's, Unix time may be stepped."""

    def __init__(self, loop: VirtualLoop, wall_ns: int) -> None:
        self._loop = loop
        self._offset_ns = wall_ns - loop.now_ns

    def wall_ns(self) -> int:
        return self._loop.now_ns + self._offset_ns

    def mono_ns(self) -> int:
        return self._loop.now_ns

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)

    def step_wall(self, delay_s: float) -> None:
        """Step Unix time alone."""
        self._offset_ns += round(delay_s * NS_PER_S)
