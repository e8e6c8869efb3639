from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from feedrig import BTC, ETH, Collected, Rig, running, settle
from leadline.engine.answers import GROUP_MOST, Answers, view_of
from leadline.engine.feed import Feed
from leadline.engine.topics import Desk, Topic
from leadline.errors import Throttled
from leadline.model.market import Channel, FrozenBook, Level, MarkPrice, Subscription, Ticker
from leadline.model.reading import Reading, Source
from leadline.net.http import Purpose
from leadline.venues.memory import CONTRACTS, MemoryMarket


def test_a_book_of_rest_keeps_every_digit_it_came_with() -> None:
    bids = (Level(Decimal("99.12345"), Decimal("1.001")), Level(Decimal("98"), Decimal("2")))
    view = view_of(FrozenBook(BTC, bids, (), "2026-01-01T00:00:00Z"), 10)

    assert [(level.price, level.qty) for level in view.bids()] == [
        (Decimal("99.12345"), Decimal("1.001")),
        (Decimal("98"), Decimal("2")),
    ]
    assert view.asks() == []
    assert view.venue_time == "2026-01-01T00:00:00Z"


def test_an_empty_book_of_rest_is_an_empty_view() -> None:
    assert view_of(FrozenBook(BTC, (), ()), 10).best_bid is None


async def test_one_ticker_call_serves_every_ticker_that_is_wanted() -> None:
    async with running() as rig:
        rig.market.tickers = {symbol: rig.ticker("7", symbol) for symbol in (BTC, ETH)}
        watching = [Collected(rig.feed.tickers(symbol)) for symbol in (BTC, ETH)]
        await settle()
        await rig.feed.ticker(ETH, source=Source.REST)

        assert [asked.symbols for asked in rig.market.asked] == [(ETH, BTC)]
        assert (await rig.feed.ticker(BTC, source=Source.CACHE)).value.last == 7
        for each in watching:
            await each.stop()


class Slow(MemoryMarket):
    """A venue whose tickers come when the gate opens."""

    def __init__(self) -> None:
        super().__init__([BTC])
        self.gate = asyncio.Event()

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        await self.gate.wait()
        return await super().fetch_tickers(symbols, purpose)


async def test_a_request_that_is_under_way_when_the_stream_is_lost_is_its_replacement() -> None:
    rig, market = Rig(), Slow()
    feed = Feed(market, rig.clock)
    session = market.session(feed.receive, "public")
    async with feed:
        feed.attach(session, lambda: None)
        session.opened(rig.now)
        watching = Collected(feed.tickers(BTC))
        await settle()
        session.say(rig.ticker(), rig.now)
        reading = asyncio.ensure_future(feed.ticker(BTC, source=Source.REST))
        await settle()
        assert feed.stats.failovers.count == 0
        session.closed("gone", rig.now)
        await settle()

        assert (feed.stats.failovers.count, feed.stats.failovers.max_ms) == (1, 0.0)
        market.tickers[BTC] = rig.ticker("7")
        market.gate.set()
        assert (await reading).value.last == 7
        await watching.stop()


async def test_recent_trades_are_asked_from_rest_while_there_is_no_stream() -> None:
    async with running(connected=False) as rig:
        rig.market.trades[BTC] = [rig.trade(-600), rig.trade(-2), rig.trade(-1)]
        reading = await rig.feed.trades(BTC)

        assert [trade.trade_id for trade in reading.value.trades] == [-2, -1]
        assert not any(trade.backfilled for trade in reading.value.trades)
        assert not reading.verified


async def test_bars_are_asked_from_rest_while_there_is_no_stream() -> None:
    async with running(connected=False) as rig:
        rig.market.bars[BTC, 60] = [rig.bar(-1, complete=True), rig.bar(0)]
        first, second = await asyncio.gather(rig.feed.bars(BTC), rig.feed.bars(BTC))

        assert [bar.complete for bar in first.value.bars] == [True, False]
        assert first is second
        assert [(asked.channel, asked.purpose) for asked in rig.market.asked] == [
            (Channel.BARS, Purpose.SNAPSHOT)
        ]


async def test_one_lost_ticker_makes_the_call_for_all_an_urgent_one() -> None:
    async with running() as rig:
        rig.market.tickers = {symbol: rig.ticker("7", symbol) for symbol in (BTC, ETH)}
        watching = [Collected(rig.feed.tickers(symbol)) for symbol in (BTC, ETH)]
        await settle()
        rig.say(rig.ticker("7", ETH))
        asked = asyncio.ensure_future(rig.feed.ticker(BTC, source=Source.REST))
        await asyncio.sleep(0)
        rig.cut()
        await asked

        assert [each.purpose for each in rig.market.asked] == [Purpose.FALLBACK]
        for each in watching:
            await each.stop()


async def test_a_long_past_of_trades_is_asked_for_a_few_pages_at_a_time() -> None:
    # made before the feed runs: they take so long that it would take its event loop for held up
    maker = Rig()
    past = [maker.trade(number) for number in range(1, 8001)]
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.say(rig.trades(1))
        rig.market.trades[BTC] = past
        rig.cut()
        await rig.passes(3, alive=False)

        assert [each.purpose for each in rig.market.asked] == [Purpose.FALLBACK] * 3
        await rig.passes(12, alive=False)
        numbers = [item.value.trade_id for item in seen.items if isinstance(item, Reading)]
        assert numbers == list(range(1, 8001))
        await seen.stop()


SYMBOLS = [f"S{number}/USD" for number in range(12)]


