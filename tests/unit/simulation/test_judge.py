"""Every way in which a value can be wrong is a finding, and a right value is none."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from leadline.clock import NS_PER_S
from leadline.emulator.kraken.book_window import BookWindow
from leadline.emulator.kraken.frames import ticker, trades
from leadline.emulator.matching import ASK, Order
from leadline.emulator.wire import Frame
from leadline.model.market import Bar, FrozenBook, Level, Side, Ticker, Trade
from leadline.model.reading import Reading, Source
from leadline.simulation.network import Arrival
from leadline.simulation.strikes import Strike
from simrig import BTC, START_NS, Rig


def book_of(rig: Rig, depth: int = 10) -> FrozenBook:
    """The venue's own book as a client would have it."""
    pair, book = rig.listing.pair, rig.listing.book
    sides = [
        tuple(
            Level(Decimal(price).scaleb(-pair.price_precision), Decimal(qty).scaleb(-pair.qty_precision))
            for price, qty in side.top(depth)
        )
        for side in (book.bids, book.asks)
    ]
    return FrozenBook(BTC, *sides)


def arrive(rig: Rig, frame: Frame) -> None:
    rig.arrived(Arrival(frame, 1, rig.loop.now_ns))


def snapshot(rig: Rig) -> Frame:
    return BookWindow(rig.listing, 10).snapshot(START_NS + rig.loop.now_ns)


def reading(rig: Rig, value: Any, **other: Any) -> Reading[Any]:
    fields = {"source": Source.STREAM, "verified": True, "bound_s": 5.0, "received": rig.loop.now_ns} | other
    return Reading(
        value, fields["source"], fields["received"], rig.clock, fields["verified"], fields["bound_s"]
    )


def judged(rig: Rig, value: Any, later_s: float = 0.0, **other: Any) -> dict[str, int]:
    """What the judge finds in a book that arrived just now and is read some time later."""

    async def work() -> None:
        arrive(rig, snapshot(rig))
        made = reading(rig, value, **other)
        await asyncio.sleep(later_s)
        rig.judge.reading(BTC, made, current=True, depth=10)

    rig.run(work())
    return rig.kinds


def test_the_venues_own_book_is_right() -> None:
    with Rig() as rig:
        assert judged(rig, book_of(rig), 1.0) == {}
        assert (rig.judge.books_compared, rig.judge.readings_compared) == (1, 1)


def test_a_book_with_one_wrong_quantity_is_served_wrong() -> None:
    with Rig() as rig:
        right = book_of(rig)
        wrong = Level(right.bids[9].price, right.bids[9].qty + Decimal("0.00000001"))
        assert judged(rig, FrozenBook(BTC, (*right.bids[:9], wrong), right.asks)) == {"served_wrong": 1}


def test_a_level_too_many_or_too_few_is_served_wrong() -> None:
    for change in (slice(0, 9), slice(0, 11)):
        with Rig() as rig:
            book = book_of(rig, 11)
            assert judged(rig, FrozenBook(BTC, book.bids[change], book.asks[:10])) == {"served_wrong": 1}


def test_an_unproven_book_called_verified_is_served_wrong() -> None:
    with Rig() as rig:
        assert judged(rig, book_of(rig), source=Source.REST)["served_wrong"] == 1


def test_a_receipt_at_which_nothing_came_is_stale_as_fresh() -> None:
    with Rig() as rig:
        assert judged(rig, book_of(rig), 1.0, received=1) == {"stale_as_fresh": 1}


def test_a_value_older_than_its_bound_is_not_fresh() -> None:
    with Rig() as rig:
        found = judged(rig, book_of(rig), 4.5, bound_s=4.0)
        assert found == {"stale_as_fresh": 1}


def test_a_silent_connection_serves_nothing_from_the_stream() -> None:
    with Rig() as rig:
        assert judged(rig, book_of(rig), 5.5, bound_s=20.0) == {"stale_as_fresh": 1}


def test_a_book_that_the_venue_has_left_behind_for_longer_than_the_longest_bound_is_wrong() -> None:
    with Rig() as rig:

        async def work() -> None:
            arrive(rig, snapshot(rig))
            made = reading(rig, book_of(rig), bound_s=120.0)
            await asyncio.sleep(1)
            rig.bid(1)
            await asyncio.sleep(80)
            rig.judge.last_arrival_ns = rig.loop.now_ns
            rig.judge.reading(BTC, made, current=True, depth=10)

        rig.run(work())
        assert rig.kinds == {"served_wrong": 1}


def test_below_the_checked_levels_a_disordered_book_is_not_judged() -> None:
    with Rig() as rig:
        right = book_of(rig, 12)
        deep = Level(right.bids[11].price, right.bids[11].qty + 1)

        async def work() -> None:
            arrive(rig, snapshot(rig))
            rig.evidence.losing(BTC, START_NS + 1)
            made = reading(rig, FrozenBook(BTC, (*right.bids[:11], deep), right.asks))
            rig.judge.reading(BTC, made, current=True, depth=12)

        rig.run(work())
        assert rig.kinds == {}


def quote(rig: Rig, **other: Decimal) -> Ticker:
    book = book_of(rig)
    bid, ask = book.bids[0], book.asks[0]
    last = Decimal(rig.listing.tape.last_price).scaleb(-rig.listing.pair.price_precision)
    fields = {"bid": bid.price, "bid_qty": bid.qty, "ask": ask.price, "ask_qty": ask.qty, "last": last}
    zero = Decimal(0)
    return Ticker(BTC, **(fields | other), volume=zero, vwap=zero, low=zero, high=zero)


