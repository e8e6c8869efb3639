"""The command `leadline`: verbs by name, each loaded only when it is used.

Exit codes: 0 done, 1 failed (one line on stderr says why), 2 wrong use.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module

import click

from leadline.cli import INTERRUPTED
from leadline.cli.complaint import complain
from leadline.errors import Error

VERBS = {
    "demo": "See it all at work, faults included, on this machine alone.",
    "watch": "Live tickers, books, trades and bars, each with its source and age.",
    "record": "Write every frame of a live stream to a file, verbatim.",
    "replay": "Replay recordings and prove every book in them.",
    "history": "Write candles of the past, or your own fills and bookings, to a file.",
    "instruments": "Find what can be traded, by any of its names.",
    "balance": "What the account owns, to the last digit.",
    "positions": "The account's open positions.",
    "leverage": "Set the leverage of a contract's positions.",
    "funding": "What a contract's funding is, and was.",
    "orders": "The account's open orders.",
    "order": "Place one order, journalled first and sent once.",
    "cancel": "Cancel orders, also when the stream is dead.",
    "cancel-all": "Cancel every order of the account.",
    "run": "The whole system as a long-lived process, from a settings file.",
    "report": "The key figures of the running system.",
    "level": "Hold the running system at a service level, or release it.",
    "status": "What the venue says of itself, and how the running system stands.",
    "doctor": "What works, what does not, and what to do about it.",
    "emulate": "Run a local exchange on this machine, with faults on demand.",
    "simulate": "Judge the whole system under faults, on virtual time.",
    "bench": "Measure the path from bytes to a subscriber.",
}


def module_of(verb: str) -> str:
    """The name of a verb's module, without its package."""
    return verb.replace("-", "_")


class Verbs(click.Group):
    """Looks a verb up in its own module, and says errors of ours in one line."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"leadline.cli.{module_of(name)}").command
        command.name = name
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        near = get_close_matches(name, VERBS, n=1)
        if name not in VERBS and near and not name.startswith("-"):
            context.fail(f"no such verb: {name}; did you mean {near[0]}?")
        return super().resolve_command(context, arguments)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except Error as error:
            complain(error)
            context.exit(1)
        except BrokenPipeError:
            # whoever read us has enough; nothing may be written any more, not even on the way out
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            context.exit(0)


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="leadline")
def cli() -> None:
    """Market data that says where it came from, how old it is, and whether it is proven."""


def main() -> None:
    """The entry point; leaves without waiting for a name look-up that hangs in a thread."""
    # closed by whoever started us: the first sockets would take their numbers
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without a sign for – shows a question mark
    try:
        code = cli.main(prog_name="leadline", standalone_mode=False) or 0
        with suppress(BrokenPipeError):
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = INTERRUPTED
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        click.echo(f"error: cannot write what there is to say: {error.strerror}", err=True)
        code = 1
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)
