from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from leadline.core.book import Book
from leadline.core.session import Coverage
from leadline.engine.strands import Strand, Stream
from leadline.model.market import Subscription
from leadline.venues.memory import MemorySession
from linesrig import BARS, BOOK, TICKER, TRADES, bars, ticker, trades


class Lane:
    """A line that stands."""

    def __init__(self) -> None:
        self.number = 1
        self.standing = True
        self.session = MemorySession(lambda news, now_ns: None)
        self.session.opened(0)


def strand(subscription: Subscription = TICKER) -> Strand:
    lane = Lane()
    lane.session.want(subscription, 0)
    return Strand(Stream(subscription), lane)


def test_a_value_makes_a_copy_warm_and_of_trades_a_yes_does() -> None:
    quiet, asked = strand(), strand(TRADES)

    assert not quiet.warm(0)
    assert asked.warm(0)
    quiet.value = ticker(1)
    assert quiet.warm(0)


def test_nothing_is_warm_on_a_line_that_is_silent_or_gone() -> None:
    silent, gone = strand(), strand()
    silent.value = gone.value = ticker(1)
    gone.lane.standing = False

    assert not silent.warm(6_000_000_000)
    assert not gone.warm(0)


def test_a_copy_that_was_lost_holds_nothing_and_carries_nothing() -> None:
    copy = strand()
    copy.value = ticker(1)
    copy.carry()
    assert copy.stream.carrier is copy

    copy.trail.add(ticker(2), 1, ticker(1))
    copy.cool()
    assert (copy.value, copy.carries, copy.stream.carrier) == (None, False, None)
    assert copy.trail.beyond(ticker(1)) == []


def test_a_carrier_behind_repeats_what_readers_have_had_and_then_no_more() -> None:
    copy = strand()
    copy.floor = ticker(5)
    copy.value = ticker(3)

    assert copy.told == ticker(5)
    assert [copy.repeats(ticker(at)) for at in (4, 5, 6)] == [True, True, False]
    assert copy.told == copy.value


def test_a_carrier_that_missed_what_readers_had_goes_on_with_what_is_later() -> None:
    copy = strand()
    copy.floor = ticker(5)

    assert [copy.repeats(ticker(at)) for at in (4, 6, 5)] == [True, False, False]


def test_copies_differ_by_what_they_ended_with() -> None:
    for subscription, one, other in (
        (TICKER, ticker(1), ticker(2)),
        (TRADES, trades(1, 2), trades(2, 3)),
        (BARS, bars(0, 1), bars(0, 2)),
    ):
        first, second = strand(subscription), strand(subscription)
        first.value = one
        assert not first.differs(second)
        second.value = one
        assert not first.differs(second)
        second.value = other
        assert first.differs(second)


def test_books_differ_by_their_levels_and_not_by_the_time_of_a_snapshot() -> None:
    first, second = strand(BOOK), strand(BOOK)
    books = Book("BTC/USD", 10, 2, 4), Book("BTC/USD", 10, 2, 4)
    first.value, second.value = (book.view for book in books)

    assert not first.differs(second)
    books[0].venue_time = "2026-01-01T00:00:00Z"
    assert not first.differs(second)
    books[0].load([(100, 1)], [])
    books[0].venue_time = "2026-01-01T00:00:00Z"
    assert first.differs(second)


def test_tickers_differ_by_their_best_prices_and_not_by_a_trade_that_nobody_was_told() -> None:
    first, second = strand(), strand()
    first.value = ticker(1)
    second.value = replace(ticker(1), last=Decimal(7), volume=Decimal(8), venue_time=ticker(2).venue_time)

    assert not first.differs(second)


def test_streamed_is_what_the_venue_has_said_yes_to() -> None:
    copy = strand()

    assert copy.streamed
    copy.lane.session.unwant(TICKER, 0)
    assert not copy.streamed
    assert copy.lane.session.coverage(TICKER) is not Coverage.CONFIRMED
