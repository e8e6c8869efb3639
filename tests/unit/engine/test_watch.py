from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from msgspec.structs import replace

from feedrig import BTC, ETH, Collected, Rig, running, settle
from leadline.clock import NS_PER_S
from leadline.engine.events import StreamDead
from leadline.engine.feed import Feed
from leadline.engine.topic_state import State
from leadline.errors import ConnectionLost, Error, Rejected, Throttled
from leadline.model.market import Channel, FrozenBook, GapCause, Subscription, Ticker, TradeBatch
from leadline.model.reading import Source
from leadline.net.http import Purpose
from leadline.venues.memory import CONTRACTS, MemoryMarket


def validations(rig: Rig) -> int:
    """How often REST has been asked about silent streams."""
    return sum(asked.purpose is Purpose.VALIDATION for asked in rig.market.asked)


async def test_a_quiet_market_is_not_called_dead_and_stays_fresh() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.say(rig.ticker("100"))
        for _ in range(60):
            await rig.passes(1)
            reading = await rig.feed.ticker(BTC)
            assert reading.source is Source.STREAM
            assert reading.age_s <= reading.bound_s

        assert rig.feed.stats.topics[0].state is State.QUIET
        assert rig.session.renewed == []
        assert {asked.purpose for asked in rig.market.asked} <= {Purpose.VALIDATION, Purpose.CROSS_CHECK}
        await seen.stop()


async def test_a_stream_that_rest_contradicts_is_dead_and_subscribed_anew() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.tickers[BTC] = rig.ticker("105")
        await rig.passes(11)

        assert rig.session.renewed == [Subscription(Channel.TICKER, BTC)]
        assert [gap.cause for gap in rig.feed.gaps] == [GapCause.SILENT]
        assert any(isinstance(event, StreamDead) for event in rig.feed.recent_events)
        assert seen.items[-1].source is Source.REST
        assert seen.items[-1].value.last == 105
        await seen.stop()


async def test_one_ticker_call_judges_every_suspect() -> None:
    async with running() as rig:
        watching = [Collected(rig.feed.tickers(symbol)) for symbol in (BTC, ETH)]
        await settle()
        for symbol in (BTC, ETH):
            rig.market.tickers[symbol] = rig.ticker("100", symbol)
            rig.say(rig.ticker("100", symbol))
        await rig.passes(9)

        assert [asked.symbols for asked in rig.market.asked] == [(BTC, ETH)]
        for each in watching:
            await each.stop()


async def test_data_that_comes_while_rest_answers_is_the_better_answer() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.tickers[BTC] = rig.ticker("105")
        await rig.passes(9)
        rig.say(rig.ticker("105"))
        await rig.passes(3)

        assert rig.session.renewed == []
        assert rig.feed.stats.topics[0].state is State.LIVE
        await seen.stop()


async def test_an_acknowledgement_without_data_is_visible_and_ends_in_a_new_subscription() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        await rig.passes(9)
        state = rig.feed.stats.topics[0]
        await rig.passes(2)

        assert state.state is State.ACKED_NO_DATA
        assert state.reason == "acknowledged 9.0 s ago, no data since"
        assert rig.session.renewed == [Subscription(Channel.TICKER, BTC)]
        assert seen.items[0].source is Source.REST
        await seen.stop()


async def test_trades_that_nobody_makes_do_not_kill_their_stream() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.market.trades[BTC] = [rig.trade(1)]
        rig.say(rig.trades(1))
        await rig.passes(30)

        assert rig.session.renewed == []
        assert rig.feed.stats.topics[0].state is State.QUIET
        await seen.stop()


async def test_trades_that_only_rest_knows_kill_their_stream_and_are_back_filled() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.market.trades[BTC] = [rig.trade(1), rig.trade(2)]
        rig.say(rig.trades(1))
        await rig.passes(15)
        trades = [item.value for item in seen.items if hasattr(item, "value")]

        assert rig.session.renewed == [Subscription(Channel.TRADES, BTC)]
        assert [(trade.trade_id, trade.backfilled) for trade in trades] == [(1, False), (2, True)]
        await seen.stop()


