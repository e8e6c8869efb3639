from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.core import range_book
from leadline.core.range_book import KEPT_LEVELS, MOST_LEVELS, RangeBook, units


def book(depth: int = 10, prices: int = 1, qtys: int = 3) -> RangeBook:
    return RangeBook("BTC/USDT:USDT", depth, prices, qtys)


def loaded(limit: int = 2, depth: int = 10) -> RangeBook:
    made = book(depth)
    made.load([("100.0", "1.000"), ("99.5", "2.000")], [("100.5", "3.000"), ("101.0", "4.000")], limit)
    return made


def test_levels_come_best_first_and_in_integers() -> None:
    made = loaded()

    made.apply([("99.7", "0.500")], [("100.3", "0.250")])

    assert made.bids(10) == [(1000, 1000), (997, 500), (995, 2000)]
    assert made.asks(2) == [(1003, 250), (1005, 3000)]
    assert str(made.view.best_ask.price if made.view.best_ask else None) == "100.3"


def test_a_quantity_of_zero_removes_a_level_and_an_unknown_one_harms_nothing() -> None:
    made = loaded()

    made.apply([("100.0", "0.000"), ("99.9", "0.000")], [])

    assert made.bids(10) == [(995, 2000)]


def test_what_lies_outside_the_snapshot_is_never_held() -> None:
    made = loaded()

    made.apply([("99.4", "9.000"), ("9.9", "9.000")], [("101.1", "9.000"), ("1000.0", "9.000")])

    assert made.bids(10) == [(1000, 1000), (995, 2000)]
    assert made.asks(10) == [(1005, 3000), (1010, 4000)]


def test_a_side_of_fewer_levels_than_were_asked_for_has_no_end() -> None:
    made = loaded(limit=500)

    made.apply([("1.0", "9.000")], [("5000.0", "9.000")])

    assert made.bids(10)[-1] == (10, 9000)
    assert made.asks(10)[-1] == (50000, 9000)
    assert made.certain_depth == 10


def test_certain_are_as_many_levels_as_the_thinner_side_has_within_the_range() -> None:
    made = loaded()
    assert (book().certain_depth, made.certain_depth, made.view.verified_depth) == (0, 2, 2)

    made.apply([("100.0", "0.000")], [("100.7", "1.000")])

    assert made.certain_depth == 1
    assert loaded(depth=1).certain_depth == 1


def test_no_more_is_handed_out_than_the_depth_that_was_asked_for() -> None:
    assert loaded(depth=1).bids(10) == [(1000, 1000)]


@pytest.mark.parametrize("spelling", ["100", "100.00", "1E+2", "0100.0", "100.0"])
def test_one_price_is_one_level_however_it_is_spelled(spelling: str) -> None:
    made = loaded()

    made.apply([(spelling, "7")], [])
    assert made.bids(1) == [(1000, 7000)]

    made.apply([(spelling, "0")], [])
    assert made.bids(1) == [(995, 2000)]


