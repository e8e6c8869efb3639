"""An error in one line on stderr, and below it what to do, where whoever raised it could not say."""

from __future__ import annotations

import click

from leadline.errors import BreakerOpen, ConnectFailed, Error, Throttled


def complain(error: Error, where: str = "") -> None:
    """Say it, `where` before it."""
    click.echo(f"error: {where}{error}", err=True)
    for cure in _cures(error):
        click.echo(f"hint: {cure}", err=True)


def _cures(error: Error) -> list[str]:
    match error:
        case BreakerOpen():
            return ["it closes once the venue answers again; with --emergency a request goes all the same"]
        case ConnectFailed():
            return ["`leadline doctor` finds out what is in the way"]
        case Throttled():
            return ["the programs of this machine share what the venue allows; try again after that time"]
    return list(getattr(error, "__notes__", ()))
