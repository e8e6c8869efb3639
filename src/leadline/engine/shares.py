"""The share of reads that came from the stream, over sliding windows: shown, and warned about once a slump.

REST and cache are for what the stream cannot give; a low share says that something keeps failing.
"""

from __future__ import annotations

from collections import deque

from leadline.clock import NS_PER_S
from leadline.engine.events import EventLog, StreamShareLow, StreamShareRecovered
from leadline.engine.stats import ReadingCounts, Share

WINDOWS_S = (60, 900)
STREAM_SHARE = 0.95
"""What is wanted of the stream, unless told otherwise."""

_BUCKET_S = 5
_MOST = WINDOWS_S[-1] // _BUCKET_S + 1  # buckets kept: those of the longest window
LEAST_READS = 20
"""Fewer reads in a window say nothing: one in ten would be a slump."""


class StreamShares:
    """Totals as they stood every few seconds, and what became of them since."""

    def __init__(self, events: EventLog, wanted: float = STREAM_SHARE) -> None:
        self._events = events
        self.wanted = wanted
        """Below this share of stream reads a warning is given; may be changed at any time."""
        self._totals: deque[tuple[int, int, int]] = deque(maxlen=_MOST)  # when, from the stream, all
        self._low: set[int] = set()

    @property
    def low(self) -> bool:
        """Whether the share of any window is below what is wanted."""
        return bool(self._low)

    def look(self, counts: ReadingCounts, now_ns: int) -> None:
        """Take the totals so far, once a second, and judge every window."""
        every = counts.stream + counts.rest + counts.cache
        if not self._totals:
            self._totals.append((now_ns, 0, 0))
        elif now_ns - self._totals[-1][0] >= _BUCKET_S * NS_PER_S:
            self._totals.append((now_ns, counts.stream, every))
        for share in self.shares(counts, now_ns):
            self._judge(share)

    def shares(self, counts: ReadingCounts, now_ns: int) -> tuple[Share, ...]:
        """The share in every window, exact to within five seconds of its length."""
        every = counts.stream + counts.rest + counts.cache
        told: list[Share] = []
        for window_s in WINDOWS_S:
            _, stream, before = self._at(now_ns - window_s * NS_PER_S)
            reads = every - before
            told.append(Share(window_s, reads, (counts.stream - stream) / reads if reads > 0 else None))
        return tuple(told)

    def _at(self, when_ns: int) -> tuple[int, int, int]:
        """The totals at the beginning of a window, or at the first look where that was later."""
        return next((total for total in self._totals if total[0] >= when_ns), (0, 0, 0))

    def _judge(self, found: Share) -> None:
        if found.share is None or found.reads < LEAST_READS:
            return
        low = found.share < self.wanted
        if low and found.window_s not in self._low:
            self._low.add(found.window_s)
            self._events.add(StreamShareLow(found.share, self.wanted, found.window_s))
        elif not low and found.window_s in self._low:
            self._low.discard(found.window_s)
            self._events.add(StreamShareRecovered(found.share, found.window_s))
