from __future__ import annotations

import random
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from leadline.clock import NS_PER_S
from leadline.core.retry import CONNECTS_PER_WINDOW, UNPROVEN_PER_WINDOW, WINDOW_S, Backoff, ConnectBudget

WINDOW_NS = WINDOW_S * NS_PER_S


class Highest:
    """Always draws (nearly) the highest number."""

    def random(self) -> float:
        return 1.0


def test_the_ceiling_of_the_delays_doubles_up_to_thirty_seconds() -> None:
    backoff = Backoff(Highest())

    ceilings = [backoff.next_delay_s() for _ in range(9)]

    assert ceilings == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff.attempt == 9


def test_delays_spread_over_the_whole_span_below_the_ceiling() -> None:
    backoff = Backoff(random.Random(7))
    for _ in range(10):
        backoff.next_delay_s()

    delays = [backoff.next_delay_s() for _ in range(3000)]

    per_third = [sum(low <= delay < low + 10 for delay in delays) for low in (0, 10, 20)]
    assert sum(per_third) == 3000
    assert all(900 < count < 1100 for count in per_third)


def test_only_a_proof_resets_the_attempts() -> None:
    backoff = Backoff(Highest())
    for _ in range(1000):
        assert backoff.next_delay_s() <= 30
    assert backoff.attempt == 1000

    backoff.proven()

    assert (backoff.attempt, backoff.next_delay_s()) == (0, 0.5)


@given(
    steps=st.lists(st.tuples(st.integers(0, 30 * NS_PER_S), st.booleans()), max_size=400),
)
def test_no_window_of_ten_minutes_ever_holds_more_connects_than_allowed(
    steps: list[tuple[int, bool]],
) -> None:
    budget, now_ns = ConnectBudget(), 0
    starts: deque[int] = deque()
    uncleared: deque[int] = deque()
    for pause_ns, accepted_and_closed in steps:
        now_ns += pause_ns
        now_ns += round(budget.delay_s(now_ns) * NS_PER_S)
        assert budget.delay_s(now_ns) == 0
        budget.spend(now_ns)
        starts.append(now_ns)
        if accepted_and_closed:
            uncleared.append(now_ns)
        else:
            budget.clear(now_ns)

        assert sum(start > now_ns - WINDOW_NS for start in starts) <= CONNECTS_PER_WINDOW
        assert sum(start > now_ns - WINDOW_NS for start in uncleared) <= UNPROVEN_PER_WINDOW


def test_the_budget_is_used_up_to_its_limits_and_says_when_there_is_room() -> None:
    budget = ConnectBudget()
    for second in range(UNPROVEN_PER_WINDOW):
        assert budget.delay_s(second * NS_PER_S) == 0
        budget.spend(second * NS_PER_S)
    assert budget.delay_s(40 * NS_PER_S) == 560

    for second in range(UNPROVEN_PER_WINDOW):
        budget.clear(second * NS_PER_S)
    for second in range(40, CONNECTS_PER_WINDOW):
        assert budget.delay_s(second * NS_PER_S) == 0
        budget.spend(second * NS_PER_S)
        budget.clear(second * NS_PER_S)

    assert budget.delay_s(120 * NS_PER_S) == 480
    assert budget.delay_s(600 * NS_PER_S) == 0


def test_a_venue_may_allow_more_in_a_shorter_time() -> None:
    budget = ConnectBudget(most=3, most_unproven=2, window_s=60.0)
    budget.spend(0)
    budget.spend(0)
    assert (budget.most, budget.delay_s(NS_PER_S), budget.spent(NS_PER_S)) == (3, 59.0, 2)
    budget.clear(0)
    budget.spend(NS_PER_S)
    assert budget.delay_s(2 * NS_PER_S) == 58.0
    assert (budget.delay_s(60 * NS_PER_S), budget.spent(61 * NS_PER_S)) == (0, 0)


def test_connections_still_open_count_against_the_bound_on_unproven_ones() -> None:
    budget = ConnectBudget()
    for _ in range(UNPROVEN_PER_WINDOW):
        budget.spend(0)

    assert budget.delay_s(1) > 0
    budget.clear(0)
    assert budget.delay_s(1) == 0


def test_clearing_a_connect_that_has_left_the_window_changes_nothing() -> None:
    budget = ConnectBudget()
    budget.spend(0)
    assert budget.delay_s(WINDOW_NS) == 0

    budget.clear(0)

    assert budget.delay_s(WINDOW_NS) == 0
