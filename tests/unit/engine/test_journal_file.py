from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from journal_records import DAY_NS, NOW_NS, OWNER, intent, reported
from leadline.engine.journal_file import JournalFile, Owner, Row, encode
from leadline.engine.records import Drifted, Halted, OpeningBalance, Resumed, Tripped
from leadline.engine.retention import KEPT_NS, KEPT_ORDERS
from leadline.errors import JournalBusy, JournalError
from leadline.model.order import Event


def opened(path: Path, owner: Owner = OWNER, now_ns: int = NOW_NS) -> JournalFile:
    return JournalFile(path, owner, now_ns)


def row(name: str) -> Row:
    return Row(encode(intent(name)))


def written(path: Path, *names: str) -> None:
    with closing(opened(path)) as file:
        for name in names:
            file.commit([row(name)])


def names(file: JournalFile) -> list[str]:
    return [record.client_id for record in file.records()]  # type: ignore[union-attr]


def altered(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def test_what_was_committed_is_there_again_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "orders.sqlite3"
    records = [intent("a"), reported("a", Event.WORKING), intent("b")]
    with closing(opened(path)) as file:
        file.commit([Row(encode(record)) for record in records[:2]])
        file.commit([Row(encode(records[2]))])
        assert list(file.records()) == records

    with closing(opened(path)) as file:
        assert list(file.records()) == records


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j")) as file:
        file.commit([row("a")])
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}

    assert set(modes) >= {"j", "j-wal", "j.lock"}
    assert set(modes.values()) == {0o600}


