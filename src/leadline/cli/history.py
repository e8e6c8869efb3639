"""`leadline history`: candles of the past, or an account's own fills or bookings, into a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, TextIO

import click
import msgspec

from leadline.app.access import open_access
from leadline.app.beside import beside
from leadline.app.config import Settings, settings_of, settings_of_account
from leadline.app.history import bar_file
from leadline.app.opening import open_market
from leadline.app.own_history import shortfall, table_file, write_fills, write_ledger
from leadline.cli.account import account_option
from leadline.cli.options import Amount, config_option, json_option, read_since, shown, venue_argument
from leadline.cli.progress import counting, saying
from leadline.cli.runner import run
from leadline.clock import NS_PER_S, SystemClock
from leadline.engine.history import BarSeries, fetch_history
from leadline.venues.ports import Account

_LOOK_S = 0.2


@click.command(short_help="Candles, or your own fills and bookings.")
@venue_argument
@click.argument("symbols", metavar="[SYMBOL...]", nargs=-1)
@click.option("--fills", is_flag=True, help="Every fill of the account.")
@click.option(
    "--ledger", is_flag=True, help="Every booking of the account: trades, fees, deposits, earnings."
)
@click.option("--since", callback=read_since, metavar="TIME", help="From then on (UTC), such as 2026-01-31.")
@click.option(
    "--interval",
    "intervals_min",
    type=int,
    multiple=True,
    default=(5,),
    show_default=True,
    help="Minutes of each candle; may be repeated.",
)
@click.option(
    "--hours",
    type=Amount(min=0, min_open=True, max=876_000),
    default=24.0,
    show_default=True,
    help="How far back, without --since.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .csv (or .jsonl) file.")
@config_option
@account_option
@json_option
def command(
    venue: str,
    symbols: tuple[str, ...],
    fills: bool,
    ledger: bool,
    since: int | None,
    intervals_min: tuple[int, ...],
    hours: float,
    out: Path,
    config: Path | None,
    account: str,
    as_json: bool,
) -> None:
    """Write candles of SYMBOLs, or the account's own fills or bookings, to a file: whole or not at all.

    \b
    JSON: {"file", "series": [{"symbol", "interval_s", "bars", "shortfall", "error"}]}, and with --fills or
      --ledger {"file", "account", "kind": "fills" or "ledger", "rows", "shortfall"}.
    """
    since_ns = since if since is not None else SystemClock().wall_ns() - round(hours * 3600 * NS_PER_S)
    if fills or ledger:
        if symbols or (fills and ledger):
            raise click.UsageError("name either symbols, or --fills, or --ledger")
        settings = settings_of_account(config, account, venue)
        write = write_fills if fills else write_ledger
        rows, missing = run(fetch_own(settings, account, write, since_ns, out))
        _tell_own(rows, missing, "fills" if fills else "ledger", account, out, as_json)
        return
    if not symbols:
        raise click.UsageError("name at least one symbol, or --fills, or --ledger")
    settings = settings_of(config, venue)
    intervals_s = [minutes * 60 for minutes in intervals_min]
    found = run(fetch(settings, symbols, intervals_s, since_ns, out))
    if as_json:
        click.echo(msgspec.json.encode({"file": shown(out), "series": [_row(one) for one in found]}).decode())
    else:
        _tell(found, out)
    click.get_current_context().exit(1 if any(series.error for series in found) else 0)


async def fetch_own(
    settings: Settings,
    account: str,
    write: Callable[[Account, int, TextIO], Awaitable[int]],
    since_ns: int,
    out: Path,
) -> tuple[int, str]:
    """Fetch all of an account's rows and write them; how many, and what of the span the venue tells no more.

    Nothing is left behind when it breaks off.
    """
    with table_file(out) as file, saying() as say:
        async with open_access(settings, account) as access:

            async def count() -> NoReturn:
                while True:
                    say(f"{access.ports.audit.count} requests answered")
                    await SystemClock().sleep(_LOOK_S)

            await access.market.load()
            async with beside(count):
                rows = await write(access.ports.account, since_ns, file)
            return rows, shortfall(access.ports.account, since_ns, SystemClock().wall_ns())


def _tell_own(rows: int, missing: str, kind: str, account: str, out: Path, as_json: bool) -> None:
    if as_json:
        told = missing or None
        row = {"file": shown(out), "account": account, "kind": kind, "rows": rows, "shortfall": told}
        click.echo(msgspec.json.encode(row).decode())
    else:
        what = "fill" if kind == "fills" else "booking"
        click.echo(f"{rows} {what}{'' if rows == 1 else 's'} written to {shown(out)}")
        if missing:
            click.echo(f"warning: {missing}", err=True)


async def fetch(
    settings: Settings, symbols: tuple[str, ...], intervals_s: list[int], since_ns: int, out: Path
) -> list[BarSeries]:
    """Fetch all series and write them; nothing is left behind when it breaks off."""
    with bar_file(out) as write:
        async with open_market(settings) as market:
            with counting("candles") as progress:
                found = await fetch_history(market, symbols, intervals_s, since_ns, SystemClock(), progress)
        for series in found:
            write(series.bars)
    return found


def _row(series: BarSeries) -> dict[str, object]:
    return {
        "symbol": series.symbol,
        "interval_s": series.interval_s,
        "bars": len(series.bars),
        "shortfall": series.shortfall,
        "error": str(series.error) if series.error else None,
    }


def _tell(found: list[BarSeries], out: Path) -> None:
    for series in found:
        what = f"{series.symbol} {series.interval_s // 60} min"
        click.echo(f"{what}: {len(series.bars)} candles")
        if series.shortfall:
            click.echo(f"warning: {what}: {series.shortfall}", err=True)
        if series.error:
            click.echo(f"error: {what} broke off: {series.error}", err=True)
    click.echo(f"written to {out}")
