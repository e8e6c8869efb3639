"""What every venue's `MarketSession` promises, on a busy market and when the connection is bad."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from msgspec.structs import asdict

from leadline.core.book import BookView
from leadline.core.session import (
    Confirmed,
    Coverage,
    FrameSkipped,
    LineDown,
    LineUp,
    SubscriptionRefused,
)
from leadline.model.instrument import Instrument, InstrumentStatus
from leadline.model.market import (
    Bar,
    BarBatch,
    BookDropped,
    Channel,
    FrozenBook,
    InstrumentsChanged,
    Subscription,
    TradeBatch,
)
from venue_bench import Streams, WireWorld, sides
from venue_benches import on_every_venue

BUSY = 20.0
"""What the crowd does a second."""

_PARAMS = {Channel.BOOK: 10, Channel.BARS: 60}


def sub(world: WireWorld, channel: Channel, symbol: str | None = None) -> Subscription:
    """A subscription of a channel with a parameter that every venue has."""
    param = world.market.limits.top_depths[0] if channel is Channel.TOP else _PARAMS.get(channel, 0)
    return Subscription(channel, symbol or world.bench.symbol, param)


def streamed(world: WireWorld) -> list[Channel]:
    """The channels of a venue that speak without waiting for somebody's bad luck."""
    return sorted(world.market.limits.channels - {Channel.LIQUIDATIONS}, key=lambda one: one.value)


def has(streams: Streams, state: Coverage, *wanted: Subscription) -> bool:
    return all(streams.on(one).coverage(one) is state for one in wanted)


@on_every_venue(BUSY)
async def test_every_channel_is_streamed_on_a_route_there_is(world: WireWorld) -> None:
    for channel in world.market.limits.channels:
        assert world.market.route_of(sub(world, channel)) in world.market.routes


@on_every_venue(BUSY)
async def test_what_is_wanted_is_confirmed_before_it_is_received(world: WireWorld) -> None:
    wanted = [sub(world, channel) for channel in streamed(world)]
    async with world.streams(*wanted) as streams:
        assert has(streams, Coverage.WANTED, *wanted)
        await world.until(lambda: has(streams, Coverage.RECEIVING, *wanted), 60)

        confirmed = [one.subscription for one in streams.heard.of(Confirmed)]
        assert {one: confirmed.count(one) for one in wanted} == dict.fromkeys(wanted, 1)


@on_every_venue(BUSY)
async def test_what_promises_to_speak_at_once_does(world: WireWorld) -> None:
    wanted = [sub(world, one) for one in streamed(world) if one in world.market.limits.prompt_channels]
    assert wanted
    async with world.streams(*wanted) as streams:
        await world.until(lambda: has(streams, Coverage.RECEIVING, *wanted), 10)


@on_every_venue(BUSY)
async def test_nothing_is_told_before_the_connection_stands(world: WireWorld) -> None:
    async with world.streams(sub(world, Channel.BOOK), sub(world, Channel.TICKER)) as streams:
        await world.passing(5)

        first = streams.heard.news[: len(world.market.routes)]
        assert all(isinstance(news, LineUp) for _, news in first)


@on_every_venue(BUSY)
async def test_what_is_unwanted_is_told_no_more(world: WireWorld) -> None:
    book, ticker = sub(world, Channel.BOOK), sub(world, Channel.TICKER)
    async with world.streams(book, ticker) as streams:
        await world.until(lambda: has(streams, Coverage.RECEIVING, book, ticker), 30)
        session = streams.on(book)
        session.unwant(book, world.clock.mono_ns())
        session.poke()
        told = len(streams.heard.books)
        await world.passing(5)

        assert session.coverage(book) is None
        assert len(streams.heard.books) == told
        assert session.coverage(ticker) is Coverage.RECEIVING
        assert ticker in session.wanted()
        assert book not in session.wanted()


