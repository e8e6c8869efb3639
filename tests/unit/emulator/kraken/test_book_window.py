from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulated import START_NS, NaiveBook
from leadline.emulator.instruments import Pair
from leadline.emulator.kraken.book_window import BookWindow, checksum
from leadline.emulator.market import Batch, Market
from leadline.emulator.matching import ASK, BID, Order, OrderBook
from leadline.emulator.numbers import fixed
from vectors import VECTORS, needs_vectors, records

NOW = START_NS


def by_hand(levels: int = 12, price_precision: int = 1) -> Market:
    """A market nobody moves but the test: bids 1000, 999, …; asks 1001, 1002, …; 50 lots each."""
    pair = Pair("A/USD", price_precision, 2, 1_000, 50, levels=0, history=False)
    market = Market([pair], seed=1, rate=0, start_ns=NOW)
    for number in range(levels):
        for side, price in ((BID, 1_000 - number), (ASK, 1_001 + number)):
            market.submit("A/USD", Order(market.new_order_id(), side, price, 50), NOW)
    return market


class Watched:
    """A window at one depth, its naive reader, and the frames in between."""

    def __init__(self, market: Market, depth: int) -> None:
        self.listing = next(iter(market.listings.values()))
        self.window = BookWindow(self.listing, depth)
        self.reader = NaiveBook(depth)
        self.eager = NaiveBook(depth, eager=True)
        self.frames: list[str] = []
        self.tellings: list[bool] = []
        snapshot = self.window.snapshot(NOW).text
        assert self.reader.apply(snapshot)
        assert self.eager.apply(snapshot)
        market.listeners.append(self.on_batch)

    def on_batch(self, batch: Batch) -> None:
        frame = self.window.update(batch)
        if frame is not None:
            self.frames.append(frame.text)
            self.tellings.append(frame.telling)
            assert self.reader.apply(frame.text), frame.text
            assert self.eager.apply(frame.text), frame.text
        assert self.reader.best() == self.truth()

    def truth(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        pair, book = self.listing.pair, self.listing.book
        rows = [
            [
                (fixed(p, pair.price_precision), fixed(q, pair.qty_precision))
                for p, q in side.top(self.reader.depth)
            ]
            for side in (book.bids, book.asks)
        ]
        return rows[0], rows[1]


@settings(max_examples=60, deadline=None)
@given(
    price_precision=st.integers(0, 10),
    qty_precision=st.integers(0, 10),
    levels=st.sampled_from((2, 5, 9, 12, 40, 130)),
    qty=st.sampled_from((3, 5_000, 10**17)),
    seed=st.integers(0, 10_000),
)
def test_naive_readers_are_right_after_every_message_of_every_depth(
    price_precision: int, qty_precision: int, levels: int, qty: int, seed: int
) -> None:
    pair = Pair("A/USD", price_precision, qty_precision, 10_000, qty, levels=levels, history=False)
    market = Market([pair], seed=seed, rate=100, start_ns=NOW)
    watched = [Watched(market, depth) for depth in (10, 25, 100)]
    market.advance(NOW + 2 * 10**9)
    assert all(one.frames for one in watched)
    assert [one.reader.oddities + one.eager.oddities for one in watched] == [[], [], []]


def test_a_removed_level_and_its_refill_come_in_one_message() -> None:
    market = by_hand()
    one = Watched(market, 10)
    market.submit("A/USD", Order(market.new_order_id(), BID, 1_001, 50), NOW)
    (frame,) = one.frames
    assert '"asks":[{"price":100.1,"qty":0.00},{"price":101.1,"qty":0.50}]' in frame
    assert '"bids":[]' in frame


def test_a_level_pushed_out_of_the_window_is_not_deleted() -> None:
    market = by_hand(levels=10)
    market.cancel("A/USD", 2, NOW)
    market.submit("A/USD", Order(market.new_order_id(), ASK, 1_011, 50), NOW)
    one = Watched(market, 10)
    market.submit("A/USD", Order(market.new_order_id(), ASK, 1_001, 7), NOW)
    (frame,) = one.frames
    assert '"asks":[{"price":100.1,"qty":0.07}]' in frame


def test_changes_below_the_window_are_not_sent() -> None:
    market = by_hand(levels=12)
    one = Watched(market, 10)
    market.submit("A/USD", Order(market.new_order_id(), ASK, 1_012, 50), NOW)
    assert one.frames == []


def test_changes_below_level_ten_do_not_tell() -> None:
    market = by_hand(levels=12)
    one = Watched(market, 25)
    market.submit("A/USD", Order(market.new_order_id(), ASK, 1_012, 50), NOW)
    market.submit("A/USD", Order(market.new_order_id(), ASK, 1_001, 50), NOW)
    assert one.tellings == [False, True]


def test_fills_of_one_queue_are_several_changes_of_one_price() -> None:
    market = by_hand(levels=3)
    market.submit("A/USD", Order(market.new_order_id(), ASK, 1_001, 30), NOW)
    one = Watched(market, 10)
    market.submit("A/USD", Order(market.new_order_id(), BID, 1_001, 60), NOW)
    (frame,) = one.frames
    assert '"asks":[{"price":100.1,"qty":0.30},{"price":100.1,"qty":0.20}]' in frame


def test_an_order_that_crosses_and_rests_changes_both_sides() -> None:
    market = by_hand(levels=3)
    one = Watched(market, 10)
    market.submit("A/USD", Order(market.new_order_id(), BID, 1_001, 60), NOW)
    (frame,) = one.frames
    assert '"bids":[{"price":100.1,"qty":0.10}],"asks":[{"price":100.1,"qty":0.00}]' in frame


def test_a_level_that_leaves_and_comes_back_changed_within_one_event_is_told() -> None:
    market = by_hand(levels=10)
    listing = market.listings["A/USD"]
    window, reader = BookWindow(listing, 10), NaiveBook(10)
    assert reader.apply(window.snapshot(NOW).text)
    book = listing.book
    better = Order(market.new_order_id(), ASK, 1_000 + 0, 5)
    book.cancel(1, NOW)
    book.submit(better, NOW)
    book.submit(Order(market.new_order_id(), ASK, 1_010, 9), NOW)
    book.cancel(better.order_id, NOW)
    frame = window.update(Batch(listing, NOW, book.taken_changes(), [], True))
    assert frame is not None
    assert reader.apply(frame.text)
    assert reader.oddities == []


def test_an_emptied_side_has_a_checksum_too() -> None:
    market = by_hand(levels=1)
    one = Watched(market, 10)
    market.submit("A/USD", Order(market.new_order_id(), BID, 0, 500), NOW, market=True)
    assert one.reader.best()[1] == []


@needs_vectors
def test_the_checksum_is_the_venues_own_on_recorded_ladders() -> None:
    checked = 0
    for ladder in records(VECTORS / "kraken" / "ws" / "book_checksum_ladders.jsonl"):
        book = OrderBook()
        for side, name in ((ASK, "asks_wire"), (BID, "bids_wire")):
            for price, qty in ladder[name]:
                scaled = (int(price.replace(".", "")), int(qty.replace(".", "")))
                book.submit(
                    Order(checked * 100 + len(book.asks.keys) + len(book.bids.keys), side, *scaled), NOW
                )
        assert checksum(book) == ladder["checksum"], ladder["id"]
        checked += 1
    assert checked == 121


@pytest.mark.parametrize("depth", [10, 25, 100, 500, 1000])
def test_a_snapshot_holds_at_most_the_depth_best_first(depth: int) -> None:
    market = by_hand(levels=600)
    reader = NaiveBook(depth)
    assert reader.apply(BookWindow(market.listings["A/USD"], depth).snapshot(NOW).text)
    bids, asks = reader.best()
    assert (len(bids), len(asks)) == (min(depth, 600), min(depth, 600))
    assert (bids[0][0], asks[0][0]) == ("100.0", "100.1")


def test_a_level_that_goes_while_it_is_pushed_out_is_deleted_in_the_end() -> None:
    market = by_hand(levels=10)
    listing = market.listings["A/USD"]
    window, reader = BookWindow(listing, 10), NaiveBook(10)
    assert reader.apply(window.snapshot(NOW).text)
    book = listing.book
    book.cancel(1, NOW)
    window.update(Batch(listing, NOW, book.taken_changes(), [], True))
    better = Order(market.new_order_id(), ASK, 1_000, 5)
    book.submit(better, NOW)
    book.cancel(20, NOW)
    book.cancel(better.order_id, NOW)
    frame = window.update(Batch(listing, NOW, book.taken_changes(), [], True))
    assert frame is not None
    assert '{"price":101.0,"qty":0.00}' in frame.text
    reader.bids.pop(Decimal("100.0"))
    assert reader.apply(frame.text)
    assert reader.oddities == []
