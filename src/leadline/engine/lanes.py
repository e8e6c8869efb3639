"""One line and its own copy of every stream that it was asked for, proven on its own.

The path of a frame: one look at the type, one at the stream, and on to the feed where the line carries it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from leadline.core.book import BookView
from leadline.core.overlap import Value
from leadline.core.session import (
    Confirmed,
    Emit,
    FrameSkipped,
    LineDown,
    LineUp,
    MarketSession,
    News,
    SubscriptionRefused,
)
from leadline.engine.strands import Strand, Stream
from leadline.model.market import (
    BarBatch,
    BookCrossed,
    BookDropped,
    Channel,
    DayStats,
    FrozenBook,
    InstrumentsChanged,
    Liquidation,
    MarkPrice,
    Subscription,
    Ticker,
    TradeBatch,
    VenueStatus,
)
from leadline.net.connection import Line


class LaneNews(Protocol):
    """Who decides what a line's losses and answers mean for readers."""

    def line_up(self, lane: Lane, now_ns: int) -> None:
        """The connection stands."""

    def line_down(self, lane: Lane, reason: str, now_ns: int) -> None:
        """The connection is gone, and all it carried."""

    def book_dropped(self, strand: Strand, news: BookDropped, now_ns: int) -> None:
        """The line's book is gone until its next snapshot."""

    def confirmed(self, strand: Strand, news: Confirmed, now_ns: int) -> None:
        """The venue streams it on this line."""

    def refused(self, strand: Strand, news: SubscriptionRefused, now_ns: int) -> None:
        """The venue will not stream it on this line."""

    def told_alike(
        self, lane: Lane, news: InstrumentsChanged | VenueStatus | FrameSkipped, now_ns: int
    ) -> None:
        """Every line is told this."""


