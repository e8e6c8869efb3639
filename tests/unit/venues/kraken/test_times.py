"""Kraken's Unix seconds keep every digit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.model.market import parse_time_ns
from leadline.venues.kraken.times import ns_to_text, seconds_to_ns, seconds_to_text


def test_a_time_with_more_digits_than_a_float_holds_stays_exact() -> None:
    assert seconds_to_ns(Decimal("1762795433.971744512")) == 1762795433971744512


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ("0", "1970-01-01T00:00:00Z"),
        ("1688671659", "2023-07-06T19:27:39Z"),
        ("1688669602.698379", "2023-07-06T18:53:22.698379Z"),
        ("1762795433.9717445", "2025-11-10T17:23:53.9717445Z"),
        ("1617666423.1234567891", "2021-04-05T23:47:03.123456789Z"),
        ("1.700000000E+9", "2023-11-14T22:13:20Z"),
    ],
)
def test_a_text_has_the_decimals_that_came(seconds: str, text: str) -> None:
    assert seconds_to_text(Decimal(seconds)) == text
    assert parse_time_ns(text) == seconds_to_ns(Decimal(seconds))


@pytest.mark.parametrize(
    ("decimals", "text"),
    [(0, "2023-11-14T22:13:22Z"), (3, "2023-11-14T22:13:22.999Z"), (9, "2023-11-14T22:13:22.999999999Z")],
)
def test_a_moment_is_cut_off_never_rounded_up_past_a_deadline(decimals: int, text: str) -> None:
    assert ns_to_text(1_700_000_002_999_999_999, decimals) == text
