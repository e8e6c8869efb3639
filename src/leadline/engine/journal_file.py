"""The journal's database: what is in it, how it is opened, and how records get into it, all synchronous.

Rule: a file that is not exactly what was expected is named and left as it is; it is never written over.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.engine.file_lock import FileLock, Locked
from leadline.engine.records import AnyRecord
from leadline.engine.retention import Retention
from leadline.errors import JournalBusy, JournalError

SCHEMA = 2
"""1: orders, reconciliation's halts, breaker. 2: halts by holder, forced levels, the order rate."""

_APPLICATION = 0x4C_4C_4F_4A
_MOST_USERREF = (1 << 31) - 1
_FIRST_USERREFS = 1 << 30

NOTES_KEPT = 100_000
"""Noted records that wait for room on the disk; further ones are dropped, the venue tells them again."""

_TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE records (number INTEGER PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL)",
    "CREATE TABLE torn (number INTEGER NOT NULL, body BLOB, crc INTEGER, found_ns INTEGER NOT NULL)",
)

_MIGRATIONS = {
    "1": ("UPDATE meta SET value = '2' WHERE name = 'schema'",),  # its records mean what they meant
}
"""By the schema they begin from, what makes it this version's."""

_log = logging.getLogger("leadline")
_decode = msgspec.json.Decoder(AnyRecord).decode
encode = msgspec.json.Encoder().encode


class Owner(Struct, frozen=True):
    """Whose orders a journal keeps: the venue, and a fingerprint of the account's key.

    `formerly` is the fingerprint under which the journal was begun, where the account's key was replaced.
    """

    venue: str
    account: str
    formerly: str | None = None


class Row(Struct, frozen=True):
    """One record on its way to the disk; a noted one waits for better times where there is no room."""

    body: bytes
    noted: bool = False


