"""How often and how fast the service recovers.

Rule: a recovery begins when the level leaves FULL and ends when it is FULL again; each time a better state
begins to prove itself on the way is an attempt, which succeeds or falls back.
"""

from __future__ import annotations

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.core.histogram import Histogram
from leadline.model.level import Level


class RecoveryCounts(Struct, frozen=True, kw_only=True):
    """Recoveries so far; times are those from leaving FULL to being there again."""

    begun: int
    ended: int
    attempts: int
    succeeded: int
    failed: int
    p50_s: float
    max_s: float

    @property
    def success_rate(self) -> float | None:
        """The share of the attempts that came to an end which succeeded; None before the first of them."""
        over = self.succeeded + self.failed
        return self.succeeded / over if over else None


class Recoveries:
    """Told of every look at the level; times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self.times = Histogram()
        """Nanoseconds each recovery took."""
        self._begun = self._attempts = self._succeeded = self._failed = 0
        self.spent_ns = dict.fromkeys(Level, 0)
        """How long each level lasted so far."""
        self._looked_ns: int | None = None
        self._since_ns: int | None = None
        self._level = Level.FULL
        self._trying = False
        self._held = Level.FULL
        self._started = False

    def look(self, observed: Level, level: Level, now_ns: int) -> None:
        """What a look saw by itself, and the level that was made of it; a start is no recovery."""
        if self._looked_ns is not None:
            self.spent_ns[self._held] += now_ns - self._looked_ns
        self._looked_ns, self._held = now_ns, level
        if not self._started:
            self._started, self._level = level is Level.FULL, level
            return
        improved, self._level = level < self._level, level
        trying = observed < level
        if improved:
            self._attempts += not self._trying  # proven the moment it was seen
            self._succeeded += 1
            self._attempts += trying
        elif self._trying and not trying:
            self._failed += 1
        elif trying and not self._trying:
            self._attempts += 1
        self._trying = trying
        if level is Level.FULL:
            if self._since_ns is not None:
                self.times.observe(now_ns - self._since_ns)
                self._since_ns = None
        elif self._since_ns is None:
            self._begun += 1
            self._since_ns = now_ns

    @property
    def counts(self) -> RecoveryCounts:
        """Counts so far."""
        return RecoveryCounts(
            begun=self._begun,
            ended=self.times.count,
            attempts=self._attempts,
            succeeded=self._succeeded,
            failed=self._failed,
            p50_s=self.times.quantile(0.5) / NS_PER_S,
            max_s=self.times.max / NS_PER_S,
        )
