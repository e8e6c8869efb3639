from __future__ import annotations

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.emulator.numbers import (
    fixed,
    multiplied,
    ratio,
    rescaled,
    shortest,
    stamp,
    stamp_fine,
    stamp_second,
)


@given(st.integers(-(10**30), 10**30), st.integers(0, 12))
def test_a_fixed_text_is_the_number_with_all_its_decimals(scaled: int, decimals: int) -> None:
    text = fixed(scaled, decimals)
    assert Decimal(text) == Decimal(scaled).scaleb(-decimals, context=Context(prec=60))
    assert len(text.partition(".")[2]) == decimals


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"), [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (-4, 3, -1), (0, 7, 0)]
)
def test_a_ratio_is_rounded_half_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert ratio(numerator, denominator) == rounded


@pytest.mark.parametrize(
    ("text", "factor", "told"),
    [("100.00", "1.001", "100.10"), ("0.5", "1.1", "0.6"), ("-0.5", "1.1", "-0.6"), ("7", "0.01", "0")],
)
def test_a_multiplied_text_keeps_its_decimals_and_rounds_half_up(text: str, factor: str, told: str) -> None:
    assert multiplied(text, Decimal(factor)) == told
    assert multiplied(text, None) == text


def test_rescaling_pads_and_rounds() -> None:
    assert rescaled(15, 1, 3) == 1_500
    assert rescaled(1_550, 3, 1) == 16


@pytest.mark.parametrize(
    ("scaled", "decimals", "text"), [(1, 8, "1e-08"), (1, 1, "0.1"), (5_000, 8, "5e-05"), (3, 0, "3.0")]
)
def test_small_reference_numbers_may_have_exponents(scaled: int, decimals: int, text: str) -> None:
    assert shortest(scaled, decimals) == text


def test_stamps_have_the_decimals_of_their_place() -> None:
    moment = 1_790_000_000_123_456_789
    assert stamp(moment) == "2026-09-21T14:13:20.123456Z"
    assert stamp_fine(moment) == "2026-09-21T14:13:20.123456789Z"
    assert stamp_second(moment) == "2026-09-21T14:13:20Z"
