"""What happens to a feed, as typed values: kept in a bounded ring and handed to whoever listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

from leadline.core.session import Confirmed, FrameSkipped, LineDown, LineUp, SubscriptionRefused
from leadline.model.market import (
    BookCrossed,
    BookDropped,
    Channel,
    Gap,
    InstrumentsChanged,
    Subscription,
    VenueStatus,
)
from leadline.model.reading import Source

KEPT_EVENTS = 1000


class SourceChanged(Struct, frozen=True):
    """Readers of a stream are served from elsewhere; `took_ms` counts from the noticing of the cause.

    To REST: until the request was handed to the venue's port. Back to the stream: the whole time away.
    """

    channel: Channel
    symbol: str
    source: Source
    previous: Source
    cause: str
    took_ms: float


class StreamDead(Struct, frozen=True):
    """A stream was silent and REST showed that it should not be: it is subscribed anew."""

    subscription: Subscription
    reason: str


class ReaderFailed(Struct, frozen=True):
    """A callback raised; `times` counts its failures so far."""

    reader: str
    error: str
    times: int


class ReaderSlow(Struct, frozen=True):
    """A callback took too long (`took_ms`), or a lossless reader overflowed (`dropped` so far)."""

    reader: str
    took_ms: float = 0.0
    dropped: int = 0


Event = (
    Gap
    | SourceChanged
    | StreamDead
    | BookDropped
    | BookCrossed
    | Confirmed
    | SubscriptionRefused
    | VenueStatus
    | InstrumentsChanged
    | ReaderFailed
    | ReaderSlow
    | FrameSkipped
    | LineUp
    | LineDown
)


E = TypeVar("E")


class Log(Generic[E]):
    """The last events, and a direct call to each listener for every new one."""

    def __init__(self) -> None:
        self.recent: deque[E] = deque(maxlen=KEPT_EVENTS)
        self._listeners: list[Callable[[E], None]] = []

    def add(self, event: E) -> None:
        """Keep an event and tell the listeners."""
        self.recent.append(event)
        for listener in tuple(self._listeners):
            listener(event)

    def listen(self, listener: Callable[[E], None]) -> Callable[[], None]:
        """Call `listener` with every event from now on; returns the way to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


EventLog = Log[Event]
