"""The shared state of an API key in files of its owner: two of SQLite, and one that is only locked.

Rule: the mark on disk is never below a nonce that was given, whatever dies, the machine included; a file that
cannot be trusted is an error and not a fresh start.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from leadline.clock import NS_PER_S, Clock
from leadline.core.cells import Cell
from leadline.core.nonce import MOST_NONCE, Floor, Nonces, Scale
from leadline.errors import ConfigError
from leadline.net.cell_file import CellFile
from leadline.net.sqlite_file import connect, open_checked
from leadline.net.turn_file import TurnFile

S = TypeVar("S")
T = TypeVar("T")

_AHEAD_NS = NS_PER_S
"""So far ahead of the nonces the mark is set, so that not every one of them waits for the disk itself."""
_BUSY_S = 5.0

_DISK = frozenset({"SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_IOERR_WRITE"})
_NONCE_CURE = (
    "move it away and give this program a new API key, or set nonce_floor to a number above every nonce the "
    "key has been used with"
)
_BUDGET_CURE = "stop the programs that use this key and delete it; the budgets start anew"


def fingerprint(api_key: str) -> str:
    """What names the files of a key without telling it."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:16]


class SqliteKeyState:
    """The state of one key in a folder, as an async context manager; implements KeyState.

    Nonces and the breaker go through a thread of its own, so that the loop never waits for the disk. The
    budgets are kept without waiting for it, in a file of their own.
    Raises ConfigError naming the file and the cure where one is damaged, foreign or newer.
    """

    def __init__(self, folder: Path, api_key: str, clock: Clock) -> None:
        name = f"key-{fingerprint(api_key)}"
        self._folder = folder
        self._nonce_path = folder / f"{name}.nonce"
        self._budgets = CellFile(folder / f"{name}.budgets", _BUDGET_CURE)
        self._turn_path = folder / f"{name}.turn"
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "key-state")

    async def __aenter__(self) -> Self:
        try:
            await self._in_thread(self._open)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._in_thread(self._close)
        finally:
            self._thread.shutdown()

    async def next_nonce(self, wall_ns: int) -> int:
        return await self._in_thread(lambda: self._nonces.next(wall_ns))

    def last_nonce(self) -> int:
        return self._nonces.last()

    async def move_nonce(self, floor: Floor) -> None:
        await self._in_thread(lambda: self._nonces.move(floor))

    async def take_turn(self, patience_s: float) -> bool:
        return await self._turn.take(patience_s)

    def give_turn(self) -> None:
        self._turn.give()

    def cell(self, name: str, kind: type[S]) -> Cell[S]:
        return self._budgets.cell(name, kind)

    async def load_breaker(self) -> bytes | None:
        return await self._in_thread(self._nonces.load_breaker)

    async def save_breaker(self, kept: bytes) -> None:
        await self._in_thread(lambda: self._nonces.save_breaker(kept))

    def _open(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with ExitStack() as opened:
                opened.enter_context(self._budgets)
                self._turn = opened.enter_context(closing(TurnFile(self._turn_path, self._clock)))
                self._nonces = NonceFile(self._nonce_path)
                self._opened = opened.pop_all()
        except OSError as error:
            raise ConfigError(f"{self._folder} cannot hold the state of the key: {error}") from error

    def _close(self) -> None:
        with self._opened:
            self._nonces.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class NonceFile:
    """The file of nonces and breaker; used in one thread, but for `last`.

    `mark` is on the disk itself; what `last` has risen to since is with the operating system only. So after
    an end without a close the nonces go on from the mark.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_checked(path, _make, _NONCE_CURE, _BUSY_S)
        self._reader = connect(path, _BUSY_S)
        try:
            self._go_on_from_the_mark()
        except BaseException:
            self.disconnect()
            raise

    def next(self, wall_ns: int) -> int:
        """One more nonce; found room for even on a full disk, so that cancels can still be signed."""
        with self._trusted():
            try:
                return self._next(wall_ns)
            except sqlite3.OperationalError:
                self._file.execute("PRAGMA wal_checkpoint(PASSIVE)")  # then the log begins anew in its place
                return self._next(wall_ns)

    def move(self, floor: Floor) -> None:
        """Go above a floor, on the disk itself."""
        with self._trusted():
            self._raise_mark(lambda nonces: nonces.moved(floor))

    def last(self) -> int:
        """The largest given; may be asked in any one thread."""
        with self._trusted():
            return int(self._reader.execute("SELECT last FROM nonce").fetchone()[0])

    def load_breaker(self) -> bytes | None:
        """What was saved last."""
        with self._trusted():
            row = self._file.execute("SELECT kept FROM breaker").fetchone()
            return None if row is None else bytes(row[0])

    def save_breaker(self, kept: bytes) -> None:
        """Keep the breaker, on the disk itself."""
        with self._trusted(), self._on_disk(), self._transaction():
            self._file.execute("INSERT OR REPLACE INTO breaker VALUES (1, ?)", (kept,))

    def close(self) -> None:
        """End in order: the next user goes on right after the last nonce."""
        with self._trusted():
            try:
                with self._on_disk(), self._transaction():
                    nonces, _ = self._read()
                    self._write(nonces, nonces.last)
            finally:
                self.disconnect()

    def _go_on_from_the_mark(self) -> None:
        with self._trusted():
            self._file.execute("PRAGMA synchronous=NORMAL")
            with self._transaction():
                if self._file.execute("SELECT count(*) FROM nonce").fetchone() == (0,):
                    raise ConfigError(f"{self._path}: its nonces are missing; {_NONCE_CURE}")
                nonces, mark = self._read()
                self._write(Nonces(max(nonces.last, mark), nonces.scale), mark)

    def disconnect(self) -> None:
        """Leave the file as it is, as a program that dies does."""
        self._reader.close()
        self._file.close()

    def _next(self, wall_ns: int) -> int:
        with self._transaction():
            nonces, mark = self._read()
            given = nonces.next(wall_ns)
            if given.last <= mark:
                self._write(given, mark)
                return given.last
        return self._raise_mark(lambda nonces: nonces.next(wall_ns))

    def _raise_mark(self, change: Callable[[Nonces], Nonces]) -> int:
        with self._on_disk(), self._transaction():
            nonces, mark = self._read()
            changed = change(nonces)
            ahead = changed.last + changed.scale.of(_AHEAD_NS)
            if ahead > MOST_NONCE:
                raise ConfigError(f"{self._path}: no larger nonces are left; give this program a new API key")
            self._write(changed, max(mark, ahead))
            return changed.last

    def _read(self) -> tuple[Nonces, int]:
        last, mark, scale, kept_sum = self._file.execute(
            "SELECT last, mark, scale, sum FROM nonce"
        ).fetchone()
        if kept_sum != _sum(last, mark, scale):
            raise ConfigError(f"{self._path}: its nonces are damaged; {_NONCE_CURE}")
        return Nonces(last, Scale[scale]), mark

    def _write(self, nonces: Nonces, mark: int) -> None:
        row = (nonces.last, mark, nonces.scale.name)
        self._file.execute("UPDATE nonce SET last=?, mark=?, scale=?, sum=?", (*row, _sum(*row)))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._file.execute("COMMIT")
        finally:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        """What is committed in the block is on the disk itself after it, in the main file too."""
        self._file.execute("PRAGMA synchronous=FULL")
        try:
            yield
            self._file.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            self._file.execute("PRAGMA synchronous=NORMAL")

    @contextmanager
    def _trusted(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorname", "")  # not all errors of the module have it
            cure = "make room on its disk and let this user write there" if code in _DISK else _NONCE_CURE
            raise ConfigError(f"{self._path} cannot be used: {error}; {cure}") from error


def _make(file: sqlite3.Connection) -> None:
    """A file of nonces none of which was given."""
    file.execute(
        "CREATE TABLE nonce (only INTEGER PRIMARY KEY, last INTEGER, mark INTEGER, scale TEXT, sum INTEGER)"
    )
    file.execute("CREATE TABLE breaker (only INTEGER PRIMARY KEY, kept BLOB)")
    row = (0, 0, Scale.MICROSECONDS.name)
    file.execute("INSERT INTO nonce VALUES (1, ?, ?, ?, ?)", (*row, _sum(*row)))


def _sum(last: int, mark: int, scale: str) -> int:
    return zlib.crc32(f"{last} {mark} {scale}".encode())
