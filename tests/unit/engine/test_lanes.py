from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from feedrig import Rig
from leadline.clock import ManualClock
from leadline.core.book import BookView
from leadline.core.retry import Backoff, ConnectBudget
from leadline.core.session import (
    Confirmed,
    FrameSkipped,
    LineDown,
    LineUp,
    News,
    StreamLost,
    SubscriptionRefused,
)
from leadline.engine.carriers import Carriers
from leadline.engine.lanes import Lane, whole
from leadline.engine.strands import Stream
from leadline.errors import Rejected
from leadline.model.market import (
    BarBatch,
    BookCrossed,
    BookDropped,
    Channel,
    InstrumentsChanged,
    Liquidation,
    MarkPrice,
    Subscription,
    Ticker,
    TradeBatch,
    VenueMode,
    VenueStatus,
)
from leadline.net.connection import Line
from leadline.venues.memory import MemorySession, instrument
from linesrig import BARS, BOOK, BTC, ETH, TICKER, TRADES, LinesRig, bars, ticker, trades
from quiet_socket import quiet_socket


def both(*subscriptions: object, **settings: object) -> LinesRig:
    """Two lines that stand and have everything acknowledged."""
    rig = LinesRig(2, **settings)
    rig.want(*subscriptions)  # type: ignore[arg-type]
    rig.open(1, 2)
    return rig


def test_the_line_that_speaks_first_carries_a_stream_and_the_other_is_not_heard() -> None:
    rig = both(TICKER)
    rig.say(2, ticker(1))
    rig.say(1, ticker(1))
    rig.say(2, ticker(2))
    rig.say(1, ticker(2))

    assert rig.told(Ticker) == [ticker(1), ticker(2)]


def test_books_come_from_their_carrier_alone() -> None:
    rig = both(BOOK)
    rig.say_book(1)
    rig.say_book(2)
    rig.say_book(1, 9901)

    assert rig.told(BookView) == [rig.book(1).view] * 2


def test_trades_are_passed_on_from_every_line() -> None:
    rig = both(TRADES)
    rig.say(1, trades(1, 2))
    rig.say(2, trades(1, 2))
    rig.say(2, trades(3))

    assert rig.told(TradeBatch) == [trades(1, 2), trades(1, 2), trades(3)]


def test_bars_come_from_their_carrier_alone() -> None:
    rig = both(BARS)
    rig.say(1, bars(0, 1))
    rig.say(2, bars(0, 1))
    rig.say(2, bars(0, 2))

    assert rig.told(BarBatch) == [bars(0, 1)]


def test_a_crossed_book_is_told_by_its_carrier_alone() -> None:
    rig, crossed = both(BOOK), BookCrossed(BTC, *[ticker(1).bid] * 2)
    rig.say_book(1)
    rig.say_book(2)
    rig.say(2, crossed)
    rig.say(1, crossed)

    assert rig.told(BookCrossed) == [crossed]


def test_what_nobody_wants_is_passed_over() -> None:
    rig = both()
    for news in (
        ticker(1),
        trades(1),
        bars(0, 1),
        BookDropped(BTC, "wrong"),
        BookCrossed(BTC, *[ticker(1).bid] * 2),
    ):
        rig.say(1, news)
    rig.say_book(1)

    assert rig.news == [LineUp(1), LineUp(2)]


def test_what_every_line_is_told_goes_on_once() -> None:
    rig = both()
    for news in (
        InstrumentsChanged((instrument(ETH),), snapshot=True),
        VenueStatus(VenueMode.ONLINE),
        FrameSkipped(b"{", "no JSON"),
    ):
        rig.say(1, news)
        rig.say(2, news)

        assert rig.told(type(news)) == [news]


def lone(told: list[object]) -> tuple[Lane, MemorySession]:
    """A lane that reports to a list, and its session."""
    clock = ManualClock()

    def emit(news: object, now_ns: int) -> None:
        told.append(news)

    lane = Lane(1, Carriers(emit, told.append, clock), emit)
    session = MemorySession(lane.receive)
    lane.join(session, Line(session, quiet_socket, clock, Backoff(random.Random(1)), ConnectBudget()))
    return lane, session


