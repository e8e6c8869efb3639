"""`leadline watch`: live readings as a table, as plain lines, or as JSON lines."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from leadline.app.config import settings_of
from leadline.app.opening import open_system
from leadline.app.system import System
from leadline.cli import wire
from leadline.cli.options import (
    STREAMED,
    config_option,
    depth_option,
    interval_option,
    json_option,
    read_channels,
    seconds_option,
    symbols_argument,
    venue_argument,
)
from leadline.cli.runner import run
from leadline.cli.screen import REFRESH_S, Screen
from leadline.cli.words import line
from leadline.errors import Error, Stale
from leadline.model.market import Channel, Gap
from leadline.model.reading import Reading

Show = Callable[[Channel, str, Reading[Any] | Gap], None]
Stream = AsyncGenerator[Reading[Any] | Gap, None]


@click.command(short_help="Live readings.")
@venue_argument
@symbols_argument
@click.option(
    "--channels",
    default="ticker,book,trades",
    show_default=True,
    callback=read_channels,
    help=f"Any of {', '.join(channel.value for channel in STREAMED)}, separated by commas.",
)
@depth_option
@interval_option
@seconds_option
@config_option
@json_option
def command(
    venue: str,
    symbols: tuple[str, ...],
    channels: tuple[Channel, ...],
    depth: int,
    interval_min: int,
    seconds: float | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Show live streams of SYMBOLs, each reading with its source, age and proof."""
    settings = settings_of(config, venue)
    system = open_system(settings, symbols, channels=channels, depth=depth, interval_s=interval_min * 60)
    streams = Streams(symbols, channels, depth, interval_min * 60)
    run(watch(system, streams, seconds, as_json), stopped=0)


class Streams:
    """What is watched, and how many readings of it have been shown."""

    def __init__(
        self, symbols: tuple[str, ...], channels: tuple[Channel, ...], depth: int = 10, interval_s: int = 60
    ) -> None:
        self.symbols = symbols
        self.channels = channels
        self.depth = depth
        self.interval_s = interval_s
        self.shown = 0

    def names(self, system: System) -> list[str]:
        """The symbols in the unified spelling, each once."""
        reference = system.market.reference
        return list(dict.fromkeys(reference.instrument(symbol).symbol for symbol in self.symbols))

    async def follow(self, system: System, show: Show) -> NoReturn:
        """Show every stream; one that is refused is named and the others go on.

        Raises the last refusal when nothing is left to show.
        """
        async with asyncio.TaskGroup() as group:
            pending = {group.create_task(self._show(*each, show)) for each in self._begin(system)}
            while True:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for what, error in (task.result() for task in done):
                    if not pending:
                        raise error
                    click.echo(f"error: {what}: {error}", err=True)

    def _begin(self, system: System) -> list[tuple[Channel, str, Stream]]:
        """An iterator for each symbol and channel; books and tickers conflate, trades and bars come all."""
        feed = system.feed
        make: dict[Channel, Callable[[str], Any]] = {
            Channel.TICKER: feed.tickers,
            Channel.BOOK: lambda symbol: feed.books(symbol, self.depth),
            Channel.TRADES: feed.every_trade,
            Channel.BARS: lambda symbol: feed.every_bar(symbol, self.interval_s),
            Channel.TOP: lambda symbol: feed.tops(symbol, self.top_depth(system)),
            Channel.MARK: feed.marks,
            Channel.STATS: feed.days,
            Channel.LIQUIDATIONS: feed.liquidations,
        }
        return [
            (channel, name, make[channel](name)) for name in self.names(system) for channel in self.channels
        ]

    def top_depth(self, system: System) -> int:
        """The least depth of the venue's tops that has what is wanted, else the greatest."""
        depths = sorted(system.market.limits.top_depths)
        return next((depth for depth in depths if depth >= self.depth), depths[-1])

    async def _show(self, channel: Channel, symbol: str, stream: Stream, show: Show) -> tuple[str, Error]:
        """Show one stream for as long as it lasts; which it was, and the error that ended it."""
        try:
            async for item in stream:
                self.shown += 1
                show(channel, symbol, item)
        except Error as error:
            return f"{channel.value} {symbol}", error
        raise AssertionError("a stream without an end has ended")


async def watch(system: System, streams: Streams, seconds: float | None, as_json: bool) -> None:
    """Watch until the time is up; raises Stale when nothing has come by then."""
    try:
        async with asyncio.timeout(seconds), system:
            if as_json:
                await streams.follow(system, print_json)
            elif sys.stdout.isatty():
                await _on_screen(system, streams)
            else:
                await streams.follow(system, print_line)
    except TimeoutError:
        if not streams.shown:
            raise Stale("reading", f"nothing came within {seconds:g} s") from None


def print_json(channel: Channel, symbol: str, item: Reading[Any] | Gap) -> None:
    """One reading or hole as a line of JSON."""
    text = wire.gap(item) if isinstance(item, Gap) else wire.event(channel.value, symbol, item)
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.buffer.flush()


def print_line(channel: Channel, symbol: str, item: Reading[Any] | Gap) -> None:
    """One reading or hole in words."""
    click.echo(line(symbol, item))


async def _on_screen(system: System, streams: Streams) -> None:
    with Screen(system, streams.names(system), streams.channels) as screen:

        async def redraw() -> None:
            while True:
                screen.draw()
                await system.clock.sleep(REFRESH_S)

        async with asyncio.TaskGroup() as group:
            group.create_task(redraw())
            await streams.follow(system, screen.take)
