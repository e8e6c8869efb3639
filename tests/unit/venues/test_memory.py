from __future__ import annotations

from typing import Any

import pytest

from leadline.core.book import Book, BookCounts
from leadline.core.session import Confirmed, Coverage, LineDown, LineUp, SubscriptionRefused
from leadline.errors import ConnectionLost, Rejected, UnknownSymbol
from leadline.model.market import BookDropped, Channel, Subscription, VenueMode
from leadline.net.http import Purpose
from leadline.venues.memory import MemoryMarket, MemorySession

TICKER = Subscription(Channel.TICKER, "BTC/USD")


def session(*, acknowledges: bool = True) -> tuple[MemorySession, list[Any]]:
    heard: list[Any] = []
    made = MemorySession(lambda news, now_ns: heard.append(news), acknowledges=acknowledges)
    return made, heard


def test_what_is_wanted_before_the_connection_stands_is_acknowledged_when_it_does() -> None:
    line, heard = session()
    line.want(TICKER, 0)
    assert line.coverage(TICKER) is Coverage.WANTED
    line.opened(1)

    assert heard == [LineUp(), Confirmed(TICKER)]
    assert line.coverage(TICKER) is Coverage.CONFIRMED


def test_a_venue_may_leave_requests_unanswered() -> None:
    line, heard = session(acknowledges=False)
    line.opened(0)
    line.want(TICKER, 0)

    assert heard == [LineUp()]
    assert line.coverage(TICKER) is Coverage.WANTED


def test_a_line_is_up_while_it_stands_and_speaks() -> None:
    line, heard = session()
    assert not line.up(0)
    line.opened(0)
    assert line.up(5_000_000_000)
    assert not line.up(5_000_000_001)
    line.received(b"heartbeat", 5_000_000_001)
    assert line.up(5_000_000_001)
    line.closed("gone", 6_000_000_000)

    assert not line.up(6_000_000_000)
    assert heard[-1] == LineDown("gone")


def test_a_refusal_is_told_and_remembered() -> None:
    line, heard = session()
    line.opened(0)
    line.want(TICKER, 0)
    error = Rejected("no")
    line.refuse(TICKER, error, 0)

    assert heard[-1] == SubscriptionRefused(TICKER, error)
    assert line.coverage(TICKER) is Coverage.REFUSED
    line.unwant(TICKER, 0)
    assert line.wanted() == []


def test_nothing_is_ever_sent_or_waited_for() -> None:
    line, _ = session()
    line.opened(0)
    line.woke(0)

    assert line.outputs() == []
    assert line.wake_at() is None


async def test_every_request_is_noted_and_fails_on_demand() -> None:
    market = MemoryMarket(["BTC/USD", "ETH/USD"])
    await market.load()
    assert await market.fetch_tickers(["BTC/USD"], Purpose.SNAPSHOT) == {}
    assert (await market.fetch_book("BTC/USD", 10, Purpose.SNAPSHOT)).bids == ()
    assert (await market.fetch_status(Purpose.STATUS)).mode is VenueMode.ONLINE
    market.failing = ConnectionLost("down")
    with pytest.raises(ConnectionLost):
        await market.fetch_trades("BTC/USD", 0, Purpose.BACKFILL)

    assert [asked.channel for asked in market.asked] == [Channel.TICKER, Channel.BOOK, Channel.TRADES]
    assert [each.symbol for each in market.reference.instruments()] == ["BTC/USD", "ETH/USD"]
    with pytest.raises(UnknownSymbol):
        market.reference.instrument("BTC/EUR")


def test_books_count_as_proven_until_they_are_dropped() -> None:
    line, _ = session()
    line.say(Book("BTC/USD", 10, 2, 4).view, 1)
    line.say(BookDropped("BTC/USD", "told so"), 2)

    assert line.book_messages == BookCounts(proven=1, wrong=1)
