"""All topics of a feed, by channel and symbol: plain dictionaries, because the hot path looks here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.core.book import BookView
from leadline.engine.bars import BarTopic
from leadline.engine.topics import Desk, Topic
from leadline.engine.trades import TradeTopic
from leadline.model.market import Channel, Subscription, Ticker


class Shelf:
    """One topic per ticker, book, trades, and per interval of bars."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.tickers: dict[str, Topic[Ticker]] = {}
        self.books: dict[str, Topic[BookView]] = {}
        self.trades: dict[str, TradeTopic] = {}
        self.bars: dict[tuple[str, int], BarTopic] = {}

    def __iter__(self) -> Iterator[Topic[Any]]:
        yield from self.tickers.values()
        yield from self.books.values()
        yield from self.trades.values()
        yield from self.bars.values()

    def find(self, subscription: Subscription) -> Topic[Any] | None:
        """The topic that a subscription feeds; None when it is no longer read."""
        symbol = subscription.symbol
        match subscription.channel:
            case Channel.TICKER:
                return self.tickers.get(symbol)
            case Channel.BOOK:
                book = self.books.get(symbol)
                return book if book is not None and book.subscription == subscription else None
            case Channel.TRADES:
                return self.trades.get(symbol)
            case Channel.BARS:
                return self.bars.get((symbol, subscription.param))
            case Channel.INSTRUMENTS | Channel.LEVEL3:
                return None

    def put(self, subscription: Subscription) -> Topic[Any]:
        """A new topic for a subscription."""
        symbol, topic = subscription.symbol, _new(subscription, self._desk)
        match topic:
            case TradeTopic():
                self.trades[symbol] = topic
            case BarTopic():
                self.bars[symbol, subscription.param] = topic
            case _ if subscription.channel is Channel.BOOK:
                self.books[symbol] = topic
            case _:
                self.tickers[symbol] = topic
        return topic

    def drop(self, topic: Topic[Any]) -> None:
        """Forget a topic that nobody reads."""
        symbol = topic.symbol
        match topic.subscription.channel:
            case Channel.TICKER:
                del self.tickers[symbol]
            case Channel.BOOK:
                del self.books[symbol]
            case Channel.TRADES:
                del self.trades[symbol]
            case _:
                del self.bars[symbol, topic.subscription.param]


def _new(subscription: Subscription, desk: Desk) -> Topic[Any]:
    if subscription.channel is Channel.TRADES:
        return TradeTopic(subscription, desk)
    if subscription.channel is Channel.BARS:
        return BarTopic(subscription, desk)
    return Topic(subscription, desk)
