from __future__ import annotations

import pytest
from msgspec.structs import replace

from feedrig import BTC, ETH, Collected, Rig, running, settle
from leadline.clock import NS_PER_S
from leadline.core.session import Confirmed, Coverage
from leadline.engine.events import RouteSilent, StreamDead
from leadline.engine.first_data import FirstData
from leadline.engine.topic_state import State
from leadline.engine.topics import Desk
from leadline.engine.trades import TradeTopic
from leadline.errors import ConnectionLost
from leadline.model.market import Channel, FrozenBook, Level, Subscription, Ticker, Trade
from leadline.net.http import Purpose
from leadline.venues.memory import CONTRACTS, MemorySession
from routesrig import RoutesRig, routed

MARK = Subscription(Channel.MARK, BTC)
TICKER = Subscription(Channel.TICKER, BTC)


def dead(rig: Rig) -> list[StreamDead]:
    return [event for event in rig.feed.recent_events if isinstance(event, StreamDead)]


def silent(rig: Rig | RoutesRig) -> list[RouteSilent]:
    return [event for event in rig.feed.recent_events if isinstance(event, RouteSilent)]


async def test_a_quiet_stream_that_need_not_speak_is_not_dead_as_long_as_rest_shows_no_change() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker()
        await rig.passes(60)

        assert (dead(rig), rig.session.renewed) == ([], [])
        assert len(rig.market.asked) < 10, "it is asked about again, not without end"
        (topic,) = rig.feed.stats.topics
        assert topic.state is State.ACKED_QUIET
        assert topic.reason == "acknowledged 60.0 s ago, and REST tells of no change since"


def standing(rig: Rig) -> State:
    (topic,) = rig.feed.stats.topics
    return topic.state


async def test_one_word_of_rest_says_nothing_and_a_second_some_time_later_that_all_is_quiet() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.BOOK, BTC, 10)
        rig.market.books[BTC] = rig.rest_book()
        await rig.passes(1)
        assert rig.market.asked == []
        await rig.passes(1)
        assert [one.purpose for one in rig.market.asked] == [Purpose.VALIDATION], "read or not"
        await rig.passes(7)
        assert (len(rig.market.asked), standing(rig)) == (1, State.ACKED_NO_DATA)
        await rig.passes(1)
        assert (len(rig.market.asked), standing(rig)) == (2, State.ACKED_QUIET)


async def test_two_words_of_rest_at_nearly_the_same_time_are_one() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.failing = ConnectionLost("no answer")
        await rig.passes(6)
        rig.market.failing = None
        rig.market.tickers[BTC] = rig.ticker()
        await rig.passes(4)
        assert standing(rig) is State.ACKED_NO_DATA
        await rig.passes(1)
        assert standing(rig) is State.ACKED_NO_DATA, "four seconds apart"
        await rig.passes(1)
        assert standing(rig) is State.ACKED_QUIET


