"""What several verbs take: a venue, symbols, channels, a settings file, `--json`."""

from __future__ import annotations

from pathlib import Path

import click

from leadline.model.market import Channel

STREAMED = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS)


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


venue_argument = click.argument("venue", type=click.Choice(["kraken"]))
symbols_argument = click.argument("symbols", metavar="SYMBOL...", nargs=-1, required=True)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON only, for programs.")
config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="A YAML file with other addresses."
)
seconds_option = click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), help="End by itself after so long."
)
depth_option = click.option(
    "--depth", type=int, default=10, show_default=True, help="Levels a side of each book."
)
interval_option = click.option(
    "--interval", "interval_min", type=int, default=1, show_default=True, help="Minutes of each bar."
)
