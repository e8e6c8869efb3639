from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from leadline.errors import CheckFailed
from leadline.venues.number_rules import check_digits, check_positive, check_step, failed, plain, times


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.5, "no Decimal"),
        (Decimal("NaN"), "no number"),
        (Decimal("-Infinity"), "no number"),
        (Decimal("1E+3"), "scientific notation; give Decimal\\('1000'\\)"),
        (Decimal("1E-31"), "over-precise"),
        (Decimal("1" * 31), "beyond any market"),
    ],
)
def test_what_is_no_plain_number_is_told_with_what_would_be(value: Any, said: str) -> None:
    with pytest.raises(CheckFailed, match=said):
        check_digits("qty", value)


def test_nothing_and_less_are_not_positive() -> None:
    check_positive("qty", Decimal("0.001"))
    for value in ("0", "-1"):
        with pytest.raises(CheckFailed, match="above 0"):
            check_positive("qty", Decimal(value))


@pytest.mark.parametrize(
    ("value", "least", "origin", "cure"),
    [
        ("1.05", "0", "0", r"give 1\.0 or 1\.1"),
        ("0.05", "0.1", "0", r"give 0\.1$"),
        ("1.07", "0", "0.05", r"give 1\.05 or 1\.15"),
        ("0.01", "0.05", "0.05", r"give 0\.05$"),
    ],
)
def test_the_nearest_steps_are_named_and_none_below_the_least(
    value: str, least: str, origin: str, cure: str
) -> None:
    with pytest.raises(CheckFailed, match=cure):
        check_step("price", Decimal(value), Decimal("0.1"), Decimal(least), "rule", Decimal(origin))


def test_whole_steps_from_the_origin_pass() -> None:
    check_step("price", Decimal("1.1"), Decimal("0.1"), Decimal(0), "rule")
    check_step("price", Decimal("1.15"), Decimal("0.1"), Decimal(0), "rule", Decimal("0.05"))


def test_numbers_are_shown_exactly_and_without_an_exponent() -> None:
    assert plain(Decimal("1E+2")) == "100"
    assert times(3, Decimal("0.10"), Decimal("0.05")) == "0.35"
    assert str(failed("qty", Decimal("1E+2"), "rule", "cure")) == "qty 100: rule; cure"
    assert str(failed("qty", Decimal("1E+999"), "rule", "cure")) == "qty 1E+999: rule; cure"
