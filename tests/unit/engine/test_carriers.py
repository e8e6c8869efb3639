from __future__ import annotations

import pytest

from leadline.core.book import BookView
from leadline.core.session import Confirmed, Coverage, LineDown, LineUp, StreamLost, SubscriptionRefused
from leadline.engine.carriers import STALLED_NS
from leadline.engine.events import LineSwitched
from leadline.errors import Rejected
from leadline.model.market import (
    BarBatch,
    BookDropped,
    Subscription,
    Ticker,
    TradeBatch,
    VenueMode,
    VenueStatus,
)
from linesrig import BARS, BOOK, BTC, TICKER, TRADES, LinesRig, bars, ticker, trades

ALL = (TICKER, BOOK, TRADES, BARS)


def warm(*subscriptions: Subscription) -> LinesRig:
    """Two lines that both have everything, the first carrying it."""
    rig = LinesRig(2)
    rig.want(*subscriptions)
    rig.open(1, 2)
    for number in (1, 2):
        for subscription in subscriptions:
            tell(rig, number, subscription, 1)
    return rig


def tell(rig: LinesRig, number: int, subscription: Subscription, at: int) -> None:
    if subscription == BOOK:
        rig.say_book(number, at)
    else:
        rig.say(number, {TICKER: ticker(at), TRADES: trades(at), BARS: bars(0, at)}[subscription])


# --- a line that dies ---


def test_a_dead_line_loses_nothing_that_another_has() -> None:
    rig = warm(*ALL)
    rig.cut(1)

    assert rig.told(StreamLost) == rig.told(BookDropped) == []
    assert rig.told(LineDown) == [LineDown("cut", 1, 1)]
    assert rig.happened(LineSwitched) == [LineSwitched(1, 2, len(ALL), "cut", 0.0)]
    assert rig.lines.switches.count == 1


def test_readers_have_the_other_lines_book_before_they_hear_that_a_line_is_down() -> None:
    rig = warm(BOOK)
    rig.cut(1)

    assert [news for news in rig.news if isinstance(news, BookView | LineDown)][-2:] == [
        rig.book(2).view,
        LineDown("cut", 1, 1),
    ]
    assert rig.book(2).view.best_bid is not None


def test_what_the_dead_line_had_not_told_yet_is_handed_on_in_order() -> None:
    rig = warm(TICKER, BARS)
    for at in (2, 3):
        tell(rig, 2, TICKER, at)
        tell(rig, 2, BARS, at)
    rig.cut(1)

    assert rig.told(Ticker) == [ticker(1), ticker(2), ticker(3)]
    assert rig.told(BarBatch) == [bars(0, 1), bars(0, 2), bars(0, 3)]


def test_a_line_behind_repeats_nothing_after_it_has_taken_over() -> None:
    rig = warm(TICKER, BARS)
    for at in (2, 3):
        tell(rig, 1, TICKER, at)
        tell(rig, 1, BARS, at)
    rig.cut(1)
    for at in (2, 3, 4):
        tell(rig, 2, TICKER, at)
        tell(rig, 2, BARS, at)

    assert rig.told(Ticker) == [ticker(at) for at in (1, 2, 3, 4)]
    assert rig.told(BarBatch) == [bars(0, at) for at in (1, 2, 3, 4)]


def test_the_line_heard_last_takes_over_and_one_that_has_nothing_never() -> None:
    rig = LinesRig(3)
    rig.want(TICKER)
    rig.open(1, 2, 3)
    rig.say(1, ticker(1))
    rig.say(2, ticker(1))
    rig.clock.advance(1)
    rig.sessions[2].received(b"heartbeat", rig.now)
    rig.cut(1)

    assert [(each.from_line, each.to_line) for each in rig.happened(LineSwitched)] == [(1, 2)]


def test_a_reconnected_line_is_a_spare_and_nobody_hears_of_it_but_by_name() -> None:
    rig = warm(TICKER)
    rig.cut(1)
    rig.open(1)
    rig.say(1, ticker(1))
    rig.say(2, ticker(2))
    rig.say(1, ticker(2))

    assert rig.told(Ticker) == [ticker(1), ticker(2)]
    assert rig.told(LineUp) == [LineUp(1), LineUp(2), LineUp(1)]
    assert rig.told(Confirmed) == [Confirmed(TICKER)]


def test_a_spare_that_dies_is_no_loss() -> None:
    rig = warm(*ALL)
    before = len(rig.news)
    rig.cut(2)

    assert rig.news[before:] == [LineDown("cut", 2, 1)]
    assert rig.events == []


def test_what_no_other_line_has_is_lost_by_name() -> None:
    rig = LinesRig(2)
    rig.want(TICKER, BOOK)
    rig.open(1, 2)
    rig.say(1, ticker(1))
    rig.say_book(1)
    rig.say(2, ticker(1))
    rig.cut(1)

    assert rig.told(StreamLost) == [StreamLost(BOOK, "cut")]
    assert rig.news[-2:] == [Confirmed(BOOK), LineDown("cut", 1, 1)]
    rig.say_book(2)
    assert rig.news[-1] is rig.book(2).view


