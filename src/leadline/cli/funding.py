"""`leadline funding`: what a contract's funding is about to be, and what it has been."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from leadline.app.config import Settings, settings_of
from leadline.app.opening import open_market
from leadline.cli.account import venue_option
from leadline.cli.options import Amount, config_option, json_option
from leadline.cli.runner import run
from leadline.cli.wire import optional, plain, utc
from leadline.clock import NS_PER_S, SystemClock
from leadline.model.market import FundingRate, MarkPrice
from leadline.net.http import Purpose

_SHOWN = 10


class Funding(Struct, frozen=True):
    """The mark price with the funding to come, and those that have been settled, oldest first."""

    mark: MarkPrice
    settled: list[FundingRate]


@click.command(short_help="Funding of a contract.")
@click.argument("symbol")
@click.option(
    "--hours",
    type=Amount(min=0, min_open=True, max=87_600),
    default=72.0,
    show_default=True,
    help="How far back.",
)
@config_option
@venue_option
@json_option
def command(symbol: str, hours: float, config: Path | None, venue: str | None, as_json: bool) -> None:
    """Show the funding of SYMBOL: what longs pay to shorts at the next settlement, and what they have paid.

    \b
    JSON: {"venue", "symbol", "mark", "index", "rate", "next_time", "settled": [{"time", "rate", "mark"}]}
    Numbers are texts with the venue's digits; a negative rate is paid by shorts. "rate" and "next_time" are
    null for a contract that has no funding.
    """
    settings = settings_of(config, venue, contracts=True)
    found = run(ask(settings, symbol, SystemClock().wall_ns() - round(hours * 3600 * NS_PER_S)))
    if as_json:
        click.echo(msgspec.json.encode(_row(settings, found)).decode())
    else:
        _tell(found)


async def ask(settings: Settings, symbol: str, since_ns: int) -> Funding:
    """Both, in two requests; raises UnknownSymbol, and CheckFailed where the venue has no fundings."""
    async with open_market(settings) as market:
        name = market.reference.instrument(symbol).symbol
        marks = await market.fetch_marks([name], Purpose.SNAPSHOT)
        return Funding(marks[name], await market.fetch_funding(name, since_ns, Purpose.SNAPSHOT))


def _row(settings: Settings, found: Funding) -> dict[str, object]:
    mark = found.mark
    return {
        "venue": settings.venue,
        "symbol": mark.symbol,
        "mark": plain(mark.mark),
        "index": optional(mark.index),
        "rate": optional(mark.funding_rate),
        "next_time": None if mark.next_funding_ns is None else utc(mark.next_funding_ns),
        "settled": [
            {"time": utc(one.at_ns), "rate": plain(one.rate), "mark": optional(one.mark)}
            for one in found.settled
        ],
    }


def _tell(found: Funding) -> None:
    from leadline.cli.tables import Column, Row, show

    mark = found.mark
    index = "" if mark.index is None else f", index {plain(mark.index)}"
    click.echo(f"{mark.symbol}: mark {plain(mark.mark)}{index}")
    if mark.funding_rate is None or mark.next_funding_ns is None:
        click.echo("it has no funding")
        return
    click.echo(f"{_paid(mark.funding_rate)} at {_minute(mark.next_funding_ns)}")
    if not found.settled:
        return
    rows = [
        Row([_minute(one.at_ns), _percent(one.rate), optional(one.mark) or ""])
        for one in found.settled[-_SHOWN:]
    ]
    show([Column("settled"), Column("rate", number=True), Column("mark", number=True)], rows)
    if len(found.settled) > _SHOWN:
        click.echo(f"and {len(found.settled) - _SHOWN} before; --json has all")


def _paid(rate: Decimal) -> str:
    payer, taker = ("longs", "shorts") if rate >= 0 else ("shorts", "longs")
    return f"{payer} pay {taker} {_percent(abs(rate))} of the position's value"


def _minute(moment_ns: int) -> str:
    return f"{utc(moment_ns)[:16].replace('T', ' ')} UTC"


def _percent(rate: Decimal) -> str:
    return f"{plain((rate * 100).normalize())} %"