async def test_trades_told_by_rest_alone_since_the_acknowledgement_do_not_vouch_for_the_stream() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.market.trades[BTC] = [rig.trade(1), rig.trade(2)]
        rig.clock.step_wall(10)  # they are in the past
        await rig.passes(9)
        state = rig.feed.stats.topics[0].state
        await rig.passes(3)

        assert [item.value.trade_id for item in seen.items] == [1, 2]
        assert state is State.ACKED_NO_DATA
        assert rig.session.renewed == [Subscription(Channel.TRADES, BTC)]
        assert rig.feed.stats.topics[0].state is not State.QUIET
        await seen.stop()


async def test_a_stream_that_must_begin_with_the_past_is_dead_where_there_is_one_and_it_told_none() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TRADES, BTC)
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.market.trades[BTC] = [rig.trade(1)]
        rig.clock.step_wall(10)  # it was before the acknowledgement

        assert await dies_after(rig) == 10


async def test_a_market_without_any_trade_is_quiet_from_the_start() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.say(TradeBatch(BTC, (), snapshot=True))
        await rig.passes(20)

        assert rig.feed.stats.topics[0].state is State.QUIET
        assert rig.session.renewed == []
        await seen.stop()


async def test_a_stalled_book_is_found_by_its_best_levels_and_only_it_is_renewed() -> None:
    async with running() as rig:
        watching = [Collected(rig.feed.books(BTC)), Collected(rig.feed.books(ETH))]
        await settle()
        rig.say_book()
        rig.say_book(symbol=ETH)
        rig.market.books[BTC] = rig.rest_book(bid="98")
        rig.market.books[ETH] = rig.rest_book(symbol=ETH)
        await rig.passes(12)

        assert [each.symbol for each in rig.session.renewed] == [BTC]
        states = {state.subscription.symbol: state.state for state in rig.feed.stats.topics}
        assert states[ETH] is State.QUIET
        for each in watching:
            await each.stop()


async def test_a_suspect_that_rest_cannot_judge_is_not_served_and_is_renewed_in_the_end() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.failing = ConnectionLost("REST is down")
        await rig.passes(12)
        state = rig.feed.stats.topics[0]
        await rig.passes(15)

        assert state.state is State.SUSPECT
        assert "not confirmed" in state.reason
        assert len(rig.session.renewed) == 1
        await seen.stop()


async def test_one_call_vouches_for_those_who_are_half_way_to_suspicion() -> None:
    async with running() as rig:
        watching = [Collected(rig.feed.tickers(symbol)) for symbol in (BTC, ETH)]
        await settle()
        for symbol in (BTC, ETH):
            rig.market.tickers[symbol] = rig.ticker("100", symbol)
            rig.say(rig.ticker("100", symbol))
            await rig.passes(3)
        await rig.passes(94)

        calls = [asked for asked in rig.market.asked if asked.purpose is Purpose.VALIDATION]
        assert len(calls) <= 100 / 8
        assert {state.state for state in rig.feed.stats.topics} == {State.QUIET}
        for each in watching:
            await each.stop()


async def test_an_answer_that_comes_after_the_line_went_down_kills_nothing() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.tickers[BTC] = rig.ticker("105")
        await rig.passes(9)
        rig.clock.advance(1)
        rig.cut()
        await settle()

        assert not any(isinstance(event, StreamDead) for event in rig.feed.recent_events)
        assert [gap.cause for gap in rig.feed.gaps] == [GapCause.DISCONNECTED]
        await seen.stop()


async def test_a_quiet_bar_stream_is_judged_by_the_last_price() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.say(rig.bars(rig.bar(0, "100")))
        await rig.passes(20)
        assert rig.session.renewed == []
        rig.market.tickers[BTC] = rig.ticker("101")
        await rig.passes(25)

        assert rig.session.renewed == [Subscription(Channel.BARS, BTC, 60)]
        await seen.stop()