def test_a_retired_line_says_nothing_any_more() -> None:
    told: list[object] = []
    lane, session = lone(told)
    lane.add(Stream(TICKER), 0)
    lane.retire()
    for news in (ticker(1), trades(1), LineUp(), LineDown("cut"), VenueStatus(VenueMode.ONLINE)):
        session.say(news, 0)

    assert told == []


def test_what_is_asked_for_twice_has_one_strand() -> None:
    lane, _ = lone([])
    stream = Stream(TICKER)
    lane.add(stream, 0)
    lane.add(stream, 0)

    assert list(lane.strands) == [TICKER]
    assert len(stream.strands) == 1


def test_answers_and_lost_books_are_for_who_decides() -> None:
    rig = both(TICKER, BOOK)
    rig.say_book(1)
    rig.say_book(2)
    rig.book(1).clear()
    rig.say(1, BookDropped(BTC, "wrong"))
    rig.say(1, Confirmed(TRADES))
    rig.sessions[0].refuse(TICKER, Rejected("no"), rig.now)
    rig.sessions[0].refuse(TRADES, Rejected("no"), rig.now)
    rig.cut(1)

    assert rig.told(BookDropped) == rig.told(SubscriptionRefused) == []
    assert rig.told(LineDown) == [LineDown("cut", 1, 1)]


def test_a_carrier_behind_is_not_heard_until_it_says_what_is_new() -> None:
    rig = both(TICKER)
    rig.say(1, ticker(1))
    rig.say(2, ticker(1))
    rig.say(1, ticker(2))
    rig.cut(1)
    rig.say(2, ticker(2))
    rig.say(2, ticker(3))

    assert rig.told(Ticker) == [ticker(1), ticker(2), ticker(3)]


def test_a_trade_that_waits_is_not_passed_on_yet() -> None:
    rig = both(TRADES)
    rig.say(1, trades(1))
    rig.say(2, trades(1))
    rig.say(1, trades(3))

    assert rig.told(TradeBatch) == [trades(1), trades(1)]


# --- whole ---


def pair(*wanted: Subscription) -> tuple[Lane, MemorySession, Lane, MemorySession]:
    """An old lane that stands, a young one, and their sessions; both are asked for the same."""
    (old, of_old), (young, of_young) = lone([]), lone([])
    for subscription in wanted:
        old.add(Stream(subscription), 0)
        young.add(Stream(subscription), 0)
    of_old.opened(0)
    return old, of_old, young, of_young


def test_whole_means_a_value_of_all_that_has_one_and_a_yes_to_what_is_quiet() -> None:
    old, of_old, young, of_young = pair(TICKER, TRADES)
    assert not whole(old, young, 0)

    of_young.opened(0)
    assert whole(old, young, 0)
    of_old.say(trades(1), 0)
    assert not whole(old, young, 0)
    of_young.say(trades(1), 0)
    assert whole(old, young, 0)


def test_a_yes_that_is_missing_is_waited_for() -> None:
    old, _, young, of_young = pair(TICKER)
    of_young.opened(0)
    of_young.unwant(TICKER, 0)

    assert not whole(old, young, 0)


def test_a_silent_line_is_not_whole() -> None:
    old, _, young, of_young = pair()
    of_young.opened(0)

    assert whole(old, young, 0)
    assert not whole(old, young, 6_000_000_000)


def test_what_is_no_longer_wanted_is_not_passed_on() -> None:
    rig = both(TICKER, BOOK)
    rig.lines.unwant(TICKER, rig.now)
    rig.lines.unwant(BOOK, rig.now)
    rig.say(1, ticker(1))
    rig.say_book(2)

    assert rig.told(Ticker) == rig.told(BookView) == []


VALUES = Rig()


