"""The life of one program on the virtual loop: after its end not one instruction of it is executed.

Everything a program starts inherits the mark of its life by way of its context; the loop asks the mark before
it runs anything.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, TypeVarTuple, Unpack

Ts = TypeVarTuple("Ts")

LIFE: ContextVar[Life | None] = ContextVar("life", default=None)
"""Of which program the present code is part; None for the world around them."""

_LAST_WORDS = 20
"""How often one dead coroutine is thrown out before it is left to be collected."""


class _Buried(BaseException):
    """Thrown into what is left of a program; `close` would leave behind whatever waits while it ends."""


class Life:
    """One program, from its start to its end or its death."""

    def __init__(self) -> None:
        self.over = False
        self.tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._kept: list[asyncio.Task[Any]] = []

    def run(self, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        """Run a callback of the program, or nothing once it is dead."""
        if not self.over:
            callback(*args)

    def start(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None], name: str
    ) -> asyncio.Task[None]:
        """Begin the program; everything that comes of it bears its mark."""
        context = copy_context()
        context.run(LIFE.set, self)
        return loop.create_task(work, name=name, context=context)

    def kill(self) -> None:
        """End it at this instant: no callback, no `finally` of it runs any more."""
        self.over = True
        # What is held by nobody is collected, and a coroutine that is collected runs its `finally` blocks.
        self._kept = list(self.tasks)

    def bury(self) -> None:
        """Take the dead apart when the run is over and nothing they could touch exists any more."""
        kept, self._kept = self._kept, []
        for task in kept:
            work = task.get_coro()
            for _ in range(_LAST_WORDS):
                with suppress(BaseException):  # whatever the dead have to say
                    work.throw(_Buried())
                    continue  # it waits for something once more
                break