async def test_a_book_that_rest_cannot_judge_yet_is_live_up_to_its_bound() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.books(BTC))
        await settle()
        rig.say_book()
        rig.market.failing = ConnectionLost("down")
        await rig.passes(9)

        assert rig.feed.stats.topics[0].state is State.LIVE
        assert [asked.channel for asked in rig.market.asked] == [Channel.BOOK]
        await seen.stop()


async def test_no_single_stream_is_blamed_for_a_line_that_is_silent_as_a_whole() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.tickers[BTC] = rig.ticker("105")
        await rig.passes(7)
        await rig.passes(4, alive=False)

        assert not any(isinstance(event, StreamDead) for event in rig.feed.recent_events)
        await seen.stop()


async def test_how_long_a_dead_stream_took_to_be_suspected_and_found_is_kept() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.tickers[BTC] = rig.ticker("105")
        await rig.passes(11)
        suspected, dead = rig.feed.detection.suspected, rig.feed.detection.dead

        assert (suspected.count, dead.count) == (1, 1)
        assert suspected.max == 9 * NS_PER_S
        assert dead.max == 10 * NS_PER_S
        (died,) = [event for event in rig.feed.recent_events if isinstance(event, StreamDead)]
        assert died.reason == "silent for 10.0 s while REST knows newer data"
        await seen.stop()


async def test_a_silence_is_noted_once_however_often_rest_cannot_answer() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.failing = ConnectionLost("REST is down")
        await rig.passes(20)

        assert validations(rig) > 5
        assert rig.feed.detection.suspected.count == 1
        assert rig.feed.detection.dead.count == 0
        await seen.stop()


async def test_a_look_that_comes_late_judges_nobody() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.tickers[BTC] = rig.ticker("105")
        rig.clock.advance(30)
        rig.session.received(b"heartbeat", rig.now)
        await settle()
        judged_late = validations(rig)
        await rig.passes(1)

        assert judged_late == 0
        assert validations(rig) == 1
        await seen.stop()


async def test_the_suspicion_of_a_stream_rises_with_its_silence() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rising = []
        for _ in range(5):
            await rig.passes(1)
            rising.append(rig.feed.stats.topics[0].suspicion)

        assert rising == sorted(set(rising))
        await seen.stop()


async def test_our_own_limits_are_no_evidence_against_a_stream() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.failing = Throttled("no room in the budget", 10)
        await rig.passes(60)
        waited = list(rig.session.renewed)
        await rig.passes(15)

        assert waited == []
        assert rig.session.renewed == [Subscription(Channel.TICKER, BTC)]
        (died,) = [event for event in rig.feed.recent_events if isinstance(event, StreamDead)]
        assert died.reason.endswith("while REST could not be asked")
        await seen.stop()


async def test_a_stream_acknowledged_without_data_waits_for_a_turn_to_be_asked_about() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.market.failing = Throttled("no room in the budget", 10)
        await rig.passes(30)

        assert rig.session.renewed == []
        await seen.stop()


async def test_a_minute_without_trades_that_rest_prints_is_no_news() -> None:
    async with running(limits=CONTRACTS) as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        told, empty = rig.bar(0, "100"), replace(rig.bar(1, "100"), volume=Decimal(0), trades=0)
        rig.market.tickers[BTC] = Ticker(BTC, *[Decimal(1)] * 4)
        rig.market.bars[BTC, 60] = [told, empty]
        rig.say(rig.bars(told))
        await rig.passes(60)

        assert rig.session.renewed == []
        await seen.stop()


async def test_where_rest_tells_no_last_price_a_quiet_bar_stream_is_judged_by_the_running_bar() -> None:
    async with running(limits=CONTRACTS) as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        told = rig.bar(0, "100")
        rig.market.tickers[BTC] = Ticker(BTC, Decimal(99), Decimal(1), Decimal(101), Decimal(1))
        rig.market.bars[BTC, 60] = [told]
        rig.say(rig.bars(told))
        await rig.passes(20)
        assert (rig.session.renewed, validations(rig) > 0) == ([], True)
        rig.market.bars[BTC, 60] = [replace(told, volume=Decimal(2))]
        await rig.passes(25)

        assert rig.session.renewed == [Subscription(Channel.BARS, BTC, 60)]
        await seen.stop()


