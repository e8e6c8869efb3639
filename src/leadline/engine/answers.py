"""REST's part: one request at a time for each thing, shared by all who ask; one Ticker call for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from decimal import Decimal
from typing import Any

from leadline.clock import NS_PER_S
from leadline.core.book import Book, BookView, Change
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


class Answers:
    """Asks the venue's REST port and gives every answer to its topic."""

    def __init__(self, market: MarketData, desk: Desk, topics: Iterable[Topic[Any]], spawn: Spawn) -> None:
        self._market = market
        self._clock = desk.clock
        self._topics = topics
        self._spawn = spawn
        self._boarding: asyncio.Future[None] | None = None  # the Ticker call that has not left yet

    def ask(self, topic: Topic[Any]) -> asyncio.Future[None]:
        """Done when REST has answered this topic or failed to (see its `answer`, `unanswered`)."""
        if topic.flight is not None:
            topic.request_leaves(self._clock.mono_ns())  # under way already when the stream was lost
            return topic.flight
        is_ticker = topic.subscription.channel is Channel.TICKER
        if is_ticker and self._boarding is not None:
            topic.flight = self._boarding
            return topic.flight
        done = topic.flight = asyncio.get_running_loop().create_future()
        if is_ticker:
            self._boarding = done
        self._spawn(self._fly(topic, done))
        return done

    async def _fly(self, topic: Topic[Any], done: asyncio.Future[None]) -> None:
        group = [topic]
        if done is self._boarding:  # every ticker wanted by now comes along
            self._boarding = None
            group += [other for other in self._topics if other is not topic and _joins(other, done)]
        asked_ns = self._clock.mono_ns()
        for each in group:
            each.flight = done
            each.request_leaves(asked_ns)
        try:
            lost = any(each.loss is not None for each in group)
            await self._fetch(group, Purpose.FALLBACK if lost else Purpose.SNAPSHOT, asked_ns)
        except Error as error:
            for each in group:
                each.unanswered = error
        finally:
            for each in group:
                each.flight = None
            if not done.done():
                done.set_result(None)

    async def _fetch(self, group: list[Topic[Any]], purpose: Purpose, asked_ns: int) -> None:
        topic = group[0]
        value: object
        match topic.subscription.channel:
            case Channel.TICKER:
                symbols = [each.symbol for each in group]
                tickers = await self._market.fetch_tickers(symbols, purpose)
                for each in group:
                    if each.symbol in tickers:
                        each.answered(tickers[each.symbol], asked_ns, self._clock.mono_ns())
                return
            case Channel.BOOK:
                depth = min(topic.subscription.param, self._market.limits.rest_book_depth)
                value = view_of(await self._market.fetch_book(topic.symbol, depth, purpose), depth)
            case Channel.TRADES:
                assert isinstance(topic, TradeTopic)
                value = TradeBatch(topic.symbol, tuple(await self.newer_trades(topic, purpose)))
            case _:
                assert isinstance(topic, BarTopic)
                since_ns = topic.since_ns()
                bars = await self._market.fetch_bars(topic.symbol, topic.interval_s, since_ns, purpose)
                value = BarBatch(topic.symbol, topic.interval_s, tuple(bars))
        topic.answered(value, asked_ns, self._clock.mono_ns())

    async def newer_trades(self, topic: TradeTopic, purpose: Purpose) -> list[Trade]:
        """Trades from the last known one on (of five minutes when none is known), oldest first and bounded.

        Where more have been missed, the next asking goes on from there, or their hole is back-filled.
        """
        last = topic.log.last
        since_ns = last.venue_ns if last is not None else None
        if last is None or since_ns is None:
            since_ns = self._clock.wall_ns() - _RECENT_NS
        return await fetch_trades_between(
            self._market, topic.symbol, since_ns, None, purpose, pages=_MOST_PAGES
        )


def _joins(topic: Topic[Any], flight: asyncio.Future[None]) -> bool:
    if topic.subscription.channel is not Channel.TICKER:
        return False
    return topic.flight is flight or (topic.flight is None and topic.refused is None)


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
