from __future__ import annotations

from leadline.core.book import BookView
from leadline.core.session import StreamLost
from leadline.core.subscriptions import by_priority
from leadline.engine.spread import AWAY_NS, PATIENCE_NS, STEADY_NS
from leadline.model.market import BookDropped, Channel, Subscription, Ticker
from linesrig import BARS, BOOK, BTC, ETH, TICKER, TRADES, LinesRig, ticker, trades

ALL = (TICKER, BOOK, TRADES, BARS)
OTHER = Subscription(Channel.TICKER, ETH)

AWAY_S, STEADY_S, PATIENCE_S = (ns / 1e9 for ns in (AWAY_NS, STEADY_NS, PATIENCE_NS))


def spread() -> LinesRig:
    """Two lines that stand, of which the first has the ticker and trades, the second the book and bars."""
    rig = LinesRig(2, redundant=False)
    rig.want(*ALL)
    rig.open(1, 2)
    rig.say(1, ticker(1))
    rig.say(1, trades(1))
    rig.say_book(2)
    rig.look()
    return rig


def wanted(rig: LinesRig) -> list[list[Subscription]]:
    return [by_priority(session.wanted()) for session in rig.sessions]


def away(rig: LinesRig) -> None:
    """The first line is cut, and stays away for long enough."""
    rig.cut(1)
    rig.pass_s(AWAY_S + 0.5)


def test_a_line_that_is_back_at_once_keeps_its_streams() -> None:
    rig = spread()
    rig.cut(1)
    rig.pass_s(AWAY_S - 0.5)
    assert wanted(rig) == [[TICKER, TRADES], [BOOK, BARS]]
    rig.open(1)
    rig.pass_s(STEADY_S * 2)
    assert wanted(rig) == [[TICKER, TRADES], [BOOK, BARS]]


def test_the_streams_of_a_line_that_stays_away_go_to_the_other_and_new_ones_too() -> None:
    rig = spread()
    away(rig)
    assert wanted(rig) == [[], [TICKER, BOOK, TRADES, BARS]]
    rig.say(2, ticker(2))
    assert rig.told(Ticker) == [ticker(1), ticker(2)]
    rig.want(OTHER)
    assert OTHER in rig.sessions[1].wanted()


def test_where_no_line_stands_every_stream_stays_where_it_is() -> None:
    rig = spread()
    rig.cut(1)
    rig.cut(2)
    rig.pass_s(AWAY_S * 2)
    assert wanted(rig) == [[TICKER, TRADES], [BOOK, BARS]]


def back(rig: LinesRig) -> None:
    """The first line stands again, and has for just short of what makes it steady."""
    rig.open(1)
    rig.pass_s(STEADY_S)
    assert wanted(rig)[0] == []
    rig.pass_s(0.5)


def test_a_line_that_is_back_and_steady_is_given_half_of_the_streams_and_readers_notice_nothing() -> None:
    rig = spread()
    away(rig)
    rig.say(2, ticker(2))
    rig.say(2, trades(2))
    rig.say_book(2)
    rig.news.clear()
    back(rig)
    assert wanted(rig) == [[TICKER, TRADES], [TICKER, BOOK, TRADES, BARS]], "on both until the new one has it"
    rig.say(2, ticker(3))
    rig.look()
    assert TICKER in rig.sessions[1].wanted()
    rig.say(1, ticker(3))
    rig.say(1, ticker(4))
    rig.pass_s(0.5)

    assert wanted(rig) == [[TICKER, TRADES], [BOOK, BARS]]
    rig.say(2, ticker(5))
    rig.say(1, ticker(5))
    assert rig.told(Ticker) == [ticker(3), ticker(4), ticker(5)]
    assert rig.told(StreamLost) == rig.told(BookDropped) == []
    assert [state.carried for state in rig.lines.lines] == [2, 1]


