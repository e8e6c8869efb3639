"""The public face of market data: subscribe once, read many; every value with its source and age.

The feed owns every task it starts and is used as an async context manager.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from leadline.clock import Clock
from leadline.core.book import BookView
from leadline.core.session import MarketSession
from leadline.engine.answers import Answers
from leadline.engine.backfill import Backfill
from leadline.engine.events import Event
from leadline.engine.fallback import Fallback
from leadline.engine.intake import Intake
from leadline.engine.readers import (
    Callback,
    Conflated,
    FrozenBooks,
    Listener,
    Lossless,
    Reader,
    Stopwatch,
    Watchdog,
    run_callback,
)
from leadline.engine.shelf import Shelf
from leadline.engine.sources import Sources
from leadline.engine.stats import FailoverCounts, FeedStats, ReadingCounts
from leadline.engine.tasks import Tasks
from leadline.engine.topics import Desk, Topic
from leadline.engine.wants import Wants
from leadline.engine.watch import Watch
from leadline.errors import Error
from leadline.model.market import (
    Bar,
    BarBatch,
    Channel,
    FrozenBook,
    Gap,
    Subscription,
    Ticker,
    Trade,
    TradeBatch,
)
from leadline.model.reading import Reading, Source
from leadline.venues.ports import MarketData

TICK_S = 1.0

Stop = Callable[[], None]
"""Ends what it was returned for."""

Stream = AsyncGenerator[Any, None]


class Feed:
    """Live market data of one venue.

    Awaited reads (`ticker`, `book`, `trades`, `bars`) return one Reading. Conflated iterators (`tickers`,
    `books`) yield the newest, lossless ones (`every_…`) yield all, up to a bound; both yield a Gap for every
    hole, and raise the venue's refusal. Callbacks (`on_…`): a plain function is called from the frame with
    every reading; a coroutine function runs in its own task, with the newest ticker or book, or each trade
    or bar.
    """

    def __init__(self, market: MarketData, clock: Clock) -> None:
        self._clock = clock
        self._tasks = Tasks()
        self._desk = Desk(clock)
        self._shelf = Shelf(self._desk)
        answers = Answers(market, self._desk, self._shelf, self._spawn)
        self._sources = Sources(self._desk, answers)
        self._fallback = Fallback(answers, self._sources)
        self._backfill = Backfill(market, clock, self._spawn)
        self._wants = Wants(market, self._desk, self._shelf, self._sources, self._fallback)
        self._watch = Watch(market, self._desk, answers, self._spawn, self._wants.renew)
        self._intake = Intake(self._shelf, self._desk.events, self._sources, self._fallback, self._backfill)
        self.receive = self._intake.receive
        """Takes one piece of news and its monotonic time: the `emit` of a session."""
        self._error: Error | None = None
        self._past = ReadingCounts()
        self._stopwatch = Stopwatch()

    def __repr__(self) -> str:
        stats = self.stats
        return f"Feed({stats.receiving} of {stats.wanted} streams receiving, {stats.gaps.total} gaps)"

    # --- lifetime ---

    async def __aenter__(self) -> Self:
        await self._tasks.enter()
        self._spawn(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.leave(kind, error, trace)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Run as a task of the feed; nothing is begun once the feed has been left."""
        return self._tasks.spawn(work)

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            now_ns = self._clock.mono_ns()
            topics = list(self._shelf)
            self._watch.look(topics, self._sources.session, now_ns)
            self._backfill.look(topics, now_ns)
            self._fallback.poll(topics, now_ns)
            for topic in topics:
                if not topic.readers and not topic.holds and now_ns > topic.keep_until_ns:
                    self._past = _sum_of(self._past, [topic])
                    self._wants.release(topic)

    def attach(self, session: MarketSession, poke: Callable[[], None]) -> None:
        """Use this session for streams; `poke` makes the line send what the session has put out."""
        self._wants.attach(session, poke)

    def fail(self, error: Error) -> None:
        """The line will never come back: iterators raise this, awaited reads go on by REST."""
        self._error = error
        self._intake.line = str(error)
        for topic in self._shelf:
            topic.fail(error)

    def hold(self, channel: Channel, symbol: str, param: int = 0) -> Stop:
        """Stream this, read or not, until stopped; raises UnknownSymbol, and CheckFailed for `param`."""
        topic = self._wants.topic(self._wants.subscription(channel, symbol, param))
        held = object()
        topic.holds.add(held)

        def stop() -> None:
            topic.holds.discard(held)
            topic.keep()

        return stop

    # --- one value ---

    async def ticker(
        self, symbol: str, *, source: Source | None = None, stale_ok: bool = False
    ) -> Reading[Ticker]:
        """The ticker now; raises UnknownSymbol, the venue's refusal, or Stale."""
        return await self._read(Channel.TICKER, symbol, 0, source, stale_ok)

    async def book(
        self, symbol: str, depth: int = 10, *, source: Source | None = None, stale_ok: bool = False
    ) -> Reading[BookView]:
        """The book now, a live view from the stream; raises as `ticker`, and CheckFailed for the depth."""
        return await self._read(Channel.BOOK, symbol, depth, source, stale_ok)

    async def trades(
        self, symbol: str, *, source: Source | None = None, stale_ok: bool = False
    ) -> Reading[TradeBatch]:
        """The recent trades (at most 1000), oldest first; raises as `ticker`."""
        return await self._read(Channel.TRADES, symbol, 0, source, stale_ok)

    async def bars(
        self, symbol: str, interval_s: int = 60, *, source: Source | None = None, stale_ok: bool = False
    ) -> Reading[BarBatch]:
        """The recent candles (at most 720), oldest first; raises as `ticker`, and CheckFailed."""
        return await self._read(Channel.BARS, symbol, interval_s, source, stale_ok)

    async def _read(
        self, channel: Channel, symbol: str, param: int, source: Source | None, stale_ok: bool
    ) -> Reading[Any]:
        assert self._tasks.entered, "a feed is read inside its async with"
        topic = self._wants.topic(self._wants.subscription(channel, symbol, param))
        return await self._sources.read(topic, source, stale_ok)

    # --- the newest value, again and again ---

    def tickers(self, symbol: str) -> AsyncGenerator[Reading[Ticker] | Gap, None]:
        """The newest ticker each time there is one; what came between is passed over."""
        return self._iterate(self._wants.subscription(Channel.TICKER, symbol), self._conflated)

    def books(self, symbol: str, depth: int = 10) -> AsyncGenerator[Reading[BookView] | Gap, None]:
        """The live book each time it has changed; the view is valid until the loop awaits."""
        return self._iterate(self._wants.subscription(Channel.BOOK, symbol, depth), self._conflated)

    # --- every value ---

    def every_ticker(self, symbol: str) -> AsyncGenerator[Reading[Ticker] | Gap, None]:
        """Every ticker, in order, up to a bound of backlog."""
        return self._iterate(self._wants.subscription(Channel.TICKER, symbol), self._lossless)

    def every_book(self, symbol: str, depth: int = 10) -> AsyncGenerator[Reading[FrozenBook] | Gap, None]:
        """Every state of the book, frozen at `depth`, in order, up to a bound of backlog."""
        wanted = self._wants.subscription(Channel.BOOK, symbol, depth)
        return self._iterate(wanted, lambda topic: self._frozen(topic, depth))

    def every_trade(self, symbol: str) -> AsyncGenerator[Reading[Trade] | Gap, None]:
        """Every trade once: as it comes, and back-filled ones (marked) as soon as REST has told them."""
        return self._iterate(self._wants.subscription(Channel.TRADES, symbol), self._lossless)

    def every_bar(self, symbol: str, interval_s: int = 60) -> AsyncGenerator[Reading[Bar] | Gap, None]:
        """Every change of the running bar, and each bar once more when it is complete or corrected."""
        return self._iterate(self._wants.subscription(Channel.BARS, symbol, interval_s), self._lossless)

    async def _iterate(
        self, wanted: Subscription, make: Callable[[Topic[Any]], Conflated[Any] | Lossless[Any]]
    ) -> Stream:
        topic = self._wants.topic(wanted)
        reader = make(topic)
        self._add(topic, reader)
        try:
            while True:
                yield await reader.next()
        finally:
            topic.remove(reader)

    def _add(self, topic: Topic[Any], reader: Reader) -> None:
        topic.add(reader)
        if self._error is not None:
            reader.fail(self._error)

    def _conflated(self, topic: Topic[Any]) -> Conflated[Any]:
        return Conflated(lambda: self._sources.newest(topic))

    def _lossless(self, topic: Topic[Any]) -> Lossless[Any]:
        channel, desk = topic.subscription.channel, self._desk
        return Lossless(channel, topic.symbol, f"every {topic.subscription}", desk.events, desk.ledger.open)

    def _frozen(self, topic: Topic[Any], depth: int) -> Lossless[Any]:
        return FrozenBooks(topic.symbol, depth, self._desk.events, self._desk.ledger.open)

    # --- callbacks ---

    def on_ticker(self, symbol: str, take: Callable[[Reading[Ticker]], object]) -> Stop:
        """Call `take` until stopped; one that fails or takes over 100 ms is named in an event."""
        return self._call(self._wants.subscription(Channel.TICKER, symbol), take, self._conflated)

    def on_book(self, symbol: str, take: Callable[[Reading[BookView]], object], depth: int = 10) -> Stop:
        """Call `take` with the live book until stopped; the view is valid during the call."""
        return self._call(self._wants.subscription(Channel.BOOK, symbol, depth), take, self._conflated)

    def on_trade(self, symbol: str, take: Callable[[Reading[Trade]], object]) -> Stop:
        """Call `take` with every trade until stopped."""
        return self._call(self._wants.subscription(Channel.TRADES, symbol), take, self._lossless)

    def on_bar(self, symbol: str, take: Callable[[Reading[Bar]], object], interval_s: int = 60) -> Stop:
        """Call `take` with every change of the running bar and every completed one until stopped."""
        return self._call(self._wants.subscription(Channel.BARS, symbol, interval_s), take, self._lossless)

    def _call(
        self,
        wanted: Subscription,
        take: Callable[[Reading[Any]], object],
        make: Callable[[Topic[Any]], Conflated[Any] | Lossless[Any]],
    ) -> Stop:
        topic = self._wants.topic(wanted)
        name = getattr(take, "__qualname__", repr(take))
        watchdog = Watchdog(f"{name} ({wanted})", self._clock, self._desk.events)
        if not inspect.iscoroutinefunction(take):
            callback = Callback(take, watchdog, self._stopwatch)
            self._add(topic, callback)
            return lambda: topic.remove(callback)
        reader = make(topic)
        self._add(topic, reader)
        task = self._spawn(run_callback(reader, take, watchdog))

        def stop() -> None:
            topic.remove(reader)
            if task is not None:
                task.cancel()

        return stop

    # --- what happened, and how it stands ---

    async def events(self) -> AsyncGenerator[Event, None]:
        """What happens from now on: gaps, sources, refusals, failing readers, the line."""
        listener = Listener()
        stop = self._desk.events.listen(listener.put)
        try:
            while True:
                yield await listener.next()
        finally:
            stop()

    @property
    def recent_events(self) -> tuple[Event, ...]:
        """The last thousand events, oldest first."""
        return tuple(self._desk.events.recent)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The last thousand holes in their latest state, oldest first."""
        return self._desk.ledger.gaps

    @property
    def stats(self) -> FeedStats:
        """Counts so far and the state of every stream wanted."""
        failovers = self._desk.failovers
        now_ns = self._clock.mono_ns()
        line = self._intake.line
        return FeedStats(
            line,
            _sum_of(self._past, list(self._shelf)),
            self._desk.ledger.counts(),
            FailoverCounts(failovers.count, failovers.max_ms, failovers.answer_ms_max),
            self._intake.skipped,
            tuple(topic.state(now_ns, line) for topic in self._shelf),
        )


def _sum_of(past: ReadingCounts, topics: list[Topic[Any]]) -> ReadingCounts:
    return ReadingCounts(
        past.stream + sum(topic.streamed for topic in topics),
        past.rest + sum(topic.from_rest for topic in topics),
        past.cache + sum(topic.from_cache for topic in topics),
    )
