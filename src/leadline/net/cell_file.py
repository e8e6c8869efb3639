"""Values that all programs on this machine change, in a file: for what may be lost, and must hold up nobody.

Rule: no user waits for the disk; while the file cannot be used, each goes on from what it last saw, and only
the first of those who find it locked waits a moment for it.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from leadline.core.cells import Cell
from leadline.errors import ConfigError
from leadline.net.sqlite_file import open_checked

S = TypeVar("S")
T = TypeVar("T")

_BUSY_S = 0.25
"""So long a lock is waited for, on the event loop, and not at all once that was in vain."""

TRIES = 100
"""So often a change is reckoned anew because somebody else was faster; then it is made alone."""

_log = logging.getLogger("leadline")


class CellFile:
    """Implements `Cells` over a file, as a context manager that several users may enter.

    The first of them opens it, making its folder where there is none, and the last one closes it. Raises
    ConfigError on entering where it is damaged, foreign or newer; not where it is `optional`: then that is
    logged, and each program counts for itself.
    """

    def __init__(self, path: Path, cure: str, *, optional: bool = False) -> None:
        self._path = path
        self._cure = cure
        self._optional = optional
        self._users = 0
        self._patient = True
        self._cells: dict[str, _FileCell[Any]] = {}
        self.file: sqlite3.Connection | None = None
        """None while nobody has it open."""

    def __enter__(self) -> Self:
        if self._users == 0:
            self._open()
        self._users += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._users -= 1
        if self._users == 0 and self.file is not None:
            self.file.close()
            self.file = None

    def cell(self, name: str, kind: type[S]) -> Cell[S]:
        """The value of this name; it may be had before the file is open."""
        return self._cells.setdefault(name, _FileCell(self, name, kind))

    def wait(self, patient: bool) -> None:
        """Whether a lock is waited for from now on."""
        if self.file is not None and patient is not self._patient:
            self._patient = patient
            self.file.execute(f"PRAGMA busy_timeout={round(_BUSY_S * 1000) if patient else 0}")

    def _open(self) -> None:
        self._patient = True
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.file = open_checked(self._path, _make, self._cure, _BUSY_S)
            self.file.execute("PRAGMA synchronous=OFF")
        except (ConfigError, OSError) as error:
            if not self._optional:
                raise
            _log.warning("no budget is shared with other programs: %s", error)


def _make(file: sqlite3.Connection) -> None:
    file.execute("CREATE TABLE cell (name TEXT PRIMARY KEY, kept BLOB)")


class _FileCell(Generic[S]):
    """A row of the file, by its value as text; one that cannot be read is like a file that cannot."""

    def __init__(self, cells: CellFile, name: str, kind: type[S]) -> None:
        self._cells = cells
        self._name = name
        self._kind = kind
        self._seen: S | None = None
        self._alone = False  # the open file has failed us, and what was seen last has been changed since

    def kept(self) -> S | None:
        """What is kept, or what was when the file could last be read: no cancel waits for a file."""
        if not self._alone:
            try:
                self._seen = self._read(self._stored())
            except (sqlite3.Error, msgspec.MsgspecError):
                self._cells.wait(False)
        return self._seen

    def change(self, change: Callable[[S | None], tuple[S, T]]) -> T:
        """Reckon, and write if what we reckoned with still stands; else again with what stands now.

        One reading and one writing statement: this runs in the event loop, on the way of every order.
        """
        try:
            for _ in range(TRIES):
                stored = None if self._alone else self._stored()
                if not self._alone:
                    self._seen = self._read(stored)
                changed, told = change(self._seen)
                if self._replaced(stored, msgspec.json.encode(changed)):
                    self._seen, self._alone = changed, False
                    self._cells.wait(True)
                    return told
        except (sqlite3.Error, msgspec.MsgspecError):
            self._cells.wait(False)
        self._seen, told = change(self._seen)
        self._alone = self._cells.file is not None
        return told

    def _read(self, stored: bytes | None) -> S | None:
        return None if stored is None else msgspec.json.decode(stored, type=self._kind)

    def _stored(self) -> bytes | None:
        row = self._file().execute("SELECT kept FROM cell WHERE name=?", (self._name,)).fetchone()
        if row is not None and not isinstance(row[0], bytes):
            raise msgspec.DecodeError(f"{self._name} is not kept as this program keeps it")
        return None if row is None else row[0]

    def _replaced(self, stored: bytes | None, changed: bytes) -> bool:
        if self._alone:  # we have counted on from what was there
            done = self._file().execute("INSERT OR REPLACE INTO cell VALUES (?, ?)", (self._name, changed))
        elif stored is None:
            done = self._file().execute("INSERT OR IGNORE INTO cell VALUES (?, ?)", (self._name, changed))
        else:
            done = self._file().execute(
                "UPDATE cell SET kept=? WHERE name=? AND kept=?", (changed, self._name, stored)
            )
        return done.rowcount == 1

    def _file(self) -> sqlite3.Connection:
        if self._cells.file is None:
            raise sqlite3.OperationalError("the file is not open")
        return self._cells.file
