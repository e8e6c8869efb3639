"""The path from bytes to a subscriber at Binance: the objects `watch` uses, without sockets.

bytes in → typed decode → chain checked → book → state → one subscriber called. A snapshot by REST is one of
the frames; what is fetched is given to whoever wished for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from leadline.bench.binance_frames import REST, Heard
from leadline.bench.processing import Read
from leadline.bench.yardstick import Pace, measure
from leadline.clock import NS_PER_S, Clock
from leadline.core.retry import Backoff, ConnectBudget
from leadline.core.session import MarketSession
from leadline.emulator.binance.contracts import Contract
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.wire import Answer
from leadline.engine.routes import Routes
from leadline.errors import ConnectFailed, RecordingError
from leadline.model.market import Channel
from leadline.net.connection import Line
from leadline.net.http import MemoryHttp, Request, Response
from leadline.venues.binance.limits import AddressLimits
from leadline.venues.binance.listeners import REFILL_NS
from leadline.venues.binance.session import BinanceSession
from leadline.venues.binance.snapshots import decode_depth
from leadline.venues.binance.venue import LIMITS, Binance

CHANNELS = tuple(channel for channel in Channel if channel in LIMITS.channels)

DEPTH = 100
"""Levels a side that a measured book hands out."""


class BinancePipeline(Read):
    """Both routes of a venue with a line each, which is never connected: frames come from a list."""

    def __init__(self, market: Binance, clock: Clock) -> None:
        super().__init__(market, clock)
        self._market = market
        self._clock = clock
        self._routes = Routes(market, self._line, self.feed.receive, lambda event: None, clock)
        self.sessions: dict[str, BinanceSession] = {}
        """The one of each route."""
        for route, lines in self._routes.by_name.items():
            [session] = lines.sessions
            assert isinstance(session, BinanceSession)
            self.sessions[route] = session
        for session in self.sessions.values():
            session.opened(clock.mono_ns())
        self.feed.attach(self._routes, self._routes.poke, self._routes.of)

    def ask(self) -> None:
        """Have every subscription asked for, however slowly the venue wants to be asked."""
        for session in self.sessions.values():
            now_ns = self._clock.mono_ns()
            while any(session.outputs()):
                now_ns += NS_PER_S
                session.woke(now_ns)

    def close(self) -> None:
        """Wish for no more snapshots."""
        for session in self.sessions.values():
            session.closed("measured", self._clock.mono_ns())

    def receiver(self, heard: Sequence[Heard]) -> Callable[[bytes], None]:
        """Takes the frames one by one, in this order; the time is read for each of a connection."""
        takers, mono_ns = iter([self._taker(each) for each in heard]), self._clock.mono_ns
        return lambda frame: next(takers)(frame, mono_ns())

    def unproven(self) -> list[str]:
        """The books whose chain hangs on no snapshot, or broke on the way."""
        books = {
            symbol: (session.book(symbol), chain)
            for session in self.sessions.values()
            for symbol, chain in session.chains().items()
        }
        return [
            symbol for symbol, (book, chain) in books.items() if book is None or not book.live or chain.breaks
        ]

    def _taker(self, heard: Heard) -> Callable[[bytes, int], None]:
        if heard.route == REST:
            instrument = self._market.symbols.of_wire(heard.symbol)
            assert instrument is not None, heard.symbol
            return partial(self._fetched, instrument.symbol, heard.limit)
        return self.sessions[heard.route].received

    def _fetched(self, symbol: str, limit: int, frame: bytes, now_ns: int) -> None:
        """Give a book by REST to whoever has wished for it, however soon after another."""
        snapshot = decode_depth(frame, limit)
        snapshots = self._market.snapshots
        if snapshots.wanted(symbol):
            wish = snapshots.next(now_ns + REFILL_NS, lambda each: each == symbol)
            assert wish is not None and wish.symbol == symbol, wish
            snapshots.fetched(wish, snapshot, now_ns)

    def _line(self, route: str, session: MarketSession) -> Line:
        return Line(session, _nowhere, self._clock, Backoff(random.Random(1)), ConnectBudget())  # noqa: S311


async def _nowhere() -> NoReturn:
    raise ConnectFailed("the frames that are measured come from a list")


async def binance(contracts: Sequence[Contract], clock: Clock, depth_ms: int = 100) -> Binance:
    """Binance with the reference data of these contracts, asked of an emulator in memory."""
    exchange = BinanceExchange(start_ns=clock.wall_ns(), rate=0.0, contracts=contracts, history_minutes=1)

    def answer(request: Request) -> Response:
        told = exchange.request(
            request.method, request.path, dict(request.query), clock.wall_ns(), request.headers, request.body
        )
        assert isinstance(told, Answer)
        return Response(told.status, told.headers, told.body)

    limits = AddressLimits(clock)
    market = Binance(MemoryHttp(answer, clock, limits.weight, limits.terms), clock, depth_ms, limits)
    await market.load()
    return market


def proven_pace(
    market: Binance, clock: Clock, heard: Sequence[Heard], subscribe: Callable[[BinancePipeline], None]
) -> Pace:
    """Microseconds a frame through a pipeline with these subscribers, beside the yardstick.

    Raises RecordingError where a book's messages are not proven.
    """
    pipelines: list[BinancePipeline] = []

    def prepare() -> Callable[[bytes], None]:
        while pipelines:
            pipelines.pop().close()
        pipeline = BinancePipeline(market, clock)
        pipelines.append(pipeline)
        subscribe(pipeline)
        pipeline.ask()
        return pipeline.receiver(heard)

    paced = measure(clock, [each.text for each in heard], prepare)
    pipeline = pipelines.pop()
    unproven = pipeline.unproven()
    pipeline.close()
    if unproven:
        raise RecordingError(
            f"the messages of {', '.join(unproven)} do not follow a snapshot without a break, so they cannot "
            "be proven and the figure would be too good; put the book by REST first"
        )
    return paced


def binance_pace(
    market: Binance,
    clock: Clock,
    heard: Sequence[Heard],
    symbols: Sequence[str],
    channels: Sequence[Channel] = CHANNELS,
) -> Pace:
    """The same with subscribers of these channels of every symbol."""

    def subscribe(pipeline: BinancePipeline) -> None:
        for symbol in symbols:
            pipeline.subscribe(symbol, channels, DEPTH)

    return proven_pace(market, clock, heard, subscribe)
