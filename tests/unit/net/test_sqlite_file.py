from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from leadline.errors import ConfigError
from leadline.net.sqlite_file import connect, open_checked


def make(file: sqlite3.Connection) -> None:
    file.execute("CREATE TABLE row (number INTEGER)")
    file.execute("INSERT INTO row VALUES (7)")


def rows(path: Path) -> list[tuple[int]]:
    with closing(open_checked(path, make, "delete it", 0.25)) as file:
        return file.execute("SELECT number FROM row").fetchall()


def test_a_file_is_made_once_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "some.rows"
    assert rows(path) == [(7,)]
    with closing(connect(path, 0.25)) as file:
        file.execute("INSERT INTO row VALUES (8)")

    assert rows(path) == [(7,), (8,)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {one.name for one in tmp_path.iterdir()} <= {"some.rows", "some.rows-wal", "some.rows-shm"}


def test_a_file_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(file: sqlite3.Connection) -> None:
        file.execute("CREATE TABLE row (number INTEGER)")
        raise sqlite3.OperationalError("the disk is full")

    with pytest.raises(ConfigError, match=r"some\.rows cannot be made: the disk is full"):
        open_checked(tmp_path / "some.rows", fail, "delete it", 0.25)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be one" * 20])
def test_a_damaged_file_is_named_with_the_cure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.rows"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=rf"{path}.*; delete it"):
        rows(path)


def test_a_file_of_somebody_else_or_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "some.rows"
    rows(path)
    with closing(connect(path, 0.25)) as file:
        file.execute("PRAGMA user_version=2")
    with pytest.raises(ConfigError, match="newer version"):
        rows(path)
    with closing(connect(path, 0.25)) as file:
        file.execute("PRAGMA application_id=1")
    with pytest.raises(ConfigError, match="not a file of this program"):
        rows(path)
