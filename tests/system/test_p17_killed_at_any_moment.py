"""A program that trades is killed at any moment: the next one knows what the venue knows, and nothing twice.

Real processes, real sockets, real files; the emulator's truth is the judge.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

import trading_program
from leadline.app.account import Places
from leadline.app.system import System
from leadline.clock import NS_PER_S, SystemClock
from leadline.engine.journal_file import JournalFile, Owner, Row, encode
from leadline.engine.orders import Orders
from leadline.engine.records import AnyRecord, Intent, Settled
from leadline.engine.retention import KEPT_NS, KEPT_ORDERS
from leadline.errors import JournalBusy
from leadline.model.order import OrderState, Provenance
from leadline.net.websocket import AiohttpSocket
from trading_program import FAR, Point, system_of
from trading_venue import TradingVenue, as_file, key_variables, trading_venue

PATIENCE_S = 20
PROGRAM = Path(trading_program.__file__)

LEFT_BEHIND = {
    Point.BEFORE_JOURNAL: (3, 3),
    Point.AFTER_JOURNAL: (4, 3),
    Point.MID_SEND: (4, 3),
    Point.AFTER_SEND: (4, 4),
    Point.AFTER_ACK: (4, 4),
    Point.AFTER_PARTIAL_FILL: (4, 4),
    Point.MID_AMEND: (3, 3),
    Point.MID_CANCEL: (3, 3),
    Point.MID_BATCH: (5, 5),
    Point.ALL_DONE: (4, 4),
}
"""How many orders the program had decided, and how many of them the venue has."""


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[TradingVenue]:
    async with trading_venue(tmp_path / "state") as running:
        yield running


@asynccontextmanager
async def program(venue: TradingVenue, does: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program, killed at the end of the block if it is still there."""
    file = as_file(venue.settings, state(venue).with_name("settings.yaml"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(PROGRAM), str(file), does),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **key_variables(venue.settings)},
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def killed(venue: TradingVenue, point: Point) -> None:
    """A program has lived up to the point, and what it had sent has arrived."""
    async with program(venue, point.value) as process:
        out, _ = await process.communicate()
        assert out == b"history\n"
        assert process.returncode == -signal.SIGKILL
        while not all(connection.ended for connection in venue.exchange.connections):
            await venue.told()


def state(venue: TradingVenue) -> Path:
    assert venue.settings.state_dir is not None
    return venue.settings.state_dir


def journal_path(venue: TradingVenue) -> Path:
    return Places(state(venue) / "kraken", "kraken").journal(venue.settings.account(), SystemClock()).path


def owner(venue: TradingVenue) -> Owner:
    return Owner("kraken", venue.settings.account().fingerprint)


def journalled(venue: TradingVenue) -> Sequence[AnyRecord]:
    """What the disk has kept, read as the next process would read it, from a copy."""
    file = JournalFile(copied(venue), owner(venue), SystemClock().wall_ns())
    try:
        return file.records()
    finally:
        file.close()


def in_the_file(venue: TradingVenue) -> int:
    """How many records there are before anybody opens the journal and drops old ones."""
    with closing(sqlite3.connect(copied(venue))) as database:
        (count,) = database.execute("SELECT count(*) FROM records").fetchone()
        return int(count)


def copied(venue: TradingVenue) -> Path:
    """A copy of the journal as it lies there, its log too."""
    folder = state(venue).with_name("copy")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(journal_path(venue).parent, folder)
    return folder / journal_path(venue).name


class Overheard:
    """A socket that keeps what is said on it."""

    def __init__(self, inner: AiohttpSocket, said: list[str]) -> None:
        self._inner = inner
        self._said = said
        self.receive, self.close = inner.receive, inner.close

    async def send(self, text: str) -> None:
        self._said.append(text)
        await self._inner.send(text)


def methods(said: Sequence[str]) -> list[str]:
    return [json.loads(text)["method"] for text in said]


async def agreed(venue: TradingVenue, orders: Orders) -> None:
    """Return when the venue has spoken about every order, and nothing differs any more."""
    news = orders.events()
    while orders.unknown() or venue.disagreements(orders):
        await anext(news)
    await news.aclose()


@asynccontextmanager
async def restarted(venue: TradingVenue) -> AsyncIterator[System]:
    """A new program on the same files: it finds out everything, and sends none of what it finds."""
    intents = [record for record in journalled(venue) if isinstance(record, Intent)]
    before, said = len(venue.orders()), list[str]()
    async with (
        asyncio.timeout(PATIENCE_S),
        system_of(venue.settings, socket=lambda inner: Overheard(inner, said)) as system,
    ):
        await agreed(venue, system.orders)
        assert set(methods(said)) <= {"subscribe"}
        assert not [one for one in operations(system) if one.startswith(("AddOrder", "Amend", "Edit"))]
        assert len(venue.orders()) == before
        assert venue.placed_twice() == []
        there = {one["cl_ord_id"] for one in venue.orders()}
        for intent in intents:
            order = system.orders.get(intent.client_id)
            assert order is not None
            assert (order.state is OrderState.REJECTED) == (intent.client_id not in there), order
        assert system.orders.counts.fills == len(venue.fills())
        yield system


def operations(system: System) -> list[str]:
    """What it has asked the venue for by itself."""
    assert system.account is not None
    return [one.name for one in system.account.audit.operations]


