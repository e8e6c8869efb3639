"""One venue of the demo while it runs: the product on it, its readers, and how its service level went.

Rule: all venues are read alike; what is done to one of them is no concern of another.
"""

from __future__ import annotations

from collections.abc import Callable

from leadline.app.system import System
from leadline.demo.observed import Seen
from leadline.demo.readers import FrameCount, Readers
from leadline.demo.result import ReadingReport, VenueBooks, VenueReport
from leadline.demo.standing import Standing, standings
from leadline.engine.events import LevelChanged
from leadline.model.level import Level


class Side:
    """A venue's system, entered already; `saw` takes each value that one of its readers got."""

    def __init__(
        self, system: System, symbols: tuple[str, ...], frames: FrameCount, saw: Callable[[Seen], None]
    ) -> None:
        self.system = system
        self.symbols = symbols
        self.frames = frames
        self.readers = Readers(system.feed, system.clock, symbols, saw)
        self.began_at = system.level
        """The service level when the demo began."""
        self.changes: list[tuple[float, LevelChanged]] = []
        """How the service level changed, and in which second."""

    @property
    def name(self) -> str:
        """The venue's."""
        return self.system.market.name

    @property
    def levels_seen(self) -> tuple[Level, ...]:
        """Best first."""
        return tuple(sorted({self.began_at, *(change.level for _, change in self.changes)}))

    @property
    def level_at_end(self) -> Level:
        """The service level after the last change."""
        return self.changes[-1][1].level if self.changes else self.began_at

    def standings(self) -> tuple[Standing, ...]:
        """How its symbols stand now."""
        return standings(self.system, self.symbols)

    def report(self, rebuilt: int) -> VenueReport:
        """What has been counted so far; `rebuilt` of its books were."""
        counts, readings = self.system.lines.book_messages, self.system.feed.stats.readings
        return VenueReport(
            self.name,
            self.level_at_end.name,
            tuple(level.name for level in self.levels_seen),
            self.frames.total,
            VenueBooks(counts.updates, counts.proven, counts.wrong, rebuilt),
            ReadingReport(readings.stream, readings.rest, readings.cache),
        )
