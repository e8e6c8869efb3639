"""Topics of the public WebSocket: each builds its frame once per engine event and hands it to all who joined.

A topic is (channel, symbol, option): the option is the depth, the interval or the event trigger.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from leadline.emulator.instruments import assets_of
from leadline.emulator.kraken import frames
from leadline.emulator.kraken.book_window import BookWindow
from leadline.emulator.kraken.level3 import OrderName, OrderWindow
from leadline.emulator.market import Batch, Listing, Market
from leadline.emulator.sights import Sights
from leadline.emulator.wire import Frame

TRADES_IN_SNAPSHOT = 50
BARS_IN_SNAPSHOT = 10


class TopicKey(NamedTuple):
    """What a subscription is known by; `option` is None where the channel has none."""

    channel: str
    symbol: str = ""
    option: int | str | None = None


class Subscriber(Protocol):
    """Who frames go to."""

    def deliver(self, frame: Frame) -> None:
        """Take one frame for sending."""

    def later(self, due_ns: int, act: Callable[[int], None]) -> None:
        """Do something at that moment."""


class Topic(Protocol):
    """One stream, and who reads it."""

    subscribers: list[Subscriber]

    def snapshot(self, time_ns: int) -> Frame:
        """The state now."""


class SymbolTopic(Topic, Protocol):
    """A stream of one symbol, moved by the symbol's events."""

    def update(self, batch: Batch) -> Frame | None:
        """What the event means to this topic's readers."""


class BookTopic:
    """book or level3 at one depth."""

    def __init__(self, window: BookWindow | OrderWindow) -> None:
        self.subscribers: list[Subscriber] = []
        self._window = window

    def restart(self) -> None:
        """Begin again from the engine's state, whose ticks or lots have changed."""
        self._window.restart()

    def snapshot(self, time_ns: int) -> Frame:
        return self._window.snapshot(time_ns)

    def update(self, batch: Batch) -> Frame | None:
        return self._window.update(batch)


class TickerTopic:
    """ticker by trades or by changes of the best bid and offer."""

    def __init__(self, listing: Listing, trigger: str, sights: Sights) -> None:
        self.subscribers: list[Subscriber] = []
        self._listing = listing
        self._on_best = trigger == "bbo"
        self._sights = sights

    def snapshot(self, time_ns: int) -> Frame:
        return self._frame(self._shown(time_ns), "snapshot", time_ns)

    def retold(self, time_ns: int) -> Frame:
        """What is shown now, as an update."""
        return self._frame(self._shown(time_ns), "update", time_ns)

    def update(self, batch: Batch) -> Frame | None:
        if batch.best_changed if self._on_best else batch.trades:
            return self._frame(self._listing, "update", batch.time_ns)
        return None

    def _shown(self, time_ns: int) -> Listing:
        return self._sights.listing("ws", "ticker", self._listing, time_ns)

    def _frame(self, listing: Listing, kind: str, time_ns: int) -> Frame:
        factor = self._sights.factor("ws", "ticker", listing.pair.symbol)
        return frames.ticker(listing, kind, time_ns, factor)


class TradeTopic:
    """trade."""

    def __init__(self, listing: Listing) -> None:
        self.subscribers: list[Subscriber] = []
        self._listing = listing

    def snapshot(self, time_ns: int) -> Frame:
        newest = list(self._listing.tape.trades)[-TRADES_IN_SNAPSHOT:]
        return frames.trades(self._listing.pair, "snapshot", newest)

    def update(self, batch: Batch) -> Frame | None:
        return frames.trades(self._listing.pair, "update", batch.trades) if batch.trades else None


class OhlcTopic:
    """ohlc of one interval: every trade rewrites the running candle."""

    def __init__(self, listing: Listing, interval_min: int) -> None:
        self.subscribers: list[Subscriber] = []
        self._listing = listing
        self._interval_min = interval_min

    def snapshot(self, time_ns: int) -> Frame:
        newest = list(self._listing.tape.bars(self._interval_min))[-BARS_IN_SNAPSHOT:]
        return frames.ohlc(self._listing.pair, "snapshot", self._interval_min, newest, time_ns)

    def update(self, batch: Batch) -> Frame | None:
        if not batch.trades:
            return None
        bar = self._listing.tape.running_bar(self._interval_min)
        return frames.ohlc(self._listing.pair, "update", self._interval_min, [bar], batch.time_ns)


