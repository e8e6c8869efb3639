"""`leadline report`: the key figures of the running system."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from leadline.app.config import control_path
from leadline.app.control import AskReport, asked_of
from leadline.app.report import Report
from leadline.cli.account import venue_option
from leadline.cli.options import config_option, json_option
from leadline.cli.report_words import words
from leadline.cli.runner import run


@click.command(short_help="Key figures of the running system.")
@config_option
@venue_option
@json_option
def command(config: Path | None, venue: str | None, as_json: bool) -> None:
    """Show the key figures of the `leadline run` of this user, asked over its control socket.

    With --config it is the one whose state folder that file names, else the one in the platform's own
    place; of one that runs several venues --venue says which.

    \b
    JSON: {"version", "pid", "venue", "emulated", "uptime_s", "started": {phase: s}, "not_ready",
      "level": {"name", "reasons", "forced"}, "recoveries", "lines": [{"route", "state"}], "switches",
      "streams", "readings", "shares", "gaps", "failovers", "checks", "frames_skipped", "loop_blocks",
      "budgets", "account", "checkpoints", "memory_mb", "alerts", "recommendations"}
    """
    raw = run(asked_of(control_path(config, venue), AskReport()))
    if as_json:
        click.echo(bytes(raw).decode())
        return
    for line in words(msgspec.json.decode(raw, type=Report)):
        click.echo(line)
