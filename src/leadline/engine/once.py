"""What every line of a route is told alike, passed on once: reference data, the venue's mode, odd frames.

Rule: news is what differs from what was passed on last, whichever line brings it.
"""

from __future__ import annotations

from collections import deque

from leadline.core.session import Emit, FrameSkipped
from leadline.model.instrument import Instrument
from leadline.model.market import InstrumentsChanged, VenueStatus

_KEPT_FRAMES = 32


class Once:
    """Passes on the first telling of what several lines tell."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._status: VenueStatus | None = None
        self._instruments: dict[str, Instrument] = {}
        self._frames: deque[tuple[bytes, object]] = deque(maxlen=_KEPT_FRAMES)

    def receive(
        self, line: object, news: InstrumentsChanged | VenueStatus | FrameSkipped, now_ns: int
    ) -> None:
        """Take what this line was told; what another has told already goes no further."""
        match news:
            case VenueStatus():
                self._mode(news, now_ns)
            case InstrumentsChanged():
                self._reference(news, now_ns)
            case FrameSkipped():
                self._skipped(line, news, now_ns)

    def _mode(self, news: VenueStatus, now_ns: int) -> None:
        if news != self._status:
            self._status = news
            self._emit(news, now_ns)

    def _reference(self, news: InstrumentsChanged, now_ns: int) -> None:
        known = self._instruments
        changed = tuple(each for each in news.instruments if known.get(each.symbol) != each)
        if changed:
            known.update((each.symbol, each) for each in changed)
            whole = len(changed) == len(news.instruments)
            self._emit(news if whole else InstrumentsChanged(changed), now_ns)

    def _skipped(self, line: object, news: FrameSkipped, now_ns: int) -> None:
        for at, (frame, teller) in enumerate(self._frames):
            if frame == news.frame and teller is not line:
                del self._frames[at]
                return
        self._frames.append((news.frame, line))
        self._emit(news, now_ns)
