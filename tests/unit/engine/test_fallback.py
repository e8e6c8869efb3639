from __future__ import annotations

from feedrig import BTC, ETH, Collected, running, settle
from leadline.engine.events import SourceChanged
from leadline.errors import ConnectionLost
from leadline.model.market import Channel
from leadline.model.reading import Source
from leadline.net.http import Purpose


async def test_a_cut_line_is_answered_by_requests_that_leave_at_once() -> None:
    async with running() as rig:
        watching = [Collected(rig.feed.tickers(symbol)) for symbol in (BTC, ETH)]
        watching.append(Collected(rig.feed.books(BTC)))
        await settle()
        for symbol in (BTC, ETH):
            rig.market.tickers[symbol] = rig.ticker("7", symbol)
            rig.say(rig.ticker("1", symbol))
        rig.say_book()
        rig.market.books[BTC] = rig.rest_book()
        await settle()
        rig.cut("gone")
        await settle()

        asked = [(each.channel, each.symbols, each.purpose) for each in rig.market.asked]
        assert asked == [
            (Channel.TICKER, (BTC, ETH), Purpose.FALLBACK),
            (Channel.BOOK, (BTC,), Purpose.FALLBACK),
        ]
        changes = rig.told(SourceChanged)
        assert {(each.symbol, each.source, each.previous, each.cause) for each in changes} == {
            (BTC, Source.REST, Source.STREAM, "gone"),
            (ETH, Source.REST, Source.STREAM, "gone"),
        }
        assert rig.feed.stats.failovers.count == 3
        assert rig.feed.stats.failovers.max_ms == 0.0
        for each in watching:
            await each.stop()


async def test_who_comes_to_a_lost_stream_is_answered_by_a_request_that_leaves_at_once() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.BOOK, BTC, 10)
        await settle()
        rig.say_book()
        rig.cut()
        await rig.passes(3, alive=False)
        assert rig.market.asked == []
        watching = Collected(rig.feed.books(BTC))
        await settle()

        assert [(each.channel, each.purpose) for each in rig.market.asked] == [
            (Channel.BOOK, Purpose.FALLBACK)
        ]
        assert [event.took_ms for event in rig.told(SourceChanged)] == [0.0]
        await watching.stop()


async def test_books_nobody_reads_cost_no_request() -> None:
    async with running() as rig:
        watching = Collected(rig.feed.books(BTC))
        await settle()
        rig.say_book()
        await settle()
        await watching.stop()
        rig.cut()
        await rig.passes(10, alive=False)

        assert rig.market.asked == []


async def test_a_lasting_outage_stays_below_one_request_a_second() -> None:
    async with running() as rig:
        watching = [Collected(rig.feed.tickers(BTC))]
        for symbol in (BTC, ETH):
            watching.append(Collected(rig.feed.books(symbol)))
            watching.append(Collected(rig.feed.every_trade(symbol)))
            watching.append(Collected(rig.feed.every_bar(symbol)))
        await settle()
        rig.cut()
        await rig.passes(100, alive=False)

        assert 60 < len(rig.market.asked) <= 80
        for each in watching:
            await each.stop()


async def test_how_seldom_rest_was_asked_in_an_outage_delays_nobody_after_it() -> None:
    symbols = [f"S{number}/USD" for number in range(12)]
    async with running(symbols=symbols) as rig:
        watching = [Collected(rig.feed.books(symbol)) for symbol in symbols]
        for symbol in symbols:
            rig.market.books[symbol] = rig.rest_book(symbol=symbol)
        await settle()
        for symbol in symbols:
            rig.say_book(symbol=symbol)
        rig.cut()
        await rig.passes(26, alive=False)
        rig.connect()
        rig.market.failing = ConnectionLost("no answer")  # so that nobody can say that nothing has happened
        for second in range(20):
            for symbol in symbols[1 if second else 0 :]:
                rig.say_book(9900 + second, symbol=symbol)
            await rig.passes(1)

        (silent,) = (event for event in rig.told(SourceChanged) if event.cause == "the stream is silent")
        assert (silent.symbol, silent.took_ms) == (symbols[0], 0.0)
        for each in watching:
            await each.stop()


async def test_a_reader_is_served_again_and_again_while_the_line_is_down() -> None:
    async with running(connected=False) as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        seen = Collected(rig.feed.every_ticker(BTC))
        await rig.passes(10, alive=False)

        assert 2 <= len(seen.items) <= 4
        assert {reading.source for reading in seen.items} == {Source.REST}
        await seen.stop()