async def test_a_quiet_stream_is_asked_about_ever_more_rarely_and_a_minute_apart_in_the_end() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker()
        began_ns, asked_s = rig.now, []
        for _ in range(300):
            before = len(rig.market.asked)
            await rig.passes(1)
            if len(rig.market.asked) > before:
                asked_s.append((rig.now - began_ns) // 10**9)

        assert asked_s == [2, 10, 20, 40, 80, 140, 200, 260]
        assert dead(rig) == []
        suspected = rig.feed.detection.suspected
        assert (suspected.count, suspected.max) == (1, 10 * NS_PER_S), "before it proved to be quiet"


async def test_a_stream_long_quiet_is_not_dead_because_rest_does_not_answer_once() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker()
        await rig.passes(195)
        rig.market.failing = ConnectionLost("no answer")
        await rig.passes(10)
        assert dead(rig) == []
        assert standing(rig) is State.ACKED_QUIET
        await rig.passes(20)
        assert len(dead(rig)) == 1, "patience ends"
        assert standing(rig) is State.ACKED_NO_DATA


async def test_a_change_that_rest_shows_ends_the_quiet_at_once() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker()
        await rig.passes(19)
        assert standing(rig) is State.ACKED_QUIET
        rig.market.tickers[BTC] = rig.ticker("105")
        await rig.passes(1)
        assert standing(rig) is State.ACKED_NO_DATA
        await rig.passes(1)
        assert len(dead(rig)) == 1


async def test_the_first_data_of_a_quiet_stream_make_it_live_and_a_loss_makes_it_prove_itself_anew() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker()
        await rig.passes(12)
        rig.say(rig.ticker())
        assert standing(rig) is State.LIVE
        rig.cut()
        rig.connect()
        await rig.passes(1)
        assert standing(rig) is State.ACKED_NO_DATA


async def test_a_book_whose_changes_come_and_wait_for_a_snapshot_is_not_asked_about() -> None:
    async with running(limits=CONTRACTS, connected=False) as rig:
        session = _Unbridged(rig.feed.receive)
        rig.feed.attach(session, lambda: None)
        session.opened(rig.now)
        rig.feed.hold(Channel.BOOK, BTC, 10)
        rig.market.books[BTC] = rig.rest_book()
        for _ in range(30):
            await rig.passes(1)
            session.received(b"a change", rig.now)

        assert (rig.market.asked, dead(rig)) == ([], [])


class _Unbridged(MemorySession):
    """Whose streams speak, and whose books prove nothing."""

    def coverage(self, subscription: Subscription) -> Coverage | None:
        return Coverage.RECEIVING


async def test_a_stream_that_never_spoke_is_dead_when_rest_shows_a_change_twice() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker()
        await rig.passes(12)
        rig.market.tickers[BTC] = rig.ticker("105")
        await rig.passes(14)

        assert [event.subscription for event in dead(rig)] == [TICKER] == rig.session.renewed


async def test_a_quiet_book_is_compared_with_what_rest_told_before_and_not_with_nothing() -> None:
    async with running(limits=CONTRACTS) as rig:
        seen = Collected(rig.feed.books(BTC))
        rig.market.books[BTC] = rig.rest_book()
        await rig.passes(30)
        assert dead(rig) == []
        rig.market.books[BTC] = rig.rest_book("98")
        await rig.passes(14)

        assert [event.subscription.channel for event in dead(rig)] == [Channel.BOOK]
        await seen.stop()


async def test_trades_before_the_venues_yes_say_nothing_of_the_stream() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TRADES, BTC)
        rig.market.tickers[BTC] = quotes_only(rig)
        rig.market.trades[BTC] = [traded(rig, rig.clock.wall_ns() // 1_000_000 - 60_000, 1)]
        await rig.passes(60)

        assert (dead(rig), rig.session.renewed) == ([], [])
        (topic,) = rig.feed.stats.topics
        assert topic.state is State.QUIET


async def test_a_trade_that_a_quiet_stream_has_not_told_is_found() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TRADES, BTC)
        rig.market.tickers[BTC] = quotes_only(rig)
        await rig.passes(30)
        rig.market.trades[BTC] = [traded(rig, rig.clock.wall_ns() // 1_000_000, 2)]
        await rig.passes(30)

        assert [event.subscription.channel for event in dead(rig)][:1] == [Channel.TRADES]


async def test_trades_that_the_stream_keeps_to_itself_from_the_beginning_are_found() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TRADES, BTC)
        rig.market.tickers[BTC] = quotes_only(rig)
        rig.clock.advance(5.0)
        rig.market.trades[BTC] = [traded(rig, rig.clock.wall_ns() // 1_000_000, 2)]
        states = set()
        for _ in range(20):
            await rig.passes(1)
            if not dead(rig):
                states.add(standing(rig))

        assert states == {State.ACKED_NO_DATA}
        assert [event.subscription.channel for event in dead(rig)] == [Channel.TRADES]


async def test_when_a_trade_was_is_told_by_the_venues_clock_where_that_is_measured() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.market.clock_ahead_ns = rig.clock.wall_ns() + 3600 * 10**9 - rig.now  # ours is an hour slow
        rig.feed.hold(Channel.TRADES, BTC)
        rig.market.tickers[BTC] = quotes_only(rig)
        past_ms = (rig.clock.wall_ns() + 3600 * 10**9) // 1_000_000 - 60_000
        rig.market.trades[BTC] = [traded(rig, past_ms, 1)]
        await rig.passes(60)

        assert (dead(rig), rig.session.renewed) == ([], [])


@pytest.mark.parametrize("measured", [True, False])
def test_a_trade_is_later_than_the_acknowledgement_by_more_than_clocks_may_differ(measured: bool) -> None:
    rig = Rig()
    desk = Desk(rig.clock)
    topic = TradeTopic(Subscription(Channel.TRADES, BTC), desk)
    first = FirstData(rig.market, desk)
    began_ns = rig.clock.wall_ns()
    if measured:
        rig.market.clock_ahead_ns = began_ns + 3600 * NS_PER_S - rig.now
        began_ns += 3600 * NS_PER_S
    assert not first.later(topic, began_ns + 60 * NS_PER_S), "nothing is acknowledged"
    topic.confirmed(rig.now)
    rig.clock.advance(30)

    assert not first.later(topic, None)
    assert not first.later(topic, began_ns + 2 * NS_PER_S)
    assert first.later(topic, began_ns + 2 * NS_PER_S + 1)


async def test_the_moment_at_which_rest_says_that_a_ticker_held_is_no_change_of_it() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        for second in range(60):
            rig.market.tickers[BTC] = replace(rig.ticker(), venue_time=1_790_000_000_000 + second)
            await rig.passes(1)

        assert (dead(rig), rig.session.renewed) == ([], [])


async def test_that_a_minute_has_ended_is_no_news_that_its_stream_must_have_told() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.BARS, BTC, 60)
        rig.market.tickers[BTC] = quotes_only(rig)
        rig.market.bars[BTC, 60] = [rig.bar(0)]
        await rig.passes(30)
        rig.market.bars[BTC, 60] = [rig.bar(0, complete=True)]
        await rig.passes(60)
        rig.market.bars[BTC, 60] = []  # nothing since the newest that is known
        await rig.passes(60)
        assert (dead(rig), rig.session.renewed) == ([], [])

        rig.market.bars[BTC, 60] = [rig.bar(0, complete=True), rig.bar(1)]
        await rig.passes(60)
        assert {event.subscription.channel for event in dead(rig)} == {Channel.BARS}


async def test_what_must_speak_at_once_is_dead_after_its_deadline_and_its_route_is_named() -> None:
    async with routed() as rig:
        rig.feed.hold(Channel.MARK, BTC)
        rig.feed.hold(Channel.TICKER, BTC)
        await settle()
        rig.session("public").say(Rig().ticker(), rig.now)
        rig.market.marks[BTC] = Rig().mark()
        await rig.passes(9)
        (mark,) = [each for each in rig.feed.stats.topics if each.subscription == MARK]
        assert "acknowledged by route market" in mark.reason
        await rig.passes(3)

        (found,) = silent(rig)
        assert (found.route, found.streams) == ("market", (MARK,))
        (event,) = rig.told(StreamDead)
        assert (event.subscription, "on route market" in event.reason) == (MARK, True)
        assert rig.session("market").renewed == [MARK]


async def test_a_route_on_which_anything_speaks_is_the_right_one() -> None:
    async with running(limits=CONTRACTS) as rig:
        for symbol in (BTC, ETH):
            rig.feed.hold(Channel.MARK, symbol)
        for _ in range(20):
            rig.say(rig.mark())
            await rig.passes(1)

        assert silent(rig) == []


async def test_a_silent_route_is_told_once_and_again_after_it_has_spoken() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.MARK, BTC)
        rig.market.marks[BTC] = rig.mark("105")
        await rig.passes(40)
        assert (len(silent(rig)), len(dead(rig))) == (1, 4), "subscribed anew, and silent all the same"
        rig.say(rig.mark())
        await rig.passes(1)
        rig.cut()
        rig.connect()
        await rig.passes(40)

        assert len(silent(rig)) == 2


async def test_a_route_whose_streams_are_subscribed_anew_in_vain_is_told_once() -> None:
    async with running(limits=CONTRACTS, connected=False) as rig:
        session = MemorySession(rig.feed.receive, acknowledges=False)
        rig.feed.attach(session, lambda: None)
        session.opened(rig.now)
        rig.feed.hold(Channel.MARK, BTC)
        rig.market.marks[BTC] = rig.mark()

        async def acknowledged_for(seconds: int) -> None:
            session.say(Confirmed(MARK), rig.now)
            for _ in range(seconds):
                await rig.passes(1)
                session.received(b"alive", rig.now)

        await acknowledged_for(14)  # dead at the end, subscribed anew, and not acknowledged yet
        assert (len(dead(rig)), len(silent(rig))) == (1, 1)
        await acknowledged_for(14)

        assert (len(dead(rig)), len(silent(rig))) == (2, 1)


async def test_a_route_is_silent_ten_seconds_after_the_first_yes_and_the_acknowledged_are_named() -> None:
    async with running(limits=CONTRACTS, connected=False) as rig:
        session = MemorySession(rig.feed.receive, acknowledges=False)
        rig.feed.attach(session, lambda: None)
        session.opened(rig.now)
        marks = [Subscription(Channel.MARK, symbol) for symbol in (BTC, ETH)]
        for each in marks:
            rig.feed.hold(each.channel, each.symbol)
        rig.feed.hold(Channel.STATS, BTC)
        for after_s, mark in zip((0, 5), marks, strict=True):
            for _ in range(after_s):
                await rig.passes(1)
                session.received(b"alive", rig.now)
            session.say(Confirmed(mark), rig.now)
        for _ in range(4):
            await rig.passes(1)
            session.received(b"alive", rig.now)
        assert silent(rig) == []
        await rig.passes(1)

        assert silent(rig) == [RouteSilent("", tuple(marks), 10.0)]


async def test_a_quiet_stream_is_not_dead_because_rest_does_not_answer_once() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.failing = ConnectionLost("no answer")
        await rig.passes(15)
        assert dead(rig) == []
        await rig.passes(30)

        assert len(dead(rig)) == 1, "patience ends: it is subscribed anew"


async def test_a_market_where_nothing_happens_is_no_silent_route() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker()
        await rig.passes(60)

        assert silent(rig) == []


async def test_a_quiet_top_is_not_dead_while_its_levels_stand() -> None:
    async with running(limits=CONTRACTS) as rig:
        seen = Collected(rig.feed.tops(BTC))
        for second in range(60):
            one = Level(rig.ticker().bid, rig.ticker().bid_qty)
            rig.market.books[BTC] = FrozenBook(BTC, (one,), (), second)
            await rig.passes(1)

        assert dead(rig) == [], "the time alone is no change"
        await seen.stop()


def quotes_only(rig: Rig) -> Ticker:
    """A ticker without the last trade and the day's figures."""
    told = rig.ticker()
    return Ticker(told.symbol, told.bid, told.bid_qty, told.ask, told.ask_qty)


def traded(rig: Rig, at_ms: int, number: int) -> Trade:
    return replace(rig.trade(number), venue_time=at_ms)