def test_the_disk_has_it_before_commit_returns(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j")) as file:
        assert file._open.execute("PRAGMA synchronous").fetchone() == (2,)
        assert file._open.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_references_are_never_given_again(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j")) as file:
        given = [file.next_userref() for _ in range(3)]
        file.commit([row("a")])
    with closing(opened(tmp_path / "j", now_ns=NOW_NS - DAY_NS)) as file:
        given += [file.next_userref(), file.next_userref()]

    assert len(set(given)) == 5
    assert all(0 < number < 1 << 31 for number in given)


def test_a_journal_in_place_of_a_lost_one_gives_other_references(tmp_path: Path) -> None:
    with (
        closing(opened(tmp_path / "a")) as first,
        closing(opened(tmp_path / "b", now_ns=NOW_NS + 10**12)) as second,
    ):
        assert second.next_userref() - first.next_userref() == 1000


def test_when_references_are_used_up_it_says_so(tmp_path: Path) -> None:
    written(tmp_path / "j")
    altered(tmp_path / "j", f"UPDATE meta SET value = '{2**31 - 2}' WHERE name = 'userref'")
    with closing(opened(tmp_path / "j")) as file:
        assert file.next_userref() == 2**31 - 1
        with pytest.raises(JournalError, match="no order reference left"):
            file.next_userref()


def test_a_second_opener_is_told_who_has_it_and_what_to_do(tmp_path: Path) -> None:
    with (
        closing(opened(tmp_path / "j")),
        pytest.raises(
            JournalBusy, match=rf"j is used by process {os.getpid()}; stop it, or use another account"
        ),
    ):
        opened(tmp_path / "j")


def foreign(path: Path) -> None:
    altered(path, "CREATE TABLE mine (x)")


def other_program(path: Path) -> None:
    altered(path, "PRAGMA application_id = 77")


def half_a_journal(path: Path) -> None:
    written(path)
    altered(path, "DELETE FROM meta WHERE name = 'venue'")


def no_database(path: Path) -> None:
    path.write_bytes(b"twelve bytes, and more of them than a header has" * 30)


def newer(path: Path) -> None:
    written(path, "a")
    altered(path, "UPDATE meta SET value = '3' WHERE name = 'schema'")


def older(path: Path) -> None:
    written(path, "a")
    altered(path, "UPDATE meta SET value = '0' WHERE name = 'schema'")


def newer_record(path: Path) -> None:
    body = b'{"type":"Teleported","at_ns":1}'
    with closing(opened(path)) as file:
        file.commit([Row(body)])


def newer_field(path: Path) -> None:
    fields = msgspec.json.decode(encode(intent("a"))) | {"colour": "red"}
    with closing(opened(path)) as file:
        file.commit([Row(encode(fields))])


def wrong_in_the_middle(path: Path) -> None:
    written(path, "a", "b", "c")
    altered(path, "UPDATE records SET body = (SELECT body FROM records WHERE number = 1) WHERE number = 2")


def damaged_page(path: Path) -> None:
    with closing(opened(path)) as file:
        file.commit([row(f"{number}") for number in range(200)])
    size = path.stat().st_size
    with path.open("r+b") as raw:
        raw.seek(size // 8192 * 4096)
        raw.write(b"\xff" * 4096)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (foreign, "is not a journal of orders; move it away, or set another state_dir"),
        (other_program, "is not a journal of orders; move it away"),
        (half_a_journal, "is not a journal of orders; move it away"),
        (no_database, "is damaged .*not a database.* left as it is; put a backup in its place"),
        (newer, "has schema 3, this version knows schema 2; use the version of Leadline that wrote it"),
        (older, "has schema 0, this version knows schema 2"),
        (newer_record, r"a record that this version does not know \(number 1: .*use the version of Leadline"),
        (newer_field, r"a record that this version does not know \(number 1: .*colour"),
        (wrong_in_the_middle, r"is damaged \(record 2 is not what was written\) and left as it is"),
        (damaged_page, "is damaged .*left as it is"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_cure_and_left_as_it_is(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "orders.sqlite3"
    spoil(path)
    before = path.read_bytes()

    for _ in range(2):  # nothing of the first try, the lock least of all, is in the way of the second
        with pytest.raises(JournalError, match=rf"orders\.sqlite3.*{message}"):
            opened(path)

    assert path.read_bytes() == before


def test_another_accounts_or_venues_journal_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "j", "a")

    with pytest.raises(
        JournalError, match=r"begun with another key .fingerprint 0123abcd, this one has ffff"
    ):
        opened(tmp_path / "j", Owner("kraken", "ffff"))
    with pytest.raises(JournalError, match="keeps orders of kraken, not of binance"):
        opened(tmp_path / "j", Owner("binance", "0123abcd"))


def test_a_replaced_key_takes_the_journal_over_when_it_is_told_so(tmp_path: Path) -> None:
    written(tmp_path / "j", "a")

    with closing(opened(tmp_path / "j", Owner("kraken", "ffff", formerly="0123abcd"))) as file:
        assert names(file) == ["a"]
    opened(tmp_path / "j", Owner("kraken", "ffff")).close()
    with pytest.raises(JournalError, match="another key"):
        opened(tmp_path / "j")


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        JournalError, match=r"cannot use .*j\.lock: File exists; move it away, or set another"
    ):
        opened(tmp_path / "file" / "j")
    (tmp_path / "folder").mkdir()
    with pytest.raises(JournalError, match=r"cannot open .*folder: Is a directory"):
        opened(tmp_path / "folder")


def test_a_last_record_that_is_not_whole_is_dropped_and_said_and_its_bytes_kept(tmp_path: Path) -> None:
    written(tmp_path / "j", "a", "b")
    altered(tmp_path / "j", "UPDATE records SET body = substr(body, 1, 9) WHERE number = 2")

    with closing(opened(tmp_path / "j")) as file:
        assert file.dropped == f"the last record of {tmp_path / 'j'} was not written whole and is left out"
        assert names(file) == ["a"]
        file.commit([row("c")])
    with closing(opened(tmp_path / "j")) as file:
        assert file.dropped is None
        assert names(file) == ["a", "c"]
        assert file._open.execute("SELECT number, length(body) FROM torn").fetchall() == [(2, 9)]


def test_a_file_that_was_created_and_not_filled_becomes_a_journal(tmp_path: Path) -> None:
    (tmp_path / "j").touch()

    written(tmp_path / "j", "a")
    with closing(opened(tmp_path / "j")) as file:
        assert names(file) == ["a"]


def test_the_file_alone_says_whose_it_is_before_anything_is_written(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j")):
        shutil.copy(tmp_path / "j", tmp_path / "copy")
        with pytest.raises(JournalError, match="another key"):
            opened(tmp_path / "copy", Owner("kraken", "ffff"))


def test_the_write_ahead_log_cut_at_any_byte_of_the_last_commit_keeps_all_before(tmp_path: Path) -> None:
    path, wal = tmp_path / "j", tmp_path / "j-wal"
    with closing(opened(path)) as file:
        for name in "abc":
            file.commit([row(name)])
        begin = wal.stat().st_size
        file.commit([row("last")])
        main, log = path.read_bytes(), wal.read_bytes()
    copy, copied_wal = tmp_path / "copy", tmp_path / "copy-wal"
    seen = set()

    for cut in range(begin, len(log) + 1):
        copy.write_bytes(main)
        copied_wal.write_bytes(log[:cut])
        with closing(sqlite3.connect(copy)) as database:
            database.execute("PRAGMA synchronous = OFF")  # this copy may be lost: a cut is read, not kept
            (count,) = database.execute("SELECT count(*) FROM records").fetchone()
            assert count == (4 if cut == len(log) else 3), cut
        seen.add(count)
    for cut in (begin, begin + 1, begin + 24, (begin + len(log)) // 2, len(log) - 1, len(log)):
        copy.write_bytes(main)
        copied_wal.write_bytes(log[:cut])
        with closing(opened(copy)) as again:
            assert names(again) == ["a", "b", "c"] + ["last"] * (cut == len(log))
            again.commit([row("next")])
            assert names(again)[-1] == "next"

    assert seen == {3, 4}


def test_what_ended_long_ago_is_gone_at_the_next_opening_and_what_is_open_stays(tmp_path: Path) -> None:
    rows = [intent("done"), reported("done", Event.FILLED), intent("open"), reported("open", Event.WORKING)]
    later_ns = NOW_NS + KEPT_NS + DAY_NS
    newer_rows = [intent(f"n{number}", later_ns) for number in range(KEPT_ORDERS)]
    with closing(opened(tmp_path / "j")) as file:
        file.commit([Row(encode(record)) for record in (*rows, *newer_rows)])
    with closing(opened(tmp_path / "j")) as file:
        assert "done" in names(file)

    with closing(opened(tmp_path / "j", now_ns=later_ns)) as file:
        assert names(file)[:3] == ["open", "open", "n0"]
        file.commit([row("after")])
    with closing(opened(tmp_path / "j", now_ns=later_ns)) as file:
        assert names(file)[-1] == "after"


def test_a_copy_is_a_whole_journal_and_never_replaces_a_file(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j")) as file:
        file.commit([row("a")])
        file.backup(tmp_path / "copy")
        file.commit([row("b")])
        with pytest.raises(JournalError, match="it exists; choose another name"):
            file.backup(tmp_path / "copy")
        with pytest.raises(JournalError, match=r"cannot copy the journal to .*absent"):
            file.backup(tmp_path / "absent" / "copy")

    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.part"))
    with closing(opened(tmp_path / "copy")) as copy:
        assert names(copy) == ["a"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from journal_records import NOW_NS, OWNER, intent
from leadline.engine.journal_file import JournalFile, Row, encode
from leadline.errors import JournalError

file = JournalFile(Path(sys.argv[1]), OWNER, NOW_NS)
file.commit([Row(encode(intent("before")))])
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
kept = 0
try:
    while True:
        file.commit([Row(encode(intent(f"{kept}")))])
        kept += 1
except JournalError as error:
    print(error)
for noted, name in ((False, "refused"), (True, "noted")):
    try:
        file.commit([Row(encode(intent(name)), noted)])
    except JournalError:
        print(name, "did not fit")
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
file.commit([Row(encode(intent("after")))])
names = [record.client_id for record in file.records()]
assert names == ["before", *map(str, range(kept)), "noted", "after"], names
file.close()
print("kept", kept)
"""


def test_a_full_disk_refuses_what_is_new_and_loses_nothing_and_later_there_is_room_again(
    tmp_path: Path,
) -> None:
    tests = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "j")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tests)},
    )

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert f"cannot write to {tmp_path / 'j'}: " in lines[0]
    assert lines[0].endswith("make room on the disk, or check it; cancels still work")
    assert lines[1:3] == ["refused did not fit", "noted did not fit"]
    assert int(lines[3].split()[1]) > 3


def test_a_full_disk_at_the_opening_is_no_damage(tmp_path: Path) -> None:
    program = FULL_DISK.split("file = ")[0] + (
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))\n"
        "try:\n    JournalFile(Path(sys.argv[1]), OWNER, NOW_NS)\n"
        "except JournalError as error:\n    print(error)"
    )
    tests = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "j")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tests)},
    )

    assert f"cannot write to {tmp_path / 'j'}: " in done.stdout
    assert "make room on the disk" in done.stdout
    opened(tmp_path / "j").close()


def test_a_program_that_locks_the_database_is_named_as_the_cause(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j")) as file:
        file._open.execute("PRAGMA busy_timeout = 1")
        with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError, match="is locked; close the other program that has it open"):
                file.commit([row("a")])
        file.commit([row("b")])
        assert names(file) == ["b"]


def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    file = opened(tmp_path / "j")
    file.close()
    file.close()

    with pytest.raises(JournalError, match="is closed"):
        file.commit([row("a")])


FIRST_SCHEMA = """
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records (number INTEGER PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE torn (number INTEGER NOT NULL, body BLOB, crc INTEGER, found_ns INTEGER NOT NULL);
INSERT INTO meta VALUES ('schema', '1'), ('venue', 'kraken'), ('account', '0123abcd'),
    ('created_ns', '1790000000000000000'), ('userref', '1790000'), ('last', '0');
PRAGMA application_id = 1280069450;
COMMIT;
"""
FIRST_RECORDS = (
    b'{"type":"Drifted","at_ns":1790000000000000000,"symbol":"BTC/USD","ours":"1","theirs":"2"}',
    b'{"type":"Resumed","at_ns":1790000000000000001,"symbol":"BTC/USD","why":"they agree"}',
    b'{"type":"Tripped","at_ns":1790000000000000002,"state":"open","reason":"three","retry_s":300.0}',
    b'{"type":"OpeningBalance","at_ns":1790000000000000003,"asset":"USD","qty":"10.5"}',
)


def of_the_first_schema(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(FIRST_SCHEMA)
        for number, body in enumerate(FIRST_RECORDS, 1):
            crc = zlib.crc32(body, zlib.crc32(number.to_bytes(8, "big")))
            database.execute("INSERT INTO records VALUES (?, ?, ?)", (number, body, crc))


def schema(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        (told,) = database.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    return str(told)


def test_a_journal_of_the_first_schema_is_brought_up_and_kept_as_it_was_beside(tmp_path: Path) -> None:
    path, kept = tmp_path / "j", tmp_path / "j.schema-1"
    of_the_first_schema(path)

    with closing(opened(path)) as file:
        assert [type(record) for record in file.records()] == [Drifted, Resumed, Tripped, OpeningBalance]
        file.commit([Row(encode(Halted(at_ns=NOW_NS, symbol="BTC/USD", why="I look", by="operator")))])

    assert (schema(path), schema(kept)) == ("2", "1")
    assert kept.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(kept)) as database:
        bodies = [body for (body,) in database.execute("SELECT body FROM records ORDER BY number")]
    assert bodies == list(FIRST_RECORDS)
    with closing(opened(path)) as file:
        assert len(file.records()) == len(FIRST_RECORDS) + 1


def test_a_journal_that_cannot_be_kept_beside_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "j"
    of_the_first_schema(path)
    before = path.read_bytes()
    (tmp_path / "j.schema-1").mkdir()

    with pytest.raises(JournalError, match="cannot copy the journal to"):
        opened(path)

    assert path.read_bytes() == before
    assert schema(path) == "1"


def test_a_migration_that_was_begun_once_already_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "j"
    of_the_first_schema(path)
    (tmp_path / "j.schema-1").write_bytes(b"half a copy")

    opened(path).close()

    assert (schema(path), schema(tmp_path / "j.schema-1")) == ("2", "1")


def test_somebody_elses_journal_of_the_first_schema_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "j"
    of_the_first_schema(path)

    with pytest.raises(JournalError, match="another key"):
        opened(path, Owner("kraken", "ffff"))

    assert schema(path) == "1"
    assert not (tmp_path / "j.schema-1").exists()
