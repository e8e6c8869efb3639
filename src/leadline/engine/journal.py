"""The order journal as the engine sees it: append-only, durable before send, read back after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from leadline.engine.records import AnyRecord
from leadline.errors import JournalError


class Journal(Protocol):
    """One account's records. One process at a time; within it, everything in the order of the calls."""

    def records(self) -> Sequence[AnyRecord]:
        """Everything still kept, oldest first; what retention has dropped was final long ago."""

    async def write(self, *records: AnyRecord) -> None:
        """Return when the records, and all before them, are on disk for good; raises JournalError.

        Cancelling the wait does not take the records back.
        """

    def note(self, *records: AnyRecord) -> None:
        """Keep the records soon, in order, without waiting; a failure shows at the next `write`."""

    def next_userref(self) -> int:
        """A positive 31-bit number this journal has never given before; durable with the next `write`."""


class MemoryJournal:
    """A journal in a list; `failing` is raised by every write while set, as on a full disk."""

    def __init__(self, kept: Sequence[AnyRecord] = ()) -> None:
        self.kept: list[AnyRecord] = list(kept)
        self.failing: JournalError | None = None
        self._userref = 1000 + len(self.kept)

    def records(self) -> Sequence[AnyRecord]:
        return tuple(self.kept)

    async def write(self, *records: AnyRecord) -> None:
        if self.failing is not None:
            raise self.failing
        self.kept.extend(records)

    def note(self, *records: AnyRecord) -> None:
        if self.failing is None:
            self.kept.extend(records)

    def next_userref(self) -> int:
        self._userref += 1
        return self._userref