@pytest.mark.parametrize("point", Point, ids=lambda point: point.name.lower())
async def test_after_a_kill_the_next_run_knows_what_the_venue_knows(
    venue: TradingVenue, point: Point
) -> None:
    await killed(venue, point)
    decided = [record for record in journalled(venue) if isinstance(record, Intent)]

    assert (len(decided), len(venue.orders())) == LEFT_BEHIND[point]
    async with restarted(venue) as system:
        assert {order.provenance for order in system.orders.orders()} == {Provenance.OURS}


async def test_trading_goes_on_after_a_kill(venue: TradingVenue) -> None:
    await killed(venue, Point.ALL_DONE)

    async with restarted(venue) as system:
        await system.ready(PATIENCE_S)
        more = await system.orders.submit(FAR)
        assert more.state is OrderState.WORKING
        [outcome] = await system.orders.cancel(more.client_id)
        assert outcome.error is None
        await agreed(venue, system.orders)


# --- the journal's own work: what falls out of it, what tears, what has no room, who else wants it ---

LONG_AGO_NS = 2 * KEPT_NS
MANY = 3_000


def aged(venue: TradingVenue) -> None:
    """Give the journal many orders that were refused longer ago than any record is kept."""
    then_ns = SystemClock().wall_ns() - LONG_AGO_NS
    file = JournalFile(journal_path(venue), owner(venue), then_ns)
    rows = []
    for number in range(MANY):
        about = {"at_ns": then_ns + number, "client_id": f"aged-{number}"}
        until_ns = then_ns + number + NS_PER_S
        intent = Intent(**about, userref=None, requested=FAR, sent=FAR, deadline_ns=until_ns)
        refused = Settled(**about, state=OrderState.REJECTED, evidence="EOrder:Insufficient funds")
        rows += [Row(encode(intent)), Row(encode(refused))]
    file.commit(rows)
    file.close()


@pytest.mark.parametrize("at_bytes", [70_000, 200_000])
async def test_a_kill_amid_the_dropping_of_old_records_loses_none_that_counts(
    venue: TradingVenue, at_bytes: int
) -> None:
    await killed(venue, Point.AFTER_SEND)
    young = journalled(venue)
    aged(venue)

    async with program(venue, str(at_bytes)) as process:
        out, _ = await process.communicate()
        assert (process.returncode, out) == (-signal.SIGXFSZ, b"")

    assert in_the_file(venue) == len(young) + 2 * MANY
    assert [record for record in journalled(venue) if record in young] == list(young)
    async with restarted(venue):
        pass
    assert in_the_file(venue) < 3 * KEPT_ORDERS


WAL_HEADER, WAL_FRAME = 32, 24 + 4_096
"""Bytes, as SQLite's file format says; a frame of the log is one page with a header before it."""


def writes(log: Path) -> list[int]:
    """Where in the log each committed write ends: its last frame names the size of the database."""
    whole = log.read_bytes()
    begun, ends = whole[16:24], []
    for start in range(WAL_HEADER, len(whole) - WAL_FRAME + 1, WAL_FRAME):
        if whole[start + 8 : start + 16] == begun and any(whole[start + 4 : start + 8]):
            ends.append(start + WAL_FRAME)
    return ends


@pytest.mark.parametrize("torn_bytes", [1, 24, WAL_FRAME - 1])
async def test_a_torn_end_of_the_journal_costs_its_last_write_and_no_order(
    venue: TradingVenue, torn_bytes: int
) -> None:
    await killed(venue, Point.ALL_DONE)
    whole = journalled(venue)
    log = journal_path(venue).with_name(journal_path(venue).name + "-wal")
    *_, before, end = writes(log)
    torn = log.read_bytes()[: end - torn_bytes]

    os.truncate(log, before)
    expected = journalled(venue)
    log.write_bytes(torn)

    left = journalled(venue)
    assert list(left) == list(expected) == list(whole[: len(left)])
    assert 0 < len(left) < len(whole)
    async with restarted(venue):
        pass


async def test_a_damaged_last_record_is_found_by_its_checksum_and_its_order_by_its_name(
    venue: TradingVenue, caplog: pytest.LogCaptureFixture
) -> None:
    await killed(venue, Point.AFTER_JOURNAL)
    whole = journalled(venue)
    with closing(sqlite3.connect(journal_path(venue))) as database, database:
        database.execute(
            "UPDATE records SET body = substr(body, 1, length(body) - 7) "
            "WHERE number = (SELECT max(number) FROM records)"
        )

    async with restarted(venue):
        assert "was not written whole and is left out" in caplog.text
    assert [record for record in journalled(venue) if record in whole] == list(whole[:-1])


async def test_on_a_full_disk_orders_are_refused_and_cancels_work(venue: TradingVenue) -> None:
    async with program(venue, "full disk") as process:
        out, _ = await process.communicate()
        told = json.loads(out)

    works = ("cancel", "cancel by REST", "cancel all", "order with room")
    for refused in ("order", "order again", "amend"):
        assert told[refused].startswith("JournalError: cannot write to"), told
        assert "make room on the disk" in told[refused]
        assert told[refused].endswith("cancels still work")
    assert [told[name] for name in works] == ["done"] * 4
    *before, last = [one["status"] for one in venue.orders()]
    assert (set(before), last) == ({"canceled"}, "new")
    async with restarted(venue):
        pass


async def test_a_second_process_on_the_journal_is_told_who_has_it(venue: TradingVenue) -> None:
    async with program(venue, "stay") as process:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"placed\n"
        with pytest.raises(JournalBusy, match=rf"is used by process {process.pid};"):
            await system_of(venue.settings).__aenter__()
