"""`leadline positions`: what is open, at every venue where there is such an account."""

from __future__ import annotations

from decimal import Context, Decimal
from pathlib import Path

import click
import msgspec

from leadline.app.access import open_access
from leadline.app.config import Settings, settings_with
from leadline.cli.account import account_option, explained, venue_option
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run
from leadline.cli.wire import optional, plain
from leadline.model.account import Position
from leadline.model.order import PositionSide
from leadline.net.http import Purpose

Found = list[tuple[Settings, list[Position]]]


@click.command(short_help="The open positions.")
@config_option
@account_option
@venue_option
@json_option
def command(config: Path | None, account: str, venue: str | None, as_json: bool) -> None:
    """Show the account's open positions, of every venue that has an account of this name.

    \b
    JSON: {"account", "positions": [{"venue", "symbol", "side", "qty", "entry_price", "break_even_price",
      "mark_price", "liquidation_price", "unrealised", "margin", "margin_mode", "leverage", "settle"}]}
    Amounts are texts with the venue's digits, what it does not say is null; the table rounds what follows the
    market. "qty" is negative when short; "side" is net, or in hedge mode long or short.
    """
    found = run(ask(settings_with(config, account, venue), account))
    if as_json:
        rows = [_row(settings, one) for settings, positions in found for one in positions]
        click.echo(msgspec.json.encode({"account": account, "positions": rows}).decode())
    else:
        _tell(found)


async def ask(every: tuple[Settings, ...], account: str) -> Found:
    """The open positions at each venue."""
    found: Found = []
    for settings in every:
        with explained(settings):
            async with open_access(settings, account) as access:
                await access.market.load()
                positions = await access.ports.account.fetch_positions(Purpose.ACCOUNT)
        found.append((settings, [one for one in positions if one.qty]))
    return found


def _row(settings: Settings, one: Position) -> dict[str, object]:
    return {
        "venue": settings.venue,
        "symbol": one.symbol,
        "side": one.side.value,
        "qty": plain(one.qty),
        "entry_price": optional(one.entry_price),
        "break_even_price": optional(one.break_even_price),
        "mark_price": optional(one.mark_price),
        "liquidation_price": optional(one.liquidation_price),
        "unrealised": optional(one.unrealised),
        "margin": optional(one.margin),
        "margin_mode": one.margin_mode and one.margin_mode.value,
        "leverage": one.leverage,
        "settle": one.settle,
    }


def _tell(found: Found) -> None:
    from leadline.cli.tables import Column, Row, digits, rounded, show

    for settings, positions in found:
        if not positions:
            click.echo(f"no open positions at {settings.kit.title}")
            continue
        numbers = ("quantity", "entry", "mark", "liquidation", "unrealised")
        names = [Column(settings.venue), Column("side"), *(Column(name, number=True) for name in numbers)]
        rows = []
        for one in positions:
            side = "" if one.side is PositionSide.NET else one.side.value
            figures = (one.mark_price, one.liquidation_price, _cents(one.unrealised))
            shown = [digits(one.qty), digits(one.entry_price), *map(rounded, figures)]
            rows.append(Row([one.symbol, side, *shown, _margin(one)], _style(one)))
        show([*names, Column("margin")], rows)


def _cents(amount: Decimal | None) -> Decimal | None:
    """What changes every second, to a hundredth of a cent."""
    return None if amount is None else amount.quantize(Decimal("0.0001"), context=Context(prec=60))


def _margin(one: Position) -> str:
    mode = "" if one.margin_mode is None else one.margin_mode.value
    return mode if one.leverage is None else f"{mode} {one.leverage}×".strip()


def _style(one: Position) -> str:
    """A loss stands out."""
    return "red" if one.unrealised is not None and one.unrealised < 0 else ""
