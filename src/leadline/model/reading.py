"""A value together with where it came from, when, and how old it is at the moment of asking."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock

T = TypeVar("T")
U = TypeVar("U")


UNVALIDATED = 0.5
"""The confidence of what has not been compared with a second source yet."""


LATE_S = 1.0
"""A value handed out longer after its receipt is marked `late`."""


class Source(Enum):
    STREAM = "stream"
    REST = "rest"
    CACHE = "cache"
    CHECKPOINT = "checkpoint"


class Reading(Struct, Generic[T], eq=False, gc=False):
    """One value with its provenance.

    `age_s` is the time since the venue's message arrived, by the monotonic clock, and goes on growing while
    the reading is held: an old value can not be mistaken for a new one. `bound_s` is the age up to which the
    value is fresh: the announced bound of its stream, moved on whenever REST corroborated the value, or the
    time to live of a REST answer. A reading older than that was asked for as stale, or held too long.
    `confidence` says how far a second source bears the value out: 0 contradicted, 1 borne out again and
    again, UNVALIDATED while nothing has been compared (see `core.confidence`).
    """

    value: T
    source: Source
    received_mono_ns: int
    _clock: Clock
    verified: bool
    bound_s: float
    confidence: float = UNVALIDATED

    def of(self, value: U) -> Reading[U]:
        """The same provenance around another form of the value."""
        received_ns = self.received_mono_ns
        return Reading(
            value, self.source, received_ns, self._clock, self.verified, self.bound_s, self.confidence
        )

    @property
    def age_s(self) -> float:
        """Seconds since the value was received, now."""
        return (self._clock.mono_ns() - self.received_mono_ns) / NS_PER_S

    @property
    def late(self) -> bool:
        """Whether it is more than a second since the receipt.

        True as soon as it is handed out: its reader lags, or the market has been quiet for so long.
        """
        return self.age_s > LATE_S

    @property
    def received_ns(self) -> int:
        """When the value was received, in Unix nanoseconds of today's wall clock."""
        return self._clock.wall_ns() - (self._clock.mono_ns() - self.received_mono_ns)

    @property
    def venue_ns(self) -> int | None:
        """The venue's own time of the value in Unix nanoseconds; None where the venue does not say."""
        return getattr(self.value, "venue_ns", None)

    def __repr__(self) -> str:
        proof = "verified" if self.verified else "not verified"
        return (
            f"Reading({self.value!r} from {self.source.value}, {self.age_s:.3f} s old,"
            f" {proof}, confidence {self.confidence:.2f})"
        )
