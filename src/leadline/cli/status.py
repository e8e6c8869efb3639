"""`leadline status`: what each venue says of itself, how our breaker stands, and at which level we are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from leadline.app.access import open_access
from leadline.app.config import Settings, control_paths, settings_of, settings_of_all
from leadline.app.control import AskStatus, asked_of_all
from leadline.app.opening import unloaded_market
from leadline.app.report import Status
from leadline.cli.account import account_option, emergency_option, venue_option
from leadline.cli.complaint import complain
from leadline.cli.level_words import level_line
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run
from leadline.cli.wire import first_and_all
from leadline.clock import SystemClock
from leadline.errors import CheckFailed, Error
from leadline.net.control_socket import SUPPORTED
from leadline.net.http import Purpose

Told = dict[str, Status]
"""How it stands, by venue."""


@click.command(short_help="What the venues say, and how we stand.")
@config_option
@account_option
@venue_option
@emergency_option
@json_option
def command(config: Path | None, account: str, venue: str | None, emergency: bool, as_json: bool) -> None:
    """Show the venue's mode and, of the `leadline run` of this user, the service level with its reasons.

    Where nothing runs, or with --emergency, the venue is asked by REST ahead of everything else, which needs
    no key; where the account is set, the breaker that its programs on this machine share is shown too. Of
    several venues, in FILE or with keys in the environment, each is shown. Exits with 1 where one is silent.

    \b
    JSON: {"venue", "mode", "text", "account", "breaker", "level", "not_ready", "running"}: mode is online,
      maintenance, cancel_only, post_only or limit_only; account and breaker ("closed", "half_open", "open")
      are null without a key; level is {"name", "reasons", "forced"}, null where nothing runs. Of several
      venues it is that of the first, and "venues": {NAME: that} has all.
    """
    running = run(_running(control_paths(config, venue), venue))
    told: Told = running
    silent = False
    if emergency or not running or any(status.mode is None for status in running.values()):
        purpose = Purpose.EMERGENCY if emergency else Purpose.STATUS
        told, silent = _by_rest(_meant(config, venue, running), account, purpose, running)
    if as_json and told:
        rows = {name: _row(status, name in running) for name, status in told.items()}
        click.echo(msgspec.json.encode(first_and_all(rows)).decode())
    elif told:
        click.echo("\n\n".join("\n".join(_words(one, name in running)) for name, one in told.items()))
    click.get_current_context().exit(1 if silent else 0)


def _by_rest(every: Iterable[Settings], account: str, purpose: Purpose, running: Told) -> tuple[Told, bool]:
    """What the venues say themselves, beside what a running system knows; and whether one is silent."""
    told: Told = {}
    silent = False
    for settings in every:
        ours = running.get(settings.venue)
        try:
            status = run(_asked(settings, account, purpose))
        except Error as error:
            complain(error, f"{settings.venue}: ")
            silent = True
            if ours is not None:
                told[settings.venue] = ours
            continue
        if ours is not None:
            status = replace(status, level=ours.level, not_ready=ours.not_ready)
        told[settings.venue] = status
    return told, silent


def _row(status: Status, running: bool) -> dict[str, object]:
    return msgspec.structs.asdict(status) | {"running": running}


def _words(status: Status, running: bool) -> Iterable[str]:
    yield f"{status.venue}: {status.text or status.mode or 'its mode is not known'}"
    if status.account is not None:
        yield f"account {status.account}: the breaker is {str(status.breaker).replace('_', ' ')}"
    if not running:
        yield "level: no system of yours runs here; `leadline run FILE` judges it"
        return
    yield level_line(status.level)
    if status.not_ready:
        yield f"not ready: {status.not_ready}"


def _meant(config: Path | None, venue: str | None, running: Told) -> list[Settings]:
    """The one named, else those that run, those of the file, those with keys, the default one."""
    if venue is not None:
        return [settings_of(config, venue, with_account=True)]
    every = settings_of_all(config)
    if running:
        return [one for one in every if one.venue in running]
    return list(every if config is not None else [one for one in every if one.accounts] or every[:1])


async def _running(paths: Iterable[Path], venue: str | None) -> Told:
    """How the running system stands; nothing where there is none, or the platform has no way to ask it."""
    try:
        raws = await asked_of_all(paths, AskStatus(venue)) if SUPPORTED else []
    except CheckFailed:  # none, or that of another venue
        return {}
    every = [msgspec.json.decode(raw, type=Status) for raw in raws]
    return {status.venue: status for status in every}


async def _asked(settings: Settings, account: str, purpose: Purpose) -> Status:
    """What the venue says by REST, and the breaker as its file has it."""
    known = any(one.name == account for one in settings.accounts)
    async with unloaded_market(settings) as market:
        told = await market.fetch_status(purpose)
    breaker = None
    if known:
        async with open_access(settings, account) as access:
            breaker = access.ports.breaker.state(SystemClock().mono_ns()).value
    return Status(market.name, told.mode.value, told.text, account if known else None, breaker, None, "")