@on_every_venue(BUSY)
async def test_every_book_told_is_one_that_the_venue_had(world: WireWorld) -> None:
    states = world.remember_books()
    async with world.streams(sub(world, Channel.BOOK)) as streams:
        await world.passing(30)

    assert len(streams.heard.books) > 20
    assert [one for one in map(sides, streams.heard.books) if one not in states] == []


@on_every_venue(BUSY)
async def test_no_level_is_handed_out_beyond_what_is_certain(world: WireWorld) -> None:
    async with world.streams(sub(world, Channel.BOOK)) as streams:
        await world.passing(10)
        view = streams.heard.of(BookView)[-1]

        assert view.depth == 10
        assert view.certain_depth >= len(view.bids(1000)) > 0
        assert view.certain_depth >= len(view.asks(1000)) > 0
        assert view.verified_depth <= max(view.certain_depth, view.depth)


@on_every_venue(BUSY)
async def test_a_hole_in_a_book_empties_it_until_it_is_whole_again(world: WireWorld) -> None:
    states = world.remember_books()
    async with world.streams(sub(world, Channel.BOOK)) as streams:
        await world.passing(10)
        before = streams.heard.of(BookView)[-1]
        world.fault(kind="DROP", channel="book", symbol=world.bench.symbol, count=1)
        await world.until(lambda: streams.heard.of(BookDropped), 60)

        at = next(n for n, (_, one) in enumerate(streams.heard.news) if isinstance(one, BookDropped))
        told = sum(isinstance(one, BookView) for _, one in streams.heard.news[:at])
        await world.until(lambda: len(streams.heard.books) > told + 20, 60)

    assert before.bids() == before.asks() == []
    assert len(streams.heard.of(BookDropped)) == 1
    assert streams.heard.of(BookDropped)[0].symbol == world.bench.symbol
    assert streams.heard.of(BookDropped)[0].reason
    assert [one for one in map(sides, streams.heard.books) if one not in states] == []


@on_every_venue(BUSY)
async def test_a_book_that_begins_anew_from_an_old_snapshot_is_never_told_wrong(world: WireWorld) -> None:
    states = world.remember_books()
    async with world.streams(sub(world, Channel.BOOK)) as streams:
        await world.passing(10)
        world.fault(kind="LAG", channel="book", symbol=world.bench.symbol, delay_s=5, for_s=20)
        await world.passing(5)
        world.fault(kind="DROP", channel="book", symbol=world.bench.symbol, count=1)
        await world.until(lambda: streams.heard.of(BookDropped), 60)
        told = len(streams.heard.books)
        await world.until(lambda: len(streams.heard.books) > told + 20, 120)

    assert [one for one in map(sides, streams.heard.books) if one not in states] == []


@on_every_venue(BUSY)
async def test_every_message_of_a_book_is_counted_once_and_no_count_falls(world: WireWorld) -> None:
    async with world.streams(sub(world, Channel.BOOK)) as streams:
        session = streams.on(sub(world, Channel.BOOK))
        await world.passing(10)
        proven = session.book_messages.proven
        world.fault(kind="DROP", channel="book", symbol=world.bench.symbol, count=1)
        await world.until(lambda: streams.heard.of(BookDropped), 60)

        assert proven > 0
        assert session.book_messages.wrong >= 1
        before = session.book_messages.updates
        session.unwant(sub(world, Channel.BOOK), world.clock.mono_ns())
        session.poke()
        assert session.book_messages.updates >= before


@on_every_venue(BUSY)
async def test_when_the_connection_is_lost_every_book_is_empty_in_the_same_call(world: WireWorld) -> None:
    held: list[int] = []
    async with world.streams(sub(world, Channel.BOOK)) as streams:
        await world.passing(10)
        view = streams.heard.of(BookView)[-1]
        assert view.bids()
        session = streams.on(sub(world, Channel.BOOK))
        session.closed("for the test", world.clock.mono_ns())
        held.append(len(view.bids()) + len(view.asks()))
        assert isinstance(streams.heard.news[-1][1], LineDown)
        assert session.coverage(sub(world, Channel.BOOK)) is Coverage.WANTED

    assert held == [0]


