"""One process for one file: a lock that the operating system drops when its holder dies, however it dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # beyond the text: what Windows locks, nobody else may read

    def _lock(number: int) -> None:
        os.lseek(number, _FAR, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Locked(Exception):
    """Somebody else holds the lock; `pid` is the process, None where it cannot be read."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid


class FileLock:
    """Held from construction until `release`; raises Locked, or OSError where the file cannot be made.

    The file stays behind: one that is removed could be locked by two.
    """

    def __init__(self, path: Path) -> None:
        self._number: int | None = None
        number = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(number)
        except OSError:
            holder = _pid_in(number)
            os.close(number)
            raise Locked(holder) from None
        os.ftruncate(number, 0)
        os.lseek(number, 0, os.SEEK_SET)
        os.write(number, f"{os.getpid()}\n".encode())
        self._number = number

    def release(self) -> None:
        """Let the next one in; releasing twice does nothing."""
        number, self._number = self._number, None
        if number is not None:
            os.close(number)


def _pid_in(number: int) -> int | None:
    os.lseek(number, 0, os.SEEK_SET)
    text = os.read(number, 32).strip()
    return int(text) if text.isdigit() else None
