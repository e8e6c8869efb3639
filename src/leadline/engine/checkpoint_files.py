"""Where checkpoints are kept: the newest and two before it, each replaced in one step or not at all.

Rule: what cannot be read is set aside under another name and never written over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from msgspec import Struct

GENERATIONS = 3
"""The newest checkpoint, and those before it that are fallen back on."""


class Found(Struct, frozen=True):
    """The bytes of one generation and the name people find it by."""

    name: str
    blob: bytes


class CheckpointStore(Protocol):
    """Keeps the checkpoints of one thing."""

    def found(self) -> list[Found]:
        """What is kept, newest first; raises OSError where it is there and cannot be read."""

    async def save(self, encode: Callable[[], bytes]) -> None:
        """Keep what `encode` makes as the newest; raises OSError, and then the one before is still whole."""

    def set_aside(self, name: str, suffix: str) -> None:
        """Keep a generation under another name, where it is neither read nor written over."""


class CheckpointFiles:
    """Checkpoints in files beside each other: `NAME`, `NAME.1`, `NAME.2`; made for the user alone.

    Encoding and writing happen on a thread of their own: the disk never holds up the event loop.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()  # a save that nobody waits for any more goes on

    def found(self) -> list[Found]:
        """What is kept, newest first; raises OSError where it is there and cannot be read."""
        found = []
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):
                found.append(Found(str(path), path.read_bytes()))
        return found

    async def save(self, encode: Callable[[], bytes]) -> None:
        """Keep what `encode` makes as the newest; raises OSError, and then the one before is still whole."""
        await asyncio.to_thread(self._alone, encode)

    def set_aside(self, name: str, suffix: str) -> None:
        """Keep a generation under another name, where it is neither read nor written over."""
        path = Path(name)
        path.replace(path.with_name(f"{path.name}.{suffix}"))

    def _alone(self, encode: Callable[[], bytes]) -> None:
        with self._writing:
            self._write(encode)

    def _write(self, encode: Callable[[], bytes]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(encode())
            file.flush()
            os.fsync(file.fileno())
        paths = self._paths()
        for younger, older in reversed(list(pairwise(paths))):
            with contextlib.suppress(FileNotFoundError):
                younger.replace(older)
        fresh.replace(self._path)
        _sync_folder(self._path.parent)

    def _paths(self) -> list[Path]:
        older = [self._path.with_name(f"{self._path.name}.{age}") for age in range(1, GENERATIONS)]
        return [self._path, *older]


class MemoryCheckpoints:
    """Checkpoints in a list; written in one step, because a virtual clock cannot wait for a thread."""

    def __init__(self, kept: list[Found] | None = None) -> None:
        self.kept: list[Found] = kept if kept is not None else []
        self.aside: list[Found] = []
        self.failing: OSError | None = None
        """Raised by every save while set, as on a full disk."""
        self._count = 0

    def found(self) -> list[Found]:
        return list(self.kept)

    async def save(self, encode: Callable[[], bytes]) -> None:
        if self.failing is not None:
            raise self.failing
        self._count += 1
        self.kept.insert(0, Found(f"checkpoint {self._count}", encode()))
        del self.kept[GENERATIONS:]

    def set_aside(self, name: str, suffix: str) -> None:
        self.aside += [found for found in self.kept if found.name == name]
        self.kept[:] = [found for found in self.kept if found.name != name]


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk when its folder is; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
