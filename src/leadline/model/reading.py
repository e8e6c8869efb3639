"""A value together with where it came from, when, and how old it is at the moment of asking."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

from leadline.clock import NS_PER_S, Clock

T = TypeVar("T")


class Source(Enum):
    STREAM = "stream"
    REST = "rest"
    CACHE = "cache"
    CHECKPOINT = "checkpoint"


class Reading(Generic[T]):
    """One value with its provenance.

    `age_s` is the time since the venue's message arrived, by the monotonic clock, and goes on growing while the
    reading is held: an old value can not be mistaken for a new one. `bound_s` is the age within which silence is
    not alarming for this stream; a value older than that was corroborated by REST or asked for as stale.
    """

    __slots__ = ("_clock", "bound_s", "received_mono_ns", "source", "value", "verified")

    def __init__(
        self, value: T, source: Source, received_mono_ns: int, clock: Clock, verified: bool, bound_s: float
    ) -> None:
        self.value = value
        self.source = source
        self.received_mono_ns = received_mono_ns
        self._clock = clock
        self.verified = verified
        self.bound_s = bound_s

    @property
    def age_s(self) -> float:
        """Seconds since the value was received, now."""
        return (self._clock.mono_ns() - self.received_mono_ns) / NS_PER_S

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
        return f"Reading({self.value!r} from {self.source.value}, {self.age_s:.3f} s old, {proof})"
