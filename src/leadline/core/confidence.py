"""How far a second source bears a value out, as one number for a channel of a symbol.

0: contradicted by every look of late. 1: borne out by so many that no doubt is left; neither end is ever
reached. 0.5 (UNVALIDATED): nothing is known, because nothing was compared or it was long ago.

The score is (1 + agreements) / (2 + agreements + disagreements), the mean of a Beta distribution, over
weights that halve every ten minutes: without new evidence it goes back to 0.5. An agreement adds one (half of
one where it only held within the tolerance) and forgives part of the disagreements; a disagreement adds four
and forgets three quarters of the agreements, so that one outweighs ten. Rule: another agreement, at any place
in any history, never lowers the score.
"""

from __future__ import annotations

HALF_LIFE_S = 600.0
MOST_WEIGHT = 40.0
"""At the bound an agreement or disagreement more changes nothing."""

WITHIN_TOLERANCE = 0.5
"""The weight of an agreement that is none to the last digit."""

_DISAGREEMENT = 4.0
_KEPT_AGREEMENT = 0.25
_KEPT_DISAGREEMENT = 0.7
_HALF_LIFE_NS = HALF_LIFE_S * 1_000_000_000


class Confidence:
    """One score; times are monotonic nanoseconds, and a time before the last one counts as that."""

    __slots__ = ("_against", "_at_ns", "_pro")

    def __init__(self) -> None:
        self._pro = 0.0
        self._against = 0.0
        self._at_ns = 0

    def agreed(self, now_ns: int, weight: float = 1.0) -> None:
        """A second source bears the value out; `weight` is in 0 to 1."""
        self._forget(now_ns)
        self._pro = min(self._pro + weight, MOST_WEIGHT)
        self._against *= 1 - (1 - _KEPT_DISAGREEMENT) * weight

    def disagreed(self, now_ns: int) -> None:
        """A second source contradicts it."""
        self._forget(now_ns)
        self._pro *= _KEPT_AGREEMENT
        self._against = min(self._against + _DISAGREEMENT, MOST_WEIGHT)

    def score(self, now_ns: int) -> float:
        """The score now, between 0 and 1."""
        kept = self._kept(now_ns)
        pro, against = self._pro * kept, self._against * kept
        return (1 + pro) / (2 + pro + against)

    def _forget(self, now_ns: int) -> None:
        kept = self._kept(now_ns)
        self._pro *= kept
        self._against *= kept
        self._at_ns = max(self._at_ns, now_ns)

    def _kept(self, now_ns: int) -> float:
        passed_ns = max(0, now_ns - self._at_ns)
        return float(0.5 ** (passed_ns / _HALF_LIFE_NS))
