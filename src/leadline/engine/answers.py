"""REST's part: one request at a time for each thing, shared by all who ask; one call for all tickers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from leadline.clock import NS_PER_S
from leadline.core.book import Book, BookView, Change
from leadline.core.histogram import Histogram
from leadline.engine.bars import BarTopic
from leadline.engine.history import fetch_trades_between
from leadline.engine.topics import Desk, Topic
from leadline.engine.trades import TradeTopic
from leadline.errors import Error
from leadline.model.instrument import to_units
from leadline.model.market import BarBatch, Channel, FrozenBook, Level, Trade, TradeBatch
from leadline.net.http import Purpose
from leadline.venues.ports import MarketData

Spawn = Callable[[Coroutine[Any, Any, None]], object]

_RECENT_NS = 300 * NS_PER_S  # how far back trades are asked for when nothing is known
_MOST_PAGES = 3  # at once: what readers of other streams need must find room in the budget


GROUP_MOST = 5
GROUP_NS = 2 * NS_PER_S
"""Within this time of a call for tickers the next waits for so many to share it; nobody waits longer."""

TOGETHER = frozenset({Channel.TICKER, Channel.MARK, Channel.STATS})
"""What one call tells for all symbols."""


class _Flight:
    """One request, whom it is for, and whether somebody cannot wait for others to join."""

    def __init__(self, first: Topic[Any]) -> None:
        self.topics = [first]
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.go = asyncio.Event()
        self.urgent = False

    def join(self, topic: Topic[Any], *, urgent: bool) -> None:
        if topic not in self.topics:
            self.topics.append(topic)
        topic.flight = self.done
        self.urgent = self.urgent or urgent or topic.loss is not None
        if self.urgent or len(self.topics) >= GROUP_MOST:
            self.go.set()


class Answers:
    """Asks the venue's REST port and gives every answer to its topic.

    `permit` raises Held where the service level does not let a thing be asked; what stands in for a lost
    stream always passes.
    """

    def __init__(self, market: MarketData, desk: Desk, topics: Iterable[Topic[Any]], spawn: Spawn) -> None:
        self._market = market
        self._clock = desk.clock
        self._topics = topics
        self._spawn = spawn
        self._boarding: dict[Channel, _Flight] = {}  # calls for many that have not left yet
        self._left_ns: dict[Channel, int] = {}  # when the last one left
        self.permit: Callable[[], None] = lambda: None
        self.dated: Callable[[int], int] = lambda now_ns: now_ns
        """When what is handed on at this monotonic time may have come (see `engine.loop_watch`)."""
        self.latency = Histogram()
        """How long requests took that were answered, waiting for their turn included (nanoseconds)."""

    def can(self, topic: Topic[Any]) -> bool:
        """Whether REST tells what this topic's stream does."""
        return topic.subscription.channel in self._market.limits.rest_channels

    def ask(self, topic: Topic[Any], *, urgent: bool = False) -> asyncio.Future[None]:
        """Done when REST has answered this topic or failed to (see its `answer`, `unanswered`).

        An `urgent` one stands in for the stream, or was asked for by name: it waits for no others.
        """
        channel = topic.subscription.channel
        boarding = self._boarding.get(channel)
        if topic.flight is not None:
            topic.request_leaves(self._clock.mono_ns())  # under way already when the stream was lost
            if boarding is not None and topic.flight is boarding.done:
                boarding.join(topic, urgent=urgent)
            return topic.flight
        if boarding is not None:
            boarding.join(topic, urgent=urgent)
            return boarding.done
        flight = _Flight(topic)
        if channel in TOGETHER:
            self._boarding[channel] = flight
        flight.join(topic, urgent=urgent)
        self._spawn(self._fly(flight))
        return flight.done

    async def _fly(self, flight: _Flight) -> None:
        channel = flight.topics[0].subscription.channel
        if channel in TOGETHER:
            await self._board(flight, channel)
        asked_ns, group = self._clock.mono_ns(), flight.topics
        for each in group:
            each.flight = flight.done
            each.request_leaves(asked_ns)
        try:
            lost = any(each.loss is not None for each in group)
            if not lost and not flight.urgent:
                self.permit()
            await self._fetch(group, Purpose.FALLBACK if lost else Purpose.SNAPSHOT, asked_ns)
            self.latency.observe(self._clock.mono_ns() - asked_ns)
        except Error as error:
            for each in group:
                each.unanswered = error
        finally:
            for each in group:
                each.flight = None
            if not flight.done.done():
                flight.done.set_result(None)

    async def _board(self, flight: _Flight, channel: Channel) -> None:
        """Wait for others while that is not long; all of the kind that are wanted by then come along."""
        left_ns = self._left_ns.get(channel)
        wait_ns = 0 if left_ns is None else left_ns + GROUP_NS - self._clock.mono_ns()
        if wait_ns > 0 and not flight.go.is_set():
            self._spawn(self._call_off(flight, wait_ns))
            await flight.go.wait()
        del self._boarding[channel]
        self._left_ns[channel] = self._clock.mono_ns()
        for other in self._topics:
            if other.subscription.channel is channel and other.flight is None and other.refused is None:
                flight.topics.append(other)

    async def _call_off(self, flight: _Flight, wait_ns: int) -> None:
        await self._clock.sleep(wait_ns / NS_PER_S)
        flight.go.set()

    async def _fetch(self, group: list[Topic[Any]], purpose: Purpose, asked_ns: int) -> None:
        topic = group[0]
        value: object
        if topic.subscription.channel in TOGETHER:
            await self._fetch_together(group, purpose)
            return
        depth = min(topic.subscription.param, self._market.limits.rest_book_depth)
        match topic.subscription.channel:
            case Channel.BOOK:
                value = view_of(await self._market.fetch_book(topic.symbol, depth, purpose), depth)
            case Channel.TOP:
                value = await self._market.fetch_book(topic.symbol, depth, purpose)
            case Channel.TRADES:
                assert isinstance(topic, TradeTopic)
                value = TradeBatch(topic.symbol, tuple(await self.newer_trades(topic, purpose)))
            case _:
                assert isinstance(topic, BarTopic)
                since_ns = topic.since_ns()
                bars = await self._market.fetch_bars(topic.symbol, topic.interval_s, since_ns, purpose)
                value = BarBatch(topic.symbol, topic.interval_s, tuple(bars))
        topic.answered(value, asked_ns, self._received_ns(asked_ns))

    async def _fetch_together(self, group: list[Topic[Any]], purpose: Purpose) -> None:
        """Every answer is as old as itself: of few symbols each may be asked for on its own."""
        channel = group[0].subscription.channel
        few = len(group) <= self._market.limits.one_by_one.get(channel, 0)
        for part in [[each] for each in group] if few else [group]:
            asked_ns = self._clock.mono_ns()
            told = await fetch_together(self._market, channel, [each.symbol for each in part], purpose)
            for each in part:
                if each.symbol in told:
                    each.answered(told[each.symbol], asked_ns, self._received_ns(asked_ns))

    def _received_ns(self, asked_ns: int) -> int:
        """When the answer at hand came, at the latest, though not before it was asked for."""
        return max(asked_ns, self.dated(self._clock.mono_ns()))

    async def newer_trades(self, topic: TradeTopic, purpose: Purpose) -> list[Trade]:
        """Trades from the last known one on (of five minutes when none is known), oldest first and bounded.

        Where more have been missed, the next asking goes on from there, or their hole is back-filled.
        """
        last = topic.log.last
        since_ns = last.venue_ns if last is not None else None
        if last is None or since_ns is None:
            now_ns = self._market.venue_ns(self._clock.mono_ns())
            since_ns = (self._clock.wall_ns() if now_ns is None else now_ns) - _RECENT_NS
        return await fetch_trades_between(
            self._market, topic.symbol, since_ns, None, purpose, pages=_MOST_PAGES
        )


async def fetch_together(
    market: MarketData, channel: Channel, symbols: Sequence[str], purpose: Purpose
) -> Mapping[str, Any]:
    """What one call tells of all these symbols: tickers, mark prices, or the last 24 hours."""
    match channel:
        case Channel.MARK:
            return await market.fetch_marks(symbols, purpose)
        case Channel.STATS:
            return await market.fetch_stats(symbols, purpose)
    return await market.fetch_tickers(symbols, purpose)


def view_of(frozen: FrozenBook, depth: int) -> BookView:
    """A book of REST's levels, in as many decimals as they carry; nothing proves it."""
    levels = (*frozen.bids, *frozen.asks)
    prices = max((_decimals(level.price) for level in levels), default=0)
    qtys = max((_decimals(level.qty) for level in levels), default=0)

    def changes(side: tuple[Level, ...]) -> list[Change]:
        return [(to_units(level.price, prices), to_units(level.qty, qtys)) for level in side]

    book = Book(frozen.symbol, depth, prices, qtys)
    book.load(changes(frozen.bids), changes(frozen.asks))
    book.venue_time = frozen.venue_time
    return book.view


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)
