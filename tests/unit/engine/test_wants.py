from __future__ import annotations

import asyncio

import pytest

from feedrig import BTC, Collected, running, settle
from leadline.errors import CheckFailed
from leadline.model.market import Channel, GapCause, Subscription
from leadline.venues.memory import CONTRACTS

TICKER = Subscription(Channel.TICKER, BTC)


async def test_what_was_asked_for_before_the_session_came_is_wanted_of_it() -> None:
    async with running(connected=False) as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        later = rig.market.session(rig.feed.receive, "public")
        rig.feed.attach(later, lambda: None)

        assert later.wanted() == [TICKER]
        await seen.stop()


async def test_a_stream_is_subscribed_once_however_many_read_it() -> None:
    async with running() as rig:
        watching = [Collected(rig.feed.tickers(BTC)) for _ in range(3)]
        await settle()

        assert rig.session.wanted() == [TICKER]
        for each in watching:
            await each.stop()


async def test_a_stream_lingers_after_its_last_reader_and_then_goes() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker()
        rig.say(rig.ticker())
        await settle()
        await seen.stop()
        await rig.passes(29)
        assert rig.session.wanted() == [TICKER]
        await rig.passes(3)

        assert rig.session.wanted() == []
        assert rig.feed.stats.readings.stream == 1


async def test_reads_that_go_on_keep_their_stream() -> None:
    async with running() as rig:
        first = asyncio.ensure_future(rig.feed.ticker(BTC))
        await settle()
        rig.say(rig.ticker())
        await first
        for _ in range(50):
            rig.say(rig.ticker())
            await rig.passes(1)
            await rig.feed.ticker(BTC)

        assert rig.session.wanted() == [TICKER]


async def test_a_deeper_book_replaces_the_shallow_one_for_all_its_readers() -> None:
    async with running() as rig:
        shallow = Collected(rig.feed.books(BTC, depth=10))
        await settle()
        rig.say_book()
        await settle()
        rig.market.books[BTC] = rig.rest_book()
        deep = Collected(rig.feed.books(BTC, depth=25))
        await settle()

        assert rig.session.wanted() == [Subscription(Channel.BOOK, BTC, 25)]
        assert [gap.cause for gap in rig.feed.gaps] == [GapCause.DROPPED]
        rig.say_book()
        await settle()
        assert shallow.items[-1].verified
        assert deep.items[-1].verified
        await shallow.stop()
        await deep.stop()


async def test_a_shallower_book_is_read_from_the_deep_one() -> None:
    async with running() as rig:
        deep = Collected(rig.feed.books(BTC, depth=25))
        await settle()
        shallow = Collected(rig.feed.books(BTC, depth=10))
        await settle()

        assert rig.session.wanted() == [Subscription(Channel.BOOK, BTC, 25)]
        await deep.stop()
        await shallow.stop()


async def test_what_a_venue_does_not_stream_is_refused_by_name_of_what_it_has() -> None:
    async with running() as rig:
        with pytest.raises(CheckFailed, match="memory streams no mark; it streams bars, book"):
            await rig.feed.mark(BTC)


async def test_one_top_serves_all_who_read_it_at_the_largest_depth_asked_for() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.TOP, BTC, 5)
        rig.feed.hold(Channel.TOP, BTC, 20)
        rig.feed.hold(Channel.TOP, BTC, 5)

        assert rig.session.wanted() == [Subscription(Channel.TOP, BTC, 20)]
        with pytest.raises(CheckFailed, match="a top of 7 levels is not supported; valid: 5, 20"):
            rig.feed.tops(BTC, 7)
