from __future__ import annotations

import random
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from leadline.core.crosscheck import PRICE_TOLERANCE
from leadline.core.patterns import (
    FEWEST_LOOKS,
    HISTORY_S,
    MOST_VALUES,
    Delay,
    Factor,
    Look,
    Past,
    constant_delay,
    constant_factor,
    recognise,
)

S = 1_000_000_000
TICK = Decimal("0.1")


def look(ours: str, theirs: str, at_s: float = 0.0) -> Look:
    at_ns = round(at_s * S)
    return Look(at_ns, at_ns + S // 5, (Decimal(ours),), Decimal(theirs))


class Market:
    """A price that wanders, as it was at every tenth of a second, and its Past as it is while in doubt."""

    def __init__(self, seed: int, *, ticks: int = 20, seconds: int = 120) -> None:
        chance = random.Random(seed)
        self.prices = [Decimal("60000.0")]
        for _ in range(seconds * 10):
            self.prices.append(self.prices[-1] + chance.randint(-ticks, ticks) * TICK)
        self.past = Past()
        for tenth in range(seconds * 10):
            self.past.note(self.prices[tenth], tenth * S // 10, exact=True)

    def at(self, at_s: float) -> Decimal:
        return self.prices[round(at_s * 10)]

    def look(self, at_s: float, theirs: Decimal) -> Look:
        during = {self.at(at_s + tenth / 10) for tenth in range(3)}
        return Look(round(at_s * S), round((at_s + 0.2) * S), tuple(during), theirs)


def test_a_constant_factor_is_named_with_its_fewest_digits() -> None:
    looks = [look("63381.3", "633.81300"), look("63390.1", "633.90100"), look("63370.0", "633.70000")]

    found = constant_factor(looks)

    assert found == Factor(Decimal("0.01"), 3)
    assert str(found) == "theirs is 0.01 × ours, 3 times"


def test_a_factor_is_found_beneath_the_rounding_to_the_last_digit() -> None:
    looks = [look("0.1962340", "0.1903470"), look("0.1961111", "0.1902278"), look("0.1970001", "0.1910901")]

    assert constant_factor(looks) == Factor(Decimal("0.97"), 3)


def test_two_looks_are_too_few_for_a_factor() -> None:
    assert constant_factor([look("100", "1"), look("101", "1.01")]) is None


def test_a_difference_that_is_added_is_no_factor() -> None:
    assert constant_factor([look("100.0", "110.0"), look("120.0", "130.0"), look("90.0", "100.0")]) is None


def test_a_factor_within_the_tolerance_is_none() -> None:
    assert constant_factor([look("1000", "1000.5"), look("2000", "2001"), look("3000", "3001.5")]) is None


def test_where_nothing_moves_only_a_slip_of_units_is_named() -> None:
    assert constant_factor([look("100", "97")] * 3) is None
    assert constant_factor([look("100", "1")] * 3) == Factor(Decimal("0.01"), 3)


@example(2775, "0.5")
@given(st.integers(1, 10_000), st.sampled_from(["0.5", "0.97", "1.05", "100", "0.01"]))
def test_any_factor_is_named_whatever_the_price_does(seed: int, factor: str) -> None:
    market, ratio = Market(seed, ticks=200, seconds=40), Decimal(factor)
    looks = [market.look(at, (market.at(at + 0.1) * ratio).quantize(TICK)) for at in range(5, 38, 4)]
    found = constant_factor(looks)

    assert found is not None
    assert abs(found.ratio - ratio) / ratio < Decimal("0.001")
    assert found.times == len(looks)


@given(st.integers(1, 10_000), st.sampled_from([2.0, 7.0, 30.0]))
def test_a_constant_delay_is_named_to_the_second(seed: int, lag_s: float) -> None:
    market = Market(seed, ticks=600)
    told = [market.at(at - lag_s) for at in range(70, 106, 6)]
    assume(all(abs(next_ / one - 1) > PRICE_TOLERANCE for one, next_ in pairwise(told)))
    looks = [market.look(at, one) for at, one in zip(range(70, 106, 6), told, strict=True)]
    found = constant_delay(looks, market.past)

    assert found is not None
    assert abs(found.lag_s - lag_s) <= 1.0


def test_a_delay_is_told_in_seconds() -> None:
    past = Past()
    for second in range(60):
        past.note(Decimal(f"{1000 + 10 * second}.0"), second * S)
    looks = [look(f"{1000 + 10 * at}.0", f"{1000 + 10 * (at - 7)}.0", at) for at in range(30, 54, 6)]

    found = recognise(looks, past)

    assert isinstance(found, Delay)
    assert abs(found.lag_s - 7) <= 1
    assert str(found) == f"theirs is what ours was {found.lag_s:.1f} s ago, 4 times"


def test_a_source_that_stands_still_is_not_called_late() -> None:
    past = Past()
    for second in range(60):
        past.note(Decimal(f"{1000 + 10 * second}.0"), second * S)
    looks = [look(f"{1000 + 10 * at}.0", "1200.0", at) for at in range(30, 54, 6)]

    assert recognise(looks, past) is None


def test_a_market_that_stands_still_shows_no_delay() -> None:
    past = Past()
    for second in range(60):
        past.note(Decimal(1000), second * S)

    assert constant_delay([look("1000", "1000", at) for at in range(30, 54, 6)], past) is None


def test_a_delay_beyond_what_is_remembered_has_no_name() -> None:
    past = Past()
    for second in range(200):
        past.note(Decimal(f"{1000 + 10 * second}.0"), second * S)
    looks = [look(f"{1000 + 10 * at}.0", f"{1000 + 10 * (at - 120)}.0", at) for at in range(150, 180, 6)]

    assert len(past) <= HISTORY_S + 2 < MOST_VALUES
    assert recognise(looks, past) is None


@pytest.mark.parametrize("seed", range(80))
def test_noise_has_no_name(seed: int) -> None:
    chance, market = random.Random(seed), Market(seed, ticks=600)
    looks = [
        market.look(at, (market.at(at) * Decimal(chance.uniform(0.98, 1.02))).quantize(TICK))
        for at in range(40, 112, 6)
    ]

    assert [recognise(looks[:count], market.past) for count in range(len(looks))] == [None] * len(looks)


@pytest.mark.parametrize("seed", range(60))
def test_a_price_that_goes_its_own_way_has_no_name(seed: int) -> None:
    ours, theirs = Market(seed, ticks=600), Market(seed + 1000, ticks=600)
    looks = [ours.look(at, theirs.at(at)) for at in range(40, 112, 6)]

    assert [recognise(looks[:count], ours.past) for count in range(len(looks))] == [None] * len(looks)


@pytest.mark.parametrize("seed", range(60))
def test_prices_of_few_digits_that_meet_by_chance_have_no_name(seed: int) -> None:
    chance, unit = random.Random(seed), Decimal("0.00001")
    past = Past()
    for tenth in range(1200):
        past.note(chance.randint(95, 105) * unit, tenth * S // 10, exact=True)
    looks = [look("0.00100", str(chance.randint(95, 105) * unit), at) for at in range(60, 118, 6)]

    assert recognise(looks, past) is None


def test_looks_from_before_the_pattern_do_not_hide_it() -> None:
    looks = [look("100", "99.8"), look("101", "1.01"), look("102", "1.02"), look("103", "1.03")]

    assert recognise(looks, Past()) == Factor(Decimal("0.01"), 3)
    assert FEWEST_LOOKS == 3
