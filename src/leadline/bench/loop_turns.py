"""An event loop that knows how long it was kept from turning.

What runs between two looks at the sockets is one turn; nothing else is served while it lasts.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable

from leadline.clock import NS_PER_MS


class _Watched(selectors.DefaultSelector):
    """The selector of a loop; the time between the end of one look and the next is the loop's own."""

    def __init__(self, mono_ns: Callable[[], int], cpu_ns: Callable[[], int]) -> None:
        super().__init__()
        self._mono_ns = mono_ns
        self._cpu_ns = cpu_ns
        self._begun_ns = mono_ns()
        self._begun_cpu_ns = cpu_ns()
        self.longest_ns = 0
        self.busiest_ns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.longest_ns = max(self.longest_ns, self._mono_ns() - self._begun_ns)
        self.busiest_ns = max(self.busiest_ns, self._cpu_ns() - self._begun_cpu_ns)
        try:
            return super().select(timeout)
        finally:
            self._begun_ns = self._mono_ns()
            self._begun_cpu_ns = self._cpu_ns()


class TurnsLoop(asyncio.SelectorEventLoop):
    """The usual loop, its longest turn noted: by the clock, and by what it used of a processor.

    On a machine that others use, a turn by the clock is as long as they let it be.
    """

    def __init__(self, mono_ns: Callable[[], int], cpu_ns: Callable[[], int]) -> None:
        self._watched = _Watched(mono_ns, cpu_ns)
        super().__init__(self._watched)

    def forget(self) -> None:
        """Note from now on."""
        self._watched.longest_ns = self._watched.busiest_ns = 0

    @property
    def longest_ms(self) -> float:
        """The longest turn since `forget`, but for the one under way."""
        return self._watched.longest_ns / NS_PER_MS

    @property
    def busiest_ms(self) -> float:
        """The most that such a turn used of a processor."""
        return self._watched.busiest_ns / NS_PER_MS
