from __future__ import annotations

import asyncio

import pytest

from feedrig import BTC, ETH, Collected, running, settle
from leadline.clock import NS_PER_S
from leadline.engine.events import SourceChanged
from leadline.errors import ConnectionLost, Held, Stale, Throttled
from leadline.model.market import Channel, Ticker
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


async def test_a_kept_answer_saves_a_request_until_its_time_to_live_is_over() -> None:
    async with running(connected=False) as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        sources = []
        for wait_s in (0.0, 0.9, 4.0, 0.2):
            rig.clock.advance(wait_s)
            sources.append((await rig.feed.ticker(BTC)).source)

        assert sources == [Source.REST, Source.REST, Source.CACHE, Source.REST]
        assert len(rig.market.asked) == 2


async def test_the_service_level_decides_what_may_be_asked_but_not_what_stands_in_for_a_lost_stream() -> None:
    async with running() as rig:
        rig.market.books[BTC] = rig.rest_book()
        held: list[str] = []

        def permit() -> None:
            held.append("asked")
            raise Held("the service level is EMERGENCY_ONLY")

        rig.feed.obey(permit)
        reading = asyncio.ensure_future(rig.feed.book(BTC, stale_ok=False))
        await settle()
        rig.clock.advance(4.0)  # the stream says nothing, and the line stands
        rig.session.received(b"heartbeat", rig.now)
        with pytest.raises(Stale, match="EMERGENCY_ONLY"):
            await reading
        by_name = await rig.feed.book(BTC, source=Source.REST)
        rig.say_book()
        rig.cut()
        rig.clock.advance(3.0)
        lost = await rig.feed.book(BTC)

        assert held == ["asked"]
        assert (by_name.source, lost.source) == (Source.REST, Source.REST)


async def test_a_slow_rest_leaves_a_stream_that_begins_more_time() -> None:
    async with running() as rig:
        rig.feed.rest_latency.observe(3 * NS_PER_S)
        reading = asyncio.ensure_future(rig.feed.ticker(BTC))
        await asyncio.sleep(1.05)  # longer than the usual grace, by the loop's own time
        rig.say(rig.ticker("7"))

        assert (await reading).source is Source.STREAM
        assert rig.market.asked == []


async def test_a_line_that_dies_every_twenty_seconds_does_not_throw_its_readers_to_and_fro() -> None:
    async with running() as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        for _ in range(30):
            for _ in range(20):
                rig.say(rig.ticker())
                await rig.passes(1)
            rig.cut()
            await settle()
            await rig.passes(1, alive=False)
            rig.connect()
        changes = [event for event in rig.feed.recent_events if isinstance(event, SourceChanged)]
        await rig.passes(1)
        rig.say(rig.ticker())
        for _ in range(35):
            await rig.passes(1)
            rig.say(rig.ticker())
        await seen.stop()

        assert [change.source for change in changes] == [Source.REST, Source.STREAM] * 2 + [Source.REST]
        assert rig.feed.stats.topics[0].source is Source.STREAM
        assert rig.feed.stats.failovers.max_ms < 100


async def test_an_answer_of_rest_that_lay_unread_beyond_its_time_to_live_is_no_fresh_one() -> None:
    async with running(connected=False) as rig:

        class Late(dict[str, Ticker]):
            """They come at once, and the program stands still before it reads them."""

            def __getitem__(self, symbol: str) -> Ticker:
                rig.clock.advance(17.0)
                return super().__getitem__(symbol)

        rig.market.tickers = Late({BTC: rig.ticker("7")})
        rig.feed._answers.dated = lambda now_ns: now_ns - 17 * NS_PER_S
        with pytest.raises(Stale):
            await rig.feed.ticker(BTC)
