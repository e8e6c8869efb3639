from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from leadline.app.own_history import (
    FILL_COLUMNS,
    LEDGER_COLUMNS,
    shortfall,
    table_file,
    write_fills,
    write_ledger,
)
from leadline.clock import ManualClock
from leadline.errors import ConfigError, ConnectionLost, RecordingError
from leadline.model.account import LedgerEntry, Wallet, WalletKind
from leadline.venues.memory_account import MemoryAccount
from served_account import far_bid

NS = 10**9


def account() -> MemoryAccount:
    return MemoryAccount(ManualClock(1_790_000_000 * NS), ["BTC/USD"])


def entry(number: int, wallet: Wallet | None = None) -> LedgerEntry:
    return LedgerEntry(
        ledger_id=f"L{number}",
        ref_id="T1",
        kind="trade",
        asset="BTC",
        wallet=wallet,
        amount=Decimal("-0.0000000100"),
        fee=Decimal("0.00000000"),
        balance=Decimal("1E+3"),
        venue_ns=1_790_000_000 * NS + number,
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


async def test_fills_are_written_whole_with_the_venues_digits(tmp_path: Path) -> None:
    venue = account()
    order = venue.orders.foreign(far_bid())
    fill = venue.orders.fill(order, Decimal("0.00500000"), Decimal("30000.0"))
    out = tmp_path / "f.csv"
    with table_file(out) as file:
        assert await write_fills(venue, 0, file) == 1

    (row,) = rows(out)
    assert tuple(row) == FILL_COLUMNS
    assert (row["exec_id"], row["order_id"], row["symbol"]) == (fill.exec_id, order.order_id, "BTC/USD")
    assert (row["qty"], row["price"], row["side"]) == ("0.00500000", "30000.0", "buy")
    assert row["time"].startswith("2026-09-21T14:13:20.00000000")


async def test_bookings_are_written_oldest_first_and_without_an_exponent(tmp_path: Path) -> None:
    venue = account()
    venue.ledger = [entry(1), entry(2, Wallet(WalletKind.EARN, "flexible", Decimal(1)))]
    out = tmp_path / "l.csv"
    with table_file(out) as file:
        assert await write_ledger(venue, 0, file) == 2

    first, second = rows(out)
    assert tuple(first) == LEDGER_COLUMNS
    assert (first["amount"], first["balance"], first["wallet"]) == ("-0.0000000100", "1000", "")
    assert (second["ledger_id"], second["wallet"]) == ("L2", "earn/flexible")
    assert second["time"].endswith(".000000002Z")


async def test_what_is_older_is_left_out(tmp_path: Path) -> None:
    venue = account()
    venue.ledger = [entry(1), entry(2)]
    with table_file(tmp_path / "l.csv") as file:
        assert await write_ledger(venue, 1_790_000_000 * NS + 2, file) == 1


def test_what_the_venue_keeps_no_longer_is_said() -> None:
    venue, now_ns = account(), 1_790_000_000 * NS
    assert shortfall(venue, 0, now_ns) == ""
    venue.kept_s = 86_400.0
    assert shortfall(venue, now_ns - 86_400 * NS, now_ns) == ""
    told = shortfall(venue, now_ns - 86_401 * NS, now_ns)
    assert "memory keeps fills and bookings for 1 days" in told
    assert "older than 2026-09-20T14:13:20" in told


async def test_nothing_is_left_behind_when_it_breaks_off(tmp_path: Path) -> None:
    venue = account()
    venue.failing = ConnectionLost("down")
    with pytest.raises(ConnectionLost), table_file(tmp_path / "l.csv") as file:
        await write_ledger(venue, 0, file)

    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


def test_a_name_that_is_no_csv_or_a_place_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"end the name in \.csv"):
        table_file(tmp_path / "l.jsonl")
    with pytest.raises(RecordingError, match="No such file"), table_file(tmp_path / "absent" / "l.csv"):
        raise AssertionError("entered")
