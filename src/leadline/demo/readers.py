"""The demo's readers: of every instrument a callback, conflated and lossless iterators, and awaited reads.

Whatever a reader gets as good is handed to the referee as it was got.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle
from typing import Any

from leadline.clock import Clock
from leadline.core.book import BookView
from leadline.demo import observed
from leadline.demo.observed import Seen
from leadline.engine.feed import Feed
from leadline.errors import Held, Stale
from leadline.model.market import Bar, FrozenBook, Gap, Ticker, Trade
from leadline.model.reading import Reading, Source
from leadline.net.websocket import Socket

KEPT_LATENCIES = 200_000
"""At the bound the oldest are forgotten: the percentiles are those of the newest."""

DEPTH = 10
_AWAITED_EVERY_S = 0.25


@dataclass(slots=True)
class Row:
    """What is known of one instrument, for the screen."""

    symbol: str
    book: Reading[BookView] | None = None
    ticker: Reading[Ticker] | None = None
    bar: Bar | None = None
    last: Decimal | None = None
    """The price of the last trade."""
    trades: int = 0
    bars: int = 0
    trade_ids: set[int] = field(default_factory=set)


class Readers:
    """Everybody who reads in the demo; `saw` takes each value that one of them got."""

    def __init__(self, feed: Feed, clock: Clock, symbols: Sequence[str], saw: Callable[[Seen], None]) -> None:
        self.rows = {symbol: Row(symbol) for symbol in symbols}
        self.latencies_ns: deque[int] = deque(maxlen=KEPT_LATENCIES)
        """From the receipt of a book's frame to the call of its first subscriber, its checksum verified."""
        self.trades_twice = 0
        """Trades that a lossless reader got more than once."""
        self.stale_refusals = 0
        """Awaited reads that were told that nothing fresh is to be had, or may be asked for now."""
        self._feed = feed
        self._clock = clock
        self._saw = saw

    def start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Begin all reading; cancel what is returned to end the iterators and awaited reads."""
        feed = self._feed
        for row in self.rows.values():
            feed.on_book(row.symbol, self._measured(row), DEPTH)
            feed.on_ticker(row.symbol, self._ticker_into(row))
            feed.on_trade(row.symbol, self._trade)
        work: list[Any] = [self._awaited_books(), self._awaited_tickers()]
        for row in self.rows.values():
            work += [
                self._each(feed.books(row.symbol, DEPTH), self._book),
                self._each(feed.every_book(row.symbol, DEPTH), self._book),
                self._each(feed.tickers(row.symbol), self._ticker),
                self._each(feed.every_trade(row.symbol), self._counted(row)),
                self._each(feed.every_bar(row.symbol), self._bar_into(row)),
            ]
        return [tasks.create_task(each) for each in work]

    # --- callbacks, called from the frame ---

    def _measured(self, row: Row) -> Callable[[Reading[BookView]], None]:
        mono_ns, latencies = self._clock.mono_ns, self.latencies_ns

        def on_book(reading: Reading[BookView]) -> None:
            if reading.source is Source.STREAM:
                latencies.append(mono_ns() - reading.received_mono_ns)
            row.book = reading
            self._book(reading)

        return on_book

    def _ticker_into(self, row: Row) -> Callable[[Reading[Ticker]], None]:
        def on_ticker(reading: Reading[Ticker]) -> None:
            row.ticker = reading
            self._ticker(reading)

        return on_ticker

    def _trade(self, reading: Reading[Trade]) -> None:
        self._saw(observed.of_trade(reading.value))

    # --- iterators ---

    async def _each(
        self, readings: AsyncIterator[Reading[Any] | Gap], take: Callable[[Reading[Any]], None]
    ) -> None:
        async for reading in readings:
            if not isinstance(reading, Gap):
                take(reading)

    def _counted(self, row: Row) -> Callable[[Reading[Trade]], None]:
        def take(reading: Reading[Trade]) -> None:
            row.trades += 1
            row.last = reading.value.price
            trade_id = reading.value.trade_id or 0
            self.trades_twice += trade_id in row.trade_ids
            row.trade_ids.add(trade_id)
            self._trade(reading)

        return take

    def _bar_into(self, row: Row) -> Callable[[Reading[Bar]], None]:
        def take(reading: Reading[Bar]) -> None:
            row.bars += 1
            row.bar = reading.value
            if reading.value.trades:  # the venue prints no minute without trades; REST invents those
                self._saw(observed.of_bar(reading.value))

        return take

    # --- awaited reads ---

    async def _awaited_books(self) -> None:
        for symbol in cycle(self.rows):
            try:
                self._book(await self._feed.book(symbol, DEPTH))
            except (Stale, Held):
                self.stale_refusals += 1
            await self._clock.sleep(_AWAITED_EVERY_S)

    async def _awaited_tickers(self) -> None:
        for symbol in cycle(self.rows):
            try:
                self._ticker(await self._feed.ticker(symbol))
            except (Stale, Held):
                self.stale_refusals += 1
            await self._clock.sleep(_AWAITED_EVERY_S)

    # --- to the referee ---

    def _book(self, reading: Reading[Any]) -> None:
        if reading.verified:
            value = reading.value
            book = value if isinstance(value, FrozenBook) else value.freeze(DEPTH)
            self._saw(observed.of_book(book, DEPTH, self._clock.mono_ns(), reading.bound_s))

    def _ticker(self, reading: Reading[Ticker]) -> None:
        self._saw(observed.of_ticker(reading.value, self._clock.mono_ns(), reading.bound_s))


class CountedSocket:
    """A socket that counts the frames it has received into what all sockets of a line share."""

    def __init__(self, socket: Socket, frames: FrameCount) -> None:
        self._socket = socket
        self._frames = frames
        self.send = socket.send
        self.close = socket.close

    async def receive(self) -> bytes:
        frame = await self._socket.receive()
        self._frames.total += 1
        return frame


@dataclass(slots=True)
class FrameCount:
    """Frames received over all connections so far."""

    total: int = 0
