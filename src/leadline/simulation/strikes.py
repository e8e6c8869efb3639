"""What can strike a run: an event of the client's own world, or a fault of the emulator's."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

CALM_START_S = 20.0
CALM_END_S = 65.0
"""Longer than the 45 s within which every book must live again."""

LONGEST_S = 20.0
DYING_S = 60.0
"""So long connections may live for seconds only, one after another."""


class Event(Enum):
    """What can happen in the client's own world."""

    CUT = "cut"  # every connection breaks, both ends notice
    BLACK_HOLE = "black hole"  # nothing passes, nobody is told
    NO_NAMES = "no names"  # the resolver fails
    CLOCK_STEP = "clock step"
    SLOW_NETWORK = "slow network"
    LOST_ANSWERS = "lost answers"  # REST answers never come
    BLOCK = "block"  # code of a consumer keeps the event loop
    KILL = "kill"  # the client dies, and is started again when this is over


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: an event of the client's world, or the fields of a fault for the emulator."""

    at_s: float
    lasts_s: float
    event: Event | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    step_s: float = 0.0

    @property
    def end_s(self) -> float:
        return self.at_s + self.lasts_s
