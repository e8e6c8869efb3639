"""Readers that take 50 ms for each item under a burst, beside quick ones, and a symbol that seldom moves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from leadline.clock import NS_PER_S
from leadline.emulator.matching import ASK, BID, Order
from leadline.engine.events import ReaderSlow
from leadline.engine.readers import LOSSLESS_BOUND
from leadline.model.market import Channel, Gap, GapCause, Trade
from leadline.model.reading import Reading
from scenario import BTC, BTC_PAIR, ETH, ONE_WAY_S, Everything, Scenario, each, fifty, perform

SLOW_S = 0.05
A_BURST = 500


def burst(world: Scenario, symbol: str, trades: int = A_BURST) -> None:
    """So many trades at one moment, by one taker through as many small orders at the best price."""
    market, now_ns = world.exchange.market, world.network.venue_ns
    best = market.listings[symbol].book.best(ASK)
    assert best is not None
    price = best[0] - 1
    for _ in range(trades):
        market.submit(symbol, Order(market.new_order_id(), ASK, price, 10_000), now_ns)
    taker = Order(market.new_order_id(), BID, price, trades * 10_000)
    market.submit(symbol, taker, now_ns, market=True)
    world.network.step()


def test_a_slow_reader_of_trades_loses_the_oldest_and_is_told_exactly_how_many() -> None:
    bursts = 3 * LOSSLESS_BOUND // (2 * A_BURST)

    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC, ETH], Channel.TRADES)) as client:
            slow = Everything(world, client.feed.every_trade(BTC), SLOW_S)
            quick = Everything(world, client.feed.every_trade(BTC))
            other = Everything(world, client.feed.every_trade(ETH))
            for number in range(bursts):
                world.call(5 + number, lambda: burst(world, BTC))
                world.call(5 + number, lambda: burst(world, ETH, 3))
            await world.until(5 + bursts + LOSSLESS_BOUND * SLOW_S + 10)
            for reader in (slow, quick, other):
                await reader.stop()

            all_ids = [reading.value.trade_id for reading in quick.of(Reading)]
            assert len(all_ids) >= bursts * A_BURST
            assert all_ids == list(range(all_ids[0], all_ids[-1] + 1))
            assert quick.of(Gap) == other.of(Gap) == []
            ids = [reading.value.trade_id for reading in slow.of(Reading)]
            gaps = slow.of(Gap)
            assert {gap.cause for gap in gaps} == {GapCause.OVERFLOW}
            assert sum(gap.missing or 0 for gap in gaps) == len(all_ids) - len(ids) > 0
            assert ids == sorted(ids)
            assert ids[-1] == all_ids[-1]
            assert ids[-LOSSLESS_BOUND:] == all_ids[-LOSSLESS_BOUND:]
            _each_gap_is_where_and_as_large_as_what_is_missing(slow)
            assert set(gaps) <= set(client.feed.gaps)
            assert client.told(ReaderSlow)
            assert client.system.lines.connects == 1

    perform(scene, rate=0)


def _each_gap_is_where_and_as_large_as_what_is_missing(reader: Everything) -> None:
    last_id, missing = None, 0
    for _, item in reader.items:
        if isinstance(item, Gap):
            missing += item.missing or 0
            assert item.until_ns is not None
            assert item.from_ns <= item.until_ns
            continue
        assert last_id is None or item.value.trade_id == last_id + 1 + missing
        last_id, missing = item.value.trade_id, 0


def test_a_slow_reader_of_books_and_tickers_gets_the_newest_and_never_a_late_one() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each(world.symbols, Channel.BOOK, Channel.TICKER)) as client:
            await client.system.ready(10)
            slow = [
                Everything(world, reads(name), SLOW_S)
                for name in world.symbols
                for reads in (client.feed.books, client.feed.tickers)
            ]
            quick: list[float] = []
            client.feed.on_book(BTC, lambda reading: quick.append(reading.age_s))
            begun = len(world.arrivals["book", BTC])
            await world.until(40)
            for reader in slow:
                await reader.stop()

            assert len(quick) == len(world.arrivals["book", BTC]) - begun
            assert set(quick) == {0.0}
            books = [(at_s, item) for at_s, item in slow[0].items if isinstance(item, Reading)]
            assert 100 < len(books) < len(quick) / 2
            arrived = world.arrivals["book", BTC]
            for at_s, reading in books:
                newest_ns = max(ns for ns in arrived if ns <= round(at_s * NS_PER_S))
                assert reading.received_mono_ns == newest_ns
            for reader in slow:
                assert reader.of(Gap) == []
            assert client.told(Gap) == []
            assert client.system.lines.connects == 1

    perform(scene, [replace(BTC_PAIR, weight=20.0), *fifty()[1:6]], rate=120)


def test_a_symbol_that_moves_once_a_minute_is_delivered_at_once_beside_busy_ones() -> None:
    quiet = replace(BTC_PAIR, symbol="QUIET/USD", weight=0.0)

    async def scene(world: Scenario) -> None:
        async with world.client(each(world.symbols, Channel.BOOK, Channel.TRADES)) as client:
            await client.system.ready(10)
            busy = [
                Everything(world, client.feed.every_trade(name), SLOW_S)
                for name in world.symbols
                if name != quiet.symbol
            ]
            reader = Everything(world, client.feed.every_trade(quiet.symbol))
            for minute in range(3):
                world.call(30 + 60 * minute, lambda: burst(world, quiet.symbol, 1))
            await world.until(180)
            for each_reader in (*busy, reader):
                await each_reader.stop()

            at_s = [at_s for at_s, item in reader.items if isinstance(item, Reading)]
            assert at_s == [30 + 60 * minute + ONE_WAY_S for minute in range(3)]
            assert all(isinstance(item.value, Trade) for item in reader.of(Reading))
            assert reader.of(Reading)[0].value.qty == Decimal("0.00010000")

    perform(scene, [quiet, *fifty()[:12]], rate=100)