class Lane:
    """A session, its line, and the strands of what is wanted of it; `number` counts from 1."""

    def __init__(self, number: int, news: LaneNews, emit: Emit) -> None:
        self.number = number
        self.standing = False
        self.young = False
        """Whether it is to replace another of its number, and nobody has been told of it yet."""
        self.session: MarketSession
        self.line: Line
        self.strands: dict[Subscription, Strand] = {}
        self._news = news
        self._emit = emit
        self._books: dict[str, Strand] = {}
        self._tickers: dict[str, Strand] = {}
        self._others: dict[tuple[Channel, str], Strand] = {}
        self._routes: dict[type, Callable[[Any, int], None]] = {
            TradeBatch: self._trades,
            BarBatch: self._bars,
            MarkPrice: partial(self._latest, Channel.MARK),
            DayStats: partial(self._latest, Channel.STATS),
            FrozenBook: partial(self._latest, Channel.TOP),
            Liquidation: self._liquidation,
            LineUp: self._up,
            LineDown: self._down,
            Confirmed: self._confirmed,
            SubscriptionRefused: self._refused,
            BookDropped: self._book_dropped,
            BookCrossed: self._book_crossed,
            InstrumentsChanged: self._told_alike,
            VenueStatus: self._told_alike,
            FrameSkipped: self._told_alike,
        }

    def join(self, session: MarketSession, line: Line) -> None:
        """Serve from this session, which reports to `receive`, and its line."""
        self.session, self.line = session, line

    def add(self, stream: Stream, now_ns: int) -> None:
        """Stream this as well; what was refused is asked for anew."""
        subscription = stream.subscription
        if subscription not in self.strands:
            strand = self.strands[subscription] = Strand(stream, self)
            stream.strands.append(strand)
            if subscription.channel is Channel.BOOK:
                self._books[subscription.symbol] = strand
            elif subscription.channel is Channel.TICKER:
                self._tickers[subscription.symbol] = strand
            else:
                self._others[subscription.channel, subscription.symbol] = strand
        self.session.want(subscription, now_ns)

    def drop(self, strand: Strand) -> None:
        """Take no news of this any more."""
        subscription = strand.stream.subscription
        strand.cool()
        strand.stream.strands.remove(strand)
        del self.strands[subscription]
        for known in (self._books, self._tickers):
            if known.get(subscription.symbol) is strand:
                del known[subscription.symbol]
        if self._others.get((subscription.channel, subscription.symbol)) is strand:
            del self._others[subscription.channel, subscription.symbol]

    def retire(self) -> None:
        """Take no more news of anything."""
        for strand in list(self.strands.values()):
            self.drop(strand)
        self._routes = dict.fromkeys(self._routes, _pass_over)
        self.standing = False

    def receive(self, news: News, now_ns: int) -> None:
        """Take one piece of news of the session, received at this monotonic time."""
        if type(news) is BookView:  # the two frequent kinds are spared a call
            strand = self._books.get(news.symbol)
            if strand is not None:
                strand.value = news
                strand.last_ns = now_ns
                if strand.stream.carrier is None:
                    strand.carry()
                if strand.carries:
                    self._emit(news, now_ns)
        elif type(news) is Ticker:
            strand = self._tickers.get(news.symbol)
            if strand is not None:
                self._value(strand, news, now_ns)
        else:
            self._routes[type(news)](news, now_ns)

    def _latest(self, channel: Channel, news: MarkPrice | DayStats | FrozenBook, now_ns: int) -> None:
        strand = self._others.get((channel, news.symbol))
        if strand is not None:
            self._value(strand, news, now_ns)

    def _liquidation(self, news: Liquidation, now_ns: int) -> None:
        """Whichever line tells it first tells it for all; the venue shows one a second of a symbol."""
        strand = self._others.get((Channel.LIQUIDATIONS, news.symbol))
        if strand is None:
            return
        strand.value = news
        strand.last_ns = now_ns
        if strand.stream.carrier is None:
            strand.carry()
        if strand.stream.first_telling(news):
            self._emit(news, now_ns)

    def _value(self, strand: Strand, news: Value, now_ns: int) -> None:
        carrier = strand.stream.carrier
        if carrier is None:
            strand.carry()
        elif not strand.carries:
            strand.trail.add(news, now_ns, carrier.told)
        strand.value = news
        strand.last_ns = now_ns
        if strand.carries and (strand.floor is None or not strand.repeats(news)):
            self._emit(news, now_ns)

    def _bars(self, news: BarBatch, now_ns: int) -> None:
        strand = self.strands.get(Subscription(Channel.BARS, news.symbol, news.interval_s))
        if strand is not None:
            self._value(strand, news, now_ns)

    def _trades(self, news: TradeBatch, now_ns: int) -> None:
        strand = self.strands.get(Subscription(Channel.TRADES, news.symbol))
        if strand is None:
            return
        strand.value = news
        strand.last_ns = now_ns
        if strand.stream.carrier is None:
            strand.carry()
        weave = strand.stream.weave
        passing = weave.take(self, news, now_ns)
        if passing is not None:
            self._emit(passing, weave.received_ns)

    def _book_dropped(self, news: BookDropped, now_ns: int) -> None:
        strand = self._books.get(news.symbol)
        if strand is not None:
            self._news.book_dropped(strand, news, now_ns)

    def _book_crossed(self, news: BookCrossed, now_ns: int) -> None:
        strand = self._books.get(news.symbol)
        if strand is not None and strand.carries:
            self._emit(news, now_ns)

    def _confirmed(self, news: Confirmed, now_ns: int) -> None:
        strand = self.strands.get(news.subscription)
        if strand is not None:
            strand.since_ns = now_ns
            self._news.confirmed(strand, news, now_ns)

    def _refused(self, news: SubscriptionRefused, now_ns: int) -> None:
        strand = self.strands.get(news.subscription)
        if strand is not None:
            self._news.refused(strand, news, now_ns)

    def _up(self, news: LineUp, now_ns: int) -> None:
        self.standing = True
        self._news.line_up(self, now_ns)

    def _down(self, news: LineDown, now_ns: int) -> None:
        self.standing = False
        self._news.line_down(self, news.reason, now_ns)

    def _told_alike(self, news: InstrumentsChanged | VenueStatus | FrameSkipped, now_ns: int) -> None:
        self._news.told_alike(self, news, now_ns)


def _pass_over(news: News, now_ns: int) -> None:
    """A retired line's news is nobody's."""


def whole(old: Lane, young: Lane, now_ns: int) -> bool:
    """Whether all that the old line has could go on from the young one; what is quiet needs but a yes."""
    if not young.standing or not young.session.up(now_ns):
        return False
    for subscription, strand in old.strands.items():
        heir = young.strands[subscription]
        if strand.value is not None:
            missing = heir.value is None or not heir.warm(now_ns)
            if missing and not heir.misses_nothing(strand, now_ns):
                return False
        elif strand.streamed and not heir.streamed:
            return False
    return True