@pytest.mark.parametrize(
    "level",
    [("100.05", "1.000"), ("99.7", "1.0005"), ("x", "1.000"), ("99.7", "x"), ("99.7", "-1.000"),
     ("-1.0", "1"), ("0.0", "1.000"), ("NaN", "1"), ("99.7", "Infinity"), ("100.0", "-1.000"),
     ("99.7", ""), ("1.0.0", "1")],
)  # fmt: skip
def test_what_is_no_level_is_refused(level: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        loaded(limit=500).apply([level], [])


def test_a_snapshot_means_the_same_however_its_levels_are_spelled_ordered_or_repeated() -> None:
    plain, other = book(), book()
    plain.load([("100.0", "1.000"), ("9.5", "2.000")], [("100.5", "3.000")], 2)
    other.load(
        [("9.5", "7.000"), ("09.50", "2"), ("100", "1.0"), ("99.0", "0.000")], [("1.005E2", "3.000")], 4
    )

    assert other.bids(10) == plain.bids(10) == [(1000, 1000), (95, 2000)]
    assert other.asks(10) == plain.asks(10)
    assert other.state_hash() == plain.state_hash()


@pytest.mark.parametrize("level", [("0.0", "1.000"), ("-9.5", "1.000"), ("9.5", "-1.000"), ("x", "1.000")])
def test_a_snapshot_with_what_is_no_level_is_refused(level: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"level|number"):
        book().load([("100.0", "1.000"), level], [("100.5", "3.000")])


def test_a_book_without_decimals_counts_in_whole_numbers() -> None:
    made = book(prices=0, qtys=0)
    made.load([("100", "5")], [("102", "5")], 1)

    made.apply([("101", "7"), ("99", "7")], [("102", "0")])

    assert made.bids(10) == [(101, 7), (100, 5)]
    assert made.asks(10) == []


def test_a_book_whose_bid_is_not_below_its_ask_cannot_be_served() -> None:
    made = loaded()
    assert made.servable

    made.apply([("100.5", "1.000")], [])

    assert not made.servable


def test_a_book_with_a_side_of_which_nothing_is_known_any_more_cannot_be_served() -> None:
    told, gone = ([("100", "5"), ("99", "5")], [("102", "5")]), [("100", "0"), ("99", "0")]
    cut, whole = book(prices=0, qtys=0), book(prices=0, qtys=0)
    cut.load(*told, limit=2)
    whole.load(*told, limit=3)

    cut.apply(gone, [])
    whole.apply(gone, [])

    assert (cut.servable, whole.servable) == (False, True)


def test_a_cleared_book_holds_nothing_and_is_certain_of_nothing() -> None:
    made = loaded()

    made.clear()

    assert (len(made), made.certain_depth, made.servable) == (0, 0, True)
    made.load([("1.0", "1.000")], [("5000.0", "1.000")], 1)
    assert made.certain_depth == 1


def test_too_many_levels_cut_the_range_to_the_best() -> None:
    made = loaded(limit=500, depth=MOST_LEVELS)

    made.apply([], [(f"{200 + n}.0", "1.000") for n in range(MOST_LEVELS)])

    asks = made.asks(MOST_LEVELS)
    assert (len(asks), asks[0]) == (KEPT_LEVELS, (1005, 3000))
    worst = asks[-1][0]
    made.apply([], [(f"{worst // 10 + 1}.0", "1.000")])
    assert made.asks(MOST_LEVELS)[-1][0] == worst


def test_equal_content_has_equal_digests_whatever_came_before() -> None:
    one, other = loaded(), loaded(limit=500)
    other.apply([("99.0", "1.000")], [])
    assert one.state_hash() != other.state_hash()

    other.apply([("99.0", "0.000")], [])

    assert one.state_hash() == other.state_hash()


def test_a_copy_stays_as_it_was() -> None:
    made = loaded()
    made.venue_time = 1_600_000_000_000
    copy = made.view.copy(1)

    made.apply([("100.0", "0.000")], [])

    frozen = copy.freeze()
    assert [(level.price, level.qty) for level in frozen.bids] == [(Decimal("100.0"), Decimal("1.000"))]
    assert copy.venue_ns == 1_600_000_000_000_000_000
    assert repr(copy) == "BookCopy(BTC/USDT:USDT, 1 bids, 1 asks)"


def test_meanings_are_forgotten_rather_than_kept_without_end() -> None:
    remembered = range_book._Units(3)
    for n in range(range_book.MOST_MEANINGS + 1):
        assert remembered[f"{n}.000"] == n * 1000

    assert len(remembered) == 1


def test_units_are_exact_at_any_size() -> None:
    assert units("123456789012345678901234567890.125", 3) == 123456789012345678901234567890125
    with pytest.raises(ValueError, match="more than 3 decimals"):
        units("0.0001", 3)
