from __future__ import annotations

import asyncio

import pytest

from account_rig import blockable
from feedrig import settle
from leadline.core.book import BookView
from leadline.core.retry import UNPROVEN_PER_WINDOW
from leadline.core.session import Coverage, LineDown, LineUp, StreamLost
from leadline.engine.events import LineRotated, LineSwitched, RotationPutOff
from leadline.engine.lines import LineState
from leadline.errors import ConfigError, ConnectFailed
from leadline.model.market import BookDropped, Ticker, TradeBatch
from leadline.simulation.loop import LoopClock, VirtualLoop
from linesrig import BARS, BOOK, TICKER, TRADES, LinesRig, bars, ticker, trades

ALL = (TICKER, BOOK, TRADES, BARS)


# --- one line ---


def test_a_single_line_reports_straight_to_the_feed() -> None:
    rig = LinesRig(1)
    rig.want(*ALL)
    rig.open(1)
    rig.say(1, ticker(1))
    rig.say(1, ticker(1))
    rig.cut(1)

    assert rig.told(Ticker) == [ticker(1), ticker(1)]
    assert rig.told(LineDown) == [LineDown("cut")]
    rig.lines.renew(TICKER, "silent", rig.now)
    assert rig.sessions[0].renewed == [TICKER]
    rig.lines.unwant(TICKER, rig.now)
    assert TICKER not in rig.lines.wanted()


def test_a_route_has_one_to_three_lines() -> None:
    for count in (0, 4):
        with pytest.raises(ConfigError, match="one to 3 lines"):
            LinesRig(count)


# --- several ---


@blockable
async def test_after_a_blocked_loop_a_line_whose_buffer_is_unread_still_serves_and_is_waited_for(
    loop: VirtualLoop,
) -> None:
    rig = LinesRig(2, clock=LoopClock(loop, 0))
    rig.want(*ALL)
    async with rig.running():
        for number in (1, 2):
            rig.say(number, ticker(1))
            rig.say(number, trades(1))
        rig.say(2, trades(3))  # its predecessor is on its way on the other line
        await asyncio.sleep(0.1)
        loop.block(8.0)
        assert rig.lines.up(rig.now)
        await asyncio.sleep(0.15)  # the lines would have been looked at long ago
        rig.say(1, trades(2, 3))
        rig.cut(1)
        rig.say(2, ticker(2))

        told = (trade.trade_id for batch in rig.told(TradeBatch) for trade in batch.trades)
        assert list(dict.fromkeys(told)) == [1, 2, 3]
        assert rig.told(StreamLost) == []
        assert {event.reason for event in rig.happened(LineSwitched)} == {"cut"}
        assert rig.told(Ticker) == [ticker(1), ticker(2)]


def test_they_are_one_session_to_whoever_asks() -> None:
    rig = LinesRig(2)
    rig.want(BOOK, TICKER)
    rig.want(BOOK)
    assert not rig.lines.up(rig.now)

    rig.open(2)
    assert rig.lines.up(rig.now)
    assert rig.lines.last_frame_ns == rig.now
    assert rig.lines.wanted() == [TICKER, BOOK]
    rig.lines.unwant(TICKER, rig.now)
    rig.lines.unwant(TICKER, rig.now)
    rig.lines.renew(TICKER, "silent", rig.now)
    rig.lines.renew(BOOK, "silent", rig.now)
    assert [session.renewed for session in rig.lines.sessions] == [[BOOK], [BOOK]]  # type: ignore[attr-defined]
    assert rig.lines.coverage(BOOK) is Coverage.CONFIRMED
    assert rig.lines.coverage(TICKER) is None
    assert rig.lines.switches.count == 0
    assert [session.wanted() for session in rig.sessions] == [[BOOK], [BOOK]]


async def test_every_line_is_kept_and_says_how_it_stands() -> None:
    rig = LinesRig(2)
    rig.want(TICKER, BOOK)
    async with rig.running():
        rig.say(1, ticker(1))
        rig.say(2, ticker(1))
        rig.clock.advance(3)
        await rig.far[1].close(1001)
        await settle()

        assert rig.lines.lines == (
            LineState(1, True, 1, 1, 1, 3.0, "", 3.0),
            LineState(2, False, 0, 0, 1, None, str(rig.lines.last_error)),
        )
        assert "1001" in str(rig.lines.last_error)
        assert rig.lines.connected
        assert (rig.lines.connects, repr(rig.lines)) == (2, "Lines(1 of 2 connected)")
        await rig.pass_by(1)
        assert rig.lines.connects == 3


async def test_a_single_line_that_ends_for_good_ends_them() -> None:
    rig = LinesRig(1)
    rig.refusals = [ConnectFailed("no", terminal=True)]
    with pytest.raises(ConnectFailed, match="no"):
        await rig.lines.run()


