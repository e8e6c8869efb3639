"""What a feed has done and how it stands, as one frozen value."""

from __future__ import annotations

from msgspec import Struct

from leadline.engine.gaps import GapCounts
from leadline.engine.topic_state import RECEIVING, TopicState


class ReadingCounts(Struct, frozen=True):
    """Readings made for readers, by source."""

    stream: int = 0
    rest: int = 0
    cache: int = 0


class FailoverCounts(Struct, frozen=True):
    """Changes from stream to REST: `max_ms` from noticing to the request, `answer_ms_max` its round trip."""

    count: int
    max_ms: float
    answer_ms_max: float


class Share(Struct, frozen=True):
    """Of the `reads` of the last `window_s`, so many came from the stream; None where there was none."""

    window_s: int
    reads: int
    share: float | None


class FeedStats(Struct, frozen=True):
    """A feed at one moment."""

    line: str
    readings: ReadingCounts
    gaps: GapCounts
    failovers: FailoverCounts
    frames_skipped: int
    topics: tuple[TopicState, ...]
    shares: tuple[Share, ...] = ()
    loop_blocks: int = 0
    """How often the event loop did not turn for more than a tenth of a second."""

    @property
    def wanted(self) -> int:
        """Streams somebody wants."""
        return len(self.topics)

    @property
    def receiving(self) -> int:
        """Streams that have data and are not suspect."""
        return sum(topic.state in RECEIVING for topic in self.topics)

    @property
    def explained(self) -> int:
        """Streams without data that say why."""
        return sum(topic.state not in RECEIVING and bool(topic.reason) for topic in self.topics)