@on_every_venue(BUSY)
async def test_what_is_wanted_survives_the_connection(world: WireWorld) -> None:
    wanted = [sub(world, channel) for channel in streamed(world)]
    states = world.remember_books()
    async with world.streams(*wanted) as streams:
        await world.until(lambda: has(streams, Coverage.RECEIVING, *wanted), 60)
        world.cut()
        await world.until(lambda: len(streams.heard.of(LineDown)) == len(world.market.routes))
        before = len(streams.heard.books)
        await world.until(lambda: has(streams, Coverage.RECEIVING, *wanted), 90)
        await world.until(lambda: len(streams.heard.books) > before + 10, 60)

    assert all(down.reason for down in streams.heard.of(LineDown))
    assert [one for one in map(sides, streams.heard.books) if one not in states] == []


@on_every_venue(BUSY)
async def test_a_connection_is_up_while_its_last_frame_is_no_older_than_five_seconds(
    world: WireWorld,
) -> None:
    async with world.streams(sub(world, Channel.TICKER)) as streams:
        session = streams.on(sub(world, Channel.TICKER))
        assert not session.up(world.clock.mono_ns())
        await world.passing(10)

        assert session.up(world.clock.mono_ns())
        assert session.up(session.last_frame_ns + 5_000_000_000)
        assert not session.up(session.last_frame_ns + 5_000_000_001)


@on_every_venue(BUSY)
async def test_a_connection_that_falls_silent_is_left_for_another(world: WireWorld) -> None:
    async with world.streams(sub(world, Channel.TICKER)) as streams:
        await world.passing(10)
        downs = len(streams.heard.of(LineDown))
        world.fault(kind="HALF_OPEN", for_s=600)
        await world.until(lambda: len(streams.heard.of(LineDown)) > downs, 60)
        world.heal()


@on_every_venue(BUSY)
async def test_a_frame_that_is_not_understood_is_kept_skipped_and_harms_nothing_else(
    world: WireWorld,
) -> None:
    async with world.streams(sub(world, Channel.BOOK)) as streams:
        await world.passing(10)
        session = streams.on(sub(world, Channel.BOOK))
        for frame in (
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"stream":1}',
            b'{"channel":"book"}',
            b"\xff\xfe",
            b"0" * 9,
        ):
            before = len(streams.heard.of(FrameSkipped))
            session.received(frame, world.clock.mono_ns())
            assert len(streams.heard.of(FrameSkipped)) == before + 1, frame
            assert streams.heard.of(FrameSkipped)[-1].why
        told = len(streams.heard.books)
        await world.passing(5)

        assert len(streams.heard.books) > told
        assert streams.heard.of(LineDown, BookDropped) == []


@on_every_venue(BUSY)
async def test_a_new_depth_of_a_book_replaces_the_old_one(world: WireWorld) -> None:
    shallow = sub(world, Channel.BOOK)
    deep = Subscription(Channel.BOOK, world.bench.symbol, world.market.limits.book_depths[-1])
    assert deep != shallow
    async with world.streams(shallow) as streams:
        await world.passing(10)
        session = streams.on(shallow)
        session.want(deep, world.clock.mono_ns())
        session.poke()
        await world.until(lambda: has(streams, Coverage.RECEIVING, deep), 30)
        await world.passing(3)

        assert session.coverage(shallow) is None
        assert streams.heard.of(BookView)[-1].depth == deep.param


