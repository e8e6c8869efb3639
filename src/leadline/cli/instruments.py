"""`leadline instruments`: search what can be traded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from leadline.app.config import Settings, settings_of
from leadline.app.opening import open_market
from leadline.cli.options import config_option, json_option, venue_argument
from leadline.cli.runner import run
from leadline.cli.wire import plain
from leadline.errors import UnknownSymbol
from leadline.model.instrument import Instrument


@click.command(short_help="Find what can be traded.")
@venue_argument
@click.argument("search", default="")
@config_option
@json_option
def command(venue: str, search: str, config: Path | None, as_json: bool) -> None:
    """List instruments whose symbol contains SEARCH, or that one of the venue's spellings means."""
    settings = settings_of(config, venue)
    found = run(find(settings, search))
    if not found:
        click.echo(f"error: {venue} has no instrument like {search!r}", err=True)
    elif as_json:
        for instrument in found:
            click.echo(msgspec.json.encode(_row(instrument)).decode())
    else:
        _tell(found)
    click.get_current_context().exit(0 if found else 1)


async def find(settings: Settings, search: str) -> Sequence[Instrument]:
    """Instruments that contain a text, else the one it spells, else the nearest."""
    async with open_market(settings) as market:
        wanted = search.strip().upper()
        everything = market.reference.instruments()
        found = [instrument for instrument in everything if wanted in instrument.symbol]
        if found:
            return found
        try:
            return [market.reference.instrument(search)]
        except UnknownSymbol as error:
            return [instrument for instrument in everything if instrument.symbol in error.nearest]


def _row(instrument: Instrument) -> dict[str, object]:
    return {
        "symbol": instrument.symbol,
        "base": instrument.base,
        "quote": instrument.quote,
        "price_precision": instrument.price_precision,
        "qty_precision": instrument.qty_precision,
        "tick": plain(instrument.tick),
        "lot": plain(instrument.lot),
        "qty_min": plain(instrument.qty_min),
        "cost_min": plain(instrument.cost_min),
        "status": instrument.status.value,
    }


def _tell(found: Sequence[Instrument]) -> None:
    from leadline.cli.tables import Column, Row, show

    rows = []
    for instrument in found:
        steps = (instrument.tick, instrument.lot, instrument.qty_min, instrument.cost_min)
        rows.append(Row([instrument.symbol, *map(plain, steps), instrument.status.value.replace("_", " ")]))
    numbers = [Column(name, number=True) for name in ("tick", "lot", "least quantity", "least cost")]
    show([Column("symbol"), *numbers, Column("status")], rows)