def test_a_liquidation_is_told_once_whichever_line_tells_it_first() -> None:
    rig = both(Subscription(Channel.LIQUIDATIONS, BTC))
    one, two = VALUES.liquidation(at_ms=1), VALUES.liquidation(at_ms=2)
    rig.say(2, one)
    rig.say(1, one)
    rig.say(1, two)
    rig.say(2, two)

    assert rig.told(Liquidation) == [one, two]


def test_a_line_that_goes_down_costs_no_liquidation_the_other_has() -> None:
    rig = both(Subscription(Channel.LIQUIDATIONS, BTC))
    rig.say(1, VALUES.liquidation(at_ms=1))
    rig.cut(1)
    rig.say(2, VALUES.liquidation(at_ms=1))
    rig.say(2, VALUES.liquidation(at_ms=2))

    assert rig.told(Liquidation) == [VALUES.liquidation(at_ms=1), VALUES.liquidation(at_ms=2)]
    assert rig.told(StreamLost) == []


@pytest.mark.parametrize(
    ("channel", "param", "make"),
    [
        (Channel.MARK, 0, lambda n: VALUES.mark(at_ms=n)),
        (Channel.STATS, 0, lambda n: VALUES.day(at_ms=n)),
        (Channel.TOP, 5, lambda n: replace(VALUES.rest_book(), venue_time=n)),
    ],
)
def test_the_newest_goes_on_from_the_other_line_where_readers_are(
    channel: Channel, param: int, make: Callable[[int], News]
) -> None:
    rig = both(Subscription(channel, BTC, param))
    rig.say(1, make(1))
    rig.say(2, make(1))
    rig.say(1, make(2))
    rig.say(2, make(2))
    rig.say(2, make(3))  # the line that does not carry is ahead
    rig.cut(1)
    rig.say(2, make(4))

    told = [news for news in rig.news if type(news) is type(make(1))]
    assert told == [make(n) for n in (1, 2, 3, 4)]


def test_what_is_not_wanted_any_more_is_not_heard() -> None:
    rig = both(Subscription(Channel.MARK, BTC), Subscription(Channel.LIQUIDATIONS, BTC))
    for channel in (Channel.MARK, Channel.LIQUIDATIONS):
        rig.lines.unwant(Subscription(channel, BTC), rig.now)
    rig.say(1, VALUES.mark())
    rig.say(1, VALUES.liquidation())

    assert rig.told(MarkPrice) == rig.told(Liquidation) == []


QUIET = frozenset({Channel.TICKER})


def test_a_line_that_had_nothing_to_tell_since_its_yes_is_gone_on_from() -> None:
    rig = both(TICKER, quiet=QUIET)
    rig.say(1, ticker(1))
    rig.cut(2)
    rig.clock.advance(1.0)
    rig.open(2)
    rig.sessions[0].received(b"alive", rig.now)
    rig.cut(1)

    assert rig.told(StreamLost) == []
    rig.say(2, ticker(2))
    assert rig.told(Ticker) == [ticker(1), ticker(2)]


def test_a_line_that_went_on_with_nothing_to_tell_is_itself_gone_on_from() -> None:
    rig = both(TICKER, quiet=QUIET)
    rig.say(1, ticker(1))
    for heir, gone in ((2, 1), (1, 2), (2, 1)):
        rig.cut(heir)
        rig.clock.advance(1.0)
        rig.open(heir)
        rig.sessions[gone - 1].received(b"alive", rig.now)
        rig.cut(gone)

    assert rig.told(StreamLost) == []
    rig.say(2, ticker(1))
    rig.say(2, ticker(2))
    assert rig.told(Ticker) == [ticker(1), ticker(2)]


def test_a_line_that_has_missed_something_is_not() -> None:
    rig = both(TICKER, quiet=QUIET)
    rig.cut(2)
    rig.clock.advance(1.0)
    rig.open(2)
    rig.clock.advance(1.0)
    rig.say(1, ticker(1))
    rig.sessions[1].received(b"alive", rig.now)
    rig.cut(1)

    assert rig.told(StreamLost) == [StreamLost(TICKER, "cut")]
