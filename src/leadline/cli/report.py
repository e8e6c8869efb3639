"""`leadline report`: the key figures of the running system."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from leadline.app.config import control_paths
from leadline.app.control import AskReport, asked_of_all
from leadline.app.report import Report
from leadline.cli.account import venue_option
from leadline.cli.options import config_option, json_option
from leadline.cli.report_words import words
from leadline.cli.runner import run
from leadline.cli.wire import first_and_all


@click.command(short_help="Key figures of the running system.")
@config_option
@venue_option
@json_option
def command(config: Path | None, venue: str | None, as_json: bool) -> None:
    """Show the key figures of the `leadline run` of this user, asked over its control socket.

    With --config it is the one whose state folder that file names, else the one in the platform's own
    place; of one that runs several venues all are shown, or that of --venue.

    \b
    JSON: {"version", "pid", "venue", "emulated", "uptime_s", "started": {phase: s}, "not_ready",
      "level": {"name", "reasons", "forced"}, "recoveries", "lines": [{"route", "state"}], "switches",
      "streams", "readings", "shares", "gaps", "failovers", "checks", "frames_skipped", "loop_blocks",
      "budgets", "account", "checkpoints", "memory_mb", "alerts", "recommendations"}; of several venues
      that of the first, and "venues": {NAME: that} has all.
    """
    raws = run(asked_of_all(control_paths(config, venue), AskReport(venue)))
    if as_json:
        rows = {row["venue"]: row for row in map(msgspec.json.decode, raws)}
        click.echo(msgspec.json.encode(first_and_all(rows)).decode())
        return
    reports = [msgspec.json.decode(raw, type=Report) for raw in raws]
    click.echo("\n\n".join("\n".join(words(report)) for report in reports))
