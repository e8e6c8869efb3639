"""How long messages are under way: drawn from the seed, 20–300 ms there and back, 2 % of them up to 2 s."""

from __future__ import annotations

import random
from collections import Counter

from leadline.clock import NS_PER_MS

USUAL_MS = (20.0, 300.0)
SLOW_MS = (300.0, 2000.0)
SLOW_SHARE = 0.02
LONGEST_ONE_WAY_NS = round(SLOW_MS[1] / 2) * NS_PER_MS


class Latency:
    """Draws round trips; `drawn_ms` counts them by whole milliseconds."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self.bad_until_ns = 0
        """While a burst lasts every message is a slow one."""
        self.drawn_ms: Counter[int] = Counter()

    def one_way_ns(self, now_ns: int) -> int:
        """Half a round trip."""
        slow = now_ns < self.bad_until_ns or self._random.random() < SLOW_SHARE
        low, high = SLOW_MS if slow else USUAL_MS
        round_trip_ms = low + (high - low) * self._random.random()
        self.drawn_ms[round(round_trip_ms)] += 1
        return int(round_trip_ms * NS_PER_MS / 2)


def percentile(counts: Counter[int], share: float) -> int:
    """The value that this share of what was counted does not exceed; 0 for nothing."""
    left = share * counts.total()
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return value
    return 0
