"""Prices of one thing from several sources: do they agree, and if not, which one stands apart?

Rule: sources differ by a factor of their own (a premium, another quote currency), which is learned while they
agree; what has not agreed yet is given more room, and fewer than two prices prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from leadline.clock import NS_PER_S

TOLERANCE = Decimal("0.005")
"""How far two prices may lie apart beyond their usual factor, as a share."""

UNLEARNED_TOLERANCE = Decimal("0.02")
"""The same while the factor is not known: a premium and another dollar, but no jump of eight percent."""

LEARNED_S = 60.0
"""Agreement of this length and the factor is known."""

MEMORY_S = 300.0
"""A factor follows what it is now with this time constant."""

_LONGEST_STEP_S = 1.0  # a source that was away teaches nothing of the time between
_ONE = Decimal(1)


class Agreement(Enum):
    """What several prices say of each other."""

    UNVALIDATED = "unvalidated"  # fewer than two are known
    AGREED = "agreed"
    DIVERGED = "diverged"


class Comparison(Struct, frozen=True):
    """One comparison: `apart` is the largest difference beyond the usual factors, as a share.

    `outlier` is the place of the one price that stands apart from all others, None where that is not to tell.
    """

    agreement: Agreement
    apart: Decimal = Decimal(0)
    outlier: int | None = None


class Consensus:
    """Compares prices of `count` sources, always in the same order."""

    def __init__(
        self, count: int, tolerance: Decimal = TOLERANCE, unlearned: Decimal = UNLEARNED_TOLERANCE
    ) -> None:
        self._factors: list[Decimal] = [_ONE] * count
        self._agreed_s = [0.0] * count
        self._looked_ns: int | None = None
        self._tolerance = tolerance
        self._unlearned = unlearned

    @property
    def factors(self) -> tuple[Decimal, ...]:
        """How many times the first source's price each one usually tells."""
        return tuple(self._factors)

    @property
    def learned(self) -> bool:
        """Whether the factors are known."""
        return all(agreed_s >= LEARNED_S for agreed_s in self._agreed_s[1:])

    def common(self, place: int, price: Decimal) -> Decimal:
        """A price of a source as the first one would tell it."""
        return price / self._factors[place]

    def look(self, prices: Sequence[Decimal | None], now_ns: int) -> Comparison:
        """Compare the prices known now, at a monotonic time, and learn from them where they agree."""
        since_ns, self._looked_ns = self._looked_ns, now_ns
        known = [(place, price) for place, price in enumerate(prices) if price is not None]
        if len(known) < 2:
            return Comparison(Agreement.UNVALIDATED)
        common = [self.common(place, price) for place, price in known]
        apart = apart_by(min(common), max(common))
        if apart > self.room(place for place, _ in known):
            return Comparison(Agreement.DIVERGED, apart, self._outlier([place for place, _ in known], common))
        if since_ns is not None and prices[0] is not None:
            step_s = min((now_ns - since_ns) / NS_PER_S, _LONGEST_STEP_S)
            for place, price in known[1:]:
                self._learn(place, price / prices[0], step_s)
        return Comparison(Agreement.AGREED, apart)

    def room(self, places: Iterable[int]) -> Decimal:
        """How far the prices of these sources may lie apart."""
        known = all(self._agreed_s[place] >= LEARNED_S for place in places if place)
        return self._tolerance if known else self._unlearned

    def _learn(self, place: int, factor: Decimal, step_s: float) -> None:
        """At first the mean of all that agreed, later what it has been of late."""
        self._agreed_s[place] += step_s
        weight = Decimal(step_s / min(MEMORY_S, self._agreed_s[place])) if step_s else Decimal(0)
        self._factors[place] += (factor - self._factors[place]) * weight

    def _outlier(self, places: Sequence[int], common: Sequence[Decimal]) -> int | None:
        """The one without which all others agree, of three or more."""
        if len(places) < 3:
            return None
        for at, place in enumerate(places):
            others = [*common[:at], *common[at + 1 :]]
            if apart_by(min(others), max(others)) <= self.room(each for each in places if each != place):
                return place
        return None


def apart_by(one: Decimal, other: Decimal) -> Decimal:
    """How far two prices lie apart, as a share of the smaller one."""
    low, high = min(one, other), max(one, other)
    return high / low - 1
