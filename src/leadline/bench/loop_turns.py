"""An event loop that knows how long it was kept from turning.

What runs between two looks at the sockets is one turn; nothing else is served while it lasts.
"""

from __future__ import annotations

import asyncio
import selectors

from leadline.clock import NS_PER_MS, Clock


class _Watched(selectors.DefaultSelector):
    """The selector of a loop; the time between the end of one look and the next is the loop's own."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._begun_ns = clock.mono_ns()
        self.longest_ns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.longest_ns = max(self.longest_ns, self._clock.mono_ns() - self._begun_ns)
        try:
            return super().select(timeout)
        finally:
            self._begun_ns = self._clock.mono_ns()


class TurnsLoop(asyncio.SelectorEventLoop):
    """The usual loop, its longest turn noted."""

    def __init__(self, clock: Clock) -> None:
        self._watched = _Watched(clock)
        super().__init__(self._watched)

    def forget(self) -> None:
        """Note from now on."""
        self._watched.longest_ns = 0

    @property
    def longest_turn_ms(self) -> float:
        """The longest turn since `forget`, but for the one under way."""
        return self._watched.longest_ns / NS_PER_MS