@pytest.mark.parametrize(
    ("price", "at_ms", "dead"),
    [("100", 1, False), ("101", -1, False), ("101", 0, False), ("101", 1, True)],
)
async def test_a_silent_mark_is_judged_by_what_rest_knows_and_since_when(
    price: str, at_ms: int, dead: bool
) -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.MARK, BTC)
        for _ in range(20):
            rig.say(rig.mark())
            await rig.passes(1)
        rig.market.marks[BTC] = rig.mark(price, 1_790_000_000_000 + at_ms)
        await rig.passes(12)

        assert validations(rig) > 0
        assert bool(rig.session.renewed) is dead


async def test_what_was_refused_is_not_waited_for() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await settle()
        rig.session.refuse(Subscription(Channel.TICKER, BTC), Rejected("no"), rig.now)
        await rig.passes(30)

        assert (rig.session.renewed, validations(rig)) == ([], 0)
        assert rig.feed.stats.topics[0].state is State.REFUSED


@pytest.mark.parametrize(("last", "moves", "asked"), [("100", False, 1), ("101", False, 4), ("100", True, 4)])
async def test_trades_are_asked_for_once_while_price_and_volume_of_the_ticker_stand_still(
    last: str, moves: bool, asked: int
) -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TRADES, BTC)
        await settle()
        rig.market.trades[BTC] = [rig.trade(1)]
        rig.say(rig.trades(1))
        for second in range(75):
            volume = Decimal(second if moves else 5)
            rig.market.tickers[BTC] = replace(rig.ticker(last), volume=volume)
            await rig.passes(1)

        told = [one for one in rig.market.asked if one.channel is Channel.TRADES]
        assert len(told) == asked
        assert rig.session.renewed == []


# --- at their bounds ---


async def dies_after(rig: Rig, most: int = 90) -> int:
    """Seconds until a stream is called dead."""
    for second in range(1, most + 1):
        await rig.passes(1)
        if any(isinstance(event, StreamDead) for event in rig.feed.recent_events):
            return second
    raise AssertionError("never")


@pytest.mark.parametrize(
    ("failing", "after_s"), [(ConnectionLost("no answer"), 26), (Throttled("no room in the budget", 10), 71)]
)
async def test_patience_with_rest_is_so_long_beyond_the_bound_and_no_longer(
    failing: Error, after_s: int
) -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.failing = failing

        assert await dies_after(rig) == after_s


@pytest.mark.parametrize(
    ("failing", "after_s"), [(ConnectionLost("no answer"), 26), (Throttled("no room in the budget", 10), 71)]
)
async def test_patience_with_rest_is_as_long_for_a_stream_that_need_not_speak(
    failing: Error, after_s: int
) -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await settle()
        rig.market.failing = failing

        assert await dies_after(rig) == after_s


async def test_trades_that_rest_alone_knows_must_be_so_for_as_long_as_a_message_may_take() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.market.trades[BTC] = [rig.trade(1), rig.trade(2)]
        rig.say(rig.trades(1))

        assert await dies_after(rig) == 9 + 3, "contradicted each second from the ninth on"
        await seen.stop()


async def test_a_round_asks_about_four_books_those_that_are_silent_longest_first() -> None:
    symbols = [f"{letter}/USD" for letter in "ABCDEF"]
    async with running(symbols=symbols) as rig:
        watching = [Collected(rig.feed.books(symbol)) for symbol in symbols]
        await settle()
        for symbol in reversed(symbols):
            rig.market.books[symbol] = rig.rest_book(symbol=symbol)
            rig.say_book(symbol=symbol)
            rig.clock.advance(0.01)
        await rig.passes(0.94)
        await rig.passes(8)
        asked = [one.symbols for one in rig.market.asked]
        await rig.passes(1)

        assert asked == [(symbol,) for symbol in reversed(symbols[2:])]
        assert [one.symbols for one in rig.market.asked[4:]] == [(symbols[1],), (symbols[0],)]
        for each in watching:
            await each.stop()