async def test_lines_share_the_budget_of_connects() -> None:
    rig = LinesRig(3)
    for _ in range(UNPROVEN_PER_WINDOW - 1):
        rig.budget.spend(rig.now)
    async with rig.running():
        assert rig.lines.connects == 1


async def test_one_lines_end_for_good_ends_that_line_alone_and_the_last_ones_end_all() -> None:
    rig = LinesRig(2)
    rig.refusals = [ConnectFailed("the certificate is another's", terminal=True)]
    async with rig.running() as task:
        assert [state.number for state in rig.lines.lines] == [2]
        assert str(rig.lines.last_error) == "the certificate is another's"
        rig.refusals = [ConnectFailed("no more", terminal=True)]
        await rig.far[0].close(1001)
        await rig.pass_by(1)

        with pytest.raises(ConnectFailed, match="no more"):
            await asyncio.wait_for(task, 5)


async def test_what_a_session_lets_escape_ends_them_as_it_is() -> None:
    rig = LinesRig(2)

    def broken(frame: bytes, now_ns: int) -> None:
        raise KeyError(frame)

    rig.sessions[1].received = broken  # type: ignore[method-assign]
    async with rig.running() as task:
        await rig.far[1].send("news")
        with pytest.raises(KeyError):
            await asyncio.wait_for(task, 5)


# --- spread ---


def test_spread_streams_lie_evenly_each_on_one_line() -> None:
    rig = LinesRig(2, redundant=False)
    rig.want(*ALL)
    rig.want(*ALL)
    rig.open(1, 2)

    assert [session.wanted() for session in rig.sessions] == [[TICKER, TRADES], [BOOK, BARS]]
    assert rig.lines.wanted() == [TICKER, BOOK, TRADES, BARS]


def test_a_dead_lines_streams_are_lost_and_no_others() -> None:
    rig = LinesRig(2, redundant=False)
    rig.want(*ALL)
    rig.open(1, 2)
    rig.say(1, ticker(1))
    rig.say_book(2)
    rig.cut(1)

    assert rig.told(StreamLost) == [StreamLost(TICKER, "cut"), StreamLost(TRADES, "cut")]
    assert rig.told(LineDown) == [LineDown("cut", 1, 1)]
    assert rig.events == []


async def test_the_streams_of_a_spread_line_that_ends_for_good_go_to_the_others() -> None:
    rig = LinesRig(2, redundant=False)
    rig.want(TICKER, BOOK)
    rig.refusals = [ConnectFailed("no", terminal=True)]
    async with rig.running():
        assert rig.sessions[1].wanted() == [BOOK, TICKER]
        rig.say(2, ticker(1))
        assert rig.told(Ticker) == [ticker(1)]


# --- rotation ---


def speak(rig: LinesRig, number: int, at: int) -> None:
    rig.say(number, ticker(at))
    rig.say_book(number, at)
    rig.say(number, trades(at))
    rig.say(number, bars(0, at))


async def test_a_line_is_replaced_by_a_young_one_that_is_whole_and_nobody_notices() -> None:
    rig = LinesRig(1, rotate_after_s=100.0)
    rig.want(*ALL)
    async with rig.running():
        speak(rig, 1, 1)
        await rig.pass_by(100)
        assert len(rig.sessions) == 2
        rig.say(1, ticker(2))
        speak(rig, 2, 1)
        rig.say(2, ticker(2))
        rig.say(1, trades(2))
        rig.say(2, trades(2))
        await rig.pass_by(0.5)
        assert rig.happened(LineRotated) == [LineRotated(1, 0.5)]

        rig.say(2, ticker(3))
        rig.say(2, trades(3))
        assert rig.told(Ticker) == [ticker(1), ticker(2), ticker(3)]
        assert rig.told(BookView)[-1] is rig.book(2).view
        numbers = [trade.trade_id for batch in rig.told(TradeBatch) for trade in batch.trades]
        assert sorted(set(numbers)) == [1, 2, 3]
        assert rig.told(LineDown) == rig.told(StreamLost) == rig.told(BookDropped) == []
        assert rig.told(LineUp) == [LineUp(1)]
        assert rig.lines.lines == (LineState(1, True, 4, 4, 2, 0.5, ""),)
        assert rig.lines.book_messages.proven == 2  # one of each line, and the first of them is gone
        with pytest.raises(Exception, match="closed"):
            await rig.far[0].receive()


async def test_nothing_is_rotated_while_there_is_a_reason_not_to() -> None:
    reasons = ["an order is UNKNOWN"]
    rig = LinesRig(1, rotate_after_s=10.0, may_rotate=lambda: reasons[0] if reasons else None)
    rig.want(TICKER)
    async with rig.running():
        await rig.pass_by(20)
        assert rig.happened(RotationPutOff) == [RotationPutOff(1, "an order is UNKNOWN")]
        assert len(rig.sessions) == 1
        reasons.clear()
        await rig.pass_by(1)
        assert len(rig.happened(LineRotated)) == 1


