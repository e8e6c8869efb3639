from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.clock import NS_PER_S
from leadline.core.cells import MemoryCell
from leadline.core.windows import KeptWindows, SharedWindow, WeightWindow

MINUTE_NS = 60 * NS_PER_S
BEGIN_NS = 30_000_000 * MINUTE_NS
"""A minute of the venue's clock begins; its clock and the monotonic one differ by so much."""


def window(limit: float = 100, unsure_ns: int = 0) -> WeightWindow:
    """A window of a minute that begins at monotonic 0, for a clock known to ± `unsure_ns`."""
    return WeightWindow(
        limit, 60, lambda mono_ns: (BEGIN_NS + mono_ns - unsure_ns, BEGIN_NS + mono_ns + unsure_ns)
    )


def shared(cell: MemoryCell[KeptWindows], limit: float = 100, ahead_ns: int = 0) -> SharedWindow:
    """One user of such windows, whose clock is so far ahead."""

    def venue_ns(mono_ns: int) -> tuple[int, int]:
        return BEGIN_NS + mono_ns + ahead_ns, BEGIN_NS + mono_ns + ahead_ns

    return SharedWindow(cell, limit, 60, venue_ns)


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


def test_at_the_end_of_a_minute_the_fuller_of_both_windows_counts_and_the_later_is_waited_for() -> None:
    weight = window()
    weight.spend(70, seconds(10))
    weight.spend(20, seconds(59.5))

    assert weight.level(seconds(59.5)) == 90
    assert weight.level(seconds(60)) == 20
    full = window()
    full.spend(100, seconds(59.5))
    assert full.delay_s(1, seconds(59.5)) == pytest.approx(60.5)


def test_a_refusal_that_outlasts_the_minute_outlasts_a_full_minute_too() -> None:
    weight = window()
    weight.spend(100, 0)
    weight.close(300, 0)

    assert weight.delay_s(1, 0) == 300


def test_nothing_is_given_back_that_was_not_spent() -> None:
    weight = window()
    weight.spend(10, 0)
    weight.spend(-30, 0)

    assert weight.take(100, 0) == 0
    assert weight.take(1, 0) == 60


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
    cell: MemoryCell[KeptWindows] = MemoryCell()
    weight = shared(cell)
    weight.spend(80, 0)
    weight.spend(-30, 0)
    weight.resize(60)

    assert weight.level(0) == 50
    assert weight.delay_s(10, 0) == 0
    assert weight.delay_s(11, 0) == 60


# --- shared ---


def test_users_of_shared_windows_spend_from_one_minute() -> None:
    cell: MemoryCell[KeptWindows] = MemoryCell()
    one, other = shared(cell), shared(cell, limit=90)

    assert one.take(60, seconds(10)) == 0
    assert other.take(31, seconds(10)) == 50
    assert other.take(30, seconds(10)) == 0
    assert one.take(11, seconds(10)) == 50
    assert one.level(seconds(10)) == other.read(seconds(10)).level(seconds(10)) == 90


def test_what_the_venue_says_to_one_user_holds_for_all() -> None:
    cell: MemoryCell[KeptWindows] = MemoryCell()
    one, other = shared(cell), shared(cell)

    one.told(70, seconds(2), seconds(3))
    assert other.level(seconds(3)) == 70
    one.exceeded(seconds(5))
    assert other.delay_s(0, seconds(5)) == 55
    one.close(100, seconds(5))
    assert other.take(0, seconds(104)) == 1
    assert other.take(1, seconds(105)) == 0


def test_a_restart_of_the_machine_forgets_no_points_and_lets_a_refusal_last_as_long_as_it_may() -> None:
    cell: MemoryCell[KeptWindows] = MemoryCell()
    minute = BEGIN_NS // MINUTE_NS
    kept = KeptWindows({minute: 40.0}, closed_until_ns=seconds(9_030), written_ns=seconds(9_000))
    cell.change(lambda before: (kept, None))
    weight = shared(cell)

    assert weight.level(seconds(10)) == 40
    assert weight.delay_s(0, seconds(10)) == 20
    assert weight.delay_s(1, seconds(30)) == 0


def test_what_one_life_of_the_machine_was_told_the_next_one_keeps_to() -> None:
    cell: MemoryCell[KeptWindows] = MemoryCell()
    shared(cell).close(30, seconds(9_000))

    assert shared(cell).delay_s(0, seconds(10)) == 20
    assert shared(cell).delay_s(0, seconds(30)) == 0


def test_what_was_written_a_moment_ago_by_a_faster_reader_of_the_clock_is_no_restart() -> None:
    cell: MemoryCell[KeptWindows] = MemoryCell()
    cell.change(lambda before: (KeptWindows({}, closed_until_ns=seconds(70), written_ns=seconds(11)), None))

    assert shared(cell).delay_s(0, seconds(10)) == 60


def test_a_user_whose_clock_is_wrong_makes_nobody_forget_the_minute() -> None:
    cell: MemoryCell[KeptWindows] = MemoryCell()
    right = shared(cell)
    right.spend(80, seconds(10))
    for day in range(1, 12):
        shared(cell, ahead_ns=day * 86400 * NS_PER_S).spend(5, seconds(10))
        right.spend(1, seconds(10))

    assert right.level(seconds(10)) == 91


def test_windows_long_gone_are_not_kept_for_ever() -> None:
    cell: MemoryCell[KeptWindows] = MemoryCell()
    weight = shared(cell)
    for minute in range(50):
        weight.spend(5, seconds(10 + 60 * minute))

    kept = cell.kept()
    assert kept is not None
    assert len(kept.spent) == 8


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