def test_the_last_line_that_dies_loses_everything_at_once() -> None:
    rig = warm(*ALL)
    rig.cut(1)
    rig.cut(2)

    assert rig.told(StreamLost) == []
    assert rig.told(LineDown)[-1] == LineDown("cut", 2, 0)
    rig.open(1)
    assert rig.told(Confirmed)[-4:] == [Confirmed(each) for each in ALL]


def test_a_yes_of_one_line_outlives_the_other_while_nothing_has_come() -> None:
    rig = LinesRig(2)
    rig.want(TICKER)
    rig.open(1, 2)
    rig.cut(1)

    assert rig.told(StreamLost) == []
    assert rig.told(Confirmed) == [Confirmed(TICKER)]


# --- a book that fails ---


def test_a_book_that_fails_its_checksum_is_replaced_by_the_other_lines() -> None:
    rig = warm(BOOK)
    rig.book(1).clear()
    rig.say(1, BookDropped(BTC, "the checksum does not match"))

    assert rig.told(BookDropped) == []
    assert rig.news[-1] is rig.book(2).view
    assert rig.happened(LineSwitched) == [LineSwitched(1, 2, 1, "the checksum does not match", 0.0)]


def test_a_spares_wrong_book_is_its_own_affair_but_nobody_goes_on_from_it() -> None:
    rig = warm(BOOK)
    rig.book(2).clear()
    rig.say(2, BookDropped(BTC, "wrong"))
    assert rig.told(BookDropped) == []

    rig.book(1).clear()
    rig.say(1, BookDropped(BTC, "wrong"))
    assert rig.told(BookDropped) == [BookDropped(BTC, "wrong")]
    rig.say_book(2)
    assert rig.news[-1] is rig.book(2).view


# --- one missed trade ---


def test_a_trade_that_one_line_missed_is_told_by_the_other_without_a_hole() -> None:
    rig = warm(TRADES)
    rig.say(1, trades(3))
    rig.say(2, trades(2))
    rig.say(2, trades(3))

    numbers = [trade.trade_id for batch in rig.told(TradeBatch) for trade in batch.trades]
    assert numbers == [1, 1, 2, 3, 3]


def test_a_trade_waits_half_a_second_for_its_predecessor() -> None:
    rig = warm(TRADES)
    rig.say(1, trades(3))
    assert rig.told(TradeBatch)[-1] == trades(1)

    rig.pass_s(0.5)
    assert rig.told(TradeBatch)[-1] == trades(3)


def test_a_dead_line_is_not_waited_for() -> None:
    rig = warm(TRADES)
    rig.say(1, trades(3))
    rig.cut(2)

    assert rig.told(TradeBatch)[-1] == trades(3)


# --- answers ---


def test_a_refusal_is_told_once() -> None:
    rig = LinesRig(2, acknowledges=False)
    rig.want(TICKER)
    refused = SubscriptionRefused(TICKER, Rejected("no"))
    for number in (1, 2):
        rig.open(number)
        rig.sessions[number - 1].refuse(TICKER, refused.error, rig.now)

    assert rig.told(SubscriptionRefused) == [refused]
    rig.want(TICKER)
    rig.sessions[0].refuse(TICKER, refused.error, rig.now)
    assert rig.told(SubscriptionRefused) == [refused, refused]


def test_a_refusal_of_one_line_is_nobodys_affair_while_another_streams() -> None:
    rig = warm(TICKER)
    rig.sessions[0].refuse(TICKER, Rejected("no"), rig.now)

    assert rig.told(SubscriptionRefused) == []
    assert [(each.from_line, each.to_line) for each in rig.happened(LineSwitched)] == [(1, 2)]


# --- a stream that stands still ---


@pytest.mark.parametrize("subscription", ALL, ids=str)
def test_a_copy_that_stands_still_while_the_other_goes_on_is_left_and_renewed(
    subscription: Subscription,
) -> None:
    rig = warm(subscription)
    rig.clock.advance(1)
    tell(rig, 2, subscription, 2)
    rig.pass_s(STALLED_NS / 1e9)
    assert rig.events == []

    rig.pass_s(0.5)
    assert [(each.from_line, each.to_line, each.streams) for each in rig.happened(LineSwitched)] == [
        (1, 2, 1)
    ]
    assert [session.renewed for session in rig.sessions] == [[subscription], []]


def test_a_spare_that_stands_still_is_renewed_quietly() -> None:
    rig = warm(TICKER)
    rig.clock.advance(1)
    rig.say(1, ticker(2))
    rig.pass_s(STALLED_NS / 1e9 + 0.5)

    assert rig.events == []
    assert [session.renewed for session in rig.sessions] == [[], [TICKER]]


