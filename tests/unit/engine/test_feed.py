from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from feedrig import BTC, ETH, Collected, running, settle
from leadline.core.range_book import RangeBook
from leadline.core.session import FrameSkipped, LineDown, LineUp
from leadline.engine.events import ReaderFailed, ReaderSlow
from leadline.errors import CheckFailed, ConnectFailed, ConnectionLost, Rejected, Stale, UnknownSymbol
from leadline.model.market import BookCrossed, Channel, Gap, GapCause, Subscription
from leadline.model.reading import Reading, Source
from leadline.net.http import Purpose
from leadline.venues.memory import CONTRACTS


async def test_the_stream_answers_while_it_is_fresh() -> None:
    async with running() as rig:
        reader = asyncio.ensure_future(rig.feed.ticker(BTC))
        await settle()
        rig.say(rig.ticker("123"))

        reading = await reader

        assert (reading.source, reading.value.last, reading.age_s) == (Source.STREAM, Decimal(123), 0.0)
        assert rig.market.asked == []


async def test_ages_go_on_growing_while_a_reading_is_held() -> None:
    async with running() as rig:
        reader = asyncio.ensure_future(rig.feed.ticker(BTC))
        await settle()
        rig.say(rig.ticker())
        reading = await reader
        rig.clock.advance(3)

        assert reading.age_s == 3.0


async def test_only_a_proven_book_is_verified() -> None:
    async with running() as rig:
        rig.market.books[BTC] = rig.rest_book()
        reader = asyncio.ensure_future(rig.feed.book(BTC))
        await settle()
        rig.say_book()
        assert (await reader).verified
        rest = await rig.feed.book(BTC, source=Source.REST)

        assert (rest.source, rest.verified) == (Source.REST, False)
        assert rest.value.best_bid is not None
        assert rest.value.best_bid.price == Decimal(99)


async def test_an_unknown_symbol_is_refused_with_its_neighbours() -> None:
    async with running() as rig:
        with pytest.raises(UnknownSymbol) as caught:
            await rig.feed.ticker("BTC/USDD")

        assert BTC in caught.value.nearest


async def test_an_unsupported_depth_or_interval_lists_the_valid_ones() -> None:
    async with running() as rig:
        with pytest.raises(CheckFailed, match="valid: 10, 25, 100"):
            await rig.feed.book(BTC, depth=11)
        with pytest.raises(CheckFailed, match="bar of 7 minutes is not supported; valid: 1, 5"):
            rig.feed.every_bar(BTC, interval_s=420)


async def test_a_refused_stream_is_an_error_to_its_readers_and_to_nobody_else() -> None:
    async with running() as rig:
        refused = asyncio.ensure_future(rig.feed.ticker(BTC))
        listening = Collected(rig.feed.tickers(BTC))
        other = asyncio.ensure_future(rig.feed.ticker(ETH))
        await settle()
        rig.session.refuse(
            Subscription(Channel.TICKER, BTC), Rejected("Currency pair not supported"), rig.now
        )
        rig.say(rig.ticker(symbol=ETH))
        await settle()

        with pytest.raises(Rejected, match="Currency pair not supported"):
            await refused
        assert isinstance(listening.error, Rejected)
        assert (await other).source is Source.STREAM
        with pytest.raises(Rejected):
            await rig.feed.ticker(BTC)


async def test_a_conflated_reader_gets_the_newest_and_passes_over_the_rest() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        for last in ("1", "2", "3"):
            rig.say(rig.ticker(last))
        await settle()
        rig.say(rig.ticker("4"))
        await settle()

        assert [reading.value.last for reading in seen.items] == [3, 4]
        await seen.stop()


async def test_a_lossless_reader_gets_every_value_in_order() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_ticker(BTC))
        await settle()
        for last in ("1", "2", "3"):
            rig.say(rig.ticker(last))
        await settle()

        assert [reading.value.last for reading in seen.items] == [1, 2, 3]
        await seen.stop()


