"""`leadline orders`: what is open."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from leadline.app.config import settings_of_account
from leadline.cli.account import account_option, emergency_option, errands, venue_option
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run
from leadline.cli.wire import optional, utc
from leadline.model.order import OrderReport
from leadline.venues.ports import Path as Way


@click.command(short_help="The open orders.")
@config_option
@account_option
@venue_option
@emergency_option
@json_option
def command(config: Path | None, account: str, venue: str | None, emergency: bool, as_json: bool) -> None:
    """Show the account's open orders: by the stream, or by REST where that cannot tell them.

    \b
    JSON: {"account", "source": "stream" or "rest", "orders": [{"order_id", "client_id", "symbol", "side",
      "type", "state", "qty", "filled_qty", "limit_price", "trigger_price", "venue_time"}]}
    Amounts are texts with the venue's digits; what the venue does not say is null.
    """
    settings = settings_of_account(config, account, venue)

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
    from leadline.cli.tables import Column, Row, digits, show

    if not reports:
        click.echo(f"no open orders (by {way.value})")
        return
    numbers = ("quantity", "filled", "limit", "trigger")
    texts = [Column(name) for name in ("order", "symbol", "side", "type")]
    rows = []
    for one in reports:
        what = (one.symbol or "", one.side.value if one.side else "", one.kind.value if one.kind else "")
        figures = (one.qty, one.filled_qty or None, one.limit_price, one.trigger_price)
        rows.append(Row([one.order_id, *what, *map(digits, figures)]))
    show([*texts, *(Column(name, number=True) for name in numbers)], rows)
    click.secho(f"{len(reports)} open, by {way.value}", dim=True)