@on_every_venue(BUSY)
async def test_what_the_venue_does_not_list_is_refused_and_touches_nothing_else(world: WireWorld) -> None:
    ticker = sub(world, Channel.TICKER)
    nothing = Subscription(Channel.TICKER, "NOT/LISTED")
    async with world.streams(ticker, nothing) as streams:
        await world.until(lambda: streams.heard.of(SubscriptionRefused), 30)
        await world.until(lambda: has(streams, Coverage.RECEIVING, ticker), 30)

        assert [one.subscription for one in streams.heard.of(SubscriptionRefused)] == [nothing]
        assert streams.on(nothing).coverage(nothing) is Coverage.REFUSED


@on_every_venue(BUSY)
async def test_trades_are_numbered_without_a_hole_and_told_oldest_first(world: WireWorld) -> None:
    wanted = sub(world, Channel.TRADES)
    async with world.streams(wanted) as streams:
        await world.passing(120)
        batches = [one for one in streams.heard.of(TradeBatch) if not one.snapshot]

    ids = [trade.trade_id for batch in batches for trade in batch.trades]
    assert len(ids) > 5
    assert ids == list(range(ids[0] or 0, (ids[0] or 0) + len(ids)))
    times = [trade.venue_ns for batch in batches for trade in batch.trades]
    assert times == sorted(times)


@on_every_venue(BUSY)
async def test_no_bar_of_the_stream_is_judged_complete(world: WireWorld) -> None:
    async with world.streams(sub(world, Channel.BARS)) as streams:
        await world.passing(130)
        bars = [bar for batch in streams.heard.of(BarBatch) for bar in batch.bars]

    assert bars
    assert not any(bar.complete for bar in bars)
    assert {bar.interval_s for bar in bars} == {60}


def decimals(value: Any) -> list[tuple[str, object]]:
    """Every number in a value, with its name."""
    if isinstance(value, TradeBatch):
        return [one for trade in value.trades for one in decimals(trade)]
    if isinstance(value, BarBatch):
        return [one for bar in value.bars for one in decimals(bar)]
    if isinstance(value, FrozenBook):
        return [one for level in (*value.bids, *value.asks) for one in decimals(level)]
    return [(name, one) for name, one in asdict(value).items()]


@on_every_venue(BUSY)
async def test_every_price_and_quantity_is_exact_and_in_the_instruments_units(world: WireWorld) -> None:
    wanted = [sub(world, channel) for channel in streamed(world)]
    async with world.streams(*wanted) as streams:
        await world.until(lambda: has(streams, Coverage.RECEIVING, *wanted), 60)
        await world.passing(20)
        one = world.market.reference.instrument(world.bench.symbol)

    silent = (LineUp, LineDown, Confirmed, BookView, InstrumentsChanged)
    found: dict[str, set[type]] = defaultdict(set)
    for _, news in streams.heard.news:
        if isinstance(news, silent) or not hasattr(news, "symbol"):
            continue
        for name, number in decimals(news):
            found[name].add(type(number))
            assert type(number) is not float, (news, name)
            if number is not None and name in ("bid", "ask", "price", "open", "high", "low", "close"):
                assert isinstance(number, Decimal)
                if not isinstance(news, Bar):
                    one.price_units(number)
            if number is not None and name in ("bid_qty", "ask_qty", "qty"):
                assert isinstance(number, Decimal)
                one.qty_units(number)
    assert found["bid"] == {Decimal}


@on_every_venue(BUSY)
async def test_a_contract_that_changes_is_told_on_a_session(world: WireWorld) -> None:
    async with world.streams(sub(world, Channel.TICKER)) as streams:
        await world.passing(10)
        before = len(streams.heard.of(InstrumentsChanged))
        world.fault(kind="STATUS", mode="cancel_only", symbol=world.bench.symbol, for_s=600)

        def told() -> list[Instrument]:
            news = streams.heard.of(InstrumentsChanged)[before:]
            every = [one for change in news for one in change.instruments]
            return [one for one in every if one.symbol == world.bench.symbol]

        await world.until(told, 60)
        changed = told()[-1]
        assert world.market.reference.instrument(world.bench.symbol) == changed
        assert changed.status is not InstrumentStatus.ONLINE
        world.heal()
