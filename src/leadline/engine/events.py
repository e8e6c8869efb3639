"""What happens to a feed, as typed values: kept in a bounded ring and handed to whoever listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

from leadline.core.session import Confirmed, FrameSkipped, LineDown, LineUp, SubscriptionRefused
from leadline.model.level import Level
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

    To REST: until the request was handed to the venue's port, where nobody read before that from the first
    reader on. Back to the stream: the whole time away.
    """

    channel: Channel
    symbol: str
    source: Source
    previous: Source
    cause: str
    took_ms: float
    interval_s: int = 0
    """Of bars, which a symbol has several streams of; 0 of what it has one of."""

    @property
    def stream(self) -> str:
        """The stream by its name."""
        width = f" {self.interval_s} s" if self.interval_s else ""
        return f"{self.channel.value} {self.symbol}{width}"


class StreamDead(Struct, frozen=True):
    """A stream was silent and REST showed that it should not be: it is subscribed anew."""

    subscription: Subscription
    reason: str


class RouteSilent(Struct, frozen=True):
    """A route has acknowledged these streams and brought nothing of any: it may be the wrong one for them.

    Told once, `waited_s` after the first acknowledgement; `route` is empty where the venue has but one.
    """

    route: str
    streams: tuple[Subscription, ...]
    waited_s: float


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


class LineSwitched(Struct, frozen=True):
    """Readers of `streams` streams go on from another line, `took_ms` after the cause was noticed."""

    from_line: int
    to_line: int
    streams: int
    reason: str
    took_ms: float
    route: str = ""


class LineRotated(Struct, frozen=True):
    """A line was replaced by a younger one before the venue would have cut it."""

    line: int
    took_s: float
    route: str = ""


class RotationPutOff(Struct, frozen=True):
    """A line is due to be replaced and must not be now, for this reason; told once until it is replaced."""

    line: int
    reason: str
    route: str = ""


class Diverged(Struct, frozen=True):
    """Stream and REST disagree beyond the tolerance; both sides stay as evidence.

    `channel` is "ticker", "book", "balance" or "orders"; `what` names the field or asset; `ours` and `theirs`
    are the exact texts of both sides; `pattern` names a recurring kind of difference, or is empty; `blamed`
    is the source that is not believed. Told again when a pattern or a culprit is found later.
    """

    channel: str
    symbol: str
    what: str
    ours: str
    theirs: str
    pattern: str
    blamed: Source | None


class Reconverged(Struct, frozen=True):
    """Both sources agree again, after this time."""

    channel: str
    symbol: str
    lasted_s: float


class LevelChanged(Struct, frozen=True):
    """The service level is another; `reasons` says why, `forced` whether a person has set it."""

    level: Level
    previous: Level
    reasons: tuple[str, ...]
    forced: bool = False


class ReaderLags(Struct, frozen=True):
    """A reader is handed what was received `lag_ms` ago, more than 250 ms; told once until it catches up."""

    reader: str
    lag_ms: float


class ReaderCaughtUp(Struct, frozen=True):
    """A reader that lagged is handed things in time again; `worst_ms` was its greatest lag."""

    reader: str
    worst_ms: float
    lasted_s: float


class LoopBlocked(Struct, frozen=True):
    """Code in the event loop did not let go of it for a while; `culprit` names a reader, or is empty.

    Told at most once a second.
    """

    blocked_ms: float
    culprit: str


class StreamShareLow(Struct, frozen=True):
    """Fewer reads than wanted came from the stream, over the last `window_s`."""

    share: float
    wanted: float
    window_s: float


class StreamShareRecovered(Struct, frozen=True):
    """The share of stream reads is again what is wanted."""

    share: float
    window_s: float


class CheckpointDamaged(Struct, frozen=True):
    """A checkpoint could not be used; `used_instead` names the older one taken, or is empty."""

    path: str
    why: str
    used_instead: str


class CheckpointRestored(Struct, frozen=True):
    """State of an earlier run was taken up, unverified until the venue confirms it."""

    path: str
    age_s: float
    orders: int
    assets: int
    instruments: int


class CheckpointNotSaved(Struct, frozen=True):
    """State could not be kept for the next run; told once until it is kept again (`why` is empty then)."""

    path: str
    why: str


class AlertChanged(Struct, frozen=True):
    """An alert fires, or is over after `lasted_s`; `alert` names its rule and labels, `value` what it saw."""

    alert: str
    firing: bool
    severity: str
    summary: str
    cure: str
    value: float
    lasted_s: float = 0.0


LineEvent = LineSwitched | LineRotated | RotationPutOff
"""What the lines of a route tell beside the news of their sessions."""

Event = (
    Gap
    | SourceChanged
    | StreamDead
    | RouteSilent
    | LineSwitched
    | LineRotated
    | RotationPutOff
    | Diverged
    | Reconverged
    | LevelChanged
    | ReaderLags
    | ReaderCaughtUp
    | LoopBlocked
    | StreamShareLow
    | StreamShareRecovered
    | CheckpointDamaged
    | CheckpointRestored
    | CheckpointNotSaved
    | AlertChanged
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
