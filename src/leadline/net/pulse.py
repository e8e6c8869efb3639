"""Notices that the event loop has not turned for a while, by a timer that should have rung.

All times are those of the loop itself, so that virtual time never looks like a block.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from leadline.clock import NS_PER_S


def _nobody(blocked_s: float) -> None:
    pass


class Pulse:
    """A beat on the running loop, from `start` to `stop`.

    `late` is called with the seconds the loop was not free, each time that was more than `bound_s` and the
    loop turns again. `period_s` is how exactly that is known.
    """

    def __init__(self, period_s: float, bound_s: float, late: Callable[[float], None] = _nobody) -> None:
        self._period_s = period_s
        self._bound_s = bound_s
        self._late = late
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._beat_s = 0.0
        self._block: tuple[float, float] | None = None

    def start(self) -> None:
        """Begin to beat on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._block = None
        self._beat_s = self._loop.time()
        self._timer = self._loop.call_later(self._period_s, self._beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._timer = None

    def blocked_ago_s(self, within_s: float) -> float | None:
        """Seconds since the loop was free before a block that lasts, or ended within the last `within_s`.

        None where there was no such block.
        """
        if self._loop is None:
            return None
        now_s = self._loop.time()
        if now_s - self._beat_s > self._period_s + self._bound_s:
            return now_s - self._beat_s
        if self._block is not None and now_s - self._block[1] < within_s:
            return now_s - self._block[0]
        return None

    def heard_ns(self, now_ns: int, within_s: float) -> int:
        """The moment up to which a silence is known to be one: now, or before a block as `blocked_ago_s`."""
        ago_s = self.blocked_ago_s(within_s)
        return now_ns if ago_s is None else now_ns - round(ago_s * NS_PER_S)

    def _beat(self) -> None:
        assert self._loop is not None
        begun_s, now_s = self._beat_s, self._loop.time()
        self._beat_s = now_s
        self._timer = self._loop.call_later(self._period_s, self._beat)
        blocked_s = now_s - begun_s - self._period_s
        if blocked_s > self._bound_s:
            self._block = (begun_s, now_s)
            self._late(blocked_s)
