from __future__ import annotations

import pytest

from binance_emulated import START_NS, S
from leadline.emulator.binance.weights import LONGEST_BAN_S, PATIENCE, AddressWeights, Turned

MINUTE = 60 * S
MINUTE_NS = START_NS // MINUTE * MINUTE


def turned(weights: AddressWeights, cost: int, now_ns: int) -> Turned:
    with pytest.raises(Turned) as caught:
        weights.charge(cost, now_ns)
    return caught.value


def test_the_window_is_the_minute_of_utc_not_a_sliding_one() -> None:
    weights = AddressWeights()
    weights.charge(2_400, MINUTE_NS + 59 * S)
    assert turned(weights, 1, MINUTE_NS + 59 * S).status == 429
    weights.charge(2_400, MINUTE_NS + MINUTE)
    assert weights.used(MINUTE_NS + MINUTE) == 2_400


def test_a_429_says_how_long_the_minute_lasts() -> None:
    weights = AddressWeights()
    weights.spend(2_400, MINUTE_NS)
    refusal = turned(weights, 1, MINUTE_NS + 20 * S)
    assert (refusal.code, refusal.retry_after_s) == (-1003, 40)
    assert "current limit of IP" in refusal.message


def test_who_goes_on_asking_is_banned_each_time_longer() -> None:
    weights = AddressWeights()
    now_ns, bans = MINUTE_NS, []
    for _ in range(3):
        weights.spend(2_400, now_ns)
        for _ in range(PATIENCE + 1):
            assert turned(weights, 1, now_ns).status == 429
        banned = turned(weights, 1, now_ns)
        assert banned.status == 418
        assert f"banned until {weights.banned_until_ns // 1_000_000}" in banned.message
        bans.append((weights.banned_until_ns - now_ns) // S)
        assert turned(weights, 0, weights.banned_until_ns - 1).status == 418
        now_ns = (weights.banned_until_ns // MINUTE + 1) * MINUTE
        weights.charge(1, now_ns)
    assert bans == [120, 240, 480]
    assert max(bans) < LONGEST_BAN_S


def test_a_pool_of_its_own_costs_no_weight() -> None:
    weights = AddressWeights()
    for _ in range(500):
        weights.draw(weights.funding, MINUTE_NS)
    with pytest.raises(Turned):
        weights.draw(weights.funding, MINUTE_NS)
    assert weights.used(MINUTE_NS) == 0
    weights.draw(weights.funding, MINUTE_NS + 5 * MINUTE)
