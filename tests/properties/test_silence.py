"""Streams of every rhythm: what is said of their silences while they live, and once they are dead."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.clock import NS_PER_S
from leadline.core.liveness import LEAD_S, LONGEST_BOUND_S, SHORTEST_BOUND_S, SUSPECT_AT, Cadence

MOST_IN_VAIN_H = 3600 / 10**SUSPECT_AT
"""What the threshold promises."""

LOWEST_LEARNED_PER_S = 0.1
"""A slower stream is asked about at the longest bound, whatever it has taught."""

_rates = st.floats(-2, 3).map(lambda power: 10**power)
_seeds = st.integers(0, 2**32)


class Stream:
    """A Poisson stream, looked at once a second; REST vouches for it when it is suspect."""

    def __init__(self, per_s: float, seed: int) -> None:
        self.cadence = Cadence()
        self.second = 0
        self.questions = 0
        self._per_s = per_s
        self._chance = random.Random(seed)
        self._next_s = self._chance.expovariate(per_s)

    def live(self, seconds: int) -> None:
        for _ in range(seconds):
            self.second += 1
            self._hear()
            self.look()

    def _hear(self) -> None:
        while self._next_s <= self.second:
            self.cadence.count += 1
            self.cadence.last_ns = round(self._next_s * NS_PER_S)
            step_s = self._chance.expovariate(self._per_s)
            if self._per_s > 50:  # only the last of a second counts in time: skip to it
                self.cadence.count += round(self._per_s)
                step_s = max(step_s, self.second - self._next_s - 1 / self._per_s)
            self._next_s += step_s

    def look(self) -> None:
        now_ns = self.second * NS_PER_S
        self.cadence.learn(now_ns)
        if self.cadence.last_ns is not None and self.cadence.suspect(now_ns):
            assert self.silent_s >= SHORTEST_BOUND_S - LEAD_S
            self.questions += 1
            self.cadence.vouch(now_ns)

    @property
    def silent_s(self) -> float:
        return self.cadence.silent_ns(self.second * NS_PER_S) / NS_PER_S


@settings(max_examples=60, deadline=None)
@given(_rates, _seeds)
def test_a_living_stream_is_seldom_suspected_whatever_its_rate(per_s: float, seed: int) -> None:
    stream = Stream(per_s, seed)
    stream.live(1200)
    stream.questions = 0
    hours = 2
    stream.live(hours * 3600)

    at_the_longest_h = 3600 / (LONGEST_BOUND_S - LEAD_S)
    allowed_h = MOST_IN_VAIN_H if per_s >= LOWEST_LEARNED_PER_S else at_the_longest_h
    by_chance = 2 * (hours * allowed_h) ** 0.5  # two standard deviations of such a count
    assert stream.questions <= hours * allowed_h + by_chance


@settings(max_examples=100, deadline=None)
@given(_rates, _seeds, st.integers(1, 900))
def test_a_dead_stream_is_suspected_within_the_longest_bound(per_s: float, seed: int, lived_s: int) -> None:
    stream = Stream(per_s, seed)
    stream.live(lived_s)
    if stream.cadence.last_ns is None:
        return
    from_s, asked = stream.second, stream.questions
    while stream.questions == asked:
        stream.second += 1
        stream.look()

    assert stream.second - from_s <= LONGEST_BOUND_S


@settings(max_examples=100, deadline=None)
@given(_rates, _seeds, st.integers(1, 900))
def test_suspicion_never_falls_while_silence_lasts(per_s: float, seed: int, lived_s: int) -> None:
    stream = Stream(per_s, seed)
    stream.live(lived_s)
    cadence, from_ns = stream.cadence, stream.second * NS_PER_S
    rising = [cadence.suspicion(from_ns + tenth * NS_PER_S // 10) for tenth in range(1200)]

    assert all(earlier <= later for earlier, later in pairwise(rising))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40), st.sampled_from("hvli")), max_size=60))
def test_whatever_happens_the_bounds_hold_and_rest_is_asked_in_time(
    story: list[tuple[int, int, str]],
) -> None:
    cadence = Cadence()
    second = 0
    for tenths, count, what in story:
        for _ in range(1 + tenths // 10):
            second += 1
            cadence.learn(second * NS_PER_S)
        now_ns = second * NS_PER_S + tenths % 10 * NS_PER_S // 10
        if what == "h" and count:
            cadence.count += count
            cadence.last_ns = now_ns
        elif what == "v":
            cadence.vouch(now_ns)
        elif what == "l":
            second += count  # nobody looked
        else:
            cadence.interrupted()

        assert SHORTEST_BOUND_S * NS_PER_S <= cadence.bound_ns <= LONGEST_BOUND_S * NS_PER_S
        assert (
            (SHORTEST_BOUND_S - LEAD_S) * NS_PER_S <= cadence.ask_ns <= cadence.bound_ns - LEAD_S * NS_PER_S
        )
