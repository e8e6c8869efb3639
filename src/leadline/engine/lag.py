"""How long after its receipt a value is handed to a reader: measured, counted, and told when it is too long.

A lag begins and ends with one event each, however many values it delays.
"""

from __future__ import annotations

from collections.abc import Callable

from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.core.histogram import Histogram
from leadline.engine.events import EventLog, ReaderCaughtUp, ReaderLags

LAG_NS = 250 * NS_PER_MS


class Lag:
    """The delay of one reader; `delivery` is the histogram of its stream."""

    __slots__ = ("_delivery", "_events", "_name", "_since_ns", "_worst_ns", "mono_ns")

    def __init__(
        self, name: str, mono_ns: Callable[[], int], events: EventLog, delivery: Histogram | None = None
    ) -> None:
        self._name = name
        self._events = events
        self._delivery = delivery
        self._since_ns: int | None = None
        self._worst_ns = 0
        self.mono_ns = mono_ns

    @property
    def lags(self) -> bool:
        """Whether the reader was too late when it was last handed something."""
        return self._since_ns is not None

    def handed(self, received_ns: int) -> int:
        """The reader is given now what was received then; returns the monotonic time."""
        now_ns = self.mono_ns()
        self.observe(now_ns - received_ns)
        self.judge(now_ns - received_ns, now_ns)
        return now_ns

    def observe(self, lag_ns: int) -> None:
        """Count one delay."""
        if self._delivery is not None:
            self._delivery.observe(lag_ns)

    def judge(self, lag_ns: int, now_ns: int) -> None:
        """Tell when it begins to lag, and when it has caught up to half of what is too long."""
        if self._since_ns is None:
            if lag_ns > LAG_NS:
                self._since_ns, self._worst_ns = now_ns, lag_ns
                self._events.add(ReaderLags(self._name, lag_ns / NS_PER_MS))
            return
        self._worst_ns = max(self._worst_ns, lag_ns)
        if lag_ns < LAG_NS // 2:
            lasted_s = (now_ns - self._since_ns) / NS_PER_S
            self._since_ns = None
            self._events.add(ReaderCaughtUp(self._name, self._worst_ns / NS_PER_MS, lasted_s))
