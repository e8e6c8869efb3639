from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from leadline.emulator.binance.contracts import row
from leadline.emulator.binance.positions import Position, apply_fill
from leadline.emulator.binance.terms import terms_of
from pit import BTC

TERMS = terms_of(row(BTC, BTC.pair, "TRADING"), BTC.pair)
ENTRY = 10**12


def test_entry_is_weighted_by_quantity_and_stays_where_the_position_shrinks() -> None:
    one = Position("BTCUSDT", "BOTH")
    assert apply_fill(one, TERMS, 10, 500_000) == 0
    assert apply_fill(one, TERMS, 30, 520_000) == 0
    assert one.entry == 51_500 * ENTRY
    assert apply_fill(one, TERMS, -10, 530_000) == 15 * 10**8
    assert (one.amount, one.entry, one.realised) == (30, 51_500 * ENTRY, 15 * 10**8)


def test_what_goes_beyond_zero_is_open_at_its_own_price() -> None:
    one = Position("BTCUSDT", "BOTH")
    apply_fill(one, TERMS, 10, 500_000)
    assert apply_fill(one, TERMS, -30, 490_000) == -10 * 10**8
    assert (one.amount, one.entry) == (-20, 49_000 * ENTRY)
    assert one.unrealised(TERMS, 48_000 * 10**8) == 20 * 10**8


def test_a_closed_position_has_no_entry() -> None:
    one = Position("BTCUSDT", "BOTH")
    apply_fill(one, TERMS, -10, 500_000)
    apply_fill(one, TERMS, 10, 500_000)
    assert (one.amount, one.entry, one.break_even(TERMS)) == (0, 0, 0)


def test_break_even_includes_what_was_paid() -> None:
    one = Position("BTCUSDT", "BOTH")
    apply_fill(one, TERMS, 10, 500_000)
    one.paid = 25_000_000
    assert one.break_even(TERMS) == 50_025 * ENTRY
    apply_fill(one, TERMS, -5, 500_000)
    assert one.break_even(TERMS) == 50_025 * ENTRY


fills = st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 10**6)), min_size=1, max_size=30)


@given(fills)
def test_realised_and_unrealised_together_are_the_cash_of_all_fills(done: list[tuple[int, int]]) -> None:
    one = Position("BTCUSDT", "BOTH")
    realised = sum(apply_fill(one, TERMS, change, price) for change, price in done)
    mark = 50_000
    cash = sum(-Fraction(change, 1_000) * Fraction(price, 10) for change, price in done)
    cash += Fraction(sum(change for change, _ in done), 1_000) * mark
    told = Fraction(realised + one.unrealised(TERMS, mark * 10**8), 10**8)
    assert abs(told - cash) <= Fraction(len(done) + 1, 10**8)
    assert one.amount == sum(change for change, _ in done)
