from __future__ import annotations

import asyncio

from feedrig import BTC, Collected, running, settle
from leadline.model.market import Channel, GapCause, Subscription

TICKER = Subscription(Channel.TICKER, BTC)


async def test_what_was_asked_for_before_the_session_came_is_wanted_of_it() -> None:
    async with running(connected=False) as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        later = rig.market.session(rig.feed.receive)
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
