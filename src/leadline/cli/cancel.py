"""`leadline cancel`: named orders off the book, whatever else is broken."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from leadline.app.config import settings_of_account
from leadline.app.errands import CancelResult
from leadline.cli.account import (
    account_option,
    confirm,
    emergency_option,
    errands,
    venue_option,
    yes_option,
)
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run


@click.command(short_help="Cancel orders.")
@click.argument("names", metavar="ID...", nargs=-1, required=True)
@config_option
@account_option
@venue_option
@emergency_option
@yes_option
@json_option
def command(
    names: tuple[str, ...],
    config: Path | None,
    account: str,
    venue: str | None,
    emergency: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Cancel orders by the venue's IDs or by client IDs that Leadline gave.

    Asks first in a terminal; a script need not say --yes, since it names each order. A refusal is no verdict:
    the order is looked up then, and what the venue knows of it is told. Exits with 1 where an order was
    refused and is not cancelled.

    \b
    JSON: {"account", "orders": [{"id", "ok", "path": "stream" or "rest", "error", "state"}]}
    "error" is null where the venue took the cancel; "state" is what a look-up after a refusal told, or null.
    """
    settings = settings_of_account(config, account, venue)
    wanted = list(dict.fromkeys(names))
    if not yes and sys.stdin.isatty():
        confirm("Cancel?", [("cancel", name) for name in wanted])

    async def send() -> list[CancelResult]:
        async with errands(settings, account, emergency) as found:
            return await found.cancel(wanted)

    results = run(send())
    if as_json:
        row = {"account": account, "orders": [_row(result) for result in results]}
        click.echo(msgspec.json.encode(row).decode())
    else:
        for result in results:
            _tell(result)
    click.get_current_context().exit(0 if all(result.ok for result in results) else 1)


def _row(result: CancelResult) -> dict[str, object]:
    return {
        "id": result.name,
        "ok": result.ok,
        "path": result.path.value,
        "error": None if result.error is None else str(result.error),
        "state": result.state and result.state.value,
    }


def _tell(result: CancelResult) -> None:
    known = f"; the order is {result.state.value.replace('_', ' ')}" if result.state else ""
    if result.ok:
        click.echo(f"{result.name}: cancelled, by {result.path.value}")
    else:
        click.echo(f"error: {result.name}: {result.error}{known}", err=True)
