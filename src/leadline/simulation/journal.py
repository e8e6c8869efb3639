"""The order journal on a simulated disk: the same SQL on a real file, commits that take their virtual time.

Rule: whoever waits is told only when the disk has it for good; a death may take back any byte behind that.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Self

from leadline.clock import Clock
from leadline.engine.journal_file import JournalFile, Owner
from leadline.engine.records import AnyRecord
from leadline.engine.sqlite_journal import InlineJournal

COMMIT_S = (0.0002, 0.005)
_WAL = "-wal"


class _Untidied(JournalFile):
    """Everything stays in the write-ahead log, whose length then says how much is on the disk; the disk
    itself is simulated, so the real one need not be waited for."""

    def __init__(self, path: Path, owner: Owner, now_ns: int) -> None:
        super().__init__(path, owner, now_ns)
        self._open.execute("PRAGMA wal_autocheckpoint = 0")
        self._open.execute("PRAGMA synchronous = OFF")


class SimulatedJournal(InlineJournal):
    """One program's journal; `durable` hears of records as soon as they are on the disk for good."""

    make = _Untidied

    def __init__(
        self,
        path: Path,
        owner: Owner,
        clock: Clock,
        rng: random.Random,
        durable: Callable[[AnyRecord], None],
    ) -> None:
        super().__init__(path, owner, clock)
        self._random = rng
        self._durable = durable
        self._acknowledged = 0
        """So many bytes of the log are on the disk for good."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._acknowledged = self._written()
        return self

    async def write(self, *records: AnyRecord) -> None:
        await super().write(*records)
        written = self._written()
        await self._clock.sleep(self._random.uniform(*COMMIT_S))
        self._acknowledged = max(self._acknowledged, written)
        for record in records:
            self._durable(record)

    @property
    def opened(self) -> bool:
        """Whether there is anything to leave behind."""
        return self._opened is not None

    def abandon(self, heir: Path) -> None:
        """The program is dead: leave to `heir` what the disk kept, cut somewhere behind the last fsync."""
        kept = self._random.randint(self._acknowledged, max(self._acknowledged, self._written()))
        shutil.copyfile(self.path, heir)
        log = self.path.with_name(self.path.name + _WAL)
        if log.exists():
            heir.with_name(heir.name + _WAL).write_bytes(log.read_bytes()[:kept])
        self.file.close()

    def _written(self) -> int:
        log = self.path.with_name(self.path.name + _WAL)
        return log.stat().st_size if log.exists() else 0