def test_a_book_that_moves_goes_on_from_the_new_lines_copy() -> None:
    rig = LinesRig(2, redundant=False)
    books = [Subscription(Channel.BOOK, symbol, 10) for symbol in (BTC, ETH)]
    rig.open(2)
    rig.pass_s(AWAY_S + 0.5)
    rig.want(*books)
    assert wanted(rig) == [[], books]
    rig.say_book(2, symbol=ETH)
    rig.open(1)
    rig.pass_s(STEADY_S + 0.5)
    assert wanted(rig) == [books[1:], books]
    rig.say_book(1, symbol=ETH)
    rig.news.clear()
    rig.pass_s(0.5)

    assert wanted(rig) == [books[1:], books[:1]]
    assert rig.told(BookView) == [rig.book(1, ETH).view]
    assert rig.told(BookDropped) == []


def test_a_line_that_flaps_is_given_nothing() -> None:
    rig = spread()
    away(rig)
    for _ in range(5):
        rig.open(1)
        rig.pass_s(STEADY_S - 5)
        rig.cut(1)
        rig.pass_s(1)
    assert wanted(rig)[0] == []


def test_a_stream_that_its_new_line_does_not_tell_stays_where_it_is() -> None:
    rig = spread()
    away(rig)
    rig.say(2, ticker(2))
    back(rig)
    rig.say_book(2)
    rig.pass_s(PATIENCE_S - 1)
    assert wanted(rig) == [[TICKER, TRADES], [TICKER, BOOK, BARS]], "of trades a yes is enough"
    rig.lines.unwant(BARS, rig.now)
    rig.pass_s(1)

    assert wanted(rig) == [[TRADES], [TICKER, BOOK]]
    rig.say(2, ticker(3))
    assert rig.told(Ticker) == [ticker(1), ticker(2), ticker(3)]
    assert rig.told(StreamLost) == [StreamLost(TICKER, "cut"), StreamLost(TRADES, "cut")]


def test_ten_streams_move_at_once_the_newest_first_until_the_lines_are_even() -> None:
    rig = LinesRig(2, redundant=False)
    many = [Subscription(Channel.TRADES, f"A{number:02}/USD") for number in range(25)]
    rig.open(2)
    rig.pass_s(AWAY_S + 0.5)
    rig.want(*many)
    rig.open(1)
    rig.pass_s(STEADY_S + 0.5)
    assert wanted(rig) == [many[-10:], many]
    rig.pass_s(0.5)
    assert set(wanted(rig)[0]) == {*many[-10:], *many[13:15]}
    assert wanted(rig)[1] == many[:15], "two more are on their way: of each line a yes is enough"
    rig.pass_s(5)
    assert [len(each) for each in wanted(rig)] == [12, 13]


def test_a_move_whose_new_line_dies_is_forgotten() -> None:
    rig = spread()
    away(rig)
    rig.say(2, ticker(2))
    back(rig)
    rig.cut(1)
    rig.pass_s(0.5)
    assert wanted(rig) == [[], [TICKER, BOOK, TRADES, BARS]]


async def test_a_move_goes_on_after_its_line_was_replaced() -> None:
    rig = LinesRig(2, redundant=False, rotate_after_s=STEADY_S + 1)
    rig.want(TRADES, BOOK, TICKER, BARS)
    async with rig.running():
        for each in (BOOK, BARS):
            rig.lines.unwant(each, rig.now)
        rig.say(1, ticker(1))
        rig.say(1, trades(1))
        await rig.pass_by(STEADY_S + 0.5)
        assert wanted(rig) == [[TICKER, TRADES], [TICKER]]
        await rig.pass_by(1)
        rig.say(3, ticker(1))
        rig.say(3, trades(1))
        await rig.pass_by(0.5)
        rig.say(2, ticker(1))
        await rig.pass_by(0.5)

        assert [state.carried for state in rig.lines.lines][1] == 1
        assert wanted(rig)[2] == [TRADES]
        assert TICKER in wanted(rig)[1]
        assert rig.told(StreamLost) == []
