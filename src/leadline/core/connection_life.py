"""The life of a connection without its socket: heard, pinged, behind, given up.

Rule: any frame is a sign of life, and a connection is left once, for one reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from leadline.clock import NS_PER_S
from leadline.core.echo import Echo
from leadline.core.session import FrameSkipped, Output, Reconnect, Send

SILENCE_NS = 5 * NS_PER_S
"""A connection that owes a sign of life and gives none for so long is dead (Kraken §3.2: its heartbeats come
every second once something is subscribed; Binance is asked, dossier §10.4)."""

KEPT_FRAMES = 100
"""So many frames that were not understood are kept; the oldest is forgotten first."""

KEPT_BYTES = 4096
"""So much is kept of each."""


class ConnectionLife(ABC):
    """What a session is beside what it says, wherever the venue is asked for signs of life by pings alone.

    `tell` hears of frames that are skipped.

    All times are monotonic nanoseconds.
    """

    ping_every_ns: ClassVar[int]

    def __init__(self, tell: Callable[[Any, int], None]) -> None:
        self.last_frame_ns = 0
        self.last_data_ns: int | None = None
        self.changed = False
        self.retry_floor_s = 0.0
        self.poke: Callable[[], None] = _nobody
        self.skipped: deque[FrameSkipped] = deque(maxlen=KEPT_FRAMES)
        """The last frames that were not understood."""
        self.skipped_count = 0
        self._tell = tell
        self._open = False
        self._leaving = False
        self._pinged_ns = 0
        """When the connection was opened, or last asked whether it lives."""
        self._echo = Echo()
        self._outputs: list[Output] = []

    def up(self, now_ns: int) -> bool:
        """Whether the connection stands and has not been silent for five seconds."""
        return self._open and now_ns - self.last_frame_ns <= SILENCE_NS

    def outputs(self) -> list[Output]:
        """What must be done now, in order; empties the list."""
        outputs, self._outputs = self._outputs, []
        self.changed = False
        return outputs

    def held_up(self, since_ns: int, now_ns: int) -> None:
        """What is read from here on may be as old as that, until the answer to a ping tells otherwise."""
        if self._kept and self._echo.held_up(since_ns):
            self._ping(now_ns)

    @property
    def _kept(self) -> bool:
        """Whether it stands and is not being left."""
        return self._open and not self._leaving

    def _begin(self, now_ns: int) -> None:
        """A new connection stands: nothing of the one before counts."""
        self._open, self._leaving = True, False
        self.last_frame_ns = self._pinged_ns = now_ns
        self.last_data_ns = None
        self._echo = Echo()
        self._outputs.clear()

    def _end(self) -> None:
        """It is gone, with what was still to be sent."""
        self._open = False
        self._outputs.clear()

    def _look(self, now_ns: int) -> bool:
        """Leave a connection that is dead, ask it for a sign of life when that is due; whether it is kept."""
        if not self._kept:
            return False
        dead_ns, behind_ns = self._dead_ns(), self._echo.due_ns()
        if dead_ns is not None and now_ns >= dead_ns:
            self._leave(f"no frame for {(now_ns - self.last_frame_ns) / NS_PER_S:.1f} s")
        elif behind_ns is not None and now_ns >= behind_ns:
            self._leave("behind the venue, and no ping is answered")
        elif now_ns >= self._ping_due_ns():
            self._ping(now_ns)
        return self._kept

    def _look_at(self, *others_ns: int | None) -> int | None:
        """When to look next: the first of its own times and of others; None while it is not kept."""
        if not self._kept:
            return None
        dues_ns = (self._dead_ns(), self._echo.due_ns(), *others_ns)
        return min([self._ping_due_ns(), *(due_ns for due_ns in dues_ns if due_ns is not None)])

    def _dead_ns(self) -> int | None:
        """When silence will be death; None where nothing is owed."""
        return self.last_frame_ns + SILENCE_NS

    def _ping_due_ns(self) -> int:
        """When it is to be asked for a sign of life."""
        return self._pinged_ns + self.ping_every_ns

    @abstractmethod
    def _ping_text(self, now_ns: int) -> str:
        """What asks for one."""

    def _ping(self, now_ns: int) -> None:
        """assumed: the answer comes behind whatever the venue had sent before it."""
        self._pinged_ns = now_ns
        self._echo.sent(now_ns)
        self._send(self._ping_text(now_ns))

    def _ponged(self, now_ns: int) -> None:
        """The next ping is answered; another follows where that was too late to prove anything."""
        if self._echo.answered(now_ns):
            self._ping(now_ns)

    def _send(self, text: str) -> None:
        self._outputs.append(Send(text))
        self.changed = True

    def _leave(self, reason: str) -> None:
        """Make another connection instead."""
        if not self._leaving:
            self._leaving = self.changed = True
            self._outputs.append(Reconnect(reason))

    def _skip(self, frame: bytes, why: str, now_ns: int) -> None:
        """Keep the beginning of a frame that is not understood, and say so."""
        self.skipped_count += 1
        news = FrameSkipped(frame[:KEPT_BYTES], why[:KEPT_BYTES])
        self.skipped.append(news)
        self._tell(news, now_ns)


def _nobody() -> None:
    """Nobody drives it yet."""
