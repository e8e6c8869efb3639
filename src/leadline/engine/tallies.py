"""What a feed's events have come to so far, for who asks later: its readers above all.

Rule: counts only grow; names are kept of a bounded number of readers.
"""

from __future__ import annotations

from leadline.engine.events import Event, ReaderFailed, ReaderLags, ReaderSlow
from leadline.model.market import Gap, GapCause, VenueMode, VenueStatus

MOST_READERS = 100
"""Readers told apart by name; beyond, the calls of others count under the name "others"."""

OTHERS = "others"


class Tallies:
    """Listens to a feed: pass `hear` to its `listen`."""

    def __init__(self) -> None:
        self.dropped = 0
        """Values dropped for readers that lagged."""
        self.overflows = 0
        """Times a reader was so late that values were dropped for it."""
        self.dropped_of: dict[str, int] = {}
        """The same values by what was read."""
        self.mode = VenueMode.ONLINE
        """What the venue has last said of itself."""
        self.lags = 0
        """Times a reader fell behind."""
        self.worst_ms: dict[str, float] = {}
        """The longest call of each reader that was too slow."""
        self.failed: dict[str, int] = {}
        """How often the code of a reader raised."""

    @property
    def failures(self) -> int:
        """How often readers' code raised."""
        return sum(self.failed.values())

    def hear(self, event: Event) -> None:
        """Count one event."""
        match event:
            case Gap(channel, symbol, GapCause.OVERFLOW, missing=int(missing)):
                self.dropped += missing
                name = self._name(f"a reader of every {channel.value} {symbol}", self.dropped_of)
                self.dropped_of[name] = self.dropped_of.get(name, 0) + missing
            case ReaderSlow(dropped=int(dropped)) if dropped:
                self.overflows += 1
            case VenueStatus(mode):
                self.mode = mode
            case ReaderLags():
                self.lags += 1
            case ReaderSlow(reader, took_ms) if took_ms:
                name = self._name(reader, self.worst_ms)
                self.worst_ms[name] = max(took_ms, self.worst_ms.get(name, 0.0))
            case ReaderFailed(reader, _, times):
                name = self._name(reader, self.failed)
                self.failed[name] = max(times, self.failed.get(name, 0))

    @staticmethod
    def _name(reader: str, known: dict[str, float] | dict[str, int]) -> str:
        return reader if reader in known or len(known) < MOST_READERS else OTHERS
