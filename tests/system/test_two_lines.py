"""Two lines over real sockets: one is cut again and again, and readers are with the other at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import leadline
from leadline.app.opening import client_of
from leadline.app.system import System
from leadline.clock import NS_PER_MS, SystemClock
from leadline.core.retry import ConnectBudget
from leadline.core.session import LineDown
from leadline.engine.events import LineRotated, LineSwitched, SourceChanged
from leadline.errors import ConnectionLost
from leadline.model.market import Channel, Gap, Subscription
from leadline.model.reading import Reading, Source
from leadline.net import websocket
from leadline.net.websocket import Socket
from leadline.venues.kraken.venue import Kraken
from served import Served, served

BTC, ETH = "BTC/USD", "ETH/USD"
CHANNELS = {Channel.TICKER: 0, Channel.BOOK: 10, Channel.TRADES: 0, Channel.BARS: 60}
WANTED = [
    Subscription(channel, symbol, param) for symbol in (BTC, ETH) for channel, param in CHANNELS.items()
]
LOSSES = 31
SWITCH_MS = 100.0


class AtOnce:
    """No back-off: what is measured is the switch, not the wait for the next connect."""

    def random(self) -> float:
        return 0.0


class Ends:
    """When each socket was noticed to be gone."""

    def __init__(self) -> None:
        self.noticed_ns: list[int] = []

    def __call__(self, socket: Socket) -> Socket:
        return _Watched(socket, self)


class _Watched:
    def __init__(self, socket: Socket, ends: Ends) -> None:
        self.send = socket.send
        self.close = socket.close
        self._socket = socket
        self._ends = ends

    async def receive(self) -> bytes:
        try:
            return await self._socket.receive()
        except ConnectionLost:
            self._ends.noticed_ns.append(SystemClock().mono_ns())
            raise


@asynccontextmanager
async def opened(venue: Served, **parts: Any) -> AsyncIterator[tuple[System, Ends]]:
    """A ready system on a venue's sockets that reconnects without delay."""
    clock, ends = SystemClock(), Ends()
    http = client_of(venue.settings, clock)

    async def connect() -> Socket:
        return ends(await websocket.connect(venue.settings.endpoints.ws_public))

    system = System(
        Kraken(http, clock),
        connect,
        clock,
        required=WANTED,
        chance=AtOnce(),
        connects=ConnectBudget(),
        http=http,
        **parts,
    )
    async with system:
        await system.ready(20)
        yield system, ends


