"""The tasks of one owner, from its `async with` on; leaving it cancels them all and waits for their end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any


class Tasks:
    """A TaskGroup that whoever owns it enters and leaves with itself."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[None]] = set()

    @property
    def entered(self) -> bool:
        """Whether tasks can be begun."""
        return self._group is not None

    async def enter(self) -> None:
        """Tasks can be begun from now on."""
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()

    async def leave(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel every task and return when all have ended; what ended the owner's block is handed in."""
        group, self._group = self._group, None
        assert group is not None, "left without having been entered"
        for task in tuple(self._running):
            task.cancel()
        if kind is asyncio.CancelledError:  # perhaps the group's own doing: it must know
            await group.__aexit__(kind, error, trace)
        else:
            await group.__aexit__(None, None, None)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Run as a task; None, and nothing is begun, outside the owner's block."""
        if self._group is None:
            work.close()
            return None
        task = self._group.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task
