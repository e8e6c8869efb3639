from __future__ import annotations

import asyncio

import pytest

from feedrig import BTC, ETH, Collected, running, settle
from leadline.errors import ConnectionLost, Stale, Throttled
from leadline.model.market import Channel
from leadline.model.reading import Source
from leadline.net.http import Purpose


async def test_all_who_ask_while_the_stream_is_away_share_one_request() -> None:
    async with running(connected=False) as rig:
        rig.market.tickers = {symbol: rig.ticker("7", symbol) for symbol in (BTC, ETH)}
        readings = await asyncio.gather(
            rig.feed.ticker(BTC), rig.feed.ticker(BTC), rig.feed.ticker(ETH), rig.feed.ticker(BTC)
        )

        assert {reading.source for reading in readings} == {Source.REST}
        assert [(asked.channel, asked.symbols) for asked in rig.market.asked] == [
            (Channel.TICKER, (BTC, ETH))
        ]
        assert rig.market.asked[0].purpose is Purpose.SNAPSHOT


async def test_who_asks_within_a_second_shares_the_answer_of_rest() -> None:
    async with running(connected=False) as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        await rig.feed.ticker(BTC)
        rig.clock.advance(0.5)
        reading = await rig.feed.ticker(BTC)

        assert (reading.source, reading.age_s, len(rig.market.asked)) == (Source.REST, 0.5, 1)


async def test_the_cache_answers_within_its_time_to_live_and_keeps_its_age() -> None:
    async with running(connected=False) as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        await rig.feed.ticker(BTC)
        rig.market.failing = Throttled("our own budget", delay_s=3)
        rig.clock.advance(5)
        reading = await rig.feed.ticker(BTC)
        assert (reading.source, reading.age_s) == (Source.CACHE, 5.0)
        rig.clock.advance(0.001)

        with pytest.raises(Stale, match="our own budget"):
            await rig.feed.ticker(BTC)


async def test_a_book_of_rest_is_kept_for_two_seconds_only() -> None:
    async with running(connected=False) as rig:
        rig.market.books[BTC] = rig.rest_book()
        await rig.feed.book(BTC)
        rig.market.failing = ConnectionLost("down")
        rig.clock.advance(2)
        assert (await rig.feed.book(BTC)).source is Source.CACHE
        rig.clock.advance(0.1)

        with pytest.raises(Stale):
            await rig.feed.book(BTC)


async def test_a_silent_line_is_not_served_even_before_it_is_left() -> None:
    async with running() as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        first = asyncio.ensure_future(rig.feed.ticker(BTC))
        await settle()
        rig.say(rig.ticker("1"))
        await first
        rig.clock.advance(5)
        assert (await rig.feed.ticker(BTC)).source is Source.STREAM
        rig.clock.advance(0.1)

        assert (await rig.feed.ticker(BTC)).source is Source.REST


async def test_who_asks_for_a_source_gets_that_source() -> None:
    async with running() as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        with pytest.raises(Stale):
            await rig.feed.ticker(BTC, source=Source.CACHE)
        waiting = asyncio.ensure_future(rig.feed.ticker(BTC, source=Source.STREAM))
        await settle()
        rig.say(rig.ticker("1"))

        assert (await waiting).value.last == 1
        assert (await rig.feed.ticker(BTC, source=Source.REST)).value.last == 7
        assert (await rig.feed.ticker(BTC, source=Source.CACHE)).value.last == 7


async def test_readings_are_counted_by_source() -> None:
    async with running() as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        rig.feed.on_ticker(BTC, lambda reading: None)
        rig.say(rig.ticker())
        rig.say(rig.ticker())
        await rig.feed.ticker(BTC, source=Source.REST)
        await rig.feed.ticker(BTC, source=Source.CACHE)
        counts = rig.feed.stats.readings

        assert (counts.stream, counts.rest, counts.cache) == (2, 1, 1)


async def test_a_stream_damped_after_three_losses_is_used_again_after_thirty_steady_seconds() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("7")
        for _ in range(3):
            rig.say(rig.ticker("1"))
            await settle()
            rig.cut()
            await settle()
            rig.connect()
        for _ in range(29):
            rig.say(rig.ticker("1"))
            await rig.passes(1)
            assert (await rig.feed.ticker(BTC)).source in (Source.REST, Source.CACHE)
        rig.say(rig.ticker("2"))
        await rig.passes(1)

        assert (await rig.feed.ticker(BTC)).source is Source.STREAM
        assert rig.feed.stats.receiving == 1
        await seen.stop()


async def test_an_answer_of_rest_older_than_the_streams_last_word_does_not_come_after_it() -> None:
    async with running() as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        await rig.feed.ticker(BTC, source=Source.REST)
        rig.clock.advance(0.5)
        rig.say(rig.ticker("8"))
        rig.market.failing = ConnectionLost("down")
        rig.cut()

        with pytest.raises(Stale):
            await rig.feed.ticker(BTC)
        assert (await rig.feed.ticker(BTC, source=Source.CACHE)).value.last == 7


async def test_a_stream_that_comes_back_while_rest_is_asked_is_the_answer() -> None:
    async with running() as rig:
        watching = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(rig.ticker("7"))
        rig.cut()
        rig.market.failing = ConnectionLost("down")
        asked = asyncio.ensure_future(rig.feed.ticker(BTC))
        await asyncio.sleep(0)
        rig.connect()
        rig.say(rig.ticker("8"))

        assert ((await asked).source, (await asked).value.last) == (Source.STREAM, 8)
        await watching.stop()
