from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.clock import NS_PER_S
from leadline.core.cells import MemoryCell
from leadline.core.limits import DecayingCounter, SharedBudget, Standing


def test_a_burst_up_to_the_limit_passes_and_then_the_rate_holds() -> None:
    counter = DecayingCounter(8, 0.8)
    for _ in range(8):
        assert counter.delay_s(1, 0) == 0
        counter.spend(1, 0)

    assert counter.delay_s(1, 0) == 1.25
    assert counter.delay_s(1, NS_PER_S) == 0.25
    assert counter.delay_s(1, 5 * NS_PER_S // 4) == 0


def test_what_goes_before_is_counted_in_the_delay() -> None:
    counter = DecayingCounter(8, 0.8)

    assert counter.delay_s(1, 0, ahead=7) == 0
    assert counter.delay_s(1, 0, ahead=9) == 2.5


def test_a_cost_above_the_limit_never_fits() -> None:
    assert math.isinf(DecayingCounter(8, 0.8).delay_s(9, 0))


def test_the_venues_word_corrects_the_level_upwards_only() -> None:
    counter = DecayingCounter(8, 0.8)
    counter.spend(2, 0)
    counter.exceeded(0)
    assert counter.level(0) == pytest.approx(8)
    assert counter.delay_s(1, 0) == 1.25

    counter.spend(4, 0)
    counter.exceeded(0)
    assert counter.level(0) == pytest.approx(12)


def test_an_idle_counter_does_not_save_up_more_than_its_limit() -> None:
    counter = DecayingCounter(8, 0.8)
    counter.spend(8, 0)

    hour_ns = 3600 * NS_PER_S

    assert counter.level(hour_ns) == 0
    assert counter.delay_s(1, hour_ns, ahead=8) > 0


@given(
    limit=st.floats(1, 50),
    decay_per_s=st.floats(0.1, 20),
    steps=st.lists(st.tuples(st.integers(0, 20 * NS_PER_S), st.floats(0, 1)), max_size=100),
)
def test_the_limit_is_never_exceeded_and_the_named_delay_is_enough(
    limit: float, decay_per_s: float, steps: list[tuple[int, float]]
) -> None:
    counter, now_ns, level, last_ns = DecayingCounter(limit, decay_per_s), 0, 0.0, 0
    for pause_ns, share in steps:
        cost = share * limit
        now_ns += pause_ns
        now_ns += round(counter.delay_s(cost, now_ns) * NS_PER_S)
        assert counter.delay_s(cost, now_ns) == 0
        counter.spend(cost, now_ns)

        level = max(0.0, level - (now_ns - last_ns) / NS_PER_S * decay_per_s) + cost
        last_ns = now_ns
        assert level <= limit + 1e-5


def test_a_reserve_is_left_to_others_unless_nothing_would_ever_fit_beside_it() -> None:
    counter = DecayingCounter(8, 0.8)
    counter.spend(4, 0)

    assert counter.delay_s(1, 0) == 0
    assert counter.delay_s(1, 0, reserve=4) == pytest.approx(1.25)
    assert counter.delay_s(8, 0, reserve=4) == pytest.approx(5)


def test_what_costs_nothing_always_fits() -> None:
    counter = DecayingCounter(8, 0.8)
    counter.exceeded(0)

    assert counter.delay_s(0, 0, ahead=20, reserve=4) == 0


def test_taking_spends_only_what_fits() -> None:
    counter = DecayingCounter(8, 0.8)

    assert counter.take(6, 0, reserve=2) == 0
    assert counter.take(1, 0, reserve=2) == pytest.approx(1.25)
    assert counter.level(0) == pytest.approx(6)


def test_other_figures_keep_the_points_that_stand() -> None:
    counter = DecayingCounter(60, 1)
    counter.spend(30, 0)
    counter.resize(125, 2.5, 0)

    assert counter.level(0) == pytest.approx(30)
    assert counter.level(4 * NS_PER_S) == pytest.approx(20)
    assert counter.delay_s(105, 0) == pytest.approx(4)


def test_users_of_a_shared_budget_spend_from_one_counter() -> None:
    cell: MemoryCell[Standing] = MemoryCell()
    one, other = SharedBudget(cell, 8, 0.8), SharedBudget(cell, 8, 0.8)

    assert one.take(5, 0) == 0
    assert other.take(5, 0) == pytest.approx(2.5)
    other.spend(2, 0)
    assert one.read(0).level(0) == pytest.approx(7)
    other.exceeded(0)
    assert one.take(1, 0) == pytest.approx(1.25)


def test_users_of_a_shared_budget_may_reckon_by_different_figures() -> None:
    cell: MemoryCell[Standing] = MemoryCell()
    one, other = SharedBudget(cell, 60, 1), SharedBudget(cell, 60, 1)
    one.spend(40, 0)
    other.resize(125, 2.5, 0)

    assert other.read(10 * NS_PER_S).level(10 * NS_PER_S) == pytest.approx(30)
    other.spend(0, 10 * NS_PER_S)
    assert one.read(10 * NS_PER_S).level(10 * NS_PER_S) == pytest.approx(30)


def test_after_a_restart_of_the_machine_the_worst_is_expected() -> None:
    cell: MemoryCell[Standing] = MemoryCell()
    cell.change(lambda kept: (Standing(9_003 * NS_PER_S, 0.8, written_ns=9_000 * NS_PER_S), None))
    budget = SharedBudget(cell, 8, 0.8)

    assert budget.read(50 * NS_PER_S).level(50 * NS_PER_S) == pytest.approx(8)
