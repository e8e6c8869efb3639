"""Budgets counted as the venue counts them; the rule: ask, then spend, and the answer is a delay."""

from __future__ import annotations

import math

from leadline.clock import NS_PER_S


class DecayingCounter:
    """A counter that each request raises by its cost and time lowers at a steady rate.

    Kept as the moment at which it would stand at zero, so that the arithmetic is whole nanoseconds: a request
    that waits exactly as long as it was told then fits.
    """

    def __init__(self, limit: float, decay_per_s: float) -> None:
        self._ns_per_point = NS_PER_S / decay_per_s
        self._limit = limit
        self._limit_ns = self._span_ns(limit)
        self._empty_ns: int | None = None

    def _span_ns(self, points: float) -> int:
        return round(points * self._ns_per_point)

    def _level_ns(self, now_ns: int) -> int:
        return 0 if self._empty_ns is None else max(0, self._empty_ns - now_ns)

    def level(self, now_ns: int) -> float:
        """Where the counter stands, in points."""
        return self._level_ns(now_ns) / self._ns_per_point

    def delay_s(self, cost: float, now_ns: int, ahead: float = 0.0, reserve: float = 0.0) -> float:
        """Seconds until a request of this cost fits, after others that cost `ahead`; infinity when never.

        `reserve` is left untouched, as far as the limit lets the request fit at all.
        """
        if cost > self._limit:
            return math.inf
        room_ns = self._span_ns(max(self._limit - reserve, cost))
        over_ns = self._level_ns(now_ns) + self._span_ns(ahead) + self._span_ns(cost) - room_ns
        return max(0, over_ns) / NS_PER_S

    def spend(self, cost: float, now_ns: int) -> None:
        """A request of this cost leaves now."""
        self._empty_ns = now_ns + self._level_ns(now_ns) + self._span_ns(cost)

    def exceeded(self, now_ns: int) -> None:
        """The venue says that we are over: the counter stands at its limit, whatever we believed."""
        self._empty_ns = now_ns + max(self._level_ns(now_ns), self._limit_ns)
