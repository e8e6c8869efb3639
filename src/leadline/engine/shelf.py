"""All topics of a feed, by channel and symbol: plain dictionaries, because the hot path looks here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.core.book import BookView
from leadline.engine.bars import BarTopic
from leadline.engine.liquidations import LiquidationTopic
from leadline.engine.topics import Desk, Topic
from leadline.engine.trades import TradeTopic
from leadline.model.market import Channel, DayStats, FrozenBook, MarkPrice, Subscription, Ticker

DEEP = frozenset({Channel.BOOK, Channel.TOP})
"""Of these a symbol has one stream, as deep as the deepest asked for."""


def stream_of(subscription: Subscription) -> Subscription:
    """What streams are told apart by: bars by their interval, books by their symbol at whatever depth."""
    if subscription.channel not in DEEP:
        return subscription
    return Subscription(subscription.channel, subscription.symbol)


class Shelf:
    """One topic per symbol of each channel, and per interval of bars."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.tickers: dict[str, Topic[Ticker]] = {}
        self.books: dict[str, Topic[BookView]] = {}
        self.trades: dict[str, TradeTopic] = {}
        self.bars: dict[tuple[str, int], BarTopic] = {}
        self.tops: dict[str, Topic[FrozenBook]] = {}
        self.marks: dict[str, Topic[MarkPrice]] = {}
        self.stats: dict[str, Topic[DayStats]] = {}
        self.liquidations: dict[str, LiquidationTopic] = {}
        self._by_symbol: dict[Channel, dict[str, Any]] = {
            Channel.TICKER: self.tickers,
            Channel.BOOK: self.books,
            Channel.TRADES: self.trades,
            Channel.TOP: self.tops,
            Channel.MARK: self.marks,
            Channel.STATS: self.stats,
            Channel.LIQUIDATIONS: self.liquidations,
        }

    def __iter__(self) -> Iterator[Topic[Any]]:
        for topics in self._by_symbol.values():
            yield from topics.values()
        yield from self.bars.values()

    def of(self, channel: Channel) -> dict[str, Topic[Any]]:
        """The topics of a channel by symbol; of what has more than one a symbol, none."""
        return self._by_symbol.get(channel, {})

    def find(self, subscription: Subscription) -> Topic[Any] | None:
        """The topic that a subscription feeds; None when it is no longer read."""
        if subscription.channel is Channel.BARS:
            return self.bars.get((subscription.symbol, subscription.param))
        topic: Topic[Any] | None = self.of(subscription.channel).get(subscription.symbol)
        if subscription.channel in DEEP and topic is not None and topic.subscription != subscription:
            return None
        return topic

    def put(self, subscription: Subscription) -> Topic[Any]:
        """A new topic for a subscription."""
        topic = _new(subscription, self._desk)
        if isinstance(topic, BarTopic):
            self.bars[subscription.symbol, subscription.param] = topic
        else:
            self._by_symbol[subscription.channel][subscription.symbol] = topic
        return topic

    def drop(self, topic: Topic[Any]) -> None:
        """Forget a topic that nobody reads."""
        if isinstance(topic, BarTopic):
            del self.bars[topic.symbol, topic.subscription.param]
        else:
            del self._by_symbol[topic.subscription.channel][topic.symbol]


def _new(subscription: Subscription, desk: Desk) -> Topic[Any]:
    match subscription.channel:
        case Channel.TRADES:
            return TradeTopic(subscription, desk)
        case Channel.BARS:
            return BarTopic(subscription, desk)
        case Channel.LIQUIDATIONS:
            return LiquidationTopic(subscription, desk)
    return Topic(subscription, desk)
