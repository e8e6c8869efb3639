from __future__ import annotations

from itertools import pairwise

import pytest

from leadline.emulator.binance.brackets import MONEY, brackets_of, maintenance, most_notional


@pytest.mark.parametrize("base", ["BTC", "DOGE"])
def test_the_maintenance_margin_makes_no_step_where_brackets_meet(base: str) -> None:
    ladder = brackets_of(base)
    assert [one.number for one in ladder] == list(range(1, len(ladder) + 1))
    for lower, upper in pairwise(ladder):
        assert lower.cap == upper.floor
        assert lower.leverage > upper.leverage
        assert abs(maintenance(base, lower.cap + MONEY) - maintenance(base, lower.cap)) < MONEY


def test_more_leverage_allows_less() -> None:
    assert most_notional("BTC", 125) == 300_000 * MONEY
    assert most_notional("BTC", 20) == 100_000_000 * MONEY
    assert most_notional("BTC", 126) == 0


def test_the_first_bracket_is_a_plain_ratio() -> None:
    assert maintenance("BTC", 100_000 * MONEY) == 400 * MONEY
    assert maintenance("DOGE", 10_000 * MONEY) == 65 * MONEY
