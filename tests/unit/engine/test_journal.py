"""The journal port's implementation in memory."""

from __future__ import annotations

import pytest

from leadline.engine.journal import MemoryJournal
from leadline.engine.records import CancelIntent
from leadline.errors import JournalError

CANCEL = CancelIntent(at_ns=1, client_ids=())


async def test_records_are_kept_in_the_order_of_the_calls() -> None:
    journal = MemoryJournal([CANCEL])
    journal.note(CancelIntent(at_ns=2, client_ids=()))
    await journal.write(CancelIntent(at_ns=3, client_ids=()), CancelIntent(at_ns=4, client_ids=()))
    assert [record.at_ns for record in journal.records()] == [1, 2, 3, 4]


async def test_a_full_disk_refuses_what_must_be_durable_and_keeps_nothing() -> None:
    journal = MemoryJournal()
    journal.failing = JournalError("no space left")
    with pytest.raises(JournalError):
        await journal.write(CANCEL)
    journal.note(CANCEL)
    journal.failing = None
    assert journal.records() == ()


def test_a_userref_is_given_once() -> None:
    journal = MemoryJournal()
    assert len({journal.next_userref() for _ in range(100)}) == 100
