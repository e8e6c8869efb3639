from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.cli.tables import Column, Row, digits, lines, rounded

COLUMNS = [Column("order"), Column("side"), Column("quantity", number=True)]
ROWS = [Row(["algo:1000000033225461", "", "0.01"], "red"), Row(["币安人生USDT:7", "", "12"])]


def told(width: int | None) -> list[str]:
    return [line.plain for line in lines(COLUMNS, ROWS, width)]


def test_numbers_stand_to_the_right_below_their_name_and_an_empty_column_is_left_out() -> None:
    assert told(None) == [
        "order                  quantity",
        "algo:1000000033225461      0.01",
        "币安人生USDT:7               12",
    ]


def test_what_just_fits_stands_side_by_side() -> None:
    assert len(told(31)) == 3


def test_what_does_not_fit_is_told_whole_in_lines_of_its_own() -> None:
    assert told(30) == [
        "algo:1000000033225461",
        "  quantity  0.01",
        "币安人生USDT:7",
        "  quantity  12",
    ]


def test_a_row_that_stands_out_does_so_in_both_forms() -> None:
    assert [line.style for line in lines(COLUMNS, ROWS, None)] == ["dim", "red", ""]
    assert next(lines(COLUMNS, ROWS, 30)).style == "bold red"


@pytest.mark.parametrize(
    ("number", "whole", "eight"),
    [
        ("60000.00", "60000", "60000"),
        ("63392.90691118", "63392.90691118", "63392.907"),
        ("0.0000123456789", "0.0000123456789", "0.000012345679"),
        ("1E+3", "1000", "1000"),
    ],
)
def test_a_number_has_no_zeros_at_its_end_and_never_an_exponent(number: str, whole: str, eight: str) -> None:
    assert (digits(Decimal(number)), rounded(Decimal(number))) == (whole, eight)


def test_a_number_that_is_not_told_is_nothing() -> None:
    assert (digits(None), rounded(None)) == ("", "")
