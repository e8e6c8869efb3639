from __future__ import annotations

from decimal import Decimal

import pytest

from kraken_frames import NaiveBook
from leadline.core.book import Book, BookCounts, Change, sum_of
from leadline.model.market import Level

# The documented example (dossier §6.3, V1) and the first recorded live one (V3).
V1_ASKS = """45285.2 0.00100000 45286.4 1.54571953 45286.6 1.54571109 45289.6 1.54560911 45290.2 0.15890660
45291.8 1.54553491 45294.7 0.04454749 45296.1 0.35380000 45297.5 0.09945542 45299.5 0.18772827"""
V1_BIDS = """45283.5 0.10000000 45283.4 1.54582015 45282.1 0.10000000 45281.0 0.10000000 45280.3 1.54592586
45279.0 0.07990000 45277.6 0.03310103 45277.5 0.30000000 45277.3 1.54602737 45276.6 0.15445238"""


def changes(text: str) -> list[Change]:
    words = text.replace(".", "").split()
    return [(int(price), int(qty)) for price, qty in zip(words[::2], words[1::2], strict=True)]


def book(depth: int = 10) -> Book:
    return Book("BTC/USD", depth, 1, 8)


def ladder(first: int, count: int, step: int = 1) -> list[Change]:
    return [(first + step * n, 100 + n) for n in range(count)]


def test_the_documented_book_has_the_documented_checksum() -> None:
    assert book().load(changes(V1_BIDS), changes(V1_ASKS)) == 3310070434


def test_changes_apply_in_order_several_to_one_price() -> None:
    made = book()
    made.load([(999, 5)], [(1001, 5)])

    made.apply([], [(1001, 7), (1001, 0), (1001, 9), (1001, 8)])

    assert made.asks(10) == [(1001, 8)]


def test_what_falls_out_of_the_depth_is_gone_and_returns_only_when_sent_again() -> None:
    made = book()
    made.load([], ladder(1001, 10))

    made.apply([], [(1000, 1)])
    assert [price for price, _ in made.asks(99)] == list(range(1000, 1010))

    made.apply([], [(1000, 0)])
    assert len(made.asks(99)) == 9
    made.apply([], [(1010, 109)])
    assert made.asks(99) == ladder(1001, 10)


def test_removing_a_level_that_is_not_held_changes_nothing() -> None:
    made = book()
    before = made.load(ladder(900, 3), ladder(1001, 3))

    assert made.apply([(950, 0)], [(2000, 0)]) == before
    assert len(made) == 6


def test_a_change_below_the_checked_levels_leaves_the_checksum_alone_but_is_kept() -> None:
    made = book(depth=25)
    before = made.load([], ladder(1001, 20))

    assert made.apply([], [(1015, 77)]) == before
    assert (1015, 77) in made.asks(25)


def test_a_level_from_below_moves_into_the_checked_ones() -> None:
    made = book(depth=25)
    naive = NaiveBook(25)
    naive.change([], [(f"{n}.0", f"0.{n:08}") for n in range(1, 13)])
    made.load([], [(10 * n, n) for n in range(1, 13)])

    naive.change([], [("3.0", "0.00000000")])
    assert made.apply([], [(30, 0)]) == naive.checksum()


def test_one_side_may_be_empty() -> None:
    made = book()
    naive = NaiveBook(10)
    naive.change([("1.0", "0.00000001")], [])

    assert made.load([(10, 1)], []) == naive.checksum()
    assert not made.crossed
    assert made.view.best_ask is None
    assert repr(made.view) == "BookView(BTC/USD one side is empty, depth 10)"


@pytest.mark.parametrize(("bid", "crossed"), [(1000, False), (1001, True), (1002, True)])
def test_a_best_bid_that_is_not_below_the_best_ask_is_crossed(bid: int, crossed: bool) -> None:
    made = book()
    made.load([(900, 1)], [(1001, 1)])

    made.apply([(bid, 1)], [])
    assert made.crossed is crossed

    made.apply([(bid, 0)], [])
    assert not made.crossed


def test_a_cleared_book_holds_and_shows_nothing() -> None:
    made = book()
    made.load([(1002, 1)], [(1001, 1)])
    made.venue_time = "2026-08-02T03:35:51Z"

    made.clear()

    assert (len(made), made.crossed, made.view.venue_time, made.view.venue_ns) == (0, False, None, None)
    assert made.view.best_bid is None
    assert made.apply([], []) == 0


def test_a_view_reads_in_decimals_with_every_zero() -> None:
    made = book()
    made.load([(635000, 150_000_000), (634999, 1)], [(635001, 2)])
    view = made.view

    assert view.best_bid == Level(Decimal("63500.0"), Decimal("1.50000000"))
    assert [str(level.qty) for level in view.bids()] == ["1.50000000", "1E-8"]
    assert view.best_ask == view.asks(5)[0] == Level(Decimal("63500.1"), Decimal("0.00000002"))
    assert (view.symbol, view.depth, view.verified_depth) == ("BTC/USD", 10, 10)
    assert repr(view) == "BookView(BTC/USD 63500.0 / 63500.1, depth 10)"


def test_the_proof_covers_ten_levels_however_deep_the_book_is() -> None:
    assert book(depth=1000).view.verified_depth == 10
    assert book(depth=1000).view.certain_depth == 1000


def test_a_frozen_book_stays_as_it_was() -> None:
    made = book()
    made.load([(999, 5)], [(1001, 5)])
    frozen = made.view.freeze(1)

    made.clear()

    assert frozen.bids == (Level(Decimal("99.9"), Decimal("0.00000005")),)
    assert len(frozen.asks) == 1


def test_equal_content_has_an_equal_digest_whatever_led_to_it() -> None:
    direct, roundabout = book(), book()
    direct.load([(999, 5)], [(1001, 5)])
    roundabout.load([(998, 5)], [])
    roundabout.apply([(998, 0), (999, 4)], [(1001, 5)])
    assert direct.view.state_hash() != roundabout.view.state_hash()

    roundabout.apply([(999, 5)], [])
    assert direct.view.state_hash() == roundabout.view.state_hash()


def test_counts_of_several_books_are_summed_up() -> None:
    total = sum_of([BookCounts(1, 2, 3, 4), BookCounts(10, 20, 30, 40)])

    assert total == BookCounts(11, 22, 33, 44)
    assert total.updates == 110
    assert sum_of([]) == BookCounts()
