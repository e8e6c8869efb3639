from __future__ import annotations

from leadline.clock import ManualClock
from leadline.engine.bars import BarTopic
from leadline.engine.liquidations import LiquidationTopic
from leadline.engine.shelf import Shelf
from leadline.engine.topics import Desk
from leadline.engine.trades import TradeTopic
from leadline.model.market import Channel, Subscription

ALL = [
    Subscription(Channel.TICKER, "A"),
    Subscription(Channel.BOOK, "A", 10),
    Subscription(Channel.TRADES, "A"),
    Subscription(Channel.TOP, "A", 5),
    Subscription(Channel.MARK, "A"),
    Subscription(Channel.STATS, "A"),
    Subscription(Channel.LIQUIDATIONS, "A"),
    Subscription(Channel.BARS, "A", 60),
    Subscription(Channel.BARS, "A", 300),
]


def test_each_subscription_has_its_topic_until_it_is_dropped() -> None:
    shelf = Shelf(Desk(ManualClock()))
    topics = [shelf.put(subscription) for subscription in ALL]

    assert [shelf.find(subscription) for subscription in ALL] == topics
    assert list(shelf) == topics
    assert isinstance(topics[2], TradeTopic)
    assert isinstance(topics[6], LiquidationTopic)
    assert isinstance(topics[7], BarTopic)
    for topic in topics:
        shelf.drop(topic)
    assert list(shelf) == []
    assert [shelf.find(subscription) for subscription in ALL] == [None] * len(ALL)


def test_a_book_is_found_by_the_depth_it_is_streamed_at() -> None:
    shelf = Shelf(Desk(ManualClock()))
    for channel in (Channel.BOOK, Channel.TOP):
        topic = shelf.put(Subscription(channel, "A", 10))

        assert shelf.of(channel) == {"A": topic}
        assert shelf.find(Subscription(channel, "A", 25)) is None


def test_instruments_have_no_topic() -> None:
    assert Shelf(Desk(ManualClock())).find(Subscription(Channel.INSTRUMENTS, "*")) is None