async def test_every_state_of_a_book_is_kept_although_the_live_one_moves_on() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_book(BTC))
        await settle()
        rig.say_book(bid=9900)
        rig.say_book(bid=9950)
        await settle()

        assert [reading.value.bids[0].price for reading in seen.items] == [99, Decimal("99.5")]
        assert all(reading.verified for reading in seen.items)
        await seen.stop()


async def test_a_loss_is_a_gap_then_rest_then_the_end_of_the_gap_then_the_stream() -> None:
    async with running() as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("1"))
        await settle()
        rig.cut()
        await settle()
        rig.connect()
        rig.say(rig.ticker("2"))
        await settle()

        told = [item if isinstance(item, Gap) else (item.source, item.value.last) for item in seen.items]
        opened, closed = told[1], told[3]
        assert told[0] == (Source.STREAM, 1)
        assert isinstance(opened, Gap)
        assert (opened.cause, opened.until_ns) == (GapCause.DISCONNECTED, None)
        assert told[2] == (Source.REST, 7)
        assert isinstance(closed, Gap)
        assert closed.until_ns == rig.clock.wall_ns()
        assert told[4:] == [(Source.STREAM, 2)]
        await seen.stop()


async def test_a_dropped_book_is_served_by_rest_and_never_as_verified() -> None:
    async with running() as rig:
        rig.market.books[BTC] = rig.rest_book(bid="98")
        seen = Collected(rig.feed.books(BTC))
        await settle()
        rig.say_book()
        view = (await rig.feed.book(BTC)).value
        rig.books[BTC].clear()
        from leadline.model.market import BookDropped

        rig.say(BookDropped(BTC, "the checksum does not match"))
        await settle()
        reading = await rig.feed.book(BTC)

        assert view.bids() == []
        assert (reading.source, reading.verified) == (Source.REST, False)
        assert [gap.cause for gap in rig.feed.gaps] == [GapCause.DROPPED]
        assert [asked.purpose for asked in rig.market.asked] == [Purpose.FALLBACK]
        await seen.stop()


async def test_what_no_source_has_fresh_is_an_error_with_its_age() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker())
        rig.market.failing = ConnectionLost("REST is down")
        rig.cut("the cable is out")
        rig.clock.advance(2)

        with pytest.raises(Stale, match=r"the cable is out; REST: REST is down .*last seen"):
            await rig.feed.ticker(BTC)
        await seen.stop()


async def test_an_old_value_is_given_only_to_who_asks_for_it() -> None:
    async with running() as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        await rig.feed.ticker(BTC, source=Source.REST)
        rig.market.failing = ConnectionLost("REST is down")
        rig.cut()
        rig.clock.advance(60)

        with pytest.raises(Stale):
            await rig.feed.ticker(BTC)
        reading = await rig.feed.ticker(BTC, stale_ok=True)

        assert (reading.value.last, reading.age_s, reading.source) == (7, 60.0, Source.CACHE)


async def test_a_failing_callback_is_named_and_hurts_nobody() -> None:
    def broken(reading: Reading[Any]) -> None:
        raise ZeroDivisionError("mine")

    async with running() as rig:
        got: list[Any] = []
        rig.feed.on_ticker(BTC, broken)
        rig.feed.on_ticker(BTC, got.append)
        rig.say(rig.ticker())

        failures = [event for event in rig.feed.recent_events if isinstance(event, ReaderFailed)]
        assert len(got) == 1
        assert "broken" in failures[0].reader
        assert failures[0].error == "ZeroDivisionError: mine"


async def test_a_callback_that_blocks_is_named_with_its_duration() -> None:
    async with running() as rig:

        def dawdle(reading: Reading[Any]) -> None:
            rig.clock.advance(0.25)

        rig.feed.on_book(BTC, dawdle)
        rig.say_book()

        slow = [event for event in rig.feed.recent_events if isinstance(event, ReaderSlow)]
        assert slow[0].took_ms == 250.0
        assert "dawdle" in slow[0].reader


