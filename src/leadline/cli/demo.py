"""`leadline demo`: two local venues, the whole product on them, faults by script, and what became of them."""

from __future__ import annotations

import sys

import click
import msgspec
from rich.console import Console
from rich.padding import Padding

from leadline.cli import INTERRUPTED
from leadline.cli.options import Amount
from leadline.cli.runner import run
from leadline.demo.lines import Lines
from leadline.demo.run import Demo, View, perform
from leadline.demo.screen import Screen, faults
from leadline.demo.script import WHOLE_SCRIPT_S
from leadline.demo.words import summary

LONGEST_S = 3600


@click.command(short_help="See it all at work, faults included, on this machine alone.")
@click.option(
    "--seconds",
    type=Amount(5, LONGEST_S),
    default=80,
    show_default=True,
    help=f"How long; the whole walk through all service levels needs {WHOLE_SCRIPT_S:.0f}.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another market.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, progress on stderr.")
def command(seconds: float, seed: int, as_json: bool) -> None:
    """Start a local Kraken and Binance, connect to both, break things, and say honestly what happened.

    No keys and no network are needed. Exit 1 when a reader got a value that the venue never had, or when a
    book was not live at the end.

    \b
    JSON: what befell Kraken up to "divergences" ("symbols" with a row per symbol and venue), then "venues",
      each {"venue", "level", "levels_seen", "frames", "books", "readings"}, and "between", the price of
      BTC at both: {"symbols", "mids", "difference", "apart_bp", "least_bp", "most_bp", "agreement"}
    """
    console = Console(highlight=False)
    demo = run(perform(seconds, seed, _view(console, as_json)))
    result = demo.final
    assert result is not None
    if as_json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        _sum_up(demo, console)
    raise click.exceptions.Exit(_exit_code(demo))


def _view(console: Console, as_json: bool) -> View:
    if as_json:
        return Lines(lambda line: click.echo(line, err=True))
    if console.is_terminal:
        return Screen(console)
    return Lines(click.echo)


def _sum_up(demo: Demo, console: Console) -> None:
    """The faults once more, because the screen is gone, and the summary."""
    assert demo.final is not None
    if console.is_terminal and demo.incidents.all:
        console.print(faults(demo.incidents.all, len(demo.incidents.all)))
    click.echo()
    for line in summary(demo, demo.final):
        if console.is_terminal:
            console.print(Padding(f"• {line}", (0, 2, 0, 0)), markup=False)
        else:
            click.echo(line)


def _exit_code(demo: Demo) -> int:
    if demo.venue.verdicts.wrong:
        return 1
    if demo.interrupted:
        return INTERRUPTED
    return 0 if demo.books_live else 1
