from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import pairwise

from leadline.emulator.matching import ASK, Order
from leadline.model.market import Channel, Subscription
from leadline.simulation.truth import History, minute_of, scaled
from simrig import BTC, START_NS, Rig


def test_a_window_has_every_state_that_held_in_it() -> None:
    history: History[str] = History()
    for time_ns, state in ((10, "a"), (20, "b"), (30, "c")):
        history.add(time_ns, state)

    assert list(history.within(20, 29)) == ["b", "a"]
    assert list(history.within(21, 35)) == ["c", "b"]
    assert list(history.within(5, 9)) == []
    assert (history.at(9), history.at(10), history.at(99)) == (None, "a", "c")


def test_every_event_of_the_market_is_a_state() -> None:
    with Rig() as rig:

        async def work() -> None:
            await asyncio.sleep(1)
            rig.bid(1, qty=7)

        rig.run(work())
        books = rig.truth.symbols[BTC].books
        assert books.times == [START_NS, START_NS + 10**9]
        assert books.states[1].bids == rig.listing.book.bids.top(10) != books.states[0].bids


def test_what_a_stream_tells_has_changed_when_its_own_content_has() -> None:
    with Rig() as rig:

        async def work() -> None:
            for behind in (4, 0):  # beyond the best level, then at it
                await asyncio.sleep(1)
                rig.bid(behind, qty=7)

        rig.run(work())
        ticker, book = Subscription(Channel.TICKER, BTC), Subscription(Channel.BOOK, BTC, 10)
        seconds = [START_NS + n * 10**9 for n in range(3)]

        assert [rig.truth.changed(ticker, *span) for span in pairwise(seconds)] == [False, True]
        assert [rig.truth.changed(book, *span) for span in pairwise(seconds)] == [True, True]
        assert not rig.truth.changed(book, seconds[1], seconds[1])
        assert not rig.truth.changed(Subscription(Channel.TRADES, BTC), seconds[0], seconds[2])


def test_trades_and_their_minutes_are_kept_exactly() -> None:
    with Rig() as rig:
        market = rig.exchange.market
        order = Order(market.new_order_id(), ASK, 1, 1_234)
        market.submit(BTC, order, START_NS, market=True)
        rig.listing.tape.minutes.clear()
        market.submit(BTC, Order(market.new_order_id(), ASK, 1, 1_000), START_NS + 1, market=True)

        truth = rig.truth.symbols[BTC]
        last = max(truth.prints)
        assert truth.prints[last].qty == Decimal("0.00001000")
        assert truth.candles[minute_of(START_NS)][1].volume == Decimal("0.00001000")
        assert truth.quotes.states[-1].last == truth.prints[last].price


def test_a_change_of_tick_is_noted_although_nothing_traded() -> None:
    with Rig() as rig:
        rig.exchange.market.change_precision(BTC, 3, 8)
        rig.truth.note(BTC, START_NS + 5)

        assert rig.truth.symbols[BTC].books.states[-1].price_precision == 3


def test_scaled_numbers_are_exact() -> None:
    assert scaled(12_345, 2) == Decimal("123.45")
    assert minute_of(119 * 10**9) == 60
