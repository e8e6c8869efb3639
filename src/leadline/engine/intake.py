"""News from the line to its topic, by a direct call: one look at the type, one at the symbol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from leadline.core.book import BookView
from leadline.core.session import (
    Confirmed,
    FrameSkipped,
    LineDown,
    LineUp,
    News,
    StreamLost,
    SubscriptionRefused,
)
from leadline.engine.backfill import Backfill
from leadline.engine.events import Event, EventLog
from leadline.engine.fallback import Fallback
from leadline.engine.shelf import Shelf
from leadline.engine.sources import Sources
from leadline.engine.topics import Topic
from leadline.model.market import (
    BarBatch,
    BookCrossed,
    BookDropped,
    DayStats,
    FrozenBook,
    GapCause,
    InstrumentsChanged,
    Liquidation,
    MarkPrice,
    Ticker,
    TradeBatch,
    VenueStatus,
)

_NOT_YET = "not connected yet"


class Intake:
    """Routes what a session emits."""

    def __init__(
        self, shelf: Shelf, events: EventLog, sources: Sources, fallback: Fallback, backfill: Backfill
    ) -> None:
        self._shelf = shelf
        self._sources = sources
        self._books = shelf.books
        self._tickers = shelf.tickers
        self._events = events
        self._fallback = fallback
        self._backfill = backfill
        self._down: dict[str, str] = {}
        self._over = ""
        self.skipped = 0
        self._routes: dict[type, Callable[[Any, int], None]] = {
            TradeBatch: self._trades,
            BarBatch: self._bars,
            MarkPrice: partial(self._value, shelf.marks),
            DayStats: partial(self._value, shelf.stats),
            FrozenBook: partial(self._value, shelf.tops),
            Liquidation: partial(self._value, shelf.liquidations),
            LineUp: self._line_up,
            LineDown: self._line_down,
            StreamLost: self._stream_lost,
            Confirmed: self._confirmed,
            SubscriptionRefused: self._refused,
            BookDropped: self._book_dropped,
            BookCrossed: self._event,
            InstrumentsChanged: self._event,
            VenueStatus: self._event,
            FrameSkipped: self._frame_skipped,
        }

    def receive(self, news: News, now_ns: int) -> None:
        """Take one piece of news, received at this monotonic time."""
        if type(news) is BookView:  # the two frequent kinds are spared a call
            book = self._books.get(news.symbol)
            if book is not None:
                book.take(news, now_ns)
        elif type(news) is Ticker:
            ticker = self._tickers.get(news.symbol)
            if ticker is not None:
                ticker.take(news, now_ns)
        else:
            self._routes[type(news)](news, now_ns)

    def _trades(self, batch: TradeBatch, now_ns: int) -> None:
        topic = self._shelf.trades.get(batch.symbol)
        if topic is not None:
            topic.take(batch, now_ns)
            if topic.log.holes:
                self._backfill.trades(topic)

    def _bars(self, batch: BarBatch, now_ns: int) -> None:
        topic = self._shelf.bars.get((batch.symbol, batch.interval_s))
        if topic is not None:
            topic.take(batch, now_ns)

    def _value(self, topics: Mapping[str, Topic[Any]], value: Any, now_ns: int) -> None:
        topic = topics.get(value.symbol)
        if topic is not None:
            topic.take(value, now_ns)

    @property
    def line(self) -> str:
        """Why nothing can come, route by route; empty while every route that was connected stands."""
        if self._over or not self._down:
            return self._over or _NOT_YET
        down = self._down.items()
        return "; ".join(f"route {route}: {why}" if route else why for route, why in down if why)

    def line_of(self, topic: Topic[Any]) -> str:
        """Why nothing can come for a topic; empty while its route stands."""
        return self._over or self._down.get(topic.route, _NOT_YET)

    def fail(self, reason: str) -> None:
        """Nothing will ever come again."""
        self._over = reason

    def _line_up(self, news: LineUp, now_ns: int) -> None:
        self._down[news.route] = ""
        self._events.add(news)

    def _line_down(self, news: LineDown, now_ns: int) -> None:
        self._events.add(news)
        if not news.standing:
            reason = self._down[news.route] = news.reason or "the line is down"
            for topic in self._shelf:
                if not news.route or topic.route == news.route:
                    topic.lose(GapCause.DISCONNECTED, reason, now_ns)
        self._fallback.poll(self._shelf, now_ns)

    def _stream_lost(self, news: StreamLost, now_ns: int) -> None:
        """Its line tells of itself next, and REST is asked for all that it carried together."""
        topic = self._shelf.find(news.subscription)
        if topic is not None:
            topic.lose(GapCause.DISCONNECTED, news.reason or "its line is down", now_ns)

    def _book_dropped(self, news: BookDropped, now_ns: int) -> None:
        self._events.add(news)
        topic = self._shelf.books.get(news.symbol)
        if topic is not None:
            # a session drops its books when its connection ends, just before it says so
            cause = GapCause.DROPPED if self._sources.line_up(topic) else GapCause.DISCONNECTED
            topic.lose(cause, news.reason, now_ns)
            self._fallback.poll([topic], now_ns)

    def _confirmed(self, news: Confirmed, now_ns: int) -> None:
        topic = self._shelf.find(news.subscription)
        if topic is not None:
            topic.confirmed(now_ns)

    def _refused(self, news: SubscriptionRefused, now_ns: int) -> None:
        self._events.add(news)
        topic = self._shelf.find(news.subscription)
        if topic is not None:
            topic.refuse(news.error)

    def _frame_skipped(self, news: FrameSkipped, now_ns: int) -> None:
        self.skipped += 1
        self._events.add(news)

    def _event(self, news: Event, now_ns: int) -> None:
        self._events.add(news)
