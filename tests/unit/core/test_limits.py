from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.clock import NS_PER_S
from leadline.core.limits import DecayingCounter, SharedBudget, Standing, WeightWindow

T = TypeVar("T")


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


class Kept(SharedBudget):
    """One user of what a list keeps."""

    def __init__(self, shelf: list[Standing], limit: float = 8, decay_per_s: float = 0.8) -> None:
        super().__init__(limit, decay_per_s)
        self.shelf = shelf

    def _kept(self) -> Standing | None:
        return self.shelf[-1] if self.shelf else None

    def _change(self, change: Callable[[Standing | None], tuple[Standing, T]]) -> T:
        standing, told = change(self._kept())
        self.shelf.append(standing)
        return told


def test_users_of_a_shared_budget_spend_from_one_counter() -> None:
    shelf: list[Standing] = []
    one, other = Kept(shelf), Kept(shelf)

    assert one.take(5, 0) == 0
    assert other.take(5, 0) == pytest.approx(2.5)
    other.spend(2, 0)
    assert one.read(0).level(0) == pytest.approx(7)
    other.exceeded(0)
    assert one.take(1, 0) == pytest.approx(1.25)


def test_users_of_a_shared_budget_may_reckon_by_different_figures() -> None:
    shelf: list[Standing] = []
    one, other = Kept(shelf, 60, 1), Kept(shelf, 60, 1)
    one.spend(40, 0)
    other.resize(125, 2.5, 0)

    assert other.read(10 * NS_PER_S).level(10 * NS_PER_S) == pytest.approx(30)
    other.spend(0, 10 * NS_PER_S)
    assert one.read(10 * NS_PER_S).level(10 * NS_PER_S) == pytest.approx(30)


def test_after_a_restart_of_the_machine_the_worst_is_expected() -> None:
    budget = Kept([Standing(empty_ns=9_003 * NS_PER_S, decay_per_s=0.8, written_ns=9_000 * NS_PER_S)])

    assert budget.read(50 * NS_PER_S).level(50 * NS_PER_S) == pytest.approx(8)


MINUTE_NS = 60 * NS_PER_S
BEGIN_NS = 30_000_000 * MINUTE_NS
"""A minute of the venue's clock begins; its clock and the monotonic one differ by so much."""


def window(limit: float = 100, unsure_ns: int = 0) -> WeightWindow:
    """A window of a minute that begins at monotonic 0, for a clock known to ± `unsure_ns`."""
    return WeightWindow(
        limit, 60, lambda mono_ns: (BEGIN_NS + mono_ns - unsure_ns, BEGIN_NS + mono_ns + unsure_ns)
    )


def seconds(number: float) -> int:
    return round(number * NS_PER_S)


def test_a_window_is_spent_at_once_and_whole_again_in_the_venues_next_minute() -> None:
    weight = window()

    assert weight.take(100, seconds(10)) == 0
    assert weight.take(1, seconds(10)) == 50
    assert weight.take(1, seconds(59.9)) == pytest.approx(0.1)
    assert weight.take(1, seconds(60)) == 0
    assert weight.level(seconds(60)) == 1


def test_what_leaves_at_the_end_of_a_minute_counts_in_the_next_as_well() -> None:
    weight = window()
    weight.spend(70, seconds(59.5))

    assert weight.level(seconds(60)) == 70
    assert weight.take(31, seconds(60)) == 60
    assert weight.take(30, seconds(60)) == 0


def test_while_the_venues_clock_is_uncertain_a_new_minute_has_not_begun() -> None:
    weight = window(unsure_ns=seconds(2))
    weight.spend(100, seconds(30))

    assert weight.take(1, seconds(61)) == 1
    assert weight.take(1, seconds(62)) == 0


def test_a_reserve_is_left_to_others_as_far_as_the_cost_fits_at_all() -> None:
    weight = window()
    weight.spend(60, 0)

    assert weight.delay_s(10, 0, reserve=30) == 0
    assert weight.delay_s(11, 0, reserve=30) == 60
    assert weight.delay_s(40, 0) == 0
    assert window().delay_s(90, 0, reserve=30) == 0


