from __future__ import annotations

import pytest

from leadline.clock import NS_PER_S
from leadline.net.departures import Priority
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.venues.kraken.limits import REST_RESERVE, KeyLimits, Tier, cost, tier_of
from leadline.venues.kraken.rest_private import HISTORY_COST, ORDERS_COST
from leadline.venues.ports import Action

S = NS_PER_S
BTC, ETH = "BTC/USD", "ETH/USD"


def limits(tier: Tier = Tier.STARTER, key: MemoryKey | None = None) -> KeyLimits:
    return KeyLimits(MemoryKeyState(key or MemoryKey()), tier)


def adds_that_fit(found: KeyLimits, now_ns: int = 0) -> int:
    count = 0
    while found.charge(BTC, Action.ADD, now_ns) == 0:
        count += 1
    return count


@pytest.mark.parametrize(
    ("action", "points"),
    [
        (Action.ADD, [1, 1, 1, 1, 1, 1, 1]),
        (Action.AMEND, [4, 3, 2, 1, 1, 1, 1]),
        (Action.REPLACE, [7, 6, 5, 3, 2, 1, 1]),
        (Action.CANCEL, [8, 6, 5, 4, 2, 1, 0]),
    ],
)
def test_each_action_costs_by_the_age_of_its_order(action: Action, points: list[float]) -> None:
    assert [cost(action, age_s) for age_s in (0, 5, 10, 15, 45, 90, 300)] == points
    assert [cost(action, age_s) for age_s in (4.99, 9.99, 14.99, 44.99, 89.99, 299.99, 10_000)] == points


def test_a_batch_costs_half_a_point_an_order_and_its_cancel_as_much_as_each() -> None:
    assert cost(Action.ADD, count=15) == 7.5
    assert cost(Action.CANCEL, 20, count=10) == 40


def test_the_worked_example_of_the_venue_comes_out() -> None:
    found = limits(Tier.PRO)
    found.charge(BTC, Action.ADD, 0)
    found.charge(BTC, Action.AMEND, 0, touched_ns=-7 * S)
    found.charge(BTC, Action.CANCEL, 0, touched_ns=-36 * S)

    assert found.level(BTC, 0) == pytest.approx(8)


def test_fifty_adds_decay_as_the_venue_says() -> None:
    found = limits(Tier.INTERMEDIATE)
    for _ in range(50):
        assert found.charge(BTC, Action.ADD, 0) == 0

    assert found.level(BTC, 10 * S) == pytest.approx(26.6)


@pytest.mark.parametrize(("tier", "most"), [(Tier.STARTER, 48), (Tier.INTERMEDIATE, 100), (Tier.PRO, 144)])
def test_what_adds_risk_uses_four_fifths_of_the_counter(tier: Tier, most: int) -> None:
    assert most - 1 <= adds_that_fit(limits(tier)) <= most


def test_a_cancel_finds_room_when_nothing_else_does() -> None:
    found = limits()
    adds_that_fit(found)

    assert found.charge(BTC, Action.AMEND, 0, touched_ns=-20 * S) > 0
    assert found.charge(BTC, Action.CANCEL, 0, touched_ns=0) == 0


def test_a_cancel_waits_rather_than_be_refused() -> None:
    found = limits()
    adds_that_fit(found)
    found.charge(BTC, Action.CANCEL, 0)

    assert found.charge(BTC, Action.CANCEL, 0) == pytest.approx(48 + 8 + 8 - 57)
    assert found.level(BTC, 0) == pytest.approx(56)


def test_a_cancel_that_leaves_all_the_same_is_counted_beyond_the_limit() -> None:
    found = limits()
    adds_that_fit(found)
    found.cancelled(BTC, 0, touched_ns=0)
    found.cancelled(BTC, 0, touched_ns=-20 * S, count=2)

    assert found.level(BTC, 0) == pytest.approx(48 + 8 + 8)


