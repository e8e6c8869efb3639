"""What the verbs of an account share: whose it is, which way it goes, and asking before money moves."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import click

from leadline.app.access import open_errands
from leadline.app.account_settings import MAIN
from leadline.app.config import Settings
from leadline.app.errands import Errands
from leadline.errors import AuthError
from leadline.venues.catalogue import VENUES

account_option = click.option(
    "--account", default=MAIN, show_default=True, help="An account of the settings file."
)
venue_option = click.option(
    "--venue", type=click.Choice(list(VENUES)), help="The one that is meant, where there are several."
)
emergency_option = click.option("--emergency", is_flag=True, help="REST only, ahead of everything else.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@asynccontextmanager
async def errands(settings: Settings, account: str, emergency: bool) -> AsyncIterator[Errands]:
    """The errands of an account; detours are said on stderr."""
    with explained(settings):
        async with open_errands(settings, account, emergency=emergency, tell=_detour) as found:
            yield found


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Say of a key's refusal what to do about it, which may be that it belongs to another environment."""
    try:
        yield
    except AuthError as error:
        error.add_note(settings.kit.advice(error, settings.environment))
        raise


def must_ask(yes: bool) -> bool:
    """Whether to ask first; where nobody can answer, that is wrong use, and the cure is said."""
    if yes:
        return False
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked; add --yes to go ahead without")
    return True


def confirm(question: str, rows: Sequence[tuple[str, str]]) -> None:
    """Show what is about to be sent and ask; anything but yes ends the verb with 1, and nothing is sent."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f"  {name:<{width}}  {value}", err=True)
    if not click.confirm(question, default=False, err=True):
        click.echo("nothing was sent", err=True)
        raise click.exceptions.Exit(1)


def _detour(text: str) -> None:
    click.echo(f"warning: {text}", err=True)
