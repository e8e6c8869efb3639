"""`leadline emulate`: a local exchange until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import click
import msgspec

from leadline.cli.options import Amount, json_option
from leadline.cli.runner import run
from leadline.clock import SystemClock
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import Endpoints, serve
from leadline.venues.catalogue import VENUES


@click.command(short_help="A local exchange.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same market.")
@click.option(
    "--rate",
    type=Amount(min=0),
    default=100.0,
    show_default=True,
    help="Market events a second, over all instruments.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="A port of this machine; 0 takes a free one."
)
@json_option
def command(seed: int, rate: float, port: int, as_json: bool) -> None:
    """Run a local Kraken and a local Binance on this machine, each with a demo account, and faults on demand.

    They run until SIGINT or SIGTERM. Prices and money are invented; nothing leaves this machine.

    \b
    JSON: {"kraken": {"endpoints": {name: address}, "credentials": {"api_key", "private_key"}}, "binance":
      {"endpoints": {"rest", "ws_public", "ws_market", "ws_private", "ws_api"}, "credentials": {"api_key",
      "api_secret"}}, "control": the address that takes faults, "credentials": those of Kraken}
    """
    run(_emulate(seed, rate, port, as_json), stopped=0)


async def _emulate(seed: int, rate: float, port: int, as_json: bool) -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=seed, rate=rate)
    binance = BinanceExchange(start_ns=clock.wall_ns(), seed=seed, rate=rate)
    async with serve(exchange, clock, port=port, binance=binance) as endpoints:
        click.echo(msgspec.json.encode(endpoints.as_json()).decode() if as_json else words(endpoints))
        await asyncio.Event().wait()


def words(endpoints: Endpoints) -> str:
    """Where they listen, as a settings file, and what can be done to them."""
    told = endpoints.as_json()
    files = [
        f"As a file for --config, {kit.title}:\n\nvenues:\n  {name}:\n{_sections(told[name])}\n"
        for name, kit in VENUES.items()
        if name in told
    ]
    return (
        "Local exchanges are running; stop them with Ctrl-C.\n\n"
        f"{''.join(files)}"
        "The keys are invented here, and so is the money on them.\n\n"
        "Break something (CLOSE, STALL, CORRUPT, SKEW, LAG, …; DELETE ends it):\n\n"
        f"  curl -X POST {endpoints.control}/faults -d "
        """'{"venue": "kraken", "kind": "STALL", "channel": "book", "symbol": "BTC/USD", "for_s": 10}'\n\n"""
        "What they know to be true (book, trades, ticker; orders, fills, balances):\n\n"
        f"  curl '{endpoints.control}/truth/book?symbol=BTC/USD'\n"
        f"  curl '{endpoints.control}/truth/orders'"
    )


def _sections(venue: Mapping[str, Mapping[str, str]]) -> str:
    """One venue's part of a settings file."""
    return "".join(
        f"    {section}:\n" + "".join(f"      {name}: {value}\n" for name, value in venue[section].items())
        for section in ("endpoints", "credentials")
    )
