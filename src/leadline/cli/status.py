"""`leadline status`: what the venue says of itself, and how our breaker stands towards it."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from leadline.app.access import open_access
from leadline.app.config import Settings, settings_of
from leadline.app.system import unloaded_market
from leadline.cli.account import account_option, emergency_option
from leadline.cli.options import config_option, json_option
from leadline.cli.run import run
from leadline.clock import SystemClock
from leadline.model.market import VenueStatus
from leadline.net.http import Purpose


@click.command(short_help="What the venue says of itself.")
@config_option
@account_option
@emergency_option
@json_option
def command(config: Path | None, account: str, emergency: bool, as_json: bool) -> None:
    """Show the venue's mode, by REST and ahead of everything else; needs no key.

    Where the account is set, the breaker that its programs on this machine share is shown too.

    \b
    JSON: {"venue", "mode", "text", "account", "breaker"}: mode is online, maintenance, cancel_only,
      post_only or limit_only; account and breaker ("closed", "half_open", "open") are null without a key.
    """
    settings = settings_of(config)
    known = account if any(one.name == account for one in settings.accounts) else None
    purpose = Purpose.EMERGENCY if emergency else Purpose.STATUS
    status = run(_status(settings, purpose))
    breaker = None if known is None else run(_breaker(settings, known))
    if as_json:
        row = {"venue": "kraken", "mode": status.mode.value, "text": status.text}
        click.echo(msgspec.json.encode(row | {"account": known, "breaker": breaker}).decode())
        return
    click.echo(f"kraken: {status.text or status.mode.value}")
    if known is not None:
        click.echo(f"account {known}: the breaker is {str(breaker).replace('_', ' ')}")


async def _status(settings: Settings, purpose: Purpose) -> VenueStatus:
    async with unloaded_market(settings) as market:
        return await market.fetch_status(purpose)


async def _breaker(settings: Settings, account: str) -> str:
    async with open_access(settings, account) as access:
        return access.ports.breaker.state(SystemClock().mono_ns()).value
