"""`leadline status`: what the venue says of itself, how our breaker stands, and at which level we are."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from leadline.app.access import open_access
from leadline.app.config import Settings, control_path, settings_of
from leadline.app.control import AskStatus, asked_of
from leadline.app.opening import unloaded_market
from leadline.app.report import Status
from leadline.cli.account import account_option, emergency_option, venue_option
from leadline.cli.level_words import level_line
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run
from leadline.clock import SystemClock
from leadline.errors import ConnectFailed
from leadline.net.control_socket import SUPPORTED
from leadline.net.http import Purpose


@click.command(short_help="What the venue says, and how we stand.")
@config_option
@account_option
@venue_option
@emergency_option
@json_option
def command(config: Path | None, account: str, venue: str | None, emergency: bool, as_json: bool) -> None:
    """Show the venue's mode and, of the `leadline run` of this user, the service level with its reasons.

    Where nothing runs, or with --emergency, the venue is asked by REST ahead of everything else, which needs
    no key; where the account is set, the breaker that its programs on this machine share is shown too.

    \b
    JSON: {"venue", "mode", "text", "account", "breaker", "level", "not_ready", "running"}: mode is online,
      maintenance, cancel_only, post_only or limit_only; account and breaker ("closed", "half_open", "open")
      are null without a key; level is {"name", "reasons", "forced"}, null where nothing runs.
    """
    running = run(_running(control_path(config, venue)))
    status = running
    if status is None or status.mode is None or emergency:
        settings = settings_of(config, venue, with_account=True)
        known = account if any(one.name == account for one in settings.accounts) else None
        status = run(_asked(settings, known, Purpose.EMERGENCY if emergency else Purpose.STATUS))
    if running is not None:
        status = replace(status, level=running.level, not_ready=running.not_ready)
    if as_json:
        row = msgspec.structs.asdict(status) | {"running": running is not None}
        click.echo(msgspec.json.encode(row).decode())
    else:
        _tell(status, running is not None)


def _tell(status: Status, running: bool) -> None:
    click.echo(f"{status.venue}: {status.text or status.mode}")
    if status.account is not None:
        click.echo(f"account {status.account}: the breaker is {str(status.breaker).replace('_', ' ')}")
    if not running:
        click.echo("level: no system of yours runs here; `leadline run FILE` judges it")
        return
    click.echo(level_line(status.level))
    if status.not_ready:
        click.echo(f"not ready: {status.not_ready}")


async def _running(path: Path) -> Status | None:
    """How the running system stands; None where there is none, or the platform has no way to ask it."""
    if not SUPPORTED:
        return None
    try:
        return msgspec.json.decode(await asked_of(path, AskStatus()), type=Status)
    except ConnectFailed:
        return None


async def _asked(settings: Settings, account: str | None, purpose: Purpose) -> Status:
    """What the venue says by REST, and the breaker as its file has it."""
    breaker = None
    async with unloaded_market(settings) as market:
        told = await market.fetch_status(purpose)
    if account is not None:
        async with open_access(settings, account) as access:
            breaker = access.ports.breaker.state(SystemClock().mono_ns()).value
    return Status(market.name, told.mode.value, told.text, account, breaker, None, "")