def test_a_batch_of_cancels_is_always_taken_and_always_counted() -> None:
    found = limits()
    adds_that_fit(found)

    assert found.charge(BTC, Action.CANCEL, 0, count=20) == 0
    assert found.level(BTC, 0) == pytest.approx(48 + 160)


def test_a_refusal_puts_the_counter_at_its_limit_and_delays_that_pair_only() -> None:
    found = limits()
    found.refused(BTC, 0)

    assert found.level(BTC, 0) == 60
    assert found.charge(BTC, Action.ADD, 0) == pytest.approx(13)
    assert found.charge(ETH, Action.ADD, 0) == 0


def test_a_cancel_of_everything_counts_one_for_each_pair() -> None:
    found = limits()
    found.all_cancelled(frozenset({BTC, ETH}), 0)

    assert (found.level(BTC, 0), found.level(ETH, 0)) == (1, 1)


@pytest.mark.parametrize(
    ("shown", "tier"),
    [
        (60, Tier.STARTER),
        (125, Tier.INTERMEDIATE),
        (180, Tier.PRO),
        (130, Tier.INTERMEDIATE),
        (7, Tier.STARTER),
    ],
)
def test_the_acknowledged_count_tells_the_tier(shown: int, tier: Tier) -> None:
    assert tier_of(shown) is tier


def test_the_tier_is_corrected_upwards_and_downwards_and_the_points_stay() -> None:
    found = limits(Tier.STARTER)
    adds_that_fit(found)
    found.learned(180, 0)
    assert found.level(BTC, 0) == pytest.approx(48)
    assert 95 <= adds_that_fit(found) <= 96
    level = found.level(BTC, 10 * S)
    assert level == pytest.approx(144 - 37.5, abs=1)

    found.learned(60, 10 * S)
    assert found.charge(BTC, Action.ADD, 10 * S) == pytest.approx(level - 47)
    assert found.charge(ETH, Action.ADD, 10 * S) == 0
    assert found.tier is Tier.STARTER


def test_the_tier_corrects_the_rest_counter_too() -> None:
    found = limits(Tier.STARTER)
    assert found.rest.take(16, 0) > 0
    found.learned(125, 0)

    assert found.rest.take(16, 0) == 0


def test_programs_on_one_key_share_the_counters() -> None:
    key = MemoryKey()
    one, other = limits(key=key), limits(key=key)
    adds_that_fit(one)

    assert other.charge(BTC, Action.ADD, 0) > 0
    one.rest.spend(10, 0)
    assert other.rest.read(0).level(0) == pytest.approx(10)


@pytest.mark.parametrize("tier", Tier)
def test_ordinary_requests_use_four_fifths_of_the_rest_counter_and_history_less(tier: Tier) -> None:
    limit = tier.value.rest_limit
    ordinary = [Priority.FALLBACK, Priority.ORDER, Priority.NORMAL, Priority.BACKGROUND]

    assert all(limit - REST_RESERVE[priority] <= 0.8 * limit for priority in ordinary)
    assert REST_RESERVE[Priority.EMERGENCY] < min(REST_RESERVE[priority] for priority in ordinary)
    assert limit - REST_RESERVE[Priority.BACKGROUND] >= 4


def test_whatever_else_is_asked_by_rest_leaves_room_to_look_one_order_up() -> None:
    look_up = ORDERS_COST + HISTORY_COST
    others = [Priority.FALLBACK, Priority.NORMAL, Priority.BACKGROUND]

    assert all(REST_RESERVE[one] >= REST_RESERVE[Priority.EMERGENCY] + look_up for one in others)


def test_the_fullest_of_the_pairs_is_told() -> None:
    found = limits(Tier.PRO)
    assert found.fullest(0) == 0.0
    for symbol, count in ((BTC, 2), (ETH, 5)):
        for _ in range(count):
            found.charge(symbol, Action.ADD, 0)

    assert found.fullest(0) == found.level(ETH, 0) == pytest.approx(5.0)