async def test_a_coroutine_callback_runs_beside_the_stream_and_gets_the_newest() -> None:
    async with running() as rig:
        got: list[Decimal] = []

        async def take(reading: Reading[Any]) -> None:
            got.append(reading.value.last)
            if len(got) == 1:
                raise ValueError("the first is a bad one")

        stop = rig.feed.on_ticker(BTC, take)
        await settle()
        rig.say(rig.ticker("1"))
        await settle()
        rig.say(rig.ticker("2"))
        rig.say(rig.ticker("3"))
        await settle()
        stop()
        rig.say(rig.ticker("4"))
        await settle()

        assert got == [1, 3]
        assert any(isinstance(event, ReaderFailed) for event in rig.feed.recent_events)


async def test_a_stopped_callback_is_called_no_more() -> None:
    async with running() as rig:
        got: list[Any] = []
        stop = rig.feed.on_trade(BTC, got.append)
        rig.say(rig.trades(1))
        stop()
        rig.say(rig.trades(2))

        assert len(got) == 1


async def test_a_line_that_failed_for_good_ends_iterators_while_reads_go_on_by_rest() -> None:
    async with running() as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.cut()
        rig.feed.fail(ConnectFailed("HTTP 404", status=404, terminal=True))
        await settle()
        late = Collected(rig.feed.every_ticker(BTC))
        await settle()

        assert isinstance(seen.error, ConnectFailed)
        assert isinstance(late.error, ConnectFailed)
        assert (await rig.feed.ticker(BTC)).source is Source.REST


async def test_events_are_told_as_they_happen() -> None:
    async with running(connected=False) as rig:
        seen = Collected(rig.feed.events())
        await settle()
        rig.connect()
        crossed = BookCrossed(BTC, Decimal(2), Decimal(1))
        rig.say(crossed)
        rig.say(FrameSkipped(b"?", "not understood"))
        rig.cut("gone")
        await settle()

        assert seen.items == [LineUp(), crossed, FrameSkipped(b"?", "not understood"), LineDown("gone")]
        assert rig.feed.stats.frames_skipped == 1
        assert list(rig.feed.recent_events) == seen.items
        await seen.stop()


async def test_every_wanted_stream_is_received_or_explained() -> None:
    async with running() as rig:
        watching = [Collected(rig.feed.tickers(BTC)), Collected(rig.feed.tickers(ETH))]
        watching.append(Collected(rig.feed.books(BTC)))
        watching.append(Collected(rig.feed.every_trade(BTC)))
        await settle()
        rig.say(rig.ticker())
        rig.session.refuse(Subscription(Channel.TRADES, BTC), Rejected("no"), rig.now)
        stats = rig.feed.stats

        assert (stats.wanted, stats.receiving, stats.explained) == (4, 1, 3)
        rig.cut("down")
        stats = rig.feed.stats
        assert (stats.wanted, stats.receiving, stats.explained) == (4, 0, 4)
        for each in watching:
            await each.stop()


async def test_leaving_the_feed_ends_its_tasks_whatever_they_wait_for() -> None:
    async with running() as rig:
        rig.feed.on_ticker(BTC, _never)
        rig.say(rig.ticker())
        await settle()
    await settle()

    assert len(asyncio.all_tasks()) == 1


async def _never(reading: Reading[Any]) -> None:
    await asyncio.get_running_loop().create_future()


async def test_what_is_held_is_streamed_without_being_read() -> None:
    async with running() as rig:
        stop = rig.feed.hold(Channel.BOOK, BTC, 10)
        rig.say_book()
        await rig.passes(40)
        assert rig.feed.stats.wanted == 1
        stop()
        await rig.passes(35)

        assert rig.session.wanted() == []


async def test_what_the_block_of_a_feed_raises_leaves_it_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with running():
            raise KeyError("mine")


async def test_a_coroutine_callback_of_a_refused_stream_ends() -> None:
    async with running() as rig:
        rig.feed.on_trade(BTC, _never)
        await settle()
        rig.session.refuse(Subscription(Channel.TRADES, BTC), Rejected("no"), rig.now)
        await settle()

        assert "0 of 1 streams receiving" in repr(rig.feed)