class JournalFile:
    """An open journal, held by this process alone until `close`.

    Raises JournalBusy while another process holds it, JournalError for a file that is damaged, foreign, newer
    or of another account. `dropped` says what was lost of a torn last record, else None.
    """

    def __init__(self, path: Path, owner: Owner, now_ns: int) -> None:
        self.path = path
        self.dropped: str | None = None
        self._carried: list[Row] = []
        self._lock = _locked(path)
        self._database: sqlite3.Connection | None = None
        try:
            self._database = _connected(path)
            self._enter(owner, now_ns)
        except sqlite3.Error as error:
            self.close()
            raise JournalError(_opening_problem(path, error)) from error
        except BaseException:
            self.close()
            raise

    def records(self) -> Sequence[AnyRecord]:
        """Everything committed, oldest first; may be called from another thread than the one that writes."""
        try:
            with closing(sqlite3.connect(self.path, isolation_level=None)) as reader:
                return [record for _, record in self._read(reader)]
        except sqlite3.Error as error:
            raise JournalError(_damage(self.path, error)) from error

    def next_userref(self) -> int:
        """The next number, kept with the next commit."""
        if self._userref >= _MOST_USERREF:
            raise JournalError(f"{self.path} has no order reference left; begin a new journal")
        self._userref += 1
        return self._userref

    def commit(self, rows: Sequence[Row]) -> None:
        """Write rows, and what waited before them, in one transaction that is on disk when this returns.

        Raises JournalError; then none of them is written, and the noted ones go with the next commit.
        """
        whole = [*self._carried, *rows]
        numbered = [
            (number, row.body, _crc(number, row.body)) for number, row in enumerate(whole, self._last + 1)
        ]
        try:
            with _Transaction(self._open) as database:
                database.executemany("INSERT INTO records VALUES (?, ?, ?)", numbered)
                database.execute("UPDATE meta SET value = ? WHERE name = 'userref'", (str(self._userref),))
        except sqlite3.Error as error:
            waiting = [row for row in whole if row.noted]
            if len(waiting) > NOTES_KEPT:
                _log.error("%d notes of the journal found no room", len(waiting) - NOTES_KEPT)
            self._carried = waiting[:NOTES_KEPT]
            raise JournalError(_write_problem(self.path, error)) from error
        self._carried = []
        self._last += len(numbered)

    def backup(self, target: Path) -> None:
        """Write a whole copy to a new file; raises JournalError where that is not possible."""
        if target.exists():
            raise JournalError(f"cannot copy the journal to {target}: it exists; choose another name")
        self._copy(target)

    def _copy(self, target: Path) -> None:
        part = target.with_name(target.name + ".part")
        try:
            _private(part)
            with closing(sqlite3.connect(part)) as copy:
                self._open.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            part.replace(target)
        except (sqlite3.Error, OSError) as error:
            part.unlink(missing_ok=True)
            raise JournalError(f"cannot copy the journal to {target}: {error}") from error

    def close(self) -> None:
        """Close the database and let the next process in; closing twice does nothing."""
        if self._carried:
            with suppress(JournalError):
                self.commit(())
        if self._carried:
            _log.error("%d notes of %s found no room and are lost", len(self._carried), self.path)
        database, self._database = self._database, None
        if database is not None:
            database.close()
        self._lock.release()

    @property
    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise JournalError(f"{self.path} is closed")
        return self._database

    def _enter(self, owner: Owner, now_ns: int) -> None:
        database = self._open
        if _is_new(database):
            _create(database, owner, now_ns)
        _prepare(database)
        meta = dict(database.execute("SELECT name, value FROM meta").fetchall())
        self._check_meta(meta, owner)
        told = database.execute("PRAGMA quick_check(1)").fetchone()
        if told != ("ok",):
            raise JournalError(_damage(self.path, told[0].splitlines()[-1]))
        if meta["schema"] != str(SCHEMA):
            self._migrate(meta["schema"])
        if meta["account"] != owner.account:
            database.execute("UPDATE meta SET value = ? WHERE name = 'account'", (owner.account,))
        self._drop_torn(now_ns)
        self._prune(now_ns)
        (self._last,) = database.execute("SELECT coalesce(max(number), 0) FROM records").fetchone()
        (numbered,) = database.execute("SELECT value FROM meta WHERE name = 'last'").fetchone()
        self._last = max(self._last, int(numbered))

    def _check_meta(self, meta: dict[str, str], owner: Owner) -> None:
        if not {"schema", "venue", "account", "userref", "last"} <= set(meta):
            raise JournalError(f"{self.path} is not a journal of orders; {_ELSEWHERE}")
        if meta["schema"] not in (str(SCHEMA), *_MIGRATIONS):
            raise JournalError(
                f"{self.path} has schema {meta['schema']}, this version knows schema {SCHEMA}; "
                "use the version of Leadline that wrote it, or a newer one"
            )
        if meta["venue"] != owner.venue:
            raise JournalError(
                f"{self.path} keeps orders of {meta['venue']}, not of {owner.venue}; {_ELSEWHERE}"
            )
        if meta["account"] not in (owner.account, owner.formerly):
            raise JournalError(
                f"{self.path} was begun with another key (fingerprint {meta['account']}, this one has "
                f"{owner.account}); for another account give it a name of its own under "
                f"venues.{owner.venue}.accounts; where the key of the same account was replaced, set "
                f"formerly: {meta['account']} beside the new key"
            )
        self._userref = int(meta["userref"])

    def _migrate(self, schema: str) -> None:
        """Bring an older journal up to this version, all of it or nothing, with a copy of it put by first."""
        kept = self.path.with_name(f"{self.path.name}.schema-{schema}")
        self._copy(kept)  # over one of a try that ended before anything was changed
        with _Transaction(self._open) as database:
            for statement in _MIGRATIONS[schema]:
                database.execute(statement)
        _log.info("%s is now of schema %d; as it was it lies in %s", self.path, SCHEMA, kept)

    def _drop_torn(self, now_ns: int) -> None:
        """Move a last record that was not written whole out of the way; its bytes are kept."""
        last = self._open.execute(
            "SELECT number, body, crc FROM records ORDER BY number DESC LIMIT 1"
        ).fetchone()
        if last is None or _whole(*last):
            return
        with _Transaction(self._open) as database:
            database.execute("INSERT INTO torn VALUES (?, ?, ?, ?)", (*last, now_ns))
            database.execute("UPDATE meta SET value = ? WHERE name = 'last'", (str(last[0]),))
            database.execute("DELETE FROM records WHERE number = ?", (last[0],))
        self.dropped = f"the last record of {self.path} was not written whole and is left out"
        _log.warning("%s", self.dropped)

    def _prune(self, now_ns: int) -> None:
        retention = Retention()
        highest = 0
        for highest, record in self._read(self._open):
            retention.take(highest, record)
        if gone := retention.outdated(now_ns):
            with _Transaction(self._open) as database:
                database.executemany("DELETE FROM records WHERE number = ?", [(number,) for number in gone])
                database.execute("UPDATE meta SET value = ? WHERE name = 'last'", (str(highest),))

    def _read(self, database: sqlite3.Connection) -> Iterator[tuple[int, AnyRecord]]:
        for number, body, crc in database.execute("SELECT number, body, crc FROM records ORDER BY number"):
            if not _whole(number, body, crc):
                raise JournalError(_damage(self.path, f"record {number} is not what was written"))
            try:
                yield number, _decode(body)
            except msgspec.MsgspecError as error:
                raise JournalError(
                    f"{self.path} holds a record that this version does not know (number {number}: {error}); "
                    "use the version of Leadline that wrote it, or a newer one"
                ) from error


