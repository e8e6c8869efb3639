"""The phases of a start, in their order, each told once with the time it took from the beginning.

Rule: a phase is told when it is reached, not when it is begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType

from leadline.clock import NS_PER_S, Clock


class Phase(Enum):
    """What is there when the phase has been reached."""

    REFERENCE = "reference data"  # the snapshot over REST: what can be traded, and how exactly
    STATE = "state"  # what an earlier run has left: journal and checkpoint
    STREAM = "stream"  # a line stands
    SUBSCRIPTIONS = "subscriptions"  # the venue has answered every required one, by priority
    MONITORING = "monitoring"  # checks, levels, metrics and alerts are at work
    READY = "ready"  # verified data on every required stream; the account, if any, reconciled


class Start:
    """When each phase was reached; `tell` hears of each, with seconds since the beginning."""

    def __init__(
        self, clock: Clock, tell: Callable[[Phase, float], None] = lambda phase, after_s: None
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._began_ns = clock.mono_ns()
        self._after_s: dict[Phase, float] = {}

    def reached(self, phase: Phase) -> None:
        """The phase is reached; telling it again changes nothing."""
        if phase not in self._after_s:
            self._after_s[phase] = self.elapsed_s
            self._tell(phase, self._after_s[phase])

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return (self._clock.mono_ns() - self._began_ns) / NS_PER_S

    @property
    def after_s(self) -> Mapping[Phase, float]:
        """Seconds from the beginning to each phase reached, in the order of reaching."""
        return MappingProxyType(self._after_s)

    @property
    def ready(self) -> bool:
        """Whether the last phase was reached."""
        return Phase.READY in self._after_s
