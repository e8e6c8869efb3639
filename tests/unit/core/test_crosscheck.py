from __future__ import annotations

from decimal import Decimal

from leadline.core.crosscheck import (
    PRICE_TOLERANCE,
    Difference,
    Outcome,
    Verdict,
    compare_books,
    compare_marks,
    compare_tickers,
    outvoted,
    same_at_rounding,
)
from leadline.model.market import FrozenBook, Level, MarkPrice, Ticker
from leadline.model.reading import Source

BTC = "BTC/USD"


def ticker(bid: str, ask: str, last: str | None) -> Ticker:
    one = Decimal(1)
    price = None if last is None else Decimal(last)
    return Ticker(BTC, Decimal(bid), one, Decimal(ask), one, price, one, one, one, one)


def book(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> FrozenBook:
    def levels(rows: list[tuple[str, str]]) -> tuple[Level, ...]:
        return tuple(Level(Decimal(price), Decimal(qty)) for price, qty in rows)

    return FrozenBook(BTC, levels(bids), levels(asks))


def test_a_rest_ticker_agrees_with_any_state_of_its_flight() -> None:
    states = [ticker("100.0", "100.2", "100.1"), ticker("99.9", "100.1", "99.9")]

    for told in (("100.00000", "100.20000", "100.10000"), ("99.90000", "100.10000", "99.90000")):
        assert compare_tickers(states, ticker(*told)).verdict is Verdict.AGREED


def test_a_mixture_of_two_states_is_neither_of_them() -> None:
    states = [ticker("100.0", "100.2", "100.1"), ticker("80.0", "80.2", "80.1")]

    outcome = compare_tickers(states, ticker("100.0", "80.2", "80.1"))

    assert outcome == Outcome(Verdict.DIVERGED, Difference("ask", Decimal("100.2"), Decimal("80.2")))


def test_a_last_trade_that_moved_no_best_price_is_no_difference() -> None:
    states = [ticker("100.0", "100.2", "100.1")]

    assert compare_tickers(states, ticker("100.0", "100.2", "80.1")).verdict is Verdict.AGREED


def test_what_lies_within_the_tolerance_is_told_apart_from_equality() -> None:
    states = [ticker("1000.0", "1001.0", "1000.5")]

    outcome = compare_tickers(states, ticker("1001.0", "1001.0", "1000.5"))

    assert outcome.verdict is Verdict.WITHIN
    assert outcome.difference == Difference("bid", Decimal("1000.0"), Decimal("1001.0"))


def test_the_tolerance_is_a_thousandth_of_the_price() -> None:
    (just, over) = (
        compare_tickers([ticker("1000", "1001", None)], ticker(bid, "1001", None)).verdict
        for bid in ("999", "998.9")
    )

    assert Decimal("0.001") == PRICE_TOLERANCE
    assert (just, over) == (Verdict.WITHIN, Verdict.DIVERGED)


def test_the_nearest_state_is_the_evidence() -> None:
    states = [ticker("100", "101", "100"), ticker("90", "91", "90")]

    outcome = compare_tickers(states, ticker("50", "51", "50"))

    assert outcome.difference == Difference("bid", Decimal(90), Decimal(50))


def test_a_market_without_a_trade_on_the_stream_is_compared_by_its_best_prices() -> None:
    assert compare_tickers([ticker("100", "101", None)], ticker("100", "101", "42")).verdict is Verdict.AGREED


def test_numbers_agree_in_as_many_digits_as_rest_has() -> None:
    ours = Decimal("2.05949999")

    assert same_at_rounding(ours, Decimal("2.059"))  # cut
    assert same_at_rounding(ours, Decimal("2.060"))  # rounded up
    assert not same_at_rounding(ours, Decimal("2.058"))
    assert same_at_rounding(Decimal("30384.1"), Decimal("30384.10000"))
    assert not same_at_rounding(Decimal("30384.1"), Decimal("30384.20000"))


def test_a_rest_book_agrees_with_a_state_whose_quantities_it_rounds() -> None:
    state = book([("99.9", "1.23456789")], [("100.1", "0.50000000")])

    outcome = compare_books([state], book([("99.90000", "1.235")], [("100.10000", "0.500")]))

    assert outcome is not None
    assert outcome.verdict is Verdict.AGREED


def test_a_rest_book_agrees_with_any_state_of_its_flight() -> None:
    states = [book([(bid, "1")], [("101", "1")]) for bid in ("98", "99", "100")]

    for state in states:
        outcome = compare_books(states, state)
        assert outcome is not None
        assert outcome.verdict is Verdict.AGREED


def test_a_book_whose_quantities_no_state_had_is_within_the_tolerance_of_prices() -> None:
    state = book([("99.9", "1.0")], [("100.1", "0.5")])

    outcome = compare_books([state], book([("99.9", "3.0")], [("100.1", "0.5")]))

    assert outcome is not None
    assert outcome.verdict is Verdict.WITHIN


def test_a_level_of_a_book_that_lies_elsewhere_is_named() -> None:
    state = book([("100", "1"), ("99", "1")], [("101", "1")])

    outcome = compare_books([state], book([("100", "1"), ("97", "1")], [("101", "1")]))

    assert outcome == Outcome(Verdict.DIVERGED, Difference("bid 2", Decimal(99), Decimal(97)))


def test_a_level_that_one_side_lacks_is_a_difference() -> None:
    state = book([("100", "1"), ("99", "1")], [("101", "1")])

    outcome = compare_books([state], book([("100", "1")], [("101", "1")]))

    assert outcome == Outcome(Verdict.DIVERGED, Difference("bid 2", Decimal(99), Decimal(0)))


def test_levels_beyond_the_tenth_are_not_compared() -> None:
    rows = [(str(100 - place), "1") for place in range(12)]
    state = book(rows[:11], [("101", "1")])

    outcome = compare_books([state], book([*rows[:10], ("5", "1")], [("101", "1")]))

    assert outcome is not None
    assert outcome.verdict is Verdict.AGREED


def test_a_book_with_an_empty_side_says_nothing() -> None:
    assert compare_books([book([("1", "1")], [("2", "1")])], book([], [("2", "1")])) is None


def test_a_relative_difference_is_a_share_of_the_larger_number() -> None:
    assert Difference("bid", Decimal(100), Decimal(1)).relative == Decimal("0.99")
    assert Difference("bid", Decimal(1), Decimal(100)).relative == Decimal("0.99")
    assert Difference("bid", Decimal(0), Decimal(0)).relative == 0


def test_the_third_view_outvotes_the_one_it_contradicts() -> None:
    true, wrong = (Decimal(100), Decimal(101)), (Decimal(1), Decimal("1.01"))

    assert outvoted(true, wrong, true) is Source.REST
    assert outvoted(wrong, true, true) is Source.STREAM


def test_a_third_view_that_agrees_with_both_or_neither_settles_nothing() -> None:
    one, other = (Decimal(100), Decimal(101)), (Decimal(200), Decimal(201))

    assert outvoted(one, other, (Decimal(300), Decimal(301))) is None
    assert outvoted(one, other, (Decimal(140), Decimal(141))) is None
    assert outvoted(one, one, one) is None
    assert outvoted(one, (Decimal("100.1"), Decimal("101.1")), one) is None


def test_a_third_view_that_has_moved_on_a_little_still_takes_a_side() -> None:
    one, moved = (Decimal(100), Decimal(101)), (Decimal("100.5"), Decimal("101.5"))

    assert outvoted(one, (Decimal(108), Decimal(109)), moved) is Source.REST
    assert outvoted((Decimal(108), Decimal(109)), one, moved) is Source.STREAM


def mark(price: str, index: str | None = "100") -> MarkPrice:
    return MarkPrice(BTC, Decimal(price), None if index is None else Decimal(index), None, None)


def test_mark_and_index_price_are_compared_with_any_state_of_the_flight() -> None:
    states = [mark("100.1"), mark("100.3")]

    assert compare_marks(states, mark("100.3")).verdict is Verdict.AGREED
    assert compare_marks(states, mark("100.35")).verdict is Verdict.WITHIN
    assert compare_marks(states, mark("100.3", None)).verdict is Verdict.AGREED
    outcome = compare_marks(states, mark("100.3", "108"))
    assert outcome.verdict is Verdict.DIVERGED
    assert outcome.difference is not None and outcome.difference.what == "index"
