from __future__ import annotations

from feedrig import BTC, ETH, Collected, running, settle
from leadline.engine.events import SourceChanged
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
        changes = [event for event in rig.feed.recent_events if isinstance(event, SourceChanged)]
        assert {(each.symbol, each.source, each.previous, each.cause) for each in changes} == {
            (BTC, Source.REST, Source.STREAM, "gone"),
            (ETH, Source.REST, Source.STREAM, "gone"),
        }
        assert rig.feed.stats.failovers.count == 3
        assert rig.feed.stats.failovers.max_ms == 0.0
        for each in watching:
            await each.stop()


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


async def test_a_reader_is_served_again_and_again_while_the_line_is_down() -> None:
    async with running(connected=False) as rig:
        rig.market.tickers[BTC] = rig.ticker("7")
        seen = Collected(rig.feed.every_ticker(BTC))
        await rig.passes(10, alive=False)

        assert 2 <= len(seen.items) <= 4
        assert {reading.source for reading in seen.items} == {Source.REST}
        await seen.stop()
