"""What another path has announced and the stream must tell: early copies of matches, accepted orders.

Rule: an announcement counts nothing itself; one that the stream does not bear out in time means lost news.
"""

from __future__ import annotations

from collections import OrderedDict

from leadline.clock import NS_PER_S

REPORT_NS = 3 * NS_PER_S
"""assumed: the stream tells what was announced no later than so after."""

KEPT = 10_000
"""Remembered of either kind; the oldest is forgotten, and not missed then."""


class Announcements:
    """What one connection is to tell, by symbol and number; times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self.count = 0
        """Announcements so far."""
        self._awaited: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._reported: OrderedDict[tuple[str, int], None] = OrderedDict()

    def announced(self, wire: str, number: int, now_ns: int) -> None:
        """The stream is to tell of this, unless it has."""
        self.count += 1
        name = wire, number
        if name in self._reported:
            return
        self._awaited.setdefault(name, now_ns + REPORT_NS)
        if len(self._awaited) > KEPT:
            self._awaited.popitem(last=False)

    def reported(self, wire: str, number: int) -> None:
        """The stream has told of this, before its announcement or after it."""
        name = wire, number
        self._awaited.pop(name, None)
        if name in self._reported:
            return
        self._reported[name] = None
        if len(self._reported) > KEPT:
            self._reported.popitem(last=False)

    def missing(self, now_ns: int) -> int | None:
        """When something was announced that is overdue; None where nothing is. All is forgiven then."""
        due_ns = self.due_ns
        if due_ns is None or now_ns < due_ns:
            return None
        self._awaited.clear()
        return due_ns - REPORT_NS

    @property
    def due_ns(self) -> int | None:
        """When the next is overdue; None while nothing is awaited."""
        return next(iter(self._awaited.values()), None)

    def forget(self) -> None:
        """The connection is another."""
        self._awaited.clear()
        self._reported.clear()
