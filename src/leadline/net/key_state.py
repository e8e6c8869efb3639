"""What all users of one API key on this machine share: its nonces, its turn, its budgets, its breaker.

Rule: a nonce that was given is never given again, whatever dies in between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol, TypeVar

from leadline.clock import Clock
from leadline.core.breaker import Breaker
from leadline.core.cells import Cell, Cells, MemoryCells
from leadline.core.nonce import Floor, Nonces
from leadline.errors import Error

S = TypeVar("S")


class KeyState(Cells, Protocol):
    """One user's access to the shared state of a key; its cells are for the budgets."""

    async def next_nonce(self, wall_ns: int) -> int:
        """A nonce larger than every one given before to anybody; durable before it is returned."""

    def last_nonce(self) -> int:
        """The largest given so far to anybody."""

    async def move_nonce(self, floor: Floor) -> None:
        """Go above a floor, durably; nothing happens where the nonces are there already."""

    async def take_turn(self, patience_s: float) -> bool:
        """Become the one user whose requests may leave; false when that took longer than the patience.

        Nobody waits at a patience of 0. The turn of a user that dies is free again.
        """

    def give_turn(self) -> None:
        """Let another user have the turn."""

    async def load_breaker(self) -> bytes | None:
        """What was saved last, or None."""

    async def save_breaker(self, kept: bytes) -> None:
        """Keep the state of the breaker, durably."""


async def keep_breaker(state: KeyState, breaker: Breaker, clock: Clock) -> None:
    """Store the breaker if it has changed; what cannot be stored stays changed, and the error is raised."""
    if not breaker.changed:
        return
    breaker.changed = False
    try:
        await state.save_breaker(breaker.dump(clock.mono_ns(), clock.wall_ns()))
    except Error:
        breaker.changed = True
        raise


class MemoryKey:
    """A key's shared state in memory: what a machine keeps while the programs on it come and go."""

    def __init__(self, nonces: Nonces | None = None) -> None:
        self.nonces = nonces or Nonces()
        self.cells = MemoryCells()
        self.breaker: bytes | None = None
        self.holder: MemoryKeyState | None = None
        self.waiting: deque[tuple[MemoryKeyState, asyncio.Future[None]]] = deque()

    def free(self) -> None:
        """Hand the turn to whoever has waited longest."""
        self.holder = None
        while self.waiting:
            user, called = self.waiting.popleft()
            if not called.done():
                self.holder = user
                called.set_result(None)
                return


class MemoryKeyState:
    """One user of a MemoryKey, on the same loop as the others."""

    def __init__(self, key: MemoryKey) -> None:
        self._key = key

    async def next_nonce(self, wall_ns: int) -> int:
        self._key.nonces = self._key.nonces.next(wall_ns)
        return self._key.nonces.last

    def last_nonce(self) -> int:
        return self._key.nonces.last

    async def move_nonce(self, floor: Floor) -> None:
        self._key.nonces = self._key.nonces.moved(floor)

    async def take_turn(self, patience_s: float) -> bool:
        if self._key.holder in (None, self):
            self._key.holder = self
            return True
        if patience_s <= 0:
            return False
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self, called)
        self._key.waiting.append(entry)
        try:
            async with asyncio.timeout(patience_s):
                await called
        except TimeoutError:
            return called.done() and not called.cancelled()
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self.give_turn()
            raise
        finally:
            if entry in self._key.waiting:
                self._key.waiting.remove(entry)
        return True

    def give_turn(self) -> None:
        if self._key.holder is self:
            self._key.free()

    def died(self) -> None:
        """What the machine does for a user that ended without a word: its turn is free, its place too."""
        for entry in [entry for entry in self._key.waiting if entry[0] is self]:
            self._key.waiting.remove(entry)
        self.give_turn()

    def cell(self, name: str, kind: type[S]) -> Cell[S]:
        return self._key.cells.cell(name, kind)

    async def load_breaker(self) -> bytes | None:
        return self._key.breaker

    async def save_breaker(self, kept: bytes) -> None:
        self._key.breaker = kept
