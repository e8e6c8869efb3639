"""`leadline order`: one order, checked, journalled, sent once, and followed until the venue has spoken."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import msgspec

from leadline.app.access import order_desk, wire_form
from leadline.app.config import Settings, settings_of_account
from leadline.cli.account import (
    account_option,
    confirm,
    emergency_option,
    must_ask,
    venue_option,
    yes_option,
)
from leadline.cli.options import config_option, json_option
from leadline.cli.order_options import Wanted, order_options, read_exact
from leadline.cli.runner import run
from leadline.cli.wire import optional, plain
from leadline.clock import SystemClock
from leadline.model.order import Order, OrderRequest, OrderState

CONTRACT_SIGN = ":"
"""Stands in the symbol of a contract, before what it is settled in; nothing else has it."""


@click.command(short_help="Place one order.")
@click.argument("side", type=click.Choice(["buy", "sell"]))
@click.argument("symbol")
@click.argument("qty", callback=read_exact, required=False)
@order_options
@config_option
@account_option
@venue_option
@emergency_option
@yes_option
@json_option
def command(
    config: Path | None,
    account: str,
    venue: str | None,
    emergency: bool,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Place one order: QTY of the base currency of SYMBOL; without --limit at the market.

    It is checked here first, written to the journal, and sent once, whatever happens. It needs the journal of
    the account, and says so while another program holds that. Exits with 0 when the venue has taken the order
    (with --validate: would take it), with 1 when it refused, or when the outcome is not known: then nothing
    is sent again, and the next program on this journal finds out.

    \b
    JSON: {"account", "validated", "order": {"client_id", "order_id", "symbol", "side", "type", "state",
      "qty", "limit_price", "filled_qty", "filled_cost", "reason", "fills": [{"exec_id", "qty", "price",
      "cost", "fees": [{"asset", "qty"}]}]}}; state is working, partially_filled, filled, canceled, rejected,
      expired or unknown. Amounts are texts. With --validate "validated" is true and nothing was placed.
    """
    if emergency:
        raise click.UsageError(
            "an emergency takes no new orders: REST alone cannot follow them; leave out --emergency "
            "(balance, orders, cancel, cancel-all and status take it)"
        )
    request = Wanted(**options).request(SystemClock().wall_ns())
    ask = must_ask(yes or request.validate)  # a question to the venue moves no money
    settings = settings_of_account(config, account, venue, contracts=CONTRACT_SIGN in request.symbol)
    if ask:
        rows = run(wire_form(settings, account, request))
        confirm("Send this order?", rows)
    order = run(_place(settings, account, request))
    if as_json:
        row = {"account": account, "validated": request.validate, "order": _row(order)}
        click.echo(msgspec.json.encode(row).decode())
    elif request.validate and _taken(order):
        click.echo("the venue would take it; nothing was placed")
    else:
        _tell(order)
    click.get_current_context().exit(0 if _taken(order) else 1)


async def _place(settings: Settings, account: str, request: OrderRequest) -> Order:
    async with order_desk(settings, account) as desk:
        return await desk.place(request)


def _taken(order: Order) -> bool:
    return order.state not in (OrderState.UNKNOWN, OrderState.REJECTED)


def _row(order: Order) -> dict[str, object]:
    return {
        "client_id": order.client_id,
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.kind.value,
        "state": order.state.value,
        "qty": optional(order.qty),
        "limit_price": optional(order.limit_price),
        "filled_qty": plain(order.filled_qty),
        "filled_cost": plain(order.filled_cost),
        "reason": order.reason,
        "fills": [
            {
                "exec_id": fill.exec_id,
                "qty": plain(fill.qty),
                "price": plain(fill.price),
                "cost": plain(fill.cost),
                "fees": [{"asset": fee.asset, "qty": plain(fee.qty)} for fee in fill.fees],
            }
            for fill in order.fills
        ],
    }


def _tell(order: Order) -> None:
    name = order.order_id or order.client_id
    what = f"{order.side.value} {_amount(order.qty)}{order.symbol}"
    if order.state is OrderState.UNKNOWN:
        click.echo(
            f"error: {what}: whether the venue has taken it is not known ({order.reason or 'no answer'}); it "
            f"is not sent again; its client id is {order.client_id}, see `leadline orders`",
            err=True,
        )
    elif order.state is OrderState.REJECTED:
        click.echo(f"error: {what}: refused: {order.reason}", err=True)
    else:
        filled = f", {plain(order.filled_qty)} filled" if order.filled_qty else ""
        click.echo(f"{name}: {what}: {order.state.value.replace('_', ' ')}{filled}")


def _amount(qty: Decimal | None) -> str:
    return "" if qty is None else f"{plain(qty)} "
