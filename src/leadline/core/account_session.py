"""What the stream of an account says, and the contract of the session that hears it.

Rule: a hole in the account's news is news itself (`AccountGap`), told before anything that follows it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from leadline.core.session import FrameSkipped, LineDown, LineUp, Session
from leadline.errors import VenueError
from leadline.model.account import AccountConfiguration, BalancesSnapshot, LedgerEntry, Position
from leadline.model.market import VenueStatus
from leadline.model.order import OrderReport


class OrdersSnapshot(Struct, frozen=True):
    """All open orders and the newest fills, complete at the moment of subscription.

    An order that is open for us and missing here is closed, how is another question. `asked_ns` is when REST
    was asked for it (monotonic), None where the stream itself has told it.
    """

    reports: tuple[OrderReport, ...]
    asked_ns: int | None = None


class OrdersJoined(Struct, frozen=True):
    """The snapshot of a line that joins one whose news has no hole: evidence, older or newer than it."""

    reports: tuple[OrderReport, ...]


class OrdersReported(Struct, frozen=True):
    """What has just happened to orders, in the venue's order."""

    reports: tuple[OrderReport, ...]


class BalancesReported(Struct, frozen=True):
    """The account as a whole, from the stream; asked for at `asked_ns` (monotonic)."""

    snapshot: BalancesSnapshot
    asked_ns: int = 0


class PositionsReported(Struct, frozen=True):
    """Positions as they are now; one whose quantity is 0 is closed.

    A `snapshot` has all there are, as asked for at `asked_ns` (monotonic); else only what has changed.
    """

    positions: tuple[Position, ...]
    snapshot: bool = False
    asked_ns: int = 0


class ConfigurationReported(Struct, frozen=True):
    """How the account trades contracts, whole; told when it is read and whenever it is changed."""

    configuration: AccountConfiguration


class MarginCalled(Struct, frozen=True):
    """The venue warns that these positions are close to their liquidation; advice, never a state."""

    positions: tuple[Position, ...]
    maintenance_margin: Decimal


class LedgerReported(Struct, frozen=True):
    """Bookings, in the venue's order."""

    entries: tuple[LedgerEntry, ...]


class AccountGap(Struct, frozen=True):
    """News was missed: since when (monotonic) the channel cannot be trusted, and why; a snapshot follows."""

    channel: str
    since_ns: int
    reason: str


class AccountDoubted(Struct, frozen=True):
    """The venue does not say whether it still tells the account's news; nothing is known to be missed."""

    reason: str


class CredentialRefused(Struct, frozen=True):
    """The venue does not take the credential of this connection; it must be renewed once."""

    error: VenueError


class AccountRefused(Struct, frozen=True):
    """The venue will not stream a channel of the account at all (permission)."""

    channel: str
    error: VenueError


AccountNews = (
    OrdersSnapshot
    | OrdersJoined
    | OrdersReported
    | BalancesReported
    | LedgerReported
    | PositionsReported
    | ConfigurationReported
    | MarginCalled
    | AccountGap
    | AccountDoubted
    | CredentialRefused
    | AccountRefused
    | VenueStatus
    | LineUp
    | LineDown
    | FrameSkipped
)

EmitAccount = Callable[[AccountNews, int], None]
"""Takes the news and the monotonic nanoseconds of its receipt."""


class AccountSession(Session, Protocol):
    """A session that streams one account and can carry its requests."""

    poke: Callable[[], None]
    """Set by whoever drives it: carries out now what it wants done."""

    @property
    def outstanding(self) -> int:
        """Requests on this connection that still wait for their answer."""

    def ready(self, now_ns: int) -> bool:
        """Connected, and both snapshots received on this connection, its last frame no more than 5 s old."""

    def resubscribe(self, reason: str, now_ns: int) -> None:
        """Ask for new snapshots of orders and balances on the standing connection."""
