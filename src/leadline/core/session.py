"""The contract of a connection without a socket.

Give a session exactly one input (`opened`, `received`, `woke`, `closed`, or a change of what is wanted), then
drain `outputs()`. It says in `wake_at()` when it wants time to pass. What the venue said goes to the `emit`
it was built with, by a direct call from the frame: a queue per message would cost more than checking it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from msgspec import Struct

from leadline.core.book import BookCounts, BookView
from leadline.errors import VenueError
from leadline.model.market import (
    BarBatch,
    BookCrossed,
    BookDropped,
    DayStats,
    FrozenBook,
    InstrumentsChanged,
    Liquidation,
    MarkPrice,
    Subscription,
    Ticker,
    TradeBatch,
    VenueStatus,
)


class Send(Struct, frozen=True):
    """Write this text frame."""

    text: str


class Reconnect(Struct, frozen=True):
    """Leave this connection and make another."""

    reason: str


Output = Send | Reconnect


class LineUp(Struct, frozen=True):
    """The connection stands, nothing is confirmed on it yet; `line` counts the lines of a route from 1.

    `route` is empty where the venue has but one.
    """

    line: int = 1
    route: str = ""


class LineDown(Struct, frozen=True):
    """The connection is gone and every book on it is empty; `reason` is for people.

    `standing` counts the other lines of the route that stand; what only this one carried is told by
    `StreamLost` then. `route` is empty where the venue has but one.
    """

    reason: str
    line: int = 1
    standing: int = 0
    route: str = ""


class StreamLost(Struct, frozen=True):
    """The line that carried one stream is gone or has lost it, and no other line carries it."""

    subscription: Subscription
    reason: str


class Confirmed(Struct, frozen=True):
    """The venue has acknowledged a subscription; data is another matter."""

    subscription: Subscription


class SubscriptionRefused(Struct, frozen=True):
    """The venue will not stream this; nothing else on the connection is touched."""

    subscription: Subscription
    error: VenueError


class FrameSkipped(Struct, frozen=True):
    """A frame that was not understood: counted, kept (bounded) and skipped."""

    frame: bytes
    why: str


News = (
    Ticker
    | TradeBatch
    | BarBatch
    | FrozenBook
    | MarkPrice
    | DayStats
    | Liquidation
    | BookView
    | BookDropped
    | BookCrossed
    | InstrumentsChanged
    | VenueStatus
    | LineUp
    | LineDown
    | StreamLost
    | Confirmed
    | SubscriptionRefused
    | FrameSkipped
)

Emit = Callable[[News, int], None]
"""Takes the news and the monotonic nanoseconds of its receipt."""


class Coverage(Enum):
    """How far a wanted subscription has come on this connection."""

    WANTED = auto()  # not acknowledged yet (or not connected)
    CONFIRMED = auto()  # acknowledged, no data yet
    RECEIVING = auto()  # data has arrived since the acknowledgement
    REFUSED = auto()  # the venue said no


class Session(Protocol):
    """One venue connection with no socket in it; all times are monotonic nanoseconds."""

    last_frame_ns: int
    """When any frame last arrived on this connection."""

    last_data_ns: int | None
    """When anything but control frames last arrived on this connection; None before the first."""

    changed: bool
    """Set when there are outputs, or when `wake_at` has moved closer; `outputs` clears it. One look at a
    plain attribute after each frame takes the place of two calls."""

    retry_floor_s: float
    """The least time to leave between two tries to connect (5 s after maintenance at Kraken, else 0)."""

    def opened(self, now_ns: int) -> None:
        """The connection stands."""

    def received(self, frame: bytes, now_ns: int) -> None:
        """One whole message has arrived."""

    def held_up(self, since_ns: int, now_ns: int) -> None:
        """Nothing could be read since then: what is read now may be as old, until the venue proves otherwise.

        `last_frame_ns` stays the time of reading: an old frame is a sign of life, though no fresh value.
        """

    def woke(self, now_ns: int) -> None:
        """The time asked for in `wake_at` has come."""

    def closed(self, reason: str, now_ns: int) -> None:
        """The connection is gone; the same session will be opened again on the next one."""

    def outputs(self) -> list[Output]:
        """What must be done now, in order; empties the list."""

    def wake_at(self) -> int | None:
        """When `woke` should be called, unless something happens first."""


class MarketStreams(Protocol):
    """What a feed asks of its streams, however many connections carry them."""

    @property
    def last_frame_ns(self) -> int:
        """When any frame last arrived."""

    def up(self, now_ns: int) -> bool:
        """Whether the connection stands and its last frame is no more than five seconds old."""

    def want(self, subscription: Subscription, now_ns: int) -> None:
        """Stream this from now on, on every connection to come, until unwanted.

        A book of another depth than before replaces that one; what was refused is asked for anew.
        """

    def unwant(self, subscription: Subscription, now_ns: int) -> None:
        """Stream this no longer."""

    def renew(self, subscription: Subscription, reason: str, now_ns: int) -> None:
        """Subscribe this one anew (its stream is silent or wrong), paced and with back-off."""

    def coverage(self, subscription: Subscription) -> Coverage | None:
        """How far a subscription has come; None when it is not wanted."""

    def wanted(self) -> list[Subscription]:
        """Everything wanted, in order of priority."""


class MarketSession(Session, MarketStreams, Protocol):
    """A session that streams market data."""

    poke: Callable[[], None]
    """Set by whoever drives it: carries out now what it wants done."""

    @property
    def book_messages(self) -> BookCounts:
        """Messages of all its books so far, by what their proof said; no count ever falls."""