class Bench:
    """REST's part alone, asked about tickers of which each is wanted when it is asked for."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self.rig = Rig()
        self.clock = self.rig.clock
        self.market = MemoryMarket(SYMBOLS)
        self.market.tickers = {symbol: self.rig.ticker("7", symbol) for symbol in SYMBOLS}
        self.desk = Desk(self.clock)
        self.topics: list[Topic[Ticker]] = []
        self.answers = Answers(self.market, self.desk, self.topics, group.create_task)
        self.asking: list[asyncio.Future[None]] = []

    async def ask(self, count: int, *, urgent: bool = False) -> None:
        for _ in range(count):
            symbol = SYMBOLS[len(self.topics)]
            self.topics.append(Topic(Subscription(Channel.TICKER, symbol), self.desk))
            self.asking.append(self.answers.ask(self.topics[-1], urgent=urgent))
        await settle()

    async def passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await settle()

    @property
    def calls(self) -> list[int]:
        """How many tickers each call asked for: whatever is wanted comes along."""
        return [len(asked.symbols) for asked in self.market.asked]


async def test_a_ticker_call_soon_after_another_waits_two_seconds_for_others_and_no_longer() -> None:
    async with asyncio.TaskGroup() as group:
        bench = Bench(group)
        await bench.ask(1)
        await bench.ask(2)
        await bench.passes(1.9)
        await bench.ask(1)
        waiting = list(bench.calls)
        await bench.passes(0.1)

        assert waiting == [1]
        assert bench.calls == [1, 4]
        assert all(one.done() for one in bench.asking)


async def test_five_are_enough_and_a_call_after_a_pause_waits_for_nobody() -> None:
    async with asyncio.TaskGroup() as group:
        bench = Bench(group)
        await bench.ask(1)
        await bench.ask(GROUP_MOST - 1)
        waiting = list(bench.calls)
        await bench.ask(1)
        full = list(bench.calls)
        await bench.passes(2.0)
        await bench.ask(1)

        assert (waiting, full) == ([1], [1, 6])
        assert bench.calls == [1, 6, 7]


async def test_who_cannot_wait_takes_those_who_wait_along() -> None:
    async with asyncio.TaskGroup() as group:
        bench = Bench(group)
        await bench.ask(1)
        await bench.ask(1)
        await bench.ask(1, urgent=True)
        urgent = list(bench.calls)
        await bench.ask(1)
        bench.answers.ask(bench.topics[-1], urgent=True)
        await settle()

        assert urgent == [1, 3]
        assert bench.calls == [1, 3, 4]
        await bench.passes(2.0)


async def test_how_long_answers_took_is_measured_and_what_failed_is_not() -> None:
    async with asyncio.TaskGroup() as group:
        bench = Bench(group)
        await bench.ask(1)
        bench.market.failing = Throttled("no room", delay_s=1)
        await bench.passes(3)
        await bench.ask(1)

        assert bench.answers.latency.count == 1
        assert isinstance(bench.topics[1].unanswered, Throttled)


async def test_an_answer_is_as_old_as_the_block_it_came_before_and_no_older_than_its_question() -> None:
    async with asyncio.TaskGroup() as group:
        bench = Bench(group)
        bench.clock.advance(20.0)
        bench.answers.dated = lambda now_ns: now_ns - 5 * 10**9
        asked_ns = bench.clock.mono_ns()
        await bench.ask(1)

        answer = bench.topics[0].answer
        assert answer is not None
        assert answer.received_mono_ns == asked_ns


async def test_mark_prices_and_statistics_are_asked_for_together_each_kind_in_one_call() -> None:
    async with running(limits=CONTRACTS, connected=False) as rig:
        rig.market.marks = {symbol: rig.mark(symbol=symbol) for symbol in (BTC, ETH)}
        rig.market.stats = {symbol: rig.day(symbol=symbol) for symbol in (BTC, ETH)}
        reads = [read(symbol) for read in (rig.feed.mark, rig.feed.day) for symbol in (BTC, ETH)]
        readings = await asyncio.gather(*reads)

        assert [(asked.channel, asked.symbols) for asked in rig.market.asked] == [
            (Channel.MARK, (BTC, ETH)),
            (Channel.STATS, (BTC, ETH)),
        ]
        assert {reading.source for reading in readings} == {Source.REST}
        assert [reading.value.symbol for reading in readings] == [BTC, ETH, BTC, ETH]


class OneByOne(MemoryMarket):
    """A venue that takes a second over every mark price."""

    def __init__(self, rig: Rig) -> None:
        super().__init__([BTC, ETH], limits=replace(CONTRACTS, one_by_one={Channel.MARK: 2}))
        self._rig = rig

    async def fetch_marks(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, MarkPrice]:
        self._rig.clock.advance(1.0)
        return await super().fetch_marks(symbols, purpose)


async def test_what_is_asked_for_one_by_one_is_as_old_as_its_own_answer() -> None:
    rig = Rig()
    market = OneByOne(rig)
    market.marks = {symbol: rig.mark(symbol=symbol) for symbol in (BTC, ETH)}
    async with Feed(market, rig.clock) as feed:
        first, second = await asyncio.gather(feed.mark(BTC), feed.mark(ETH))

        assert [asked.symbols for asked in market.asked] == [(BTC,), (ETH,)]
        assert (first.age_s, second.age_s) == (1.0, 0.0)


async def test_a_top_is_answered_by_rest_with_as_many_levels_as_were_asked_for() -> None:
    async with running(limits=CONTRACTS, connected=False) as rig:
        levels = tuple(Level(Decimal(100 - n), Decimal(1)) for n in range(30))
        rig.market.books[BTC] = FrozenBook(BTC, levels, ())
        reading = await rig.feed.top(BTC, 5)

        assert (reading.source, reading.value.bids) == (Source.REST, levels[:5])