async def test_stopping_twice_is_stopping_once() -> None:
    async with running() as rig:
        stops = [
            rig.feed.hold(Channel.TICKER, BTC),
            rig.feed.hold(Channel.TICKER, BTC),
            rig.feed.on_ticker(BTC, lambda reading: None),
        ]
        for stop in (stops[0], stops[0], stops[2], stops[2]):
            stop()
        await rig.passes(40)
        assert rig.feed.stats.wanted == 1
        stops[1]()
        await rig.passes(40)

        assert rig.feed.stats.wanted == 0


async def test_what_was_received_stays_counted_when_its_stream_is_let_go() -> None:
    async with running() as rig:
        stop = rig.feed.hold(Channel.TICKER, BTC)
        for _ in range(3):
            rig.say(rig.ticker())
        stop()
        await rig.passes(40)
        rig.feed.hold(Channel.TICKER, BTC)
        rig.say(rig.ticker())

        assert rig.feed.updates[Channel.TICKER] == 4


async def test_mark_prices_statistics_and_tops_reach_every_kind_of_reader() -> None:
    async with running(limits=CONTRACTS) as rig:
        marks, every = Collected(rig.feed.marks(BTC)), Collected(rig.feed.every_mark(BTC))
        days, tops = Collected(rig.feed.days(BTC)), Collected(rig.feed.tops(BTC))
        called: list[Reading[Any]] = []
        for on in (rig.feed.on_mark, rig.feed.on_day, rig.feed.on_top):
            on(BTC, called.append)
        await settle()
        for n in range(3):
            rig.say(rig.mark(str(100 + n), at_ms=n))
        rig.say(rig.day())
        rig.say(rig.rest_book())
        await settle()

        assert [item.value.mark for item in marks.items] == [102]
        assert [item.value.mark for item in every.items] == [100, 101, 102]
        assert ([item.value for item in days.items], [item.value for item in tops.items]) == (
            [rig.day()],
            [rig.rest_book()],
        )
        assert len(called) == 5
        assert {reading.source for reading in called} == {Source.STREAM}
        assert not any(reading.verified for reading in called), "no proof is given of these"
        assert (await rig.feed.mark(BTC)).value == rig.mark("102", at_ms=2)
        for each in (marks, every, days, tops):
            await each.stop()


async def test_rest_stands_in_for_a_mark_price_whose_line_is_down() -> None:
    async with running(limits=CONTRACTS) as rig:
        seen = Collected(rig.feed.marks(BTC))
        await settle()
        rig.say(rig.mark())
        rig.market.marks[BTC] = rig.mark("105")
        await settle()
        rig.cut()
        await rig.passes(2, alive=False)

        assert seen.items[-1].value.mark == 105
        assert seen.items[-1].source is Source.REST
        await seen.stop()


async def test_a_reader_who_wants_more_levels_than_are_certain_gets_fewer() -> None:
    async with running(limits=CONTRACTS) as rig:
        seen = Collected(rig.feed.every_book(BTC, 100))
        await settle()
        book = RangeBook(BTC, 100, 2, 4)
        bids = [(f"{99 - n}.00", "1.0000") for n in range(3)]
        book.load(bids, [("101.00", "1.0000")], limit=3)
        book.apply([("50.00", "7.0000")], [("200.00", "1.0000")])
        rig.say(book.view)
        await settle()

        (reading,) = seen.items
        assert [level.price for level in reading.value.bids] == [99, 98, 97], "50 lies beyond what is known"
        assert [level.price for level in reading.value.asks] == [101, 200], "all of that side is known"
        assert (await rig.feed.book(BTC, 100)).value.certain_depth == 3
        await seen.stop()


async def test_the_latest_mark_price_is_at_hand_only_while_its_stream_is_alive() -> None:
    async with running(limits=CONTRACTS) as rig:
        assert rig.feed.latest_mark(BTC) is None
        seen = Collected(rig.feed.marks(BTC))
        await settle()
        rig.say(rig.mark("105"))
        await settle()
        assert rig.feed.latest_mark(BTC) == 105
        rig.cut()
        await settle()
        assert rig.feed.latest_mark(BTC) is None
        await seen.stop()