async def until(condition: Any, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is a state, not an event
            await asyncio.sleep(0.005)


async def test_thirty_one_cuts_of_the_line_that_carries_everything_are_switched_at_once() -> None:
    async with served(rate=300) as venue, opened(venue, lines=2) as (system, ends):
        told: list[tuple[int, Any]] = []
        system.feed.listen(lambda event: told.append((SystemClock().mono_ns(), event)))
        trades: list[int] = []
        tickers: list[Reading[Any]] = []
        books: list[Reading[Any]] = []
        system.feed.on_trade(BTC, lambda reading: trades.append(reading.value.trade_id))
        system.feed.on_ticker(BTC, tickers.append)
        system.feed.on_book(BTC, books.append)
        for number in range(LOSSES):
            await until(lambda: all(state.warm == len(WANTED) for state in system.lines.lines))
            venue.inject(kind="CLOSE", code=1006, line="ws_public", only="oldest")
            await until(lambda number=number: len(ends.noticed_ns) > number)
            await until(lambda number=number: len(_of(told, LineDown)) > number)

        switched = [at_ns for at_ns, event in told if isinstance(event, LineSwitched)]
        assert len(switched) >= LOSSES - 1  # the first cut may hit a line that carries nothing
        took_ms = [
            (at_ns - max(end_ns for end_ns in ends.noticed_ns if end_ns <= at_ns)) / NS_PER_MS
            for at_ns in switched
        ]
        assert max(took_ms) < SWITCH_MS
        assert system.lines.switches.count == len(switched)
        assert _of(told, Gap) == _of(told, SourceChanged) == []
        assert system.feed.gaps == ()
        assert trades == list(range(trades[0], trades[0] + len(trades)))
        times = [reading.value.venue_time for reading in tickers]
        assert times == sorted(times)
        assert all(one.value != other.value for one, other in itertools.pairwise(tickers))
        assert {reading.source for reading in (*tickers, *books)} == {Source.STREAM}
        assert all(reading.verified for reading in books)


async def test_a_connection_with_an_age_is_replaced_before_the_venue_cuts_it() -> None:
    async with served(rate=300) as venue:
        venue.inject(kind="CLOSE", after_s=4.0)
        async with opened(venue, rotate_after_s=1.5) as (system, ends):
            told: list[tuple[int, Any]] = []
            system.feed.listen(lambda event: told.append((0, event)))
            trades: list[int] = []
            system.feed.on_trade(BTC, lambda reading: trades.append(reading.value.trade_id))
            await until(lambda: len(_of(told, LineRotated)) == 3, 20)

            assert ends.noticed_ns == []
            assert _of(told, LineDown) == _of(told, Gap) == _of(told, SourceChanged) == []
            assert trades == list(range(trades[0], trades[0] + len(trades)))
            assert system.feed.stats.receiving == len(WANTED)


async def test_spread_lines_lose_their_own_streams_alone_and_rest_steps_in_at_once() -> None:
    async with served(rate=300) as venue, opened(venue, lines=2, redundant=False) as (system, _):
        told: list[tuple[int, Any]] = []
        system.feed.listen(lambda event: told.append((0, event)))
        for symbol in (BTC, ETH):
            system.feed.on_ticker(symbol, lambda reading: None)
            system.feed.on_book(symbol, lambda reading: None)
        venue.inject(kind="CLOSE", code=1006, line="ws_public", only="oldest")
        await until(lambda: _of(told, LineDown))
        await until(lambda: system.feed.stats.receiving == len(WANTED))

        assert len({(gap.channel, gap.symbol) for gap in system.feed.gaps}) == len(WANTED) // 2
        to_rest = [event for event in _of(told, SourceChanged) if event.source is Source.REST]
        assert max((event.took_ms for event in to_rest), default=0.0) < SWITCH_MS


async def test_a_single_lines_loss_hands_its_readers_to_rest_at_once() -> None:
    async with served(rate=300) as venue, opened(venue) as (system, ends):
        told: list[tuple[int, Any]] = []
        system.feed.listen(lambda event: told.append((SystemClock().mono_ns(), event)))
        system.feed.on_ticker(BTC, lambda reading: None)
        system.feed.on_book(BTC, lambda reading: None)
        venue.inject(kind="REFUSE", for_s=3.0)
        venue.inject(kind="CLOSE", code=1006, line="ws_public")
        await until(lambda: len(_of(told, SourceChanged)) >= 2)

        to_rest = [(at_ns, event) for at_ns, event in told if isinstance(event, SourceChanged)][:2]
        assert {(event.channel, event.source) for _, event in to_rest} == {
            (Channel.TICKER, Source.REST),
            (Channel.BOOK, Source.REST),
        }
        assert max(at_ns - ends.noticed_ns[0] for at_ns, _ in to_rest) / NS_PER_MS < SWITCH_MS
        assert max(event.took_ms for _, event in to_rest) < SWITCH_MS


async def test_lines_are_a_word_of_open() -> None:
    async with (
        served(rate=200) as venue,
        leadline.open(venue.settings, [BTC], lines=2) as system,
    ):
        await system.ready(10)

        assert [state.number for state in system.lines.lines] == [1, 2]


def _of(told: list[tuple[int, Any]], kind: type[Any]) -> list[Any]:
    return [event for _, event in told if isinstance(event, kind)]
