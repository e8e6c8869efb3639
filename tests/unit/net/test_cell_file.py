from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import Struct

from leadline.core.cells import Cell
from leadline.errors import ConfigError
from leadline.net.cell_file import TRIES, CellFile

COUNTING = """
import os, signal, sys
from pathlib import Path
from msgspec import Struct
from leadline.net.cell_file import CellFile

class Count(Struct, frozen=True):
    made: int
    by: str

with CellFile(Path(sys.argv[1]), "") as cells:
    cell = cells.cell("count", Count)
    sys.stdin.readline()
    for _ in range(int(sys.argv[2])):
        cell.change(lambda kept: (Count(1 if kept is None else kept.made + 1, str(os.getpid())), None))
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Count(Struct, frozen=True):
    made: int
    by: str = ""


def one_more(cell: Cell[Count]) -> int:
    def change(kept: Count | None) -> tuple[Count, int]:
        made = 1 if kept is None else kept.made + 1
        return Count(made), made

    return cell.change(change)


def place(folder: Path) -> Path:
    return folder / "below" / "some.cells"


def file_of(folder: Path) -> CellFile:
    return CellFile(place(folder), "delete it")


def test_users_of_a_file_change_one_value_and_find_it_again(tmp_path: Path) -> None:
    with file_of(tmp_path) as one, file_of(tmp_path) as other:
        ours, theirs = one.cell("count", Count), other.cell("count", Count)
        assert ours.kept() is None
        assert [one_more(ours), one_more(theirs), one_more(ours)] == [1, 2, 3]
        assert theirs.kept() == Count(3)
        assert one_more(one.cell("another", Count)) == 1
    with file_of(tmp_path) as later:
        assert later.cell("count", Count).kept() == Count(3)


def test_processes_that_change_a_value_at_one_time_and_die_lose_none_of_it(tmp_path: Path) -> None:
    with file_of(tmp_path) as cells:
        command = [sys.executable, "-c", COUNTING, str(place(tmp_path)), "300"]
        running = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(3)]
        for one in running:
            assert one.stdin is not None
            one.stdin.write(os.linesep.encode())
            one.stdin.close()
        for one in running:
            one.wait(30)
        kept = cells.cell("count", Count).kept()
    assert kept is not None
    assert kept.made == 900


@pytest.mark.parametrize("before", [0, 1])
def test_who_is_overtaken_reckons_anew_with_what_then_stands(tmp_path: Path, before: int) -> None:
    with file_of(tmp_path) as one, file_of(tmp_path) as other:
        ours, theirs = one.cell("count", Count), other.cell("count", Count)
        overtaking = [theirs] if not before else [theirs, theirs]
        if before:
            one_more(ours)

        def change(kept: Count | None) -> tuple[Count, int]:
            while overtaking:
                one_more(overtaking.pop())
            made = 1 if kept is None else kept.made + 1
            return Count(made), made

        assert ours.change(change) == (2 if not before else 4)
        assert theirs.kept() == ours.kept()


def test_who_is_overtaken_for_ever_goes_on_alone(tmp_path: Path) -> None:
    with file_of(tmp_path) as one, file_of(tmp_path) as other:
        ours, theirs = one.cell("count", Count), other.cell("count", Count)

        def change(kept: Count | None) -> tuple[Count, int]:
            one_more(theirs)
            made = 1 if kept is None else kept.made + 1
            return Count(made), made

        assert ours.change(change) == TRIES
        assert one_more(ours) == TRIES + 1
        assert theirs.kept() == Count(TRIES + 1)


def test_the_first_who_enters_opens_it_and_the_last_who_leaves_closes_it(tmp_path: Path) -> None:
    cells = file_of(tmp_path)
    cell = cells.cell("count", Count)
    with cells:
        with cells:
            one_more(cell)
        assert cells.file is not None
        assert one_more(cell) == 2
    assert cells.file is None


def test_what_is_counted_while_it_is_closed_overwrites_nothing(tmp_path: Path) -> None:
    cells = file_of(tmp_path)
    cell = cells.cell("count", Count)
    with file_of(tmp_path) as others:
        for _ in range(5):
            one_more(others.cell("count", Count))
    assert [one_more(cell), one_more(cell)] == [1, 2]
    assert cell.kept() == Count(2)
    with cells:
        assert one_more(cell) == 6


def test_while_it_cannot_be_written_each_goes_on_alone_and_then_writes_what_has_come_of_it(
    tmp_path: Path,
) -> None:
    with file_of(tmp_path) as cells:
        cell = cells.cell("count", Count)
        one_more(cell)
        with closing(sqlite3.connect(place(tmp_path))) as blocker:
            blocker.execute("BEGIN IMMEDIATE")
            assert one_more(cell) == 2
            assert cell.kept() == Count(2)
        assert one_more(cell) == 3
        with file_of(tmp_path) as others:
            assert one_more(others.cell("count", Count)) == 4
        assert cell.kept() == Count(4)


def test_a_file_that_somebody_keeps_locked_is_waited_for_once(tmp_path: Path) -> None:
    with file_of(tmp_path) as cells:
        ours, others = cells.cell("count", Count), cells.cell("another", Count)
        one_more(ours)
        assert cells.file is not None
        patience = cells.file.execute("PRAGMA busy_timeout").fetchone()
        with closing(sqlite3.connect(place(tmp_path))) as blocker:
            blocker.execute("BEGIN IMMEDIATE")
            assert [one_more(ours), one_more(ours), one_more(others)] == [2, 3, 1]
            assert cells.file.execute("PRAGMA busy_timeout").fetchone() == (0,)
        assert [one_more(ours), one_more(others)] == [4, 2]
        assert cells.file.execute("PRAGMA busy_timeout").fetchone() == patience != (0,)


def test_who_can_only_read_it_reckons_with_what_others_have_written(tmp_path: Path) -> None:
    with file_of(tmp_path) as others, file_of(tmp_path) as cells:
        for _ in range(5):
            one_more(others.cell("count", Count))
        assert cells.file is not None
        cells.file.execute("PRAGMA query_only=1")
        assert one_more(cells.cell("count", Count)) == 6


@pytest.mark.parametrize("kept", [b"no json", json.dumps({"made": "many"}).encode(), None, 7])
def test_a_value_that_cannot_be_read_is_counted_on_from_what_was_seen(tmp_path: Path, kept: object) -> None:
    with file_of(tmp_path) as cells:
        cell = cells.cell("count", Count)
        one_more(cell)
        with closing(sqlite3.connect(place(tmp_path))) as other:
            other.execute("UPDATE cell SET kept=?", (kept,))
            other.commit()
        assert cell.kept() == Count(1)
        assert cells.file is not None
        assert cells.file.execute("PRAGMA busy_timeout").fetchone() == (0,)
        assert [one_more(cell), one_more(cell)] == [2, 3]
    with file_of(tmp_path) as later:
        assert later.cell("count", Count).kept() == Count(3)


def test_a_damaged_file_is_named_with_the_cure_or_done_without_where_it_is_optional(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place(tmp_path).parent.mkdir()
    place(tmp_path).write_bytes(b"not a database, but long enough to be one" * 20)

    with pytest.raises(ConfigError, match=r"some\.cells.*delete it"), file_of(tmp_path):
        pass
    with CellFile(place(tmp_path), "delete it", optional=True) as cells:
        assert [one_more(cells.cell("count", Count)) for _ in range(2)] == [1, 2]
    assert "delete it" in caplog.text
