"""`leadline replay`: recordings, each its own run, and whether every proof in them holds."""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec

from leadline.app.replay import ReplayReport, replay
from leadline.cli.options import json_option, shown
from leadline.errors import Error
from leadline.net.capture import Precision
from leadline.venues.players import MOST_DECIMALS, BookReport

_PRECISION = re.compile(r"(?P<symbol>[^=]+)=(?P<prices>\d+),(?P<qtys>\d+)")
_SKIPPED_SHOWN = 5

_WORDS = {
    "checksum_ok": "proven",
    "checksum_bad": "bad",
    "first_bad_n": "first bad",
    "first_break_n": "first break",
    "bbo_compared": "best compared",
    "bbo_equal": "best equal",
}
"""What a column of counts is called."""


def _read_precisions(
    context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> dict[str, Precision]:
    found = {}
    for text in texts:
        match = _PRECISION.fullmatch(text)
        if match is None or max(int(match["prices"]), int(match["qtys"])) > MOST_DECIMALS:
            raise click.BadParameter(
                f"{text!r}: give decimals of price and quantity, at most {MOST_DECIMALS}, as in BTC/USD=1,8"
            )
        found[match["symbol"]] = Precision(int(match["prices"]), int(match["qtys"]))
    return found


@click.command(short_help="Prove every book of recordings.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    metavar="SYMBOL=P,Q",
    callback=_read_precisions,
    help="Decimals of price and quantity where a recording does not say; may be repeated.",
)
@json_option
def command(files: tuple[Path, ...], precisions: dict[str, Precision], as_json: bool) -> None:
    """Replay recordings through the code that live frames take, and prove every book in them.

    A book is proven by the venue's checksums, or by the chain of its updates and the best prices told beside
    it. Exits with 1 when any is wrong or a FILE is no recording.
    """
    context = click.get_current_context()
    reports: dict[str, ReplayReport] = {}
    failed = False
    for file in files:
        try:
            reports[shown(file)] = report = replay(file, precisions)
        except Error as error:
            click.echo(f"error: {error}", err=True)
            failed = True
            continue
        failed = failed or not report.good
        if not as_json:
            _tell(file, report)
    if as_json and len(files) > 1:
        click.echo(msgspec.json.encode({"files": reports}).decode())
    elif as_json and reports:
        click.echo(msgspec.json.encode(reports[shown(files[0])]).decode())
    context.exit(1 if failed else 0)


def _tell(file: Path, report: ReplayReport) -> None:
    """One recording in words: what is in it, and a row for each book."""
    from leadline.cli.tables import Column, Row, show

    click.secho(file, bold=True)
    click.echo(
        f"{report.frames} frames over {report.seconds:.1f} s: {report.trades} trades, "
        f"{report.tickers} tickers, {report.bars} bars, {report.gaps} gaps"
    )
    if report.books:
        counted = [_WORDS.get(name, name) for name in _counts(next(iter(report.books.values())))]
        rows = [
            Row([symbol, *_counts(book).values(), book.state_hash[:12]], "red" if book.wrong else "")
            for symbol, book in report.books.items()
        ]
        show([Column("book"), *(Column(name, number=True) for name in counted), Column("state")], rows)
    for skipped in report.skipped[:_SKIPPED_SHOWN]:
        click.echo(click.style(f"line {skipped.line} skipped: ", fg="yellow") + skipped.why)
    if len(report.skipped) > _SKIPPED_SHOWN:
        click.echo(f"and {len(report.skipped) - _SKIPPED_SHOWN} more lines skipped; --json names them all")
    click.echo(_verdict(report) + "\n")


def _counts(book: BookReport) -> dict[str, str]:
    """What is counted of a book, as shown; a record's number is marked, and nothing is a dash."""
    told = msgspec.to_builtins(book)
    return {
        name: ("–" if count is None else f"n {count}") if name.endswith("_n") else str(count)
        for name, count in told.items()
        if name != "state_hash"
    }


def _verdict(report: ReplayReport) -> str:
    books = report.books.values()
    proof = next((book.proof for book in books), "checksum")
    proven, bad = sum(book.proven for book in books), sum(book.wrong for book in books)
    if bad:
        return click.style(f"{bad} {proof}s are bad", fg="red") + f", {proven} hold"
    return (
        click.style(f"every {proof} holds", fg="green") + f" ({proven})" if proven else f"no {proof} to prove"
    )