async def test_a_young_line_that_cannot_connect_is_given_up_and_the_old_one_stays() -> None:
    rig = LinesRig(1, rotate_after_s=10.0, handover_s=5.0)
    rig.want(TICKER)
    async with rig.running():
        rig.say(1, ticker(1))
        rig.refusals = [ConnectFailed("not now")] * 100
        await rig.pass_by(10 + 5)
        assert rig.happened(LineRotated) == []
        rig.say(1, ticker(2))
        assert rig.told(Ticker) == [ticker(1), ticker(2)]
        assert rig.lines.lines[0].carried == 1

        rig.refusals.clear()
        await rig.pass_by(5)
        rig.say(3, ticker(2))
        await rig.pass_by(0.5)
        assert len(rig.happened(LineRotated)) == 1
        assert len(asyncio.all_tasks()) < 10


async def test_a_young_line_that_ends_for_good_changes_nothing() -> None:
    rig = LinesRig(1, rotate_after_s=10.0, handover_s=5.0)
    rig.want(TICKER)
    async with rig.running():
        rig.refusals = [ConnectFailed("no", terminal=True)]
        await rig.pass_by(10)
        rig.say(1, ticker(1))

        assert rig.told(Ticker) == [ticker(1)]
        assert rig.lines.lines[0].connected


async def test_what_the_young_line_carries_alone_is_lost_by_name_when_it_is_given_up() -> None:
    rig = LinesRig(1, rotate_after_s=10.0, handover_s=5.0)
    rig.want(TICKER, BOOK)
    async with rig.running():
        rig.say(1, ticker(1))
        await rig.pass_by(10)
        rig.say_book(2)
        await rig.pass_by(5)

        assert rig.told(StreamLost) == [StreamLost(BOOK, "its line was given up")]
        assert rig.happened(LineRotated) == []


async def test_an_old_line_that_dies_meanwhile_is_replaced_at_once_by_the_young_one() -> None:
    rig = LinesRig(1, rotate_after_s=10.0)
    rig.want(TICKER, BOOK)
    async with rig.running():
        rig.say(1, ticker(1))
        rig.say_book(1)
        await rig.pass_by(10)
        rig.say(2, ticker(2))
        rig.book(1).clear()
        await rig.far[0].close(1001)
        await rig.pass_by(1)

        assert rig.told(Ticker) == [ticker(1), ticker(2)]
        assert rig.told(StreamLost) == [StreamLost(BOOK, rig.told(LineDown)[0].reason)]
        assert len(rig.happened(LineRotated)) == 1
        rig.say_book(2)
        assert rig.told(BookView)[-1] is rig.book(2).view


async def test_an_old_line_that_ends_for_good_leaves_everything_to_the_young_one() -> None:
    rig = LinesRig(1, rotate_after_s=10.0)
    rig.want(TICKER)
    async with rig.running() as task:
        rig.say(1, ticker(1))
        await rig.pass_by(10)
        rig.refusals = [ConnectFailed("no", terminal=True)]
        await rig.far[0].close(1001)
        for _ in range(4):
            rig.clock.advance(0.25)
            await settle()
        rig.say(2, ticker(2))

        assert rig.told(Ticker) == [ticker(1), ticker(2)]
        assert not task.done()
        assert [state.number for state in rig.lines.lines] == [1]


async def test_each_of_several_lines_is_replaced_one_after_the_other() -> None:
    rig = LinesRig(2, rotate_after_s=10.0)
    rig.want(TICKER)
    async with rig.running():
        for number in (1, 2):
            rig.say(number, ticker(1))
        await rig.pass_by(10)
        assert len(rig.sessions) == 3
        rig.say(3, ticker(1))
        await rig.pass_by(1)
        assert len(rig.sessions) == 4
        rig.say(4, ticker(1))
        await rig.pass_by(0.5)

        assert [each.line for each in rig.happened(LineRotated)] == [1, 2]
        assert rig.told(Ticker) == [ticker(1)]
        assert [state.connects for state in rig.lines.lines] == [2, 2]


async def test_spread_streams_rotate_with_their_line_and_new_ones_come_to_both() -> None:
    rig = LinesRig(2, redundant=False, rotate_after_s=10.0)
    rig.want(TICKER, BOOK)
    async with rig.running():
        rig.say(1, ticker(1))
        await rig.pass_by(10)
        assert rig.sessions[2].wanted() == [TICKER]
        rig.want(TRADES)
        assert [TRADES in session.wanted() for session in rig.sessions] == [True, False, True]
        rig.lines.unwant(TRADES, rig.now)
        rig.say(3, ticker(1))
        await rig.pass_by(0.5)

        assert rig.happened(LineRotated)[0].line == 1
        assert rig.happened(LineSwitched) == []
