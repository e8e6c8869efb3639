"""`leadline emulate`: a local exchange until it is told to stop."""

from __future__ import annotations

import asyncio

import click
import msgspec

from leadline.cli.options import Amount, json_option
from leadline.cli.runner import run
from leadline.clock import SystemClock
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import Endpoints, serve


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
    """Run a local Kraken on this machine: WebSocket v2 and REST, a demo account, faults on demand.

    It runs until SIGINT or SIGTERM. Prices and money are invented; nothing leaves this machine.
    """
    run(_emulate(seed, rate, port, as_json), stopped=0)


async def _emulate(seed: int, rate: float, port: int, as_json: bool) -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=seed, rate=rate)
    async with serve(exchange, clock, port=port) as endpoints:
        click.echo(msgspec.json.encode(endpoints.as_json()).decode() if as_json else words(endpoints))
        await asyncio.Event().wait()


def words(endpoints: Endpoints) -> str:
    """Where it listens, as a settings file, and what can be done to it."""
    venue = endpoints.as_json()["kraken"]
    sections = (
        "\n".join([f"    {section}:", *(f"      {name}: {value}" for name, value in venue[section].items())])
        for section in ("endpoints", "credentials")
    )
    return (
        "A local Kraken is running; stop it with Ctrl-C. As a file for --config:\n\n"
        "venues:\n  kraken:\n" + "\n".join(sections) + "\n\n"
        "The key is invented here, and so is the money on it.\n\n"
        "Break something (CLOSE, STALL, CORRUPT, SKEW, LAG, …; DELETE ends it):\n\n"
        f"  curl -X POST {endpoints.control}/faults -d "
        """'{"venue": "kraken", "kind": "STALL", "channel": "book", "symbol": "BTC/USD", "for_s": 10}'\n\n"""
        "What it knows to be true (book, trades, ticker; orders, fills, balances):\n\n"
        f"  curl '{endpoints.control}/truth/book?symbol=BTC/USD'\n"
        f"  curl '{endpoints.control}/truth/orders'"
    )
