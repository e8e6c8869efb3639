"""What is made of a soak's figures."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from leadline.bench.filling import FULL
from leadline.bench.soak import (
    JUDGED_FROM_S,
    LEEWAY,
    MOST_MB_H,
    Held,
    Sample,
    Soak,
    problems_of,
    slope_mb_h,
    steady_mb_h,
)

HELD = Held(25, 28, 32, 0)
WELL = Soak(
    seconds=600.0,
    warm_up_s=180.0,
    lines=2,
    messages=1_800_000,
    messages_s=3000.0,
    cuts=37,
    reconnects=40,
    switches=37,
    gaps=10,
    joined=300,
    orders=100,
    orders_refused=5,
    filled_s=600.0,
    kept_first=FULL,
    kept_last=FULL,
    memory_empty_mb=50.0,
    memory_first_mb=58.0,
    memory_last_mb=62.0,
    memory_most_mb=62.0,
    slope_mb_h=1.5,
    steady_mb_h=1.0,
    delivery_p99_us=90.0,
    delivery_max_ms=12.0,
    arrival_p99_ms=8.0,
    arrival_max_ms=40.0,
    before=HELD,
    after=HELD,
)


def samples(*values_mb: float, every_s: float = 10.0) -> list[Sample]:
    return [Sample(number * every_s, value) for number, value in enumerate(values_mb)]


def test_the_slope_is_that_of_the_best_line() -> None:
    assert slope_mb_h(samples(10, 11, 12, 13), 0) == pytest.approx(360)
    assert slope_mb_h(samples(10, 12, 10, 12, 10), 0) == pytest.approx(0)
    assert slope_mb_h(samples(13, 12, 11), 0) == pytest.approx(-360)


def test_what_was_before_the_warm_up_does_not_count() -> None:
    assert slope_mb_h(samples(0, 50, 60, 60, 60), 20) == pytest.approx(0)


def test_one_step_is_no_growth_and_a_staircase_is() -> None:
    step = samples(*[60.0] * 20, *[65.0] * 80, every_s=1.0)
    stairs = samples(*[60.0 + number // 10 for number in range(100)], every_s=1.0)
    slope = slope_mb_h(step, 0)

    assert slope is not None and slope > 100
    assert steady_mb_h(step, 0) == 0
    assert steady_mb_h(stairs, 0) == pytest.approx(360, rel=0.05)
    assert steady_mb_h(samples(*[10.0 + number / 10 for number in range(3000)]), 0) == pytest.approx(36)


def test_without_two_moments_there_is_no_slope() -> None:
    assert slope_mb_h(samples(1, 2, 3), 20) is None
    assert slope_mb_h([Sample(1, 5), Sample(1, 6)], 0) is None
    assert slope_mb_h([], 0) is None
    assert steady_mb_h(samples(1, 2, 3), 20) is None


def test_a_run_in_which_nothing_grows_or_stays_has_no_problems() -> None:
    assert problems_of(WELL) == ()
    assert problems_of(replace(WELL, steady_mb_h=-50.0)) == ()


def test_memory_that_grows_is_named_with_its_slope() -> None:
    [problem] = problems_of(replace(WELL, steady_mb_h=MOST_MB_H + 90))

    assert f"{MOST_MB_H + 90:.1f} MB an hour" in problem


def test_a_run_too_short_to_tell_is_not_judged_by_its_slope() -> None:
    brief = replace(WELL, seconds=WELL.warm_up_s + JUDGED_FROM_S - 1, steady_mb_h=900.0)

    assert problems_of(brief) == ()
    assert problems_of(replace(WELL, steady_mb_h=None)) == ()


@pytest.mark.parametrize("name", ["tasks", "descriptors", "streams", "orders"])
def test_what_stays_behind_is_named(name: str) -> None:
    more = getattr(HELD, name) + LEEWAY

    assert problems_of(replace(WELL, after=replace(HELD, **{name: more}))) == ()
    [problem] = problems_of(replace(WELL, after=replace(HELD, **{name: more + 1})))
    assert problem == f"{more + 1} {name} at the end, {getattr(HELD, name)} at the beginning"
