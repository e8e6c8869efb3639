"""Holds the service levels that a client announces against what it then lets leave, and against flapping."""

from __future__ import annotations

import re
from collections import deque

from leadline.clock import NS_PER_S
from leadline.engine.events import Event, LevelChanged
from leadline.model.level import Level
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import FLAPPING, FORBIDDEN, Findings

WINDOW_S = 30.0
MOST_RELAPSES = 3
"""So often in the window may the level worsen again after it has improved."""

PROVEN_S = 3.0
"""What has just got worse must have been better again for some seconds before that is believed."""

FORBIDDING = (Level.EMERGENCY_ONLY, Level.OUTAGE)
"""Levels at which no order may be placed or changed."""

_TOLD = ("the venue is in", "the breaker is", "between stream and REST", "forced")
"""Reasons whose end somebody has said, so that it needs no proof."""

_CHANGING = re.compile(r" ?[(;].*|[\d.]+", re.DOTALL)
"""What may be another in the next telling of the same reason."""


class LevelJudge:
    """The levels of one run, over all lives of its client."""

    def __init__(self, loop: VirtualLoop, findings: Findings) -> None:
        self._loop = loop
        self._findings = findings
        self._relapses: deque[int] = deque()
        self._began_ns: dict[str, int] = {}
        self._improved = False
        self._started = False
        self.level: Level | None = None
        """What the client last announced; None before its first word."""
        self._reasons: tuple[str, ...] = ()
        self._since_ns = 0
        self.seen: set[str] = set()

    def born(self) -> None:
        """A life of the client begins; what it announces before it was FULL once is no relapse."""
        self.level = None
        self._reasons = ()
        self._started = self._improved = False
        self._relapses.clear()
        self._began_ns.clear()

    def heard(self, event: Event) -> None:
        """An event of the client's feed."""
        if not isinstance(event, LevelChanged):
            return
        self.seen |= {event.level.name, event.previous.name}
        self.level, self._reasons, self._since_ns = event.level, event.reasons, self._loop.now_ns
        ended = self._ended(event)
        if event.level < event.previous:
            self._improved = self._started and any(ended)
            if self._started and any(0 <= stood_s < PROVEN_S for stood_s in ended):
                seen = f"{event.previous.name} → {event.level.name} after {min(ended):.3f} s"
                self._findings.add(FLAPPING, "", seen, f"proven for {PROVEN_S} s", self._loop.now_ns)
            self._started = self._started or event.level is Level.FULL
        elif self._improved:
            self._improved = False
            self._relapse(event)

    def _ended(self, event: LevelChanged) -> list[float]:
        """For how many seconds each reason stood that is not given any more and whose end nobody has told."""
        now_ns = self._loop.now_ns
        before = self._began_ns
        names = [_CHANGING.sub("", reason) for reason in event.reasons]
        since_ns = now_ns if event.level > event.previous else -round(PROVEN_S * NS_PER_S)  # was hidden
        self._began_ns = {name: before.get(name, since_ns) for name in names}
        return [
            (now_ns - began_ns) / NS_PER_S
            for name, began_ns in before.items()
            if name not in self._began_ns and not any(word in name for word in _TOLD)
        ]

    def placing(self, text: str) -> None:
        """A text that places or changes orders leaves the client."""
        for_s = (self._loop.now_ns - self._since_ns) / NS_PER_S
        if self.level in FORBIDDING and for_s > 0:
            seen = f"after {for_s:.6f} s of {self.level.name} ({'; '.join(self._reasons)}): {text[:200]}"
            self._findings.add(FORBIDDEN, "", seen, "cancels and look-ups alone", self._loop.now_ns)

    def _relapse(self, event: LevelChanged) -> None:
        now_ns = self._loop.now_ns
        self._relapses.append(now_ns)
        while self._relapses[0] < now_ns - round(WINDOW_S * NS_PER_S):
            self._relapses.popleft()
        if len(self._relapses) > MOST_RELAPSES:
            seen = f"{event.previous.name} → {event.level.name}, {len(self._relapses)} times"
            self._findings.add(FLAPPING, "", seen, f"at most {MOST_RELAPSES} in {WINDOW_S} s", now_ns)
