"""`leadline cancel-all`: everything off the book, whatever else is broken."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from leadline.app.config import settings_of_account
from leadline.cli.account import (
    account_option,
    confirm,
    emergency_option,
    errands,
    must_ask,
    venue_option,
    yes_option,
)
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run
from leadline.venues.ports import Path as Way


@click.command(short_help="Cancel every order.")
@config_option
@account_option
@venue_option
@emergency_option
@yes_option
@json_option
def command(
    config: Path | None, account: str, venue: str | None, emergency: bool, yes: bool, as_json: bool
) -> None:
    """Cancel every order of the account, those of other programs and of people included.

    \b
    JSON: {"account", "path": "stream" or "rest", "count": how many orders the venue counted}
    """
    ask = must_ask(yes)
    settings = settings_of_account(config, account, venue)
    if ask:
        confirm(
            "Cancel every order?",
            [("cancel-all", f"every open order of account {account} at {settings.kit.title}")],
        )

    async def send() -> tuple[int, Way]:
        async with errands(settings, account, emergency) as found:
            return await found.cancel_all()

    count, way = run(send())
    if as_json:
        click.echo(msgspec.json.encode({"account": account, "path": way.value, "count": count}).decode())
    else:
        click.echo(f"{count} {'order' if count == 1 else 'orders'} cancelled, by {way.value}")
