"""The journal on disk: one thread that writes in groups, or the same SQL in line for a simulation.

Rule: whoever waits is told only after the disk has it; all who wait at one moment share one fsync.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Self

from leadline.clock import Clock
from leadline.engine.journal_file import JournalFile, Owner, Row, encode
from leadline.engine.records import AnyRecord
from leadline.errors import JournalError

MOST_ROWS = 1024
"""Rows at which a transaction is full and the next one begins: nobody waits for a whole backlog."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Rows to write, or a copy to make, and who waits for it."""

    rows: Sequence[Row] = ()
    copy_to: Path | None = None
    told: asyncio.Future[None] | None = None


class SqliteJournal:
    """Implements `Journal`, as an async context manager; the event loop never waits for the disk.

    Entering it opens the file and raises what `JournalFile` raises.
    """

    def __init__(self, path: Path, owner: Owner, clock: Clock) -> None:
        self.path = path
        self._owner = owner
        self._clock = clock
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._under_way: list[_Job] = []
        self._opened: JournalFile | None = None
        self._over = asyncio.Event()

    @property
    def file(self) -> JournalFile:
        """The open file; for use inside the block only."""
        if self._opened is None:
            raise JournalError(f"{self.path} is not open")
        return self._opened

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        threading.Thread(target=self._work, args=(loop, opened), name="journal", daemon=True).start()
        try:
            await asyncio.shield(opened)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        self._jobs.put(None)
        await self._over.wait()

    def records(self) -> Sequence[AnyRecord]:
        return self.file.records()

    async def write(self, *records: AnyRecord) -> None:
        await self._done(_Job([Row(encode(record)) for record in records], told=_future()))

    def note(self, *records: AnyRecord) -> None:
        self._jobs.put(_Job([Row(encode(record), noted=True) for record in records]))

    def next_userref(self) -> int:
        return self.file.next_userref()

    async def backup(self, target: Path) -> None:
        """Write a whole copy to a new file while orders go on; raises JournalError."""
        await self._done(_Job(copy_to=target, told=_future()))

    async def _done(self, job: _Job) -> None:
        if self._opened is None or self._over.is_set():
            raise JournalError(f"{self.path} is not open")
        self._jobs.put(job)
        assert job.told is not None
        await job.told

    def _work(self, loop: asyncio.AbstractEventLoop, opened: asyncio.Future[None]) -> None:
        """The life of the thread, which alone opens, writes and closes."""
        try:
            problem = _problem(self._open)
            _tell(loop, [opened], problem)
            while problem is None and (first := self._jobs.get()) is not None:
                self._under_way = self._group(first)
                self._carry_out(loop)
        finally:
            if self._opened is not None:
                self._opened.close()
            self._leave(loop)

    def _open(self) -> None:
        self._opened = JournalFile(self.path, self._owner, self._clock.wall_ns())

    def _group(self, first: _Job) -> list[_Job]:
        """What waits already and can be done in one transaction; a copy is made after it."""
        group, size = [first], len(first.rows)
        while size < MOST_ROWS and group[-1].copy_to is None:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
            size += len(job.rows)
        return group

    def _carry_out(self, loop: asyncio.AbstractEventLoop) -> None:
        rows = [row for job in self._under_way for row in job.rows]
        problem = _problem(lambda: self.file.commit(rows))
        last = self._under_way[-1]
        _tell(loop, [job.told for job in self._under_way if job.copy_to is None], problem)
        if last.copy_to is not None:
            target = last.copy_to
            _tell(loop, [last.told], _problem(lambda: self.file.backup(target)))

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nobody waits for a thread that has ended, whatever ended it."""
        left = list(self._under_way)
        with suppress(Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    left.append(job)
        _tell(loop, [job.told for job in left], JournalError(f"{self.path} is closed"))
        with suppress(RuntimeError):  # the loop has ended before us
            loop.call_soon_threadsafe(self._over.set)


class InlineJournal:
    """Implements `Journal` without a thread: what runs on virtual time cannot wait for one.

    To kill its owner in a simulation, copy the file and its `-wal` and open the copies.
    """

    make: type[JournalFile] = JournalFile

    def __init__(self, path: Path, owner: Owner, clock: Clock) -> None:
        self.path = path
        self._owner = owner
        self._clock = clock
        self._opened: JournalFile | None = None

    @property
    def file(self) -> JournalFile:
        """The open file; for use inside the block only."""
        if self._opened is None:
            raise JournalError(f"{self.path} is not open")
        return self._opened

    async def __aenter__(self) -> Self:
        self._opened = self.make(self.path, self._owner, self._clock.wall_ns())
        return self

    async def __aexit__(self, *error: object) -> None:
        self.file.close()

    def records(self) -> Sequence[AnyRecord]:
        return self.file.records()

    async def write(self, *records: AnyRecord) -> None:
        self.file.commit([Row(encode(record)) for record in records])

    def note(self, *records: AnyRecord) -> None:
        with suppress(JournalError):  # the next write shows it
            self.file.commit([Row(encode(record), noted=True) for record in records])

    def next_userref(self) -> int:
        return self.file.next_userref()


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def _problem(work: Callable[[], None]) -> JournalError | None:
    try:
        work()
    except JournalError as error:
        return error
    return None


def _tell(
    loop: asyncio.AbstractEventLoop,
    waiting: Iterable[asyncio.Future[None] | None],
    problem: JournalError | None,
) -> None:
    """Wake everybody who waits, in one call into the loop."""
    futures = [future for future in waiting if future is not None]

    def wake() -> None:
        for future in futures:
            if future.done():
                continue
            if problem is None:
                future.set_result(None)
            else:
                future.set_exception(type(problem)(str(problem)))

    if futures:
        with suppress(RuntimeError):  # the loop has ended before us
            loop.call_soon_threadsafe(wake)
