"""However orders are mixed and however unevenly requests travel, the venue's counter stays within its limit.

The venue is counted here on its own, from the table of the dossier (§12), at the moments of arrival.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.clock import NS_PER_S
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.venues.kraken.limits import KeyLimits, Tier
from leadline.venues.ports import Action

FIGURES = {Tier.STARTER: (60, 1.0), Tier.INTERMEDIATE: (125, 2.34), Tier.PRO: (180, 3.75)}
AGES = ((5, 0), (10, 1), (15, 2), (45, 3), (90, 4), (300, 5))
POINTS = {
    "add": (1, 1, 1, 1, 1, 1, 1),
    "amend": (4, 3, 2, 1, 1, 1, 1),
    "replace": (7, 6, 5, 3, 2, 1, 1),
    "cancel": (8, 6, 5, 4, 2, 1, 0),
}
MOST_JITTER_S = 2.0


class VenueCounter:
    """The pair's counter as Kraken describes it."""

    def __init__(self, decay_per_s: float) -> None:
        self.decay_per_s = decay_per_s
        self.level = 0.0
        self.at_s = 0.0
        self.highest = 0.0
        self.touched: dict[int, float] = {}

    def arrives(self, action: str, order: int, at_s: float) -> None:
        self.level = max(0.0, self.level - (at_s - self.at_s) * self.decay_per_s)
        self.at_s = at_s
        age_s = at_s - self.touched.get(order, at_s)
        band = next((place for limit, place in AGES if age_s < limit), 6)
        self.level += POINTS[action][band]
        self.highest = max(self.highest, self.level)
        if action == "cancel":
            self.touched.pop(order, None)
        else:
            self.touched[order] = at_s


steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "amend", "replace", "cancel"]),
        st.integers(0, 1000),
        st.sampled_from([0.0, 0.0, 0.0, 0.1, 1.0, 4.0, 9.0, 40.0]),
        st.floats(0, MOST_JITTER_S),
    ),
    min_size=100,
    max_size=250,
)


@pytest.mark.parametrize("tier", Tier)
@settings(max_examples=40, deadline=None)
@given(steps=steps, programs=st.integers(1, 3))
def test_the_venues_counter_never_passes_its_threshold(
    tier: Tier, steps: list[tuple[str, int, float, float]], programs: int
) -> None:
    threshold, decay_per_s = FIGURES[tier]
    key = MemoryKey()
    users = [KeyLimits(MemoryKeyState(key), tier) for _ in range(programs)]
    venue = VenueCounter(decay_per_s)
    live: dict[int, float] = {}
    now_s, arrived_s, made = 0.0, 0.0, 0
    for number, (action, pick, pause_s, travel_s) in enumerate(steps):
        now_s += pause_s
        order = made if action == "add" or not live else sorted(live)[pick % len(live)]
        if order == made:
            action, made = "add", made + 1
        touched_ns = None if action == "add" else round(live[order] * NS_PER_S)
        user = users[number % programs]
        while (delay_s := user.charge("BTC/USD", Action(action), round(now_s * NS_PER_S), touched_ns)) > 0:
            now_s += delay_s + 1e-9
        arrived_s = max(arrived_s, now_s + travel_s)
        venue.arrives(action, order, arrived_s)
        if action == "cancel":
            del live[order]
        else:
            live[order] = arrived_s + 0.1

    assert venue.highest <= threshold


@pytest.mark.parametrize("tier", Tier)
@settings(max_examples=40, deadline=None)
@given(travels=st.lists(st.floats(0, MOST_JITTER_S), min_size=40, max_size=40))
def test_cancels_as_fast_as_they_fit_do_not_pass_it_however_they_bunch_on_the_way(
    tier: Tier, travels: list[float]
) -> None:
    threshold, decay_per_s = FIGURES[tier]
    limits = KeyLimits(MemoryKeyState(MemoryKey()), tier)
    venue = VenueCounter(decay_per_s)
    for order in range(40):
        assert limits.charge("BTC/USD", Action.ADD, 0) == 0
        venue.arrives("add", order, 0.0)
    now_s, arrived_s = 0.0, 0.0
    for order, travel_s in enumerate(travels):
        touched_ns = round(now_s * NS_PER_S)
        venue.touched[order] = now_s
        while (delay_s := limits.charge("BTC/USD", Action.CANCEL, round(now_s * NS_PER_S), touched_ns)) > 0:
            now_s += delay_s + 1e-9
        arrived_s = max(arrived_s, now_s + travel_s)
        venue.arrives("cancel", order, arrived_s)

    assert venue.highest <= threshold


@pytest.mark.parametrize("tier", Tier)
def test_a_strategy_at_full_speed_uses_four_fifths_and_goes_on_at_the_rate_of_decay(tier: Tier) -> None:
    threshold, decay_per_s = FIGURES[tier]
    limits = KeyLimits(MemoryKeyState(MemoryKey()), tier)
    venue = VenueCounter(decay_per_s)
    now_s, placed = 0.0, 0
    while now_s < 100:
        delay_s = limits.charge("BTC/USD", Action.ADD, round(now_s * NS_PER_S))
        if delay_s == 0:
            venue.arrives("add", placed, now_s)
            placed += 1
        now_s += delay_s + 1e-9

    assert venue.highest == pytest.approx(0.8 * threshold, abs=1)
    assert placed == pytest.approx(0.8 * threshold + 100 * decay_per_s, abs=2)
