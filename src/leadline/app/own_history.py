"""An account's own fills and bookings as CSV: a whole span or no file, amounts with the venue's digits."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from leadline.app.history import whole_file
from leadline.clock import NS_PER_S
from leadline.errors import ConfigError
from leadline.model.account import LedgerEntry
from leadline.model.order import Fill
from leadline.net.http import Purpose
from leadline.venues.ports import Account

FILL_COLUMNS = (
    "time", "exec_id", "trade_id", "order_id", "symbol", "side", "qty", "price", "cost", "fee", "fee_asset",
    "maker",
)  # fmt: skip
LEDGER_COLUMNS = (
    "time", "ledger_id", "ref_id", "type", "subtype", "asset", "amount", "fee", "balance", "wallet",
)  # fmt: skip


def table_file(path: Path) -> AbstractContextManager[TextIO]:
    """The file to write into; raises ConfigError for a name that does not end in .csv."""
    if path.suffix.lower() != ".csv":
        raise ConfigError(f"{path}: fills and bookings are written as CSV; end the name in .csv")
    return whole_file(path)


def shortfall(account: Account, since_ns: int, now_ns: int) -> str:
    """What of a span from then until now the venue tells no more; empty where it tells all of it."""
    if account.kept_s is None or since_ns >= now_ns - account.kept_s * NS_PER_S:
        return ""
    first = _time(now_ns - round(account.kept_s * NS_PER_S))
    return (
        f"{account.name} keeps fills and bookings for {account.kept_s / 86_400:.0f} days: what is older than"
        f" {first} is not in the file; the venue's own pages may have it for download"
    )


async def write_fills(account: Account, since_ns: int, file: TextIO) -> int:
    """Fetch all fills from a Unix time on and write them, oldest first; how many."""
    fills = await account.fetch_fills(since_ns, Purpose.HISTORY)
    return _write(file, FILL_COLUMNS, [_fill(fill) for fill in fills])


async def write_ledger(account: Account, since_ns: int, file: TextIO) -> int:
    """Fetch all bookings from a Unix time on and write them, oldest first; how many."""
    entries = await account.fetch_ledger(since_ns, Purpose.HISTORY)
    return _write(file, LEDGER_COLUMNS, [_entry(entry) for entry in entries])


def _write(file: TextIO, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return len(rows)


def _fill(fill: Fill) -> tuple[str, ...]:
    """One row; charges in several assets stand side by side, separated by semicolons."""
    return (
        _time(fill.venue_ns),
        fill.exec_id,
        "" if fill.trade_id is None else str(fill.trade_id),
        fill.order_id,
        fill.symbol,
        fill.side.value,
        _plain(fill.qty),
        _plain(fill.price),
        _plain(fill.cost),
        ";".join(_plain(fee.qty) for fee in fill.fees),
        ";".join(fee.asset for fee in fill.fees),
        {True: "true", False: "false", None: ""}[fill.maker],
    )


def _entry(entry: LedgerEntry) -> tuple[str, ...]:
    return (
        _time(entry.venue_ns),
        entry.ledger_id,
        entry.ref_id,
        entry.kind,
        entry.subtype,
        entry.asset,
        _plain(entry.amount),
        _plain(entry.fee),
        "" if entry.balance is None else _plain(entry.balance),
        "" if entry.wallet is None else f"{entry.wallet.kind.value}/{entry.wallet.name}",
    )


def _time(moment_ns: int | None) -> str:
    """RFC 3339 in UTC with every digit the venue told."""
    if moment_ns is None:
        return ""
    whole, fraction_ns = divmod(moment_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{fraction_ns:09d}Z"


def _plain(number: Decimal) -> str:
    return format(number, "f")
