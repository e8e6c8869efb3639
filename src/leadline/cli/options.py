"""What several verbs take: a venue, symbols, channels, a settings file, `--json`."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from leadline.model.market import Channel
from leadline.venues.catalogue import VENUES

NS_PER_US = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

STREAMED = tuple(
    channel for channel in Channel if any(channel in kit.limits.channels for kit in VENUES.values())
)
"""What any venue streams for a symbol; whether the one that is meant does, is said when it is opened."""

EVERYWHERE = tuple(
    channel for channel in STREAMED if all(channel in kit.limits.channels for kit in VENUES.values())
)


class Amount(click.FloatRange):
    """A number within bounds; what click lets through, nan and infinity, is no amount of anything."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a number one can count to.", param, ctx)
        return number


def read_channels(context: click.Context, option: click.Parameter, text: str) -> tuple[Channel, ...]:
    """The channels named, separated by commas."""
    known = {channel.value: channel for channel in STREAMED}
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in known:
            raise click.BadParameter(f"there is no channel {name!r}; there are {', '.join(known)}")
    if not names:
        raise click.BadParameter(f"name at least one of {', '.join(known)}")
    return tuple(known[name] for name in names)


def read_since(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """A date, or a date and time, as Unix nanoseconds; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time such as 2026-01-31 or 2026-01-31T12:00:00Z") from None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * NS_PER_US


def shown(path: Path) -> str:
    """A file's name as text, whatever bytes it is made of."""
    return os.fsencode(path).decode(errors="replace")


venue_argument = click.argument("venue", type=click.Choice(list(VENUES)))
symbols_argument = click.argument("symbols", metavar="SYMBOL...", nargs=-1, required=True)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON only, for programs.")
config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="A YAML file with addresses, accounts and more."
)
seconds_option = click.option(
    "--seconds", type=Amount(min=0, min_open=True), help="End by itself after so long."
)
depth_option = click.option(
    "--depth", type=int, default=10, show_default=True, help="Levels a side of each book."
)
interval_option = click.option(
    "--interval", "interval_min", type=int, default=1, show_default=True, help="Minutes of each bar."
)
