"""The public face of market data: subscribe once, read many; every value with its source and age.

The feed owns every task it starts and is used as an async context manager.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from leadline.clock import Clock
from leadline.core.book import BookView
from leadline.core.histogram import Histogram
from leadline.core.session import MarketStreams
from leadline.engine.answers import Answers
from leadline.engine.backfill import Backfill
from leadline.engine.delivery import Begun, Stream
from leadline.engine.derived import Derived
from leadline.engine.events import Event
from leadline.engine.fallback import Fallback
from leadline.engine.intake import Intake
from leadline.engine.latency import Latencies, StreamLatency
from leadline.engine.loop_watch import LoopWatch
from leadline.engine.readers import Listener
from leadline.engine.shares import StreamShares
from leadline.engine.shelf import Shelf, stream_of
from leadline.engine.sources import Sources
from leadline.engine.state import State
from leadline.engine.stats import FailoverCounts, FeedStats, ReadingCounts
from leadline.engine.subscribers import Stop, Subscribers
from leadline.engine.tasks import Tasks
from leadline.engine.topic_state import TopicState, state_of
from leadline.engine.topics import Desk, Topic
from leadline.engine.validator import Validator
from leadline.engine.wants import Wants
from leadline.engine.watch import Detection, Watch
from leadline.errors import Error
from leadline.model.market import (
    Bar,
    BarBatch,
    Channel,
    DayStats,
    FrozenBook,
    Gap,
    Liquidation,
    MarkPrice,
    Subscription,
    Ticker,
    Trade,
    TradeBatch,
)
from leadline.model.reading import Reading, Source
from leadline.venues.ports import MarketData

TICK_S = 1.0

DRAIN_S = 0.25
"""After a block of the event loop nothing is judged before what the sockets hold has been read."""


class Feed:
    """Live market data of one venue.

    Awaited reads (`ticker`, `book`, `trades`, `bars`) return one Reading. Conflated iterators (`tickers`,
    `books`) yield the newest, lossless ones (`every_…`, `liquidations`) all, up to a bound; both yield a Gap
    for every hole, and raise the venue's refusal. Callbacks (`on_…`): a plain function is called from the
    frame with every reading; a coroutine function runs in its own task, with the newest ticker or book, or
    each trade or bar.
    """

    def __init__(self, market: MarketData, clock: Clock) -> None:
        self._clock = clock
        self._tasks = Tasks()
        self._desk = Desk(clock)
        self._shelf = Shelf(self._desk)
        self.state = State(self._shelf, self._desk, clock)
        """All that is known at one moment, and the last changes."""
        answers = self._answers = Answers(market, self._desk, self._shelf, self._spawn)
        self._sources = Sources(self._desk, answers)
        self._fallback = Fallback(answers, self._sources)
        self._backfill = Backfill(market, clock, self._spawn)
        self._wants = Wants(market, self._desk, self._shelf, self._sources, self._fallback)
        self.validator = Validator(
            market,
            self._desk,
            self._shelf,
            self._spawn,
            self._wants.renew,
            self._wants.serve,
            self._sources.heard_ns,
        )
        """Holds the streams against REST, again and again."""
        self._watch = Watch(market, self._desk, answers, self._spawn, self._wants.renew)
        self._intake = Intake(self._shelf, self._desk.events, self._sources, self._fallback, self._backfill)
        self.receive = self._intake.receive
        """Takes one piece of news and its monotonic time: the `emit` of a session."""
        self._past = ReadingCounts()
        self._past_updates: Counter[Channel] = Counter()
        self.shares = StreamShares(self._desk.events)
        """How many reads the stream serves, of late."""
        self.loop_watch = LoopWatch(clock, self._desk.events)
        """Names code that blocks the event loop."""
        answers.dated = self.loop_watch.received_ns
        self._latencies = Latencies(self._desk)
        self._readers = Subscribers(self._desk, self._sources, self._wants, self._latencies, self._spawn)
        self.derived = Derived(self._desk, self._wants, self._readers)
        """Streams made of others: bars at any interval, throttled tops, imbalances."""

    def __repr__(self) -> str:
        stats = self.stats
        return f"Feed({stats.receiving} of {stats.wanted} streams receiving, {stats.gaps.total} gaps)"

    # --- lifetime ---

    async def __aenter__(self) -> Self:
        await self._tasks.enter()
        self.loop_watch.start()
        self._spawn(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.loop_watch.stop()
        await self._tasks.leave(kind, error, trace)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Run as a task of the feed; nothing is begun once the feed has been left."""
        return self._tasks.spawn(work)

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            if self.loop_watch.blocked:
                await self._clock.sleep(DRAIN_S)
            now_ns = self._clock.mono_ns()
            topics = list(self._shelf)
            self._watch.look(topics, now_ns)
            self._backfill.look(topics, now_ns)
            self._fallback.poll(topics, now_ns)
            self.validator.look(now_ns)
            self._latencies.look(topics)
            self.shares.look(self._readings(), now_ns)
            for topic in topics:
                if not topic.readers and not topic.holds and now_ns > topic.keep_until_ns:
                    self._past = _sum_of(self._past, [topic])
                    self._past_updates[topic.subscription.channel] += topic.cadence.count
                    self._wants.release(topic)

    def attach(
        self,
        session: MarketStreams,
        poke: Callable[[], None],
        of: Callable[[Subscription], MarketStreams] | None = None,
    ) -> None:
        """Use this session for streams; `poke` makes the line send what the session has put out.

        `of` names the part of it that streams one thing, where it has several.
        """
        self._wants.attach(session, poke, of)

    def obey(self, permit: Callable[[], None]) -> None:
        """Have `permit` asked before a read goes to REST that no stream was lost for; it raises Held."""
        self._answers.permit = permit

    def fail(self, error: Error) -> None:
        """The line will never come back: iterators raise this, awaited reads go on by REST."""
        self._readers.fail(error)
        self._intake.fail(str(error))
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

    async def mark(
        self, symbol: str, *, source: Source | None = None, stale_ok: bool = False
    ) -> Reading[MarkPrice]:
        """Mark price and funding now; raises as `ticker`, and CheckFailed where the venue has none."""
        return await self._read(Channel.MARK, symbol, 0, source, stale_ok)

    async def day(
        self, symbol: str, *, source: Source | None = None, stale_ok: bool = False
    ) -> Reading[DayStats]:
        """The last 24 hours; raises as `mark`, and where the venue tells them in the ticker."""
        return await self._read(Channel.STATS, symbol, 0, source, stale_ok)

    async def top(
        self, symbol: str, depth: int = 5, *, source: Source | None = None, stale_ok: bool = False
    ) -> Reading[FrozenBook]:
        """The best `depth` levels or more, whole as the venue sent them; raises as `mark`."""
        return await self._read(Channel.TOP, symbol, depth, source, stale_ok)

    async def _read(
        self, channel: Channel, symbol: str, param: int, source: Source | None, stale_ok: bool
    ) -> Reading[Any]:
        assert self._tasks.entered, "a feed is read inside its async with"
        topic = self._wants.topic(self._wants.subscription(channel, symbol, param))
        return await self._sources.read(topic, source, stale_ok)

    # --- the newest value, again and again ---

    def tickers(self, symbol: str) -> AsyncGenerator[Reading[Ticker] | Gap, None]:
        """The newest ticker each time there is one; what came between is passed over."""
        return self._readers.newest(self._wants.subscription(Channel.TICKER, symbol))

    def books(self, symbol: str, depth: int = 10) -> AsyncGenerator[Reading[BookView] | Gap, None]:
        """The live book each time it has changed; the view is valid until the loop awaits."""
        return self._readers.newest(self._wants.subscription(Channel.BOOK, symbol, depth))

    def marks(self, symbol: str) -> AsyncGenerator[Reading[MarkPrice] | Gap, None]:
        """The newest mark price each time there is one."""
        return self._readers.newest(self._wants.subscription(Channel.MARK, symbol))

    def days(self, symbol: str) -> AsyncGenerator[Reading[DayStats] | Gap, None]:
        """The newest figures of the last 24 hours each time there are any."""
        return self._readers.newest(self._wants.subscription(Channel.STATS, symbol))

    def tops(self, symbol: str, depth: int = 5) -> AsyncGenerator[Reading[FrozenBook] | Gap, None]:
        """The newest top of the book each time there is one."""
        return self._readers.newest(self._wants.subscription(Channel.TOP, symbol, depth))

    # --- every value ---

    def every_ticker(self, symbol: str) -> AsyncGenerator[Reading[Ticker] | Gap, None]:
        """Every ticker, in order, up to a bound of backlog."""
        return self._readers.every(self._wants.subscription(Channel.TICKER, symbol))

    def every_book(self, symbol: str, depth: int = 10) -> AsyncGenerator[Reading[FrozenBook] | Gap, None]:
        """Every state of the book, frozen at `depth`, in order, up to a bound of backlog."""
        return self._readers.every_book(self._wants.subscription(Channel.BOOK, symbol, depth))

    def every_trade(self, symbol: str) -> AsyncGenerator[Reading[Trade] | Gap, None]:
        """Every trade once: as it comes, and back-filled ones (marked) as soon as REST has told them."""
        return self._readers.every(self._wants.subscription(Channel.TRADES, symbol))

    def every_bar(self, symbol: str, interval_s: int = 60) -> AsyncGenerator[Reading[Bar] | Gap, None]:
        """Every change of the running bar, and each bar once more when it is complete or corrected."""
        return self._readers.every(self._wants.subscription(Channel.BARS, symbol, interval_s))

    def every_mark(self, symbol: str) -> AsyncGenerator[Reading[MarkPrice] | Gap, None]:
        """Every mark price, in order, up to a bound of backlog."""
        return self._readers.every(self._wants.subscription(Channel.MARK, symbol))

    def liquidations(self, symbol: str) -> AsyncGenerator[Reading[Liquidation] | Gap, None]:
        """Every liquidation the venue shows, in order, up to a bound of backlog; a loss stays a hole."""
        return self._readers.every(self._wants.subscription(Channel.LIQUIDATIONS, symbol))

    # --- callbacks ---

    def on_ticker(self, symbol: str, take: Callable[[Reading[Ticker]], object]) -> Stop:
        """Call `take` until stopped; one that fails or takes over 100 ms is named in an event."""
        return self._readers.call(self._wants.subscription(Channel.TICKER, symbol), take)

    def on_book(self, symbol: str, take: Callable[[Reading[BookView]], object], depth: int = 10) -> Stop:
        """Call `take` with the live book until stopped; the view is valid during the call."""
        return self._readers.call(self._wants.subscription(Channel.BOOK, symbol, depth), take)

    def on_trade(self, symbol: str, take: Callable[[Reading[Trade]], object]) -> Stop:
        """Call `take` with every trade until stopped."""
        return self._readers.call(self._wants.subscription(Channel.TRADES, symbol), take)

    def on_bar(self, symbol: str, take: Callable[[Reading[Bar]], object], interval_s: int = 60) -> Stop:
        """Call `take` with every change of the running bar and every completed one until stopped."""
        return self._readers.call(self._wants.subscription(Channel.BARS, symbol, interval_s), take)

    def on_mark(self, symbol: str, take: Callable[[Reading[MarkPrice]], object]) -> Stop:
        """Call `take` with the mark price until stopped."""
        return self._readers.call(self._wants.subscription(Channel.MARK, symbol), take)

    def on_day(self, symbol: str, take: Callable[[Reading[DayStats]], object]) -> Stop:
        """Call `take` with the figures of the last 24 hours until stopped."""
        return self._readers.call(self._wants.subscription(Channel.STATS, symbol), take)

    def on_top(self, symbol: str, take: Callable[[Reading[FrozenBook]], object], depth: int = 5) -> Stop:
        """Call `take` with the top of the book until stopped."""
        return self._readers.call(self._wants.subscription(Channel.TOP, symbol, depth), take)

    def on_liquidation(self, symbol: str, take: Callable[[Reading[Liquidation]], object]) -> Stop:
        """Call `take` with every liquidation until stopped."""
        return self._readers.call(self._wants.subscription(Channel.LIQUIDATIONS, symbol), take)

    # --- held against other venues ---

    def latest_ticker(self, symbol: str) -> Ticker | None:
        """What the stream told last, in use or not, while its line stands and it is not silent; no read."""
        topic = self._shelf.tickers.get(symbol)
        alive = topic is not None and topic.received and topic.cadence.fresh(self._clock.mono_ns())
        return topic.value if topic is not None and alive and self._sources.line_up(topic) else None

    def latest_mark(self, symbol: str) -> Decimal | None:
        """The mark price that the stream told last, as `latest_ticker`; None where nobody wants it."""
        topic = self._shelf.marks.get(symbol)
        alive = topic is not None and topic.received and topic.cadence.fresh(self._clock.mono_ns())
        told = topic.value if topic is not None and alive and self._sources.line_up(topic) else None
        return None if told is None else told.mark

    def distrust_ticker(self, symbol: str, why: str) -> None:
        """Take the stream out of use and subscribe it anew; REST serves its readers until it is trusted."""
        topic = self._shelf.tickers.get(symbol)
        if topic is not None:
            topic.quarantine(why, self._clock.mono_ns())
            self._wants.renew(topic)

    def trust_ticker(self, symbol: str) -> None:
        """What was held against the stream is over: its next value is used."""
        topic = self._shelf.tickers.get(symbol)
        if topic is not None:
            topic.quarantined = None

    # --- what happened, and how it stands ---

    def tell(self, event: Event) -> None:
        """Enter what another part of the system has to say among the feed's events."""
        self._desk.events.add(event)

    def listen(self, take: Callable[[Event], None]) -> Stop:
        """Call `take` with every event, in the moment it happens, until stopped."""
        return self._desk.events.listen(take)

    def events(self) -> AsyncGenerator[Event, None]:
        """What happens from the first `anext` on: gaps, sources, refusals, failing readers, the line."""

        def begin() -> Begun[Event]:
            listener = Listener()
            return listener.next, self._desk.events.listen(listener.put)

        return Stream(begin)

    @property
    def latencies(self) -> Mapping[Subscription, StreamLatency]:
        """How long values took from the venue to us and from us to the readers, by stream."""
        return self._latencies.streams

    @property
    def latency_of_others(self) -> StreamLatency:
        """The same of the streams beyond the bound, together."""
        return self._latencies.others

    @property
    def recent_events(self) -> tuple[Event, ...]:
        """The last thousand events, oldest first."""
        return tuple(self._desk.events.recent)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The last thousand holes in their latest state, oldest first."""
        return self._desk.ledger.gaps

    @property
    def rest_latency(self) -> Histogram:
        """How long REST took to answer, waiting for the budget included, in nanoseconds."""
        return self._answers.latency

    @property
    def detection(self) -> Detection:
        """How long silences took to be suspected, and dead streams to be found."""
        return self._watch.detection

    def doubted(self, streams: Collection[Subscription]) -> tuple[int, list[TopicState]]:
        """How many of these streams are wanted here, and how those of them stand that are not fresh now.

        Books are named without their depth (see `engine.shelf.stream_of`).
        """
        now_ns, line_of = self._clock.mono_ns(), self._intake.line_of
        wanted = [topic for topic in self._shelf if stream_of(topic.subscription) in streams]
        doubted = [topic for topic in wanted if not topic.fresh(now_ns)]
        return len(wanted), [state_of(topic, now_ns, line_of(topic)) for topic in doubted]

    @property
    def stats(self) -> FeedStats:
        """Counts so far and the state of every stream wanted."""
        failovers = self._desk.failovers
        now_ns = self._clock.mono_ns()
        line_of, readings = self._intake.line_of, self._readings()
        return FeedStats(
            self._intake.line,
            readings,
            self._desk.ledger.counts(),
            FailoverCounts(failovers.count, failovers.max_ms, failovers.answer_ms_max),
            self._intake.skipped,
            tuple(state_of(topic, now_ns, line_of(topic)) for topic in self._shelf),
            self.shares.shares(readings, now_ns),
            self.loop_watch.count,
        )

    @property
    def updates(self) -> Counter[Channel]:
        """Values received on each kind of stream so far."""
        found = self._past_updates.copy()
        for topic in self._shelf:
            found[topic.subscription.channel] += topic.cadence.count
        return found

    def _readings(self) -> ReadingCounts:
        return _sum_of(self._past, list(self._shelf))


def _sum_of(past: ReadingCounts, topics: list[Topic[Any]]) -> ReadingCounts:
    return ReadingCounts(
        past.stream + sum(topic.streamed for topic in topics),
        past.rest + sum(topic.from_rest for topic in topics),
        past.cache + sum(topic.from_cache for topic in topics),
    )