def test_what_goes_before_fills_whole_windows_first() -> None:
    weight = window()

    assert weight.delay_s(10, 0, ahead=90) == 0
    assert weight.delay_s(10, 0, ahead=91) == 60
    assert weight.delay_s(10, 0, ahead=191) == 120
    assert math.isinf(weight.delay_s(101, 0))


def test_the_venues_count_corrects_upwards_and_only_the_minute_it_is_of() -> None:
    weight = window()
    weight.spend(10, seconds(1))

    weight.told(50, seconds(2), seconds(3))
    assert weight.level(seconds(3)) == 50
    weight.told(20, seconds(3), seconds(4))
    assert weight.level(seconds(4)) == 50
    weight.told(90, seconds(57), seconds(61))
    assert weight.level(seconds(30)) == 50
    assert weight.level(seconds(61)) == 0


def test_a_refusal_lets_nothing_leave_before_the_minute_has_certainly_ended() -> None:
    weight = window(unsure_ns=seconds(1))
    weight.exceeded(seconds(20))

    assert weight.take(1, seconds(20)) == 41
    assert weight.take(0, seconds(60.5)) == 0.5
    assert weight.take(0, seconds(61)) == 0
    assert weight.take(100, seconds(61)) == 0

    weight.exceeded(seconds(119.5))  # of the minute before or of the one that has begun
    assert weight.take(0, seconds(180.9)) > 0
    assert weight.take(0, seconds(181)) == 0


def test_a_ban_holds_back_what_costs_nothing_and_a_shorter_one_does_not_end_it() -> None:
    weight = window()
    weight.close(300, 0)
    weight.close(10, 0)

    assert weight.delay_s(0, 0) == 300
    assert weight.delay_s(5, seconds(100)) == 200
    assert weight.delay_s(5, seconds(300)) == 0


def test_what_never_left_is_given_back_and_another_limit_keeps_what_is_spent() -> None:
    weight = window()
    weight.spend(80, 0)
    weight.spend(-30, 0)
    weight.resize(60)

    assert weight.level(0) == 50
    assert weight.delay_s(10, 0) == 0
    assert weight.delay_s(11, 0) == 60


@given(
    offset_ms=st.integers(-1000, 1000),
    asked=st.lists(
        st.tuples(st.integers(0, 20_000), st.integers(1, 40), st.integers(0, 900)), min_size=1, max_size=60
    ),
)
def test_the_venue_never_counts_beyond_the_limit_whatever_the_clocks_and_delays(
    offset_ms: int, asked: list[tuple[int, int, int]]
) -> None:
    weight = window(limit=60, unsure_ns=seconds(1))
    counted: dict[int, int] = {}
    now_ns = 0
    for pause_ms, cost, transit_ms in asked:
        now_ns += pause_ms * 1_000_000
        if weight.take(cost, now_ns) == 0:
            minute = (BEGIN_NS + now_ns + (offset_ms + transit_ms) * 1_000_000) // MINUTE_NS
            counted[minute] = counted.get(minute, 0) + cost

    assert max(counted.values(), default=0) <= 60


@given(asked=st.lists(st.tuples(st.integers(0, 90_000), st.integers(1, 60), st.integers(0, 50)), max_size=40))
def test_who_waits_as_long_as_told_finds_room(asked: list[tuple[int, int, int]]) -> None:
    weight, now_ns = window(limit=60), 0
    for pause_ms, cost, reserve in asked:
        now_ns += pause_ms * 1_000_000
        delay_s = weight.take(cost, now_ns, reserve)
        if delay_s > 0:
            now_ns += round(delay_s * NS_PER_S)
            again_s = weight.take(cost, now_ns, reserve)
            assert again_s in (0, 60)  # of two windows that it may count in, the later was full as well
