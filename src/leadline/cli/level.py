"""`leadline level`: hold the running system at a service level for a while, or let go of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from leadline.app.config import control_paths
from leadline.app.control import ForceLevel, ReleaseLevel, Request, asked_of_all
from leadline.app.durations import seconds, span
from leadline.app.report import Status
from leadline.cli.account import venue_option
from leadline.cli.level_words import level_line
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run
from leadline.cli.wire import first_and_all
from leadline.engine.levels import LONGEST_FORCED_S
from leadline.errors import ConfigError
from leadline.model.level import Level


class Span(click.ParamType[float]):
    """A span of time with its unit."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            found_s = seconds(str(value))
        except ConfigError as error:
            self.fail(str(error), param, ctx)
        if not 0 < found_s <= LONGEST_FORCED_S:
            self.fail(f"write more than nothing and at most {span(LONGEST_FORCED_S)}", param, ctx)
        return found_s


@click.group(short_help="Hold the running system at a level.")
def command() -> None:
    """Hold the running system at a service level, or release it; see `leadline status` (also with --json).

    One that runs several venues is held at all of them; --venue names one.

    \b
    JSON: {"name", "reasons", "forced"}; of several venues that of the first, and "venues": {NAME: that}.
    """


@command.command(short_help="Hold it at a level for a while.")
@click.argument("level", metavar="LEVEL", type=click.Choice(list(Level.__members__), case_sensitive=False))
@click.option("--for", "for_s", type=Span(), required=True, help="How long: 90s, 10m, 2h.")
@config_option
@venue_option
@json_option
def force(level: str, for_s: float, config: Path | None, venue: str | None, as_json: bool) -> None:
    """Hold the running system at LEVEL for so long, whatever it observes; then it judges by itself again."""
    _tell(config, venue, ForceLevel(level.upper(), for_s, venue), as_json)


@command.command(short_help="Let it judge by itself again.")
@config_option
@venue_option
@json_option
def release(config: Path | None, venue: str | None, as_json: bool) -> None:
    """Let the level follow what is observed again."""
    _tell(config, venue, ReleaseLevel(venue), as_json)


def _tell(config: Path | None, venue: str | None, request: Request, as_json: bool) -> None:
    raws = run(asked_of_all(control_paths(config, venue), request))
    levels = {one.venue: one.level for one in (msgspec.json.decode(raw, type=Status) for raw in raws)}
    if as_json:
        rows = {name: msgspec.to_builtins(level) for name, level in levels.items()}
        click.echo(msgspec.json.encode(first_and_all(rows)).decode())
        return
    for name, level in levels.items():
        click.echo(f"{name}: {level_line(level)}" if len(levels) > 1 else level_line(level))