@pytest.mark.parametrize(("late_s", "asked"), [(3.0, 1), (3.001, 0)])
async def test_a_look_is_late_after_three_seconds(late_s: float, asked: int) -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await settle()
        rig.say(rig.ticker("100"))
        await rig.passes(8)
        rig.clock.advance(late_s)
        rig.session.received(b"heartbeat", rig.now)
        await settle()

        assert validations(rig) == asked


@pytest.mark.parametrize(("silent_s", "after_s"), [(2.0, 2), (2.001, 3)])
async def test_a_line_is_silent_as_a_whole_after_two_seconds(silent_s: float, after_s: int) -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.tickers[BTC] = rig.ticker("105")
        await rig.passes(8)
        rig.session.received(b"heartbeat", rig.now + NS_PER_S - round(silent_s * NS_PER_S))
        await rig.passes(1, alive=False)
        assert validations(rig) == 1

        assert 1 + await dies_after(rig) == after_s, "the first contradiction counts, or does not"


async def test_a_line_without_heartbeats_is_not_excused_by_its_silence() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await settle()
        rig.say(rig.ticker("100"))
        rig.market.tickers[BTC] = rig.ticker("105")
        await rig.passes(7)
        await rig.passes(3, alive=False)

        assert any(isinstance(event, StreamDead) for event in rig.feed.recent_events)


@pytest.mark.parametrize(
    ("later_s", "last", "asked", "bound_s"),
    [(4, "100", (BTC, ETH), 15.0), (4, "105", (BTC, ETH), 10.0), (5, "100", (BTC,), 10.0)],
)
async def test_who_is_half_way_to_suspicion_is_asked_about_too_and_vouched_for_where_rest_agrees(
    later_s: int, last: str, asked: tuple[str, ...], bound_s: float
) -> None:
    async with running() as rig:
        for symbol in (BTC, ETH):
            rig.feed.hold(Channel.TICKER, symbol)
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.market.tickers[ETH] = rig.ticker(last, ETH)
        rig.say(rig.ticker("100"))
        await rig.passes(later_s)
        rig.say(rig.ticker("100", ETH))
        await rig.passes(9 - later_s)

        assert [one.symbols for one in rig.market.asked] == [asked]
        [eth] = [one for one in rig.feed.stats.topics if one.subscription.symbol == ETH]
        assert eth.bound_s == bound_s


async def test_a_silent_book_that_nobody_reads_is_not_asked_about() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.BOOK, BTC, 10)
        await settle()
        rig.say_book()
        rig.market.books[BTC] = rig.rest_book()
        await rig.passes(30)

        assert validations(rig) == 0


class Slow(MemoryMarket):
    """Whose REST agrees with the stream but when that is doubted, and then answers when the test says so."""

    def __init__(self) -> None:
        super().__init__((BTC,))
        self.gate = asyncio.Event()

    async def fetch_book(self, symbol: str, depth: int, purpose: Purpose) -> FrozenBook:
        told = await super().fetch_book(symbol, depth, purpose)
        if purpose is not Purpose.VALIDATION:
            return told
        await self.gate.wait()
        return replace(told, bids=())


async def test_a_contradiction_that_data_has_overtaken_counts_for_nothing_however_often() -> None:
    rig, market = Rig(), Slow()
    rig.market, rig.feed = market, Feed(market, rig.clock)
    rig.session = market.session(rig.feed.receive, "public")
    async with rig.feed:
        rig.feed.attach(rig.session, lambda: None)
        rig.connect()
        seen = Collected(rig.feed.books(BTC))
        await settle()
        rig.say_book()
        market.books[BTC] = rig.rest_book()
        for _ in range(3):
            market.gate.clear()
            asked = validations(rig)
            while validations(rig) == asked:
                await rig.passes(1)
            rig.say_book()
            market.gate.set()
            await settle()

        assert not any(isinstance(event, StreamDead) for event in rig.feed.recent_events)
        await seen.stop()