@pytest.mark.parametrize("subscription", ALL, ids=str)
def test_a_copy_that_has_stopped_short_is_left_although_it_was_the_last_to_be_heard(
    subscription: Subscription,
) -> None:
    rig = warm(subscription)
    rig.clock.advance(1)
    for at in (2, 3):
        tell(rig, 2, subscription, at)
    rig.clock.advance(0.1)
    tell(rig, 1, subscription, 2)
    rig.pass_s(STALLED_NS / 1e9 + 1.5)

    assert [(each.from_line, each.to_line) for each in rig.happened(LineSwitched)] == [(1, 2)]
    assert [session.renewed for session in rig.sessions] == [[subscription], []]


def test_a_quiet_market_is_no_standstill() -> None:
    rig = warm(*ALL)
    rig.pass_s(60)

    assert rig.events == []
    assert [session.renewed for session in rig.sessions] == [[], []]


def test_a_line_that_lags_but_goes_on_is_no_standstill() -> None:
    rig = warm(TICKER)
    for at in range(2, 40):
        rig.say(2, ticker(at))
        rig.pass_s(0.5)
        rig.say(1, ticker(at - 1))

    assert rig.events == []


# --- the feed's own judgement ---


def test_a_dead_stream_of_which_no_line_knows_more_is_renewed_on_every_line() -> None:
    rig = warm(BOOK)
    rig.lines.renew(BOOK, "REST knows newer data", rig.now)

    assert [session.renewed for session in rig.sessions] == [[BOOK], [BOOK]]
    assert rig.happened(LineSwitched) == []
    rig.say_book(2, 2)
    assert rig.news[-1] is rig.book(2).view


@pytest.mark.parametrize("subscription", ALL, ids=str)
def test_a_dead_stream_goes_on_at_once_from_a_copy_that_is_clearly_younger(
    subscription: Subscription,
) -> None:
    rig = warm(subscription)
    rig.clock.advance(2)
    tell(rig, 2, subscription, 2)
    before = len(rig.news)
    rig.lines.renew(subscription, "silent", rig.now)

    assert len(rig.news) == before + 1
    assert [session.renewed for session in rig.sessions] == [[subscription], []]
    assert [(each.from_line, each.to_line) for each in rig.happened(LineSwitched)] == [(1, 2)]


def test_readers_told_of_a_loss_get_the_newest_value_again() -> None:
    rig = warm(TICKER)
    rig.clock.advance(2)
    rig.say(2, ticker(1))
    rig.lines.renew(TICKER, "silent", rig.now)

    assert rig.told(Ticker) == [ticker(1), ticker(1)]


def test_coverage_is_that_of_the_line_that_has_come_furthest() -> None:
    rig = LinesRig(2)
    rig.want(TICKER)
    assert rig.lines.coverage(TICKER) is Coverage.WANTED
    rig.open(2)
    assert rig.lines.coverage(TICKER) is Coverage.CONFIRMED
    assert rig.lines.coverage(BOOK) is None


# --- lines that come and go ---


def test_a_line_that_is_let_go_leaves_what_it_carried_alone_as_lost() -> None:
    rig = LinesRig(2)
    rig.want(TICKER, TRADES)
    rig.open(1, 2)
    rig.say(1, ticker(1))
    carriers, (old, young) = rig.parts
    carriers.replace(old, young, rig.now)
    carriers.release(old, rig.now)

    assert rig.told(StreamLost) == [StreamLost(TICKER, "its line was given up")]
    rig.cut(1)
    assert rig.told(LineDown) == []


def test_a_younger_line_goes_on_with_all_that_the_old_one_carried() -> None:
    rig = warm(*ALL)
    carriers, (old, young) = rig.parts
    rig.say(2, ticker(2))
    carriers.replace(old, young, rig.now)
    carriers.release(old, rig.now)
    rig.say(1, ticker(3))
    rig.say(2, ticker(3))

    assert rig.told(Ticker) == [ticker(1), ticker(2), ticker(3)]
    assert rig.told(StreamLost) == rig.events == []


def test_a_mode_is_told_once_by_all_lines_together() -> None:
    rig, status = warm(), VenueStatus(VenueMode.MAINTENANCE)
    rig.say(1, status)
    rig.say(2, status)

    assert rig.told(VenueStatus) == [status]


def test_a_copy_on_a_line_that_is_down_does_not_stand_still() -> None:
    rig = LinesRig(2)
    rig.want(TICKER)
    rig.open(1)
    rig.say(1, ticker(1))
    rig.say(2, ticker(1))  # a session that speaks before it is open
    rig.clock.advance(1)
    rig.say(1, ticker(2))
    rig.pass_s(5)

    assert rig.sessions[1].renewed == []