@pytest.mark.parametrize(("other", "found"), [({}, {}), ({"bid": Decimal(1)}, {"stale_as_fresh": 1})])
def test_a_ticker_is_that_of_the_frame_it_came_with(other: dict[str, Decimal], found: dict[str, int]) -> None:
    with Rig() as rig:

        async def work() -> None:
            arrive(rig, ticker(rig.listing, "snapshot", START_NS + rig.loop.now_ns))
            value = quote(rig, **other)
            rig.judge.reading(BTC, reading(rig, value, verified=False), current=True)

        rig.run(work())
        assert rig.kinds == found


def traded(rig: Rig) -> Trade:
    """A trade on the venue, as a client has it, its frame arrived."""
    market, pair = rig.exchange.market, rig.listing.pair
    order = Order(market.new_order_id(), ASK, 1, 1_000)
    market.submit(BTC, order, START_NS + rig.loop.now_ns, market=True)
    print_ = rig.listing.tape.trades[-1]
    arrive(rig, trades(pair, "update", [print_]))
    return Trade(
        BTC,
        Side.SELL,
        Decimal(print_.price).scaleb(-pair.price_precision),
        Decimal(print_.qty).scaleb(-pair.qty_precision),
        print_.trade_id,
        None,
    )


@pytest.mark.parametrize(("offset", "found"), [(0, {}), (1, {"served_wrong": 1, "stale_as_fresh": 1})])
def test_a_trade_must_have_happened_and_must_have_come(offset: int, found: dict[str, int]) -> None:
    with Rig() as rig:

        async def work() -> None:
            true = traded(rig)
            told = Trade(BTC, true.side, true.price, true.qty, (true.trade_id or 0) + offset, None)
            rig.judge.reading(BTC, reading(rig, told), current=False)

        rig.run(work())
        assert rig.kinds == found


@pytest.mark.parametrize(
    ("trades_told", "complete", "found"),
    [(1, False, {}), (2, False, {"served_wrong": 1}), (1, True, {"served_wrong": 1})],
)
def test_a_bar_is_the_venues_and_complete_only_when_it_has_ended(
    trades_told: int, complete: bool, found: dict[str, int]
) -> None:
    with Rig() as rig:

        async def work() -> None:
            rig.listing.tape.minutes.clear()
            trade = traded(rig)
            arrive(rig, Frame("", "update", "ohlc", BTC))
            price, begin_ns = trade.price, START_NS // (60 * NS_PER_S) * 60 * NS_PER_S
            told = Bar(BTC, 60, begin_ns, price, price, price, price, trade.qty, price, trades_told, complete)
            rig.judge.reading(BTC, reading(rig, told, verified=False), current=False)

        rig.run(work())
        assert rig.kinds == found


def test_the_same_readings_give_the_same_digest() -> None:
    digests = []
    for _ in range(2):
        with Rig() as rig:
            judged(rig, book_of(rig), 1.0)
            digests.append(rig.judge.digest)
    with Rig() as rig:
        judged(rig, book_of(rig), 1.1)
        digests.append(rig.judge.digest)

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("verified", "bound_s", "found"), [(False, 0.0, 0), (True, 0.0, 1), (False, 60.0, 1)]
)
def test_what_an_earlier_run_knew_is_neither_proven_nor_fresh(
    verified: bool, bound_s: float, found: int
) -> None:
    with Rig() as rig:
        made = reading(rig, book_of(rig), source=Source.CHECKPOINT, verified=verified, bound_s=bound_s)
        rig.judge.reading(BTC, made, current=False)

        assert rig.findings.kinds["served_wrong"] == found


def test_what_an_earlier_run_knew_is_no_answer_to_who_asks_for_now() -> None:
    with Rig() as rig:
        rig.loop.block(1.0)
        made = reading(rig, book_of(rig), source=Source.CHECKPOINT, verified=False, bound_s=0.0, received=0)
        rig.judge.reading(BTC, made, current=True)

        assert rig.kinds == {"stale_as_fresh": 1}


@pytest.mark.parametrize(("source", "found"), [(Source.STREAM, 0), (Source.REST, 1), (Source.CACHE, 1)])
def test_what_the_venue_itself_told_wrongly_is_held_against_nobody(source: Source, found: int) -> None:
    with Rig() as rig:
        fields = {"kind": "SKEW", "channel": "ticker", "route": "ws", "symbol": BTC, "factor": "2"}
        rig.untruths.begin(Strike(0.0, 10.0, fields=fields), 0)
        best = book_of(rig).bids[0].price
        wrong = Ticker(BTC, 2 * best, *[Decimal(1)] * 3, *[best] * 5)
        rig.judge.reading(BTC, reading(rig, wrong, source=source, verified=False), current=False)

        assert len(rig.kinds) == found


def test_a_value_may_be_called_older_than_it_is_and_not_younger() -> None:
    for received_s, found in ((8.0, 0), (10.0, 0), (10.5, 1)):
        with Rig() as rig:
            rig.loop.block(10.0)
            arrive(rig, snapshot(rig))
            rig.loop.block(1.0)
            received = round(received_s * NS_PER_S)
            made = reading(rig, book_of(rig), received=received)
            rig.judge.reading(BTC, made, current=True, depth=10)

            assert rig.findings.kinds["stale_as_fresh"] == found
