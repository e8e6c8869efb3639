from __future__ import annotations

import random
from collections import Counter

from leadline.simulation.latency import LONGEST_ONE_WAY_NS, Latency, percentile


def test_most_round_trips_are_usual_and_two_in_a_hundred_are_slow() -> None:
    latency = Latency(random.Random(1))
    ways = [latency.one_way_ns(1) for _ in range(10_000)]

    assert min(ways) >= 10_000_000
    assert max(ways) <= LONGEST_ONE_WAY_NS
    assert 0.015 < sum(way > 150_000_000 for way in ways) / len(ways) < 0.025
    assert latency.drawn_ms.total() == 10_000


def test_in_a_burst_every_message_is_slow() -> None:
    latency = Latency(random.Random(1))
    latency.bad_until_ns = 100

    assert all(latency.one_way_ns(99) >= 150_000_000 for _ in range(100))
    assert min(latency.one_way_ns(100) for _ in range(100)) < 150_000_000


def test_a_percentile_is_a_value_that_was_counted() -> None:
    counts = Counter({10: 98, 20: 1, 30: 1})

    assert [percentile(counts, share) for share in (0.5, 0.99, 1.0)] == [10, 20, 30]
    assert percentile(Counter(), 0.5) == 0
