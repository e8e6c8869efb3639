"""The path from bytes to a subscriber, measured without a socket through the very objects `watch` uses.

bytes in → typed decode → book → checksum verified → state → one subscriber called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from leadline.bench.yardstick import Pace, measure
from leadline.clock import NS_PER_S, Clock
from leadline.core.limits import DecayingCounter
from leadline.core.session import MarketSession
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import Pair
from leadline.emulator.wire import Answer
from leadline.engine.feed import Feed
from leadline.model.market import Channel
from leadline.model.reading import Reading
from leadline.net.http import MemoryHttp, Request, Response
from leadline.venues.kraken.venue import PUBLIC, Kraken
from leadline.venues.ports import MarketData

CHANNELS = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS)

BAR_S = 60
TOP_LEVELS = 5


class Listener:
    """The one subscriber: counts what it is called with."""

    def __init__(self) -> None:
        self.calls = 0

    def take(self, reading: Reading[Any]) -> None:
        self.calls += 1


class Read:
    """A feed, and one subscriber for each stream that is wanted of it."""

    def __init__(self, market: MarketData, clock: Clock) -> None:
        self.listener = Listener()
        self.feed = Feed(market, clock)

    def subscribe(self, symbol: str, channels: Sequence[Channel], depth: int) -> None:
        """Read these channels of a symbol, books at a depth."""
        params = {Channel.BOOK: depth, Channel.BARS: BAR_S, Channel.TOP: TOP_LEVELS}
        for channel in channels:
            self.read(channel, symbol, params.get(channel, 0))

    def read(self, channel: Channel, symbol: str, param: int) -> None:
        """Put the subscriber on one stream; `param` is a depth or the seconds of a bar."""
        feed, take = self.feed, self.listener.take
        match channel:
            case Channel.TICKER:
                feed.on_ticker(symbol, take)
            case Channel.BOOK:
                feed.on_book(symbol, take, param)
            case Channel.TRADES:
                feed.on_trade(symbol, take)
            case Channel.BARS:
                feed.on_bar(symbol, take, param)
            case Channel.TOP:
                feed.on_top(symbol, take, param)
            case Channel.MARK:
                feed.on_mark(symbol, take)
            case Channel.STATS:
                feed.on_day(symbol, take)
            case Channel.LIQUIDATIONS:
                feed.on_liquidation(symbol, take)


class Pipeline(Read):
    """Session, feed and a subscriber for each stream, put together as `watch` puts them together."""

    def __init__(self, market: MarketData, clock: Clock) -> None:
        super().__init__(market, clock)
        self.session: MarketSession = market.session(self.feed.receive, PUBLIC)
        self._clock = clock
        self.session.opened(clock.mono_ns())
        self.feed.attach(self.session, poke=lambda: None)

    def ask(self) -> None:
        """Have every subscription asked for, however slowly the venue wants to be asked."""
        now_ns = self._clock.mono_ns()
        while any(self.session.outputs()):
            now_ns += NS_PER_S
            self.session.woke(now_ns)

    @property
    def receive(self) -> Callable[[bytes], None]:
        """What the connection does with a frame: the time is read for each."""
        received, mono_ns = self.session.received, self._clock.mono_ns
        return lambda frame: received(frame, mono_ns())


def rest(exchange: Exchange, clock: Clock) -> MemoryHttp:
    """The REST side of an emulator in memory, public and private."""

    def answer(request: Request) -> Response:
        told = exchange.request(
            request.method, request.path, dict(request.query), clock.wall_ns(), request.headers, request.body
        )
        assert isinstance(told, Answer)
        return Response(told.status, tuple(told.headers), told.body)

    return MemoryHttp(answer, clock, DecayingCounter(limit=8.0, decay_per_s=0.8))


def silent_exchange(pairs: Sequence[Pair], clock: Clock) -> Exchange:
    """An emulator of these pairs on which nothing happens."""
    return Exchange(start_ns=clock.wall_ns(), rate=0.0, pairs=pairs, history_minutes=1)


async def market(pairs: Sequence[Pair], clock: Clock) -> Kraken:
    """Kraken with the reference data of these pairs, asked of an emulator in memory."""
    kraken = Kraken(rest(silent_exchange(pairs, clock), clock), clock)
    await kraken.load()
    return kraken


def pace(
    kraken: Kraken,
    clock: Clock,
    frames: Sequence[bytes],
    symbols: Sequence[str],
    channels: Sequence[Channel] = CHANNELS,
    depth: int = 10,
) -> Pace:
    """Microseconds a frame through the pipeline, beside the yardstick."""

    def prepare() -> Callable[[bytes], None]:
        pipeline = Pipeline(kraken, clock)
        for symbol in symbols:
            pipeline.subscribe(symbol, channels, depth)
        pipeline.ask()
        return pipeline.receive

    return measure(clock, frames, prepare)
