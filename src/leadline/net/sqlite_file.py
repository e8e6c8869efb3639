"""SQLite files of this program that several processes use; the rule: checked before they are trusted."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from leadline.errors import ConfigError

_APPLICATION = 0x4C4B4559
"""Marks the files as ours in SQLite's header: LKEY."""
_VERSION = 1

Make = Callable[[sqlite3.Connection], object]
"""Puts into a new file what it begins with."""


def connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """A connection to a file that is there, for one thread at a time; raises sqlite3.Error."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,
    )


def open_checked(path: Path, make: Make, cure: str, busy_s: float) -> sqlite3.Connection:
    """The checked file, made if there is none, for its owner's eyes only.

    Raises ConfigError naming the file and the cure where it cannot be made, is damaged, foreign or newer.
    """
    if not path.exists():
        try:
            _create(path, make)
        except sqlite3.Error as error:
            raise ConfigError(f"{path} cannot be made: {error}; make room on its disk") from error
    path.chmod(0o600)
    try:
        file = connect(path, busy_s)
    except sqlite3.Error as error:
        raise ConfigError(f"{path} cannot be opened: {error}; {cure}") from error
    try:
        _check(file, path, cure)
    except BaseException:
        file.close()
        raise
    return file


def _check(file: sqlite3.Connection, path: Path, cure: str) -> None:
    try:
        (application,) = file.execute("PRAGMA application_id").fetchone()
        (version,) = file.execute("PRAGMA user_version").fetchone()
        (sound,) = file.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise ConfigError(f"{path} is damaged: {error}; {cure}") from error
    if application != _APPLICATION or sound != "ok":
        why = "is not a file of this program" if application != _APPLICATION else f"is damaged: {sound}"
        raise ConfigError(f"{path} {why}; {cure}")
    if version > _VERSION:
        raise ConfigError(f"{path} was written by a newer version of this program; use that one")


def _create(path: Path, make: Make) -> None:
    """Make the file whole before it has its name, so that an empty one is always a damaged one."""
    handle, name = tempfile.mkstemp(prefix=f"{path.name}-", dir=path.parent)
    os.close(handle)
    try:
        with closing(sqlite3.connect(name)) as file:
            file.executescript(
                f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA application_id={_APPLICATION};"
                f"PRAGMA user_version={_VERSION}; BEGIN;"
            )
            make(file)
            file.commit()
        with suppress(FileExistsError):  # another process was faster
            os.link(name, path)
    finally:
        Path(name).unlink()
