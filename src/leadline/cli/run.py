"""`leadline run`: the whole system as a long-lived process, and what a settings file means."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from leadline.app.config import load_all
from leadline.app.problems import Problems
from leadline.cli.options import json_option, shown
from leadline.cli.runner import run
from leadline.clock import SystemClock
from leadline.errors import ConfigError


@click.command(short_help="The whole system, long-lived.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Only say whether the file is right, and what it means.")
@json_option
def command(file: Path, check: bool, as_json: bool) -> None:
    """Run everything that FILE says until SIGINT or SIGTERM; the log is on stderr.

    It starts in this order: reference data, state of the run before, stream, subscriptions, monitoring,
    ready. What is not there in time is said, waited for and used when it comes. Ask it with `leadline report`
    and `leadline status`, hold its level with `leadline level`. The log has a line for each change of state;
    with `log: {format: json}` in FILE it is JSON lines.

    \b
    JSON, of --check alone: {"ok", "problems": [...], "explained": [...]}; where there are problems, exit 1.
    """
    if check:
        _check(file, as_json)
        return
    if as_json:
        raise click.UsageError("--json goes with --check; the form of a run's log is log.format in FILE")
    from leadline.app.logs import bound_logger, logging_to, secrets_of
    from leadline.app.run import run_all

    every = load_all(file)
    clock, secrets = SystemClock(), [secret for settings in every for secret in secrets_of(settings)]
    with logging_to(sys.stderr, every[0].log, clock, secrets):
        log = bound_logger()
        log.info("settings", file=shown(file))
        run(run_all(every, clock, log), stopped=0, warnings=False)


def _check(file: Path, as_json: bool) -> None:
    from leadline.app.explain import explained

    try:
        lines: list[str] = []
        problems = Problems()
        for settings in load_all(file):
            with problems.at(""):  # symbols of one venue; those of the next may be wrong too
                lines += run(explained(settings))
        problems.check(shown(file))
    except ConfigError as error:
        if not as_json:
            raise
        found = error.problems or (str(error),)
        click.echo(msgspec.json.encode({"ok": False, "problems": found, "explained": []}).decode())
        raise click.exceptions.Exit(1) from None
    if as_json:
        click.echo(msgspec.json.encode({"ok": True, "problems": [], "explained": lines}).decode())
        return
    click.echo(f"{shown(file)} is right. It means:")
    for line in lines:
        click.echo(f"  {line}")