class _Transaction:
    """BEGIN … COMMIT; anything that goes wrong between leaves nothing behind."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> sqlite3.Connection:
        self._database.execute("BEGIN IMMEDIATE")
        return self._database

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")


_ELSEWHERE = "move it away, or set another state_dir"


def _locked(path: Path) -> FileLock:
    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return FileLock(lock)
    except Locked as held:
        who = f"process {held.pid}" if held.pid is not None else "another process"
        raise JournalBusy(
            f"{path} is used by {who}; stop it, or use another account or state_dir "
            "(balance, orders, cancel and cancel-all work beside it)"
        ) from None
    except OSError as error:
        raise JournalError(f"cannot use {lock}: {error.strerror}; {_ELSEWHERE}") from error


def _connected(path: Path) -> sqlite3.Connection:
    try:
        _private(path)
    except OSError as error:
        raise JournalError(f"cannot open {path}: {error.strerror}; {_ELSEWHERE}") from error
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _private(path: Path) -> None:
    """Make the file, where there is none, one that its owner alone may read."""
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.close(number)


def _is_new(database: sqlite3.Connection) -> bool:
    """Whether nobody has put anything there; raises JournalError for a database of somebody else."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != _APPLICATION and (application or tables):
        (_, _, path) = database.execute("PRAGMA database_list").fetchone()
        raise JournalError(f"{path} is not a journal of orders; {_ELSEWHERE}")
    return bool(application != _APPLICATION)


def _create(database: sqlite3.Connection, owner: Owner, now_ns: int) -> None:
    """All of a new journal in one transaction, checkpointed: the file itself says whose it is."""
    _prepare(database)
    meta = {
        "schema": str(SCHEMA),
        "venue": owner.venue,
        "account": owner.account,
        "created_ns": str(now_ns),
        # each journal begins elsewhere, so that one that replaces a lost one gives no number again
        "userref": str(now_ns // NS_PER_S % _FIRST_USERREFS),
        "last": "0",
    }
    with _Transaction(database):
        for table in _TABLES:
            database.execute(table)
        database.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")


def _crc(number: int, body: bytes) -> int:
    """Of the record at its place: one that moved is as wrong as one that changed."""
    return zlib.crc32(body, zlib.crc32(number.to_bytes(8, "big")))


def _whole(number: int, body: object, crc: object) -> bool:
    return isinstance(body, bytes) and crc == _crc(number, body)


def _damage(path: Path, why: object) -> str:
    return (
        f"{path} is damaged ({why}) and left as it is; put a backup in its place, or move it away: then the "
        "venue's open orders are adopted, and what was UNKNOWN must be looked up there by hand"
    )


def _opening_problem(path: Path, error: sqlite3.Error) -> str:
    return _write_problem(path, error) if _code(error) in (*_NO_ROOM, *_LOCKED) else _damage(path, error)


def _write_problem(path: Path, error: sqlite3.Error) -> str:
    cure = "make room on the disk, or check it"
    if _code(error) in _LOCKED:
        cure = "close the other program that has it open"
    return f"cannot write to {path}: {error}; {cure}; cancels still work"


def _code(error: sqlite3.Error) -> int:
    """SQLite's own kind of an error; 0 for one of the module's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
