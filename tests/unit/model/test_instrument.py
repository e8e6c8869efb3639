from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_frames import instrument
from leadline.model.instrument import from_units, to_units


@given(st.integers(-(10**40), 10**40), st.integers(0, 22))
def test_units_and_decimals_are_exact_both_ways_at_any_size(units: int, precision: int) -> None:
    number = from_units(units, precision)

    assert to_units(number, precision) == units


@pytest.mark.parametrize(
    ("text", "precision", "units"),
    [
        ("0.10000000", 8, 10_000_000),
        ("5E-5", 5, 5),
        ("-1.5", 1, -15),
        ("1.50", 1, 15),
        ("3E2", 1, 3000),
        ("0E-12", 2, 0),
        ("0", 0, 0),
    ],
)
def test_a_number_counts_in_units_however_it_is_written(text: str, precision: int, units: int) -> None:
    assert to_units(Decimal(text), precision) == units


@pytest.mark.parametrize(
    "text", ["1.23", "0.001", "1E-999999999", "NaN", "sNaN", "-Infinity", "1E+999999999"]
)
def test_what_is_no_whole_number_of_units_is_refused_and_at_once(text: str) -> None:
    with pytest.raises(ValueError, match=r"decimals|not a number"):
        to_units(Decimal(text), 1)


def test_trailing_zeros_are_kept_on_the_way_out() -> None:
    assert str(from_units(10_000_000, 8)) == "0.10000000"


def test_an_instrument_counts_prices_and_quantities_in_its_own_decimals() -> None:
    bitcoin = instrument("BTC/USD", 1, 8)

    assert bitcoin.price_units(Decimal("64525.3")) == 645253
    assert bitcoin.qty_units(Decimal("0.00000029")) == 29
    with pytest.raises(ValueError, match="more than 1 decimals"):
        bitcoin.price_units(Decimal("64525.35"))
