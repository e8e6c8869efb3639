"""Whose turn it is among processes: a lock the operating system takes back when its holder dies.

Rule: nobody blocks in it; who waits looks again every millisecond.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from leadline.clock import NS_PER_MS, NS_PER_S, Clock

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _unlock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


_POLL_S = 0.001
_TENURE_NS = 200 * NS_PER_MS
_BREATH_S = 0.003
"""After having had the turn for so long, almost without a break, its holder leaves others time to take it."""


class TurnFile:
    """One process's hold on a file that is locked by whoever has the turn."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._held = False
        self._since_ns = 0
        self._given_ns = 0

    async def take(self, patience_s: float) -> bool:
        """Take the turn; false when others have it for longer than the patience (0: do not wait at all)."""
        began_ns = self._clock.mono_ns()
        if patience_s > 0 and not self._held and self._overstayed(began_ns):
            self._since_ns = began_ns
            await self._clock.sleep(_BREATH_S)
        while not self._taken():
            if self._clock.mono_ns() - began_ns >= patience_s * NS_PER_S:
                return False
            await self._clock.sleep(_POLL_S)
        return True

    def give(self) -> None:
        """Let others have it."""
        if self._held:
            _unlock(self._file)
            self._held = False
            self._given_ns = self._clock.mono_ns()

    def close(self) -> None:
        """Give it and use the file no more."""
        self.give()
        os.close(self._file)

    def _taken(self) -> bool:
        if not self._held:
            try:
                _lock(self._file)
            except OSError:
                return False
            self._held = True
            now_ns = self._clock.mono_ns()
            if now_ns - self._given_ns > 2 * _POLL_S * NS_PER_S:
                self._since_ns = now_ns
        return True

    def _overstayed(self, now_ns: int) -> bool:
        without_a_break = now_ns - self._given_ns <= _POLL_S * NS_PER_S
        return without_a_break and now_ns - self._since_ns > _TENURE_NS
