"""Code that keeps the event loop to itself: noticed by a beat that comes late, and named where it is known.

Rule: it only tells. What a block has made old is judged where frames are read (`net.connection`).
"""

from __future__ import annotations

from collections.abc import Callable

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.engine.events import Event, EventLog, LoopBlocked, ReaderSlow
from leadline.net.pulse import Pulse

BLOCKED_S = 0.1
"""A loop that did not turn for longer is told of."""

_BEAT_S = 0.05
_APART_NS = NS_PER_S


class LoopWatch:
    """Tells `events` of blocks, at most one a second; readers that were slow meanwhile are the suspects."""

    def __init__(self, clock: Clock, events: EventLog) -> None:
        self._clock = clock
        self._events = events
        self._pulse = Pulse(_BEAT_S, BLOCKED_S, self._late)
        self._slow: tuple[str, float, int] | None = None  # who, milliseconds, when it ended
        self._silent_until_ns = 0
        self.count = 0
        """Blocks so far, those not told included."""
        self.listen(events)

    def listen(self, log: EventLog) -> Callable[[], None]:
        """Look for suspects in another log as well; returns the way to stop it."""
        return log.listen(self._heard)

    def start(self) -> None:
        """Watch the running loop."""
        self._pulse.start()

    def stop(self) -> None:
        """Watch no more."""
        self._pulse.stop()

    @property
    def blocked(self) -> bool:
        """Whether the loop has only just begun to turn again."""
        return self._pulse.blocked_ago_s(_BEAT_S) is not None

    def received_ns(self, now_ns: int) -> int:
        """When what a task is handed now may have come: where the loop is only just free, before that."""
        return self._pulse.heard_ns(now_ns, _BEAT_S)

    def _heard(self, event: Event) -> None:
        if not isinstance(event, ReaderSlow) or not event.took_ms:
            return
        now_ns = self._clock.mono_ns()
        if self._slow is None or event.took_ms > self._slow[1] or now_ns - self._slow[2] > _APART_NS:
            self._slow = (event.reader, event.took_ms, now_ns)

    def _late(self, blocked_s: float) -> None:
        now_ns = self._clock.mono_ns()
        self.count += 1
        slow, self._slow = self._slow, None
        if now_ns < self._silent_until_ns:
            return
        self._silent_until_ns = now_ns + _APART_NS
        culprit = slow[0] if slow is not None and self._covers(slow, blocked_s, now_ns) else ""
        self._events.add(LoopBlocked(blocked_s * 1000, culprit))

    def _covers(self, slow: tuple[str, float, int], blocked_s: float, now_ns: int) -> bool:
        """Whether somebody ran during this block, and for most of it."""
        _, took_ms, ended_ns = slow
        during = now_ns - ended_ns <= blocked_s * NS_PER_S + 2 * _BEAT_S * NS_PER_S
        return during and took_ms * NS_PER_MS >= blocked_s * NS_PER_S / 2
