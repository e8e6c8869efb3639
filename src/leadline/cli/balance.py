"""`leadline balance`: what an account owns, every digit of it."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from leadline.app.config import settings_of_account
from leadline.app.errands import shown_first
from leadline.cli.account import account_option, emergency_option, errands, venue_option
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run
from leadline.cli.wire import optional, plain, utc
from leadline.model.account import Balance, BalancesSnapshot
from leadline.venues.ports import Path as Way


@click.command(short_help="What the account owns.")
@config_option
@account_option
@venue_option
@emergency_option
@json_option
def command(config: Path | None, account: str, venue: str | None, emergency: bool, as_json: bool) -> None:
    """Show what the account owns: by the stream, or by REST where that cannot tell it.

    \b
    JSON: {"account", "source": "stream" or "rest", "venue_time", "balances": [
      {"asset", "total", "tradable", "held", "available", "earn", "wallets": [{"kind", "name", "qty"}]}]}
    Amounts are texts with the venue's digits. "earn" cannot be traded and is in "total" only. "held" and
    "available" are null where the source does not say what open orders bind (the stream does not).
    """
    settings = settings_of_account(config, account, venue)

    async def ask() -> tuple[BalancesSnapshot, Way]:
        async with errands(settings, account, emergency) as found:
            return await found.balances()

    snapshot, way = run(ask())
    owned = shown_first(snapshot.balances)
    if as_json:
        moment = None if snapshot.venue_ns is None else utc(snapshot.venue_ns)
        row = {"account": account, "source": way.value, "venue_time": moment}
        click.echo(msgspec.json.encode(row | {"balances": [_row(one) for one in owned]}).decode())
    else:
        _tell(owned, way)


def _row(balance: Balance) -> dict[str, object]:
    return {
        "asset": balance.asset,
        "total": plain(balance.total),
        "tradable": plain(balance.tradable),
        "held": optional(balance.held),
        "available": optional(balance.available),
        "earn": plain(balance.earn),
        "wallets": [
            {"kind": one.kind.value, "name": one.name, "qty": plain(one.qty)} for one in balance.wallets
        ],
    }


def _tell(owned: list[Balance], way: Way) -> None:
    from leadline.cli.tables import Column, Row, show

    if not owned:
        click.echo(f"the account owns nothing (by {way.value})")
        return
    rows = []
    for one in owned:
        numbers = (one.total, one.tradable, one.held, one.earn or None)
        rows.append(Row([one.asset, *("" if number is None else plain(number) for number in numbers)]))
    names = ("total", "tradable", "held", "earn")
    show([Column("asset"), *(Column(name, number=True) for name in names)], rows)
    click.secho(f"by {way.value}", dim=True)
