"""`leadline leverage`: the leverage of a contract's positions, as the venue then has it."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from leadline.app.access import Access, open_access
from leadline.app.config import Settings, settings_of_account
from leadline.cli.account import account_option, confirm, explained, venue_option, yes_option
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run
from leadline.model.account import SymbolConfiguration
from leadline.net.http import Purpose


@click.command(short_help="Set a leverage.")
@click.argument("symbol")
@click.argument("leverage", type=click.IntRange(min=1), metavar="N")
@config_option
@account_option
@venue_option
@yes_option
@json_option
def command(
    symbol: str,
    leverage: int,
    config: Path | None,
    account: str,
    venue: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Set the leverage of SYMBOL to N, an open position's too.

    Asks first in a terminal. Beyond what the venue allows for the symbol it is refused before anything is
    sent.

    \b
    JSON: {"account", "venue", "symbol", "before": the leverage until now or null, "leverage": as it is now}
    """
    settings = settings_of_account(config, account, venue, contracts=True)
    if sys.stdin.isatty() and not yes:
        name, before = run(look(settings, account, symbol))
        now = "not known" if before is None else f"{before.leverage}, {before.margin_mode.value}"
        confirm(f"Set the leverage of {name} to {leverage}?", [("symbol", name), ("now", now)])
    name, before, done = run(change(settings, account, symbol, leverage))
    was = None if before is None else before.leverage
    if as_json:
        row = {"account": account, "venue": settings.venue, "symbol": name, "before": was, "leverage": done}
        click.echo(msgspec.json.encode(row).decode())
    else:
        told = "" if was is None else f" (it was {was})"
        click.echo(f"{name}: leverage {done}{told}")


async def look(settings: Settings, account: str, symbol: str) -> tuple[str, SymbolConfiguration | None]:
    """The symbol in its unified form, and how its positions are margined now."""
    with explained(settings):
        async with open_access(settings, account) as access:
            await access.market.load()
            return await _look(access, symbol)


async def change(
    settings: Settings, account: str, symbol: str, leverage: int
) -> tuple[str, SymbolConfiguration | None, int]:
    """Set it; the symbol, how it was margined before, and the leverage as the venue has it now."""
    with explained(settings):
        async with open_access(settings, account) as access:
            await access.market.load()
            name, before = await _look(access, symbol)
            return name, before, await access.ports.account.set_leverage(name, leverage)


async def _look(access: Access, symbol: str) -> tuple[str, SymbolConfiguration | None]:
    name = access.market.reference.instrument(symbol).symbol
    found = await access.ports.account.fetch_configuration([name], Purpose.ACCOUNT)
    of_symbol = [one for one in found.symbols if one.symbol == name] if found is not None else []
    return name, of_symbol[0] if of_symbol else None
