from __future__ import annotations

from decimal import Decimal

import pytest

from deskrig import DeskRig, buy, owned
from feedrig import BTC, ETH, Rig, running, settle
from leadline.core.book import BookCopy
from leadline.engine.events import StreamDead
from leadline.engine.order_news import OrderEvent
from leadline.engine.shelf import Shelf
from leadline.engine.state import AccountChange, State
from leadline.engine.topics import Desk
from leadline.model.market import Bar, Channel, Subscription, Ticker, Trade
from leadline.model.reading import Source


def everything(rig: Rig) -> None:
    for channel, param in ((Channel.TICKER, 0), (Channel.BOOK, 10), (Channel.TRADES, 0), (Channel.BARS, 60)):
        rig.feed.hold(channel, BTC, param)
    rig.say(rig.ticker("7"))
    rig.say_book()
    rig.say(rig.trades(1, 2))
    rig.say(rig.bars(rig.bar(0), rig.bar(1)))


async def test_a_snapshot_holds_every_kind_with_source_age_and_proof() -> None:
    async with running() as rig:
        everything(rig)
        rig.clock.advance(2)
        snapshot = rig.feed.state.snapshot()

        assert snapshot.at_ns == rig.clock.wall_ns()
        ticker, book = snapshot.tickers[BTC], snapshot.books[BTC]
        assert (ticker.value.last, ticker.source, ticker.age_s) == (Decimal(7), Source.STREAM, 2.0)
        assert (book.value.compact().bids, book.verified, ticker.verified) == (((9900, 10000),), True, False)
        assert snapshot.last_trades[BTC].value.trade_id == 2
        assert snapshot.bars[BTC, 60].value == rig.bar(1)
        assert (snapshot.orders, snapshot.balances) == ((), None)


async def test_a_snapshot_does_not_change_any_more() -> None:
    async with running() as rig:
        everything(rig)
        before = rig.feed.state.snapshot()
        rig.say(rig.ticker("8"))
        rig.say_book(9800)

        assert before.tickers[BTC].value.last == Decimal(7)
        assert before.books[BTC].value.compact().bids == ((9900, 10000),)
        assert rig.feed.state.snapshot().books[BTC].value.compact().bids == ((9800, 10000),)
        with pytest.raises(TypeError):
            before.tickers[ETH] = before.tickers[BTC]  # type: ignore[index]


async def test_a_snapshot_counts_as_no_read() -> None:
    async with running() as rig:
        everything(rig)
        before = rig.feed.stats.readings
        rig.feed.state.snapshot()

        assert rig.feed.stats.readings == before


async def test_a_book_that_was_dropped_is_in_no_snapshot() -> None:
    async with running() as rig:
        everything(rig)
        assert BTC in rig.feed.state.snapshot().books
        rig.cut()

        snapshot = rig.feed.state.snapshot()
        assert BTC not in snapshot.books
        assert snapshot.tickers[BTC].value.last == Decimal(7)  # old, and it says how old


async def test_rest_is_in_the_snapshot_where_it_is_newer() -> None:
    async with running() as rig:
        everything(rig)
        rig.cut()
        rig.clock.advance(1)
        rig.market.tickers[BTC] = rig.ticker("9")
        await rig.feed.ticker(BTC)

        reading = rig.feed.state.snapshot().tickers[BTC]
        assert (reading.value.last, reading.source) == (Decimal(9), Source.REST)


async def test_the_history_takes_one_value_a_second_and_every_event() -> None:
    async with running() as rig:
        everything(rig)
        state = rig.feed.state
        state.sample()
        for last in ("8", "9"):
            rig.say(rig.ticker(last))
        state.sample()
        state.sample()

        values = [change.value for change in state.market]
        tickers = [value.last for value in values if isinstance(value, Ticker)]
        assert tickers == [Decimal(7), Decimal(9)]
        assert sum(isinstance(value, BookCopy) for value in values) == 1
        assert sum(isinstance(value, Trade) for value in values) == 1
        assert sum(isinstance(value, Bar) for value in values) == 1
        dead = StreamDead(Subscription(Channel.TICKER, BTC), "why")
        count = len(state.market)
        rig.feed._desk.events.add(dead)
        assert [change.value for change in state.market.since(count)] == [dead]


async def test_orders_and_balances_are_in_the_snapshot_and_in_a_history_of_their_own() -> None:
    async with DeskRig() as rig:
        state = State(Shelf(Desk(rig.clock)), Desk(rig.clock), rig.clock)
        state.follow(rig.desk)
        told: list[int] = []
        state.account_changed = lambda: told.append(len(state.account))
        rig.venue.balances = owned(USD="100")
        await rig.connect()
        order = await rig.desk.orders.submit(buy())
        await settle()

        snapshot = state.snapshot()
        assert [each.client_id for each in snapshot.orders] == [order.client_id]
        assert snapshot.balances is not None
        assert snapshot.balances.value["USD"].total == Decimal(100)
        changes = [change for change in state.account if isinstance(change, AccountChange)]
        assert any(isinstance(each.value, OrderEvent) for each in changes)
        assert told[-1] == len(state.account) == state.account.count
