"""`leadline history`: candles of the past into a file."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from leadline.app.config import Settings, load_settings
from leadline.app.history import bar_file
from leadline.app.system import open_market
from leadline.cli.options import Amount, config_option, json_option, shown, symbols_argument, venue_argument
from leadline.cli.progress import counting
from leadline.cli.run import run
from leadline.clock import NS_PER_S, SystemClock
from leadline.engine.history import BarSeries, fetch_history


@click.command(short_help="Candles of the past.")
@venue_argument
@symbols_argument
@click.option(
    "--interval",
    "intervals_min",
    type=int,
    multiple=True,
    default=(5,),
    show_default=True,
    help="Minutes of each candle; may be repeated.",
)
@click.option(
    "--hours",
    type=Amount(min=0, min_open=True, max=876_000),
    default=24.0,
    show_default=True,
    help="How far back.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .csv or .jsonl file.")
@config_option
@json_option
def command(
    venue: str,
    symbols: tuple[str, ...],
    intervals_min: tuple[int, ...],
    hours: float,
    out: Path,
    config: Path | None,
    as_json: bool,
) -> None:
    """Write candles of SYMBOLs to a CSV or JSON lines file, whole or not at all."""
    settings = load_settings(config) if config else Settings()
    intervals_s = [minutes * 60 for minutes in intervals_min]
    since_ns = SystemClock().wall_ns() - round(hours * 3600 * NS_PER_S)
    found = run(fetch(settings, symbols, intervals_s, since_ns, out))
    if as_json:
        click.echo(msgspec.json.encode({"file": shown(out), "series": [_row(one) for one in found]}).decode())
    else:
        _tell(found, out)
    click.get_current_context().exit(1 if any(series.error for series in found) else 0)


async def fetch(
    settings: Settings, symbols: tuple[str, ...], intervals_s: list[int], since_ns: int, out: Path
) -> list[BarSeries]:
    """Fetch all series and write them; nothing is left behind when it breaks off."""
    with bar_file(out) as write:
        async with open_market(settings) as market:
            with counting("candles") as progress:
                found = await fetch_history(market, symbols, intervals_s, since_ns, SystemClock(), progress)
        for series in found:
            write(series.bars)
    return found


def _row(series: BarSeries) -> dict[str, object]:
    return {
        "symbol": series.symbol,
        "interval_s": series.interval_s,
        "bars": len(series.bars),
        "shortfall": series.shortfall,
        "error": str(series.error) if series.error else None,
    }


def _tell(found: list[BarSeries], out: Path) -> None:
    for series in found:
        what = f"{series.symbol} {series.interval_s // 60} min"
        click.echo(f"{what}: {len(series.bars)} candles")
        if series.shortfall:
            click.echo(f"warning: {what}: {series.shortfall}", err=True)
        if series.error:
            click.echo(f"error: {what} broke off: {series.error}", err=True)
    click.echo(f"written to {out}")
