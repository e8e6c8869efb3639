"""What every venue's `MarketData` promises of its REST: whole, ordered, exact answers, or a typed error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal

import pytest

from leadline.clock import NS_PER_S
from leadline.errors import (
    Acted,
    CheckFailed,
    ConnectFailed,
    ConnectionLost,
    Error,
    ProtocolError,
    RateLimited,
    TransportError,
    UnknownSymbol,
    VenueDown,
    VenueError,
)
from leadline.model.market import Channel, VenueMode
from leadline.net.http import Purpose
from venue_bench import LOOKED_AT, START_NS, WireWorld
from venue_benches import on_every_venue

BUSY = 20.0
PURPOSE = Purpose.DIAGNOSIS

Ask = Callable[[], Awaitable[object]]


def asks(world: WireWorld, symbol: str | None = None) -> dict[str, Ask]:
    """Every question about a symbol."""
    market, name = world.market, symbol or world.bench.symbol
    return {
        "tickers": lambda: market.fetch_tickers([name], PURPOSE),
        "book": lambda: market.fetch_book(name, 10, PURPOSE),
        "trades": lambda: market.fetch_trades(name, START_NS, PURPOSE),
        "bars": lambda: market.fetch_bars(name, 60, START_NS, PURPOSE),
        "marks": lambda: market.fetch_marks([name], PURPOSE),
        "stats": lambda: market.fetch_stats([name], PURPOSE),
        "funding": lambda: market.fetch_funding(name, START_NS, PURPOSE),
    }


def answered(world: WireWorld, symbol: str | None = None) -> dict[str, Ask]:
    """Those that the venue has an answer to."""
    lacks = {"marks": Channel.MARK, "funding": Channel.MARK, "stats": Channel.STATS}
    there = world.market.limits.rest_channels
    return {name: ask for name, ask in asks(world, symbol).items() if lacks.get(name) in (None, *there)}


@on_every_venue(BUSY)
async def test_what_a_venue_has_not_is_refused_before_anything_is_sent(world: WireWorld) -> None:
    await world.market.load()
    before = world.requests()

    for name in asks(world).keys() - answered(world).keys():
        with pytest.raises(CheckFailed) as caught:
            await asks(world)[name]()
        assert world.bench.symbol in str(caught.value)

    assert world.requests() == before


@on_every_venue(BUSY)
async def test_an_unknown_symbol_costs_no_request(world: WireWorld) -> None:
    await world.market.load()
    before = world.requests()

    for ask in answered(world, world.bench.misspelt).values():
        with pytest.raises(UnknownSymbol) as caught:
            await ask()
        assert world.bench.symbol in caught.value.nearest

    assert world.requests() == before


@on_every_venue(BUSY)
async def test_each_question_is_counted_by_its_purpose(world: WireWorld) -> None:
    await world.market.load()

    for ask in answered(world).values():
        before = world.http.counts[PURPOSE]
        await ask()
        assert world.http.counts[PURPOSE] == before + 1


@on_every_venue(BUSY)
async def test_tickers_are_of_the_symbols_asked_for_and_no_others(world: WireWorld) -> None:
    await world.market.load()
    states = world.remember_books()
    told = await world.market.fetch_tickers([world.bench.symbol], PURPOSE)

    assert list(told) == [world.bench.symbol]
    ticker = told[world.bench.symbol]
    assert (ticker.bid, ticker.ask) in {(bids[0][0], asked[0][0]) for bids, asked in states}
    both = await world.market.fetch_tickers([world.bench.symbol, world.bench.other], PURPOSE)
    assert set(both) == {world.bench.symbol, world.bench.other}
    assert all(one.symbol == name for name, one in both.items())


@on_every_venue(BUSY)
async def test_a_spelling_is_answered_under_the_unified_name(world: WireWorld) -> None:
    await world.market.load()

    for spelling in world.bench.spellings:
        assert list(await world.market.fetch_tickers([spelling], PURPOSE)) == [world.bench.symbol]
        assert (await world.market.fetch_book(spelling, 5, PURPOSE)).symbol == world.bench.symbol


@on_every_venue(BUSY)
async def test_a_book_has_the_best_levels_best_first_and_no_more_than_asked_for(world: WireWorld) -> None:
    await world.market.load()
    states = world.remember_books()

    for depth in (1, 7, 25):
        book = await world.market.fetch_book(world.bench.symbol, depth, PURPOSE)
        assert 0 < len(book.bids) <= depth
        assert 0 < len(book.asks) <= depth
        bids, offers = [one.price for one in book.bids], [one.price for one in book.asks]
        assert bids == sorted(bids, reverse=True)
        assert offers == sorted(offers)
        assert bids[0] < offers[0]
        assert all(one.qty > 0 for one in (*book.bids, *book.asks))
    prices = {tuple(tuple(price for price, _ in side) for side in state) for state in states}
    assert (tuple(bids[:LOOKED_AT]), tuple(offers[:LOOKED_AT])) in prices


@on_every_venue(BUSY)
async def test_trades_come_oldest_first_and_begin_where_they_were_asked_for(world: WireWorld) -> None:
    await world.market.load()
    await world.passing(120)
    trades = await world.market.fetch_trades(world.bench.symbol, START_NS, PURPOSE)
    middle_ns = trades[len(trades) // 2].venue_ns or 0
    later = await world.market.fetch_trades(world.bench.symbol, middle_ns, PURPOSE)

    assert 5 < len(trades) <= world.market.limits.rest_trades
    ids = [one.trade_id for one in trades]
    assert ids == list(range(ids[0] or 0, (ids[0] or 0) + len(ids)))
    assert all((one.venue_ns or 0) >= START_NS for one in trades)
    assert all((one.venue_ns or 0) >= middle_ns for one in later)
    assert 0 < len(later) < len(trades)


@on_every_venue()
async def test_where_nothing_was_traded_there_are_no_trades(world: WireWorld) -> None:
    await world.market.load()
    await world.passing(60)

    assert await world.market.fetch_trades(world.bench.symbol, world.venue_ns, PURPOSE) == []


@on_every_venue(BUSY)
async def test_bars_come_oldest_first_and_only_those_are_complete_that_have_ended(world: WireWorld) -> None:
    await world.market.load()
    await world.passing(90)
    since_ns = START_NS - 300 * NS_PER_S
    bars = await world.market.fetch_bars(world.bench.symbol, 60, since_ns, PURPOSE)

    begins = [bar.begin_ns for bar in bars]
    assert begins == list(range(begins[0], begins[-1] + 1, 60 * NS_PER_S))
    assert begins[0] >= since_ns
    assert [bar.complete for bar in bars] == [bar.end_ns <= world.venue_ns for bar in bars]
    assert [bar.complete for bar in bars].count(False) == 1
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high


@on_every_venue(BUSY)
async def test_an_interval_that_there_is_not_is_refused_with_those_there_are(world: WireWorld) -> None:
    await world.market.load()
    before = world.requests()

    with pytest.raises(CheckFailed, match="it has"):
        await world.market.fetch_bars(world.bench.symbol, 61, START_NS, PURPOSE)
    assert 61 not in world.market.limits.bar_intervals_s
    assert world.requests() == before


@on_every_venue(BUSY)
async def test_the_mode_of_a_venue_that_is_well_is_online(world: WireWorld) -> None:
    await world.market.load()

    assert (await world.market.fetch_status(PURPOSE)).mode is VenueMode.ONLINE


@on_every_venue(BUSY)
async def test_who_cannot_be_reached_is_known_to_have_done_nothing(world: WireWorld) -> None:
    await world.market.load()
    world.unreachable()
    before = world.http.counts[PURPOSE]

    for ask in answered(world).values():
        with pytest.raises(ConnectFailed) as caught:
            await ask()
        assert caught.value.acted is Acted.NO
    assert world.http.counts[PURPOSE] == before + len(answered(world))


@on_every_venue(BUSY)
async def test_a_lost_answer_is_an_error_of_the_transport_and_not_asked_again(world: WireWorld) -> None:
    await world.market.load()

    for ask in answered(world).values():
        before = len(world.asked)
        world.network.losing_until_ns = 1 << 62
        with pytest.raises(ConnectionLost):
            await ask()
        world.network.losing_until_ns = 0
        assert len(world.asked) == before + 1


@on_every_venue(BUSY)
async def test_a_failing_venue_is_down_and_a_limiting_one_says_so(world: WireWorld) -> None:
    await world.market.load()

    for status, kind in ((503, VenueDown), (502, VenueDown), (429, RateLimited)):
        world.fault(kind="REPLY", path="", status=status, body="<html>no</html>", count=1)
        with pytest.raises(VenueError) as caught:
            await world.market.fetch_book(world.bench.symbol, 10, PURPOSE)
        assert type(caught.value) is kind
        world.heal()
        await world.passing(120)


@on_every_venue(BUSY)
async def test_an_answer_that_makes_no_sense_is_a_typed_error_for_every_question(world: WireWorld) -> None:
    await world.market.load()

    for ask in answered(world).values():
        for body in ("", "null", "[]", "{}", "{", '"text"', "[[]]", '[{"price":"x"}]', "1e999"):
            world.fault(kind="REPLY", path="", status=200, body=body, count=1)
            with suppress(ProtocolError, VenueError):
                await ask()
            world.heal()
            await world.passing(5)


@on_every_venue(BUSY)
async def test_questions_that_are_alike_leave_once(world: WireWorld) -> None:
    await world.market.load()

    for ask in answered(world).values():
        before = len(world.asked)
        first, second = await asyncio.gather(ask(), ask())
        assert first == second
        assert len(world.asked) == before + 1


@on_every_venue(BUSY)
async def test_reach_tells_whether_questions_get_through(world: WireWorld) -> None:
    await world.market.load()
    reach = world.market.reach
    assert (reach.failures, reach.limited) == (0, False)
    world.unreachable(for_s=60)
    for tried in (1, 2, 3):
        with pytest.raises(TransportError):
            await world.market.fetch_book(world.bench.symbol, 10, PURPOSE)
        assert reach.failures == tried
    await world.passing(70)
    await world.market.fetch_book(world.bench.symbol, 10, PURPOSE)
    assert reach.failures == 0


@on_every_venue(BUSY)
async def test_reference_data_that_is_there_is_not_fetched_again(world: WireWorld) -> None:
    await world.market.load()
    before = world.requests()
    await world.market.load()

    assert world.requests() == before


@on_every_venue(BUSY)
async def test_reference_data_that_cannot_be_had_is_an_error_and_is_asked_for_anew(world: WireWorld) -> None:
    world.unreachable(for_s=30)
    with pytest.raises(Error):
        await world.market.load()
    await world.passing(60)
    await world.market.load()

    assert world.market.reference.instrument(world.bench.symbol).tick > Decimal(0)
