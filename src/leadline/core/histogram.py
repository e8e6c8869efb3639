"""Log-linear histogram of durations: fixed memory, mergeable, and as exact at a second as at a microsecond.

Every power of two is cut into 32 equal buckets, so a quantile is off by at most 1/64 of its value, whatever
was observed. What is above `LARGEST` is counted in the last bucket; `max` and `sum` stay exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

_BITS = 5  # buckets in a power of two, as one
_EXACT = 2 << _BITS  # smaller values have a bucket of their own

LARGEST = (1 << 44) - 1
"""In nanoseconds nearly five hours; longer observations count as this long in a quantile."""

RELATIVE_ERROR = 1 / (2 << _BITS)
"""The most a quantile differs from the observation it stands for, as a share of it."""

_LENGTH = ((44 - _BITS - 1) << _BITS) + _EXACT


class Histogram:
    """Counts of non-negative integers, for instance nanoseconds; observing one is a shift and some adding."""

    __slots__ = ("_counts", "count", "max", "sum")

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0
        self.max = 0
        self._counts = [0] * _LENGTH

    def __repr__(self) -> str:
        return f"Histogram({self.count} observed, p50 {self.quantile(0.5)}, max {self.max})"

    def observe(self, value: int) -> None:
        """Count one value; a negative one, of two clocks that disagree, counts as 0."""
        if value > self.max:
            self.max = value
        if value < _EXACT:
            value = max(value, 0)
            self._counts[value] += 1
        else:
            shift = value.bit_length() - _BITS - 1
            place = (shift << _BITS) + (value >> shift)
            self._counts[place if place < _LENGTH else -1] += 1
        self.count += 1
        self.sum += value

    def quantile(self, q: float) -> int:
        """The value that a share `q` (0 … 1) of the observations does not exceed; 0 when there are none."""
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile is between 0 and 1, not {q}")
        rank = max(1, -int(-q * self.count // 1))
        if rank >= self.count:
            return self.max
        below = 0
        for place, count in enumerate(self._counts):
            below += count
            if below >= rank:
                return min((_lowest(place) + _lowest(place + 1) - 1) // 2, self.max)
        return self.max

    def buckets(self, bounds: Iterable[int]) -> list[tuple[int, int]]:
        """How many observations do not exceed each of the ascending bounds: Prometheus's cumulative buckets.

        A bound inside one of this histogram's own buckets does not count that bucket.
        """
        told: list[tuple[int, int]] = []
        place = below = 0
        for bound in bounds:
            while place < _LENGTH - 1 and _lowest(place + 1) - 1 <= bound:
                below += self._counts[place]
                place += 1
            told.append((bound, self.count if bound >= self.max else below))
        return told

    def merge(self, other: Histogram) -> Self:
        """Take over everything the other has observed."""
        self._counts = [ours + theirs for ours, theirs in zip(self._counts, other._counts, strict=True)]
        self.count += other.count
        self.sum += other.sum
        self.max = max(self.max, other.max)
        return self


def _lowest(place: int) -> int:
    """The smallest value counted in a bucket."""
    if place < _EXACT:
        return place
    shift = (place >> _BITS) - 1
    return (place - (shift << _BITS)) << shift
