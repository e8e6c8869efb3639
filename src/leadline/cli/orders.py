"""`leadline orders`: what is open."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from leadline.cli.account import account_option, chosen, emergency_option, errands, venue_option
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run
from leadline.cli.wire import optional, plain, utc
from leadline.model.order import OrderReport
from leadline.venues.ports import Path as Way

ORDER_ID_WIDTH = 19
PIPED_WIDTH = 160


@click.command(short_help="The open orders.")
@config_option
@account_option
@venue_option
@emergency_option
@json_option
def command(config: Path | None, account: str, venue: str | None, emergency: bool, as_json: bool) -> None:
    """Show the account's open orders: by the stream, or by REST where that cannot be reached.

    \b
    JSON: {"account", "source": "stream" or "rest", "orders": [{"order_id", "client_id", "symbol", "side",
      "type", "state", "qty", "filled_qty", "limit_price", "trigger_price", "venue_time"}]}
    Amounts are texts with the venue's digits; what the venue does not say is null.
    """
    settings = chosen(config, account, venue)

    async def ask() -> tuple[list[OrderReport], Way]:
        async with errands(settings, account, emergency) as found:
            return await found.open_orders()

    reports, way = run(ask())
    if as_json:
        row = {"account": account, "source": way.value, "orders": [_row(one) for one in reports]}
        click.echo(msgspec.json.encode(row).decode())
    else:
        _tell(reports, way)


def _row(report: OrderReport) -> dict[str, object]:
    return {
        "order_id": report.order_id,
        "client_id": report.client_id,
        "symbol": report.symbol,
        "side": report.side and report.side.value,
        "type": report.kind and report.kind.value,
        "state": report.state and report.state.value,
        "qty": optional(report.qty),
        "filled_qty": optional(report.filled_qty),
        "limit_price": optional(report.limit_price),
        "trigger_price": optional(report.trigger_price),
        "venue_time": None if report.venue_ns is None else utc(report.venue_ns),
    }


def _tell(reports: list[OrderReport], way: Way) -> None:
    from rich.console import Console
    from rich.table import Table

    if not reports:
        click.echo(f"no open orders (by {way.value})")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("order", no_wrap=True, min_width=ORDER_ID_WIDTH)  # whole, or it cannot be cancelled
    for name in ("symbol", "side", "type"):
        table.add_column(name)
    for name in ("quantity", "filled", "limit", "trigger"):
        table.add_column(name, justify="right", overflow="fold")
    for one in reports:
        words = (
            one.order_id,
            one.symbol or "",
            one.side.value if one.side else "",
            one.kind and one.kind.value,
        )
        numbers = (one.qty, one.filled_qty, one.limit_price, one.trigger_price)
        table.add_row(*words, *("" if number is None else plain(number) for number in numbers))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print(table)
    console.print(f"{len(reports)} open, by {way.value}", style="dim")
