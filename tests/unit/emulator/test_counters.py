from __future__ import annotations

import pytest

from emulated import START_NS, S
from leadline.emulator.counters import POINT, OrderCounter, RestCounter, age_points, rest_points


@pytest.mark.parametrize(
    ("act", "costs"),
    [
        ("amend", (3, 2, 1, 0, 0, 0, 0)),
        ("edit", (6, 5, 4, 2, 1, 0, 0)),
        ("cancel", (8, 6, 5, 4, 2, 1, 0)),
    ],
)
def test_the_younger_an_order_the_dearer_to_touch_it(act: str, costs: tuple[int, ...]) -> None:
    starts_s = (0, 5, 10, 15, 45, 90, 300)
    assert tuple(age_points(act, start * S) for start in starts_s) == costs  # type: ignore[arg-type]


def test_age_bands_are_half_open() -> None:
    assert [age_points("cancel", age_ns) for age_ns in (5 * S - 1, 5 * S)] == [8, 6]


def test_the_worked_example_of_the_limits_page_costs_eight() -> None:
    costs = 1 + (1 + age_points("amend", 7 * S)) + age_points("cancel", 36 * S)
    assert costs == 8


def test_fifty_adds_and_ten_seconds_leave_26_6_points_at_intermediate() -> None:
    counter = OrderCounter("intermediate")
    for _ in range(50):
        counter.charge(1, START_NS)
    assert counter.units(START_NS + 10 * S) == 266 * POINT // 10


def test_points_never_fall_below_nothing() -> None:
    counter = OrderCounter("pro")
    counter.charge(1, START_NS)
    assert counter.points(START_NS + 3_600 * S) == 0


def test_half_points_are_kept_exactly() -> None:
    counter = OrderCounter("pro")
    counter.charge(2.5, START_NS)
    assert counter.units(START_NS) == 5 * POINT // 2


def test_a_counter_has_room_up_to_its_threshold_and_not_a_point_more() -> None:
    counter = OrderCounter("starter")
    counter.charge(59, START_NS)
    assert counter.room(1, START_NS)
    assert not counter.room(2, START_NS)


def test_another_tier_keeps_the_points() -> None:
    counter = OrderCounter("starter")
    counter.charge(60, START_NS)
    counter.set_tier("pro")
    assert counter.room(120, START_NS)
    assert counter.points(START_NS + 4 * S) == 45


@pytest.mark.parametrize(("tier", "calls"), [("starter", 15), ("intermediate", 20), ("pro", 20)])
def test_a_burst_of_rest_calls_ends_at_the_tiers_most(tier: str, calls: int) -> None:
    counter = RestCounter(tier)  # type: ignore[arg-type]
    assert [counter.take(1, START_NS) for _ in range(calls + 1)] == [True] * calls + [False]


def test_calling_on_after_a_refusal_stays_refused() -> None:
    counter = RestCounter("starter")
    while counter.take(4, START_NS):
        pass
    assert not any(counter.take(1, START_NS + step * S // 2) for step in range(1, 40))
    assert counter.take(1, START_NS + 24 * S)


def test_a_call_that_costs_nothing_is_never_refused() -> None:
    counter = RestCounter("starter")
    counter.charge(100, START_NS)
    assert counter.take(0, START_NS)


def test_another_clients_use_counts_against_the_key() -> None:
    counter = RestCounter("intermediate")
    counter.charge(18, START_NS)
    assert counter.take(2, START_NS)
    assert not counter.take(1, START_NS)


def test_rest_calls_cost_what_the_dossier_says() -> None:
    assert [rest_points(name) for name in ("TradesHistory", "Ledgers", "ClosedOrders")] == [4, 4, 4]
    assert [rest_points(name) for name in ("Balance", "OpenOrders", "GetWebSocketsToken")] == [1, 1, 1]
    assert rest_points("OpenOrders", by_client_id=True) == 2
    assert [rest_points(name) for name in ("AddOrder", "CancelAll", "AmendOrder")] == [0, 0, 0]