class InstrumentTopic:
    """instrument: all reference data."""

    def __init__(self, market: Market) -> None:
        self.subscribers: list[Subscriber] = []
        self._market = market

    def snapshot(self, time_ns: int) -> Frame:
        listings = list(self._market.listings.values())
        return frames.instrument("snapshot", assets_of(one.pair for one in listings), listings)


class Streams:
    """All topics somebody reads; `order_name` gives the ids under which level3 shows orders."""

    def __init__(self, market: Market, order_name: OrderName, sights: Sights) -> None:
        self._market = market
        self._sights = sights
        self._order_name = order_name
        self._topics: dict[TopicKey, Topic] = {}
        self._by_symbol: dict[str, list[SymbolTopic]] = {}
        market.listeners.append(self._publish)

    def snapshot(self, key: TopicKey, time_ns: int) -> Frame:
        """The snapshot frame of a topic somebody has joined."""
        return self._topics[key].snapshot(time_ns)

    def join(self, key: TopicKey, subscriber: Subscriber) -> None:
        """Let the subscriber have every further frame of the topic."""
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = self._opened(key)
        topic.subscribers.append(subscriber)

    def leave(self, key: TopicKey, subscriber: Subscriber) -> None:
        """End it; a topic nobody reads is forgotten."""
        topic = self._topics[key]
        topic.subscribers.remove(subscriber)
        if not topic.subscribers:
            del self._topics[key]
            of_symbol = self._by_symbol.get(key.symbol, [])
            of_symbol[:] = [one for one in of_symbol if one is not topic]

    def listing_changed(self, listing: Listing) -> None:
        """Tell the readers of instrument about one pair's new row."""
        topic = self._topics.get(TopicKey("instrument"))
        if topic is not None:
            _deliver(topic, frames.instrument("update", (), [listing]))

    def books_restarted(self, symbol: str, time_ns: int) -> None:
        """Send the readers of a symbol's books a snapshot within the running subscription."""
        for topic in self._by_symbol.get(symbol, ()):
            if isinstance(topic, BookTopic):
                topic.restart()
                _deliver(topic, topic.snapshot(time_ns))

    def tickers_retold(self, symbol: str | None, time_ns: int) -> None:
        """Tell the readers of tickers at once what is shown from now on."""
        for name, topics in self._by_symbol.items():
            for topic in topics:
                if isinstance(topic, TickerTopic) and symbol in (None, name):
                    _deliver(topic, topic.retold(time_ns))

    def _publish(self, batch: Batch) -> None:
        for topic in self._by_symbol.get(batch.symbol, ()):
            frame = topic.update(batch)
            if frame is None:
                continue
            lag = self._sights.lag(frame.channel, frame.symbol)
            if lag is None:
                _deliver(topic, frame)
            else:
                self._deliver_late(topic, frame, lag[0], batch.time_ns + lag[1])

    def _deliver_late(self, topic: Topic, frame: Frame, fault_id: int, due_ns: int) -> None:
        for subscriber in topic.subscribers:
            subscriber.later(due_ns, partial(self._arrive, topic, subscriber, frame, fault_id))

    def _arrive(self, topic: Topic, subscriber: Subscriber, frame: Frame, fault_id: int, now_ns: int) -> None:
        """Deliver what a LAG held back, unless it is over: then the present has been told already."""
        if subscriber in topic.subscribers and self._sights.still(fault_id):
            subscriber.deliver(frame)

    def _opened(self, key: TopicKey) -> Topic:
        if key.channel == "instrument":
            return InstrumentTopic(self._market)
        topic = _symbol_topic(key, self._market.listings[key.symbol], self._order_name, self._sights)
        self._by_symbol.setdefault(key.symbol, []).append(topic)
        return topic


def _symbol_topic(key: TopicKey, listing: Listing, order_name: OrderName, sights: Sights) -> SymbolTopic:
    if key.channel == "book":
        return BookTopic(BookWindow(listing, int(key.option or 0)))
    if key.channel == "level3":
        return BookTopic(OrderWindow(listing, int(key.option or 0), order_name))
    if key.channel == "ticker":
        return TickerTopic(listing, str(key.option), sights)
    if key.channel == "ohlc":
        return OhlcTopic(listing, int(key.option or 0))
    return TradeTopic(listing)


def _deliver(topic: Topic, frame: Frame) -> None:
    for subscriber in tuple(topic.subscribers):
        subscriber.deliver(frame)
