from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from journal_records import NOW_NS, OWNER, intent, reported
from leadline.clock import ManualClock
from leadline.engine.journal_file import JournalFile, Owner
from leadline.engine.sqlite_journal import InlineJournal, SqliteJournal
from leadline.errors import JournalBusy, JournalError
from leadline.model.order import Event

Kind = type[SqliteJournal] | type[InlineJournal]
both = pytest.mark.parametrize("kind", [SqliteJournal, InlineJournal])


def journal(kind: Kind, path: Path, owner: Owner = OWNER) -> SqliteJournal | InlineJournal:
    return kind(path / "j", owner, ManualClock(NOW_NS))


def kept(path: Path) -> list[str]:
    with closing(JournalFile(path / "j", OWNER, NOW_NS)) as file:
        return [record.client_id for record in file.records()]  # type: ignore[union-attr]


@both
async def test_what_was_written_or_noted_is_there_after_a_restart_in_the_order_of_the_calls(
    kind: Kind, tmp_path: Path
) -> None:
    async with journal(kind, tmp_path) as first:
        first.note(intent("a"))
        await first.write(intent("b"), reported("b", Event.WORKING))
        first.note(intent("c"))

    async with journal(kind, tmp_path) as second:
        names = [record.client_id for record in second.records()]  # type: ignore[union-attr]
    assert names == ["a", "b", "b", "c"]


@both
async def test_a_write_is_readable_when_it_returns(kind: Kind, tmp_path: Path) -> None:
    async with journal(kind, tmp_path) as one:
        assert list(one.records()) == []
        await one.write(intent("a"))

        assert list(one.records()) == [intent("a")]


@both
async def test_references_differ_across_restarts(kind: Kind, tmp_path: Path) -> None:
    given = set()
    for _ in range(3):
        async with journal(kind, tmp_path) as one:
            given |= {one.next_userref(), one.next_userref()}
            await one.write(intent("a"))

    assert len(given) == 6


@both
async def test_it_cannot_be_used_outside_its_block(kind: Kind, tmp_path: Path) -> None:
    one = journal(kind, tmp_path)
    for _ in range(2):
        with pytest.raises(JournalError, match=r"is not open|is closed"):
            await one.write(intent("a"))
        async with journal(kind, tmp_path) as one:
            pass


@both
async def test_what_cannot_be_opened_leaves_nothing_behind(kind: Kind, tmp_path: Path) -> None:
    async with journal(kind, tmp_path):
        with pytest.raises(JournalBusy, match=str(os.getpid())):
            async with journal(kind, tmp_path):
                raise AssertionError("entered")
    with pytest.raises(JournalError, match="another key"):
        async with journal(kind, tmp_path, Owner("kraken", "ffff")):
            raise AssertionError("entered")

    async with journal(kind, tmp_path) as one:
        await one.write(intent("a"))


async def test_all_who_wait_at_one_moment_share_a_transaction(tmp_path: Path) -> None:
    async with SqliteJournal(tmp_path / "j", OWNER, ManualClock(NOW_NS)) as one:
        commits: list[str] = []
        one.file._open.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
        await asyncio.gather(*(one.write(intent(f"{number}")) for number in range(200)))

    assert len(kept(tmp_path)) == 200
    assert 1 <= len(commits) < 20


async def test_a_wait_that_is_cancelled_does_not_take_the_records_back(tmp_path: Path) -> None:
    async with SqliteJournal(tmp_path / "j", OWNER, ManualClock(NOW_NS)) as one:
        waiting = asyncio.ensure_future(one.write(intent("a")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await one.write(intent("b"))

    assert kept(tmp_path) == ["a", "b"]


async def test_nobody_waits_for_a_journal_that_is_left(tmp_path: Path) -> None:
    async with SqliteJournal(tmp_path / "j", OWNER, ManualClock(NOW_NS)) as one:
        writes = [asyncio.ensure_future(one.write(intent(f"{number}"))) for number in range(50)]
        await asyncio.sleep(0)
    done = await asyncio.gather(*writes)

    assert done == [None] * 50
    assert len(kept(tmp_path)) == 50
    with pytest.raises(JournalError, match="is not open"):
        await one.write(intent("late"))


async def test_a_copy_can_be_made_while_orders_go_on(tmp_path: Path) -> None:
    async with SqliteJournal(tmp_path / "j", OWNER, ManualClock(NOW_NS)) as one:
        await one.write(intent("a"))
        await asyncio.gather(one.write(intent("b")), one.backup(tmp_path / "copy"), one.write(intent("c")))
        with pytest.raises(JournalError, match="it exists"):
            await one.backup(tmp_path / "copy")

    with closing(JournalFile(tmp_path / "copy", OWNER, NOW_NS)) as copy:
        assert {"a", "b"} <= {record.client_id for record in copy.records()}  # type: ignore[union-attr]


async def test_whoever_waits_for_a_write_that_fails_is_told_and_the_next_one_works(tmp_path: Path) -> None:
    async with SqliteJournal(tmp_path / "j", OWNER, ManualClock(NOW_NS)) as one:
        one.file._open.execute("PRAGMA max_page_count = 1")  # as many as there are: nothing fits any more
        big = intent("x" * 100_000)
        outcomes = await asyncio.gather(one.write(big), one.write(big), return_exceptions=True)
        one.note(intent("noted"))
        one.file._open.execute("PRAGMA max_page_count = 1000000")
        await one.write(intent("after"))

    assert [type(outcome) for outcome in outcomes] == [JournalError, JournalError]
    assert "make room on the disk, or check it; cancels still work" in str(outcomes[0])
    assert kept(tmp_path) == ["noted", "after"]


async def test_a_copy_of_the_file_and_its_log_is_what_a_killed_owner_leaves(tmp_path: Path) -> None:
    (tmp_path / "after").mkdir()
    async with journal(InlineJournal, tmp_path) as one:
        await one.write(intent("a"))
        for name in ("j", "j-wal"):
            shutil.copy(tmp_path / name, tmp_path / "after" / name)
        await one.write(intent("b"))

    assert kept(tmp_path / "after") == ["a"]


WRITER = """
import asyncio, sys
from pathlib import Path
from journal_records import NOW_NS, OWNER, intent
from leadline.clock import SystemClock
from leadline.engine.sqlite_journal import SqliteJournal

async def submitter(journal, who):
    for number in range(100_000):
        await journal.write(intent(f"{who}-{number}"))
        print(f"{who}-{number}", flush=True)

async def main():
    async with SqliteJournal(Path(sys.argv[1]), OWNER, SystemClock()) as journal:
        await asyncio.gather(*(submitter(journal, who) for who in range(8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 17, 150])
def test_a_process_killed_while_it_writes_has_everything_it_was_told_of(tmp_path: Path, after: int) -> None:
    tests = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "j")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tests)},
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
        process.wait(10)
    acknowledged = [line.strip() for line in told if line.endswith("\n")]
    found = kept(tmp_path)

    assert len(acknowledged) >= after
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))
