"""What the application and the command line need to know of a venue, and how its parts are made.

Rule: whoever holds a kit never asks which venue it is; all that venues differ in is a value or a method here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from msgspec import Struct

from leadline.clock import Clock
from leadline.core.breaker import Breaker
from leadline.core.cells import Cells
from leadline.core.level3 import EmitLevel3
from leadline.core.limits import Allowance
from leadline.core.retry import ConnectBudget
from leadline.core.session import Session
from leadline.errors import AuthError, Error
from leadline.net.audit import Audit
from leadline.net.http import Exchange, Http, Terms
from leadline.net.key_state import KeyState
from leadline.venues.ports import AccountPorts, Limits, MarketData, Placement

Fill = Callable[[str], str]
"""Puts values of variables into a text; raises ConfigError."""


class Endpoints(Protocol):
    """Where a venue listens: a frozen dataclass whose every field is an address, as the settings call it.

    `rest` is HTTP, all others are WebSockets.
    """

    @property
    def rest(self) -> str:
        """The address of REST."""


class Key(Protocol):
    """One API key, with whatever of its account the venue goes by."""

    @property
    def api_key(self) -> str:
        """The part of it that names it."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text of it that may be shown nowhere."""


class RawAccount(Struct, frozen=True):
    """An account as a settings file has it; each venue adds what its keys are made of."""

    api_key: str | None = None
    formerly: str | None = None
    dead_man_s: int = 0
    cancel_on_exit: bool = False
    orders_per_s: float | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class Wire(Http, Exchange, Protocol):
    """A venue's REST address: public requests in their turn, and the bare exchange for signed ones."""


class TradingAccount(AccountPorts, Protocol):
    """The ports of one account, and the two ways to hold its REST back."""

    emergency_only: bool
    """Whether REST carries nothing but what makes the account safer or tells how it stands."""

    reads_held: str
    """Why reads that can wait do not leave by REST now; empty while they do."""


@dataclass(frozen=True, slots=True)
class Spent:
    """How far the venue's budgets of a key are used, in points of the venue's own."""

    requests: float
    requests_limit: float
    orders: float
    """Of the fullest of its order counters."""
    orders_limit: float


class SingleOrdersSession(Session, Protocol):
    """A session that streams the single orders of books."""

    def want(self, symbol: str, depth: int, now_ns: int) -> None:
        """Stream this symbol from now on, on every connection to come; raises CheckFailed for a depth."""

    def unwant(self, symbol: str, now_ns: int) -> None:
        """Stream it no longer."""

    def wanted(self) -> Collection[object]:
        """Everything wanted."""


@dataclass(frozen=True, slots=True)
class SingleOrders:
    """A session of single orders, and how it gets a credential before every connect."""

    session: SingleOrdersSession
    authorise: Callable[[], Awaitable[None]]


MakeSingleOrders = Callable[[EmitLevel3], SingleOrders]


@dataclass(frozen=True, slots=True)
class Keyed:
    """An account's ports over one key, and what its requests have met with."""

    account: TradingAccount
    breaker: Breaker
    audit: Audit
    spent: Callable[[int], Spent]
    """How far its budgets are used at a monotonic time."""
    single_orders: MakeSingleOrders | None = None
    """Makes a session of single orders; None where the venue has none."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How far this machine's clock is ahead of the venue's, and within which bound that is known."""

    ahead_s: float
    within_s: float


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the process, and the field of a raw account that it stands for."""

    environment: str
    field: str
    name: str


@dataclass(frozen=True, slots=True)
class Permission:
    """Something a key must be allowed, and a request that shows whether it is: it changes nothing."""

    what: str
    ask: Callable[[], Awaitable[object]]


E = TypeVar("E", bound=Endpoints)
K = TypeVar("K", bound=Key)
B = TypeVar("B")


class VenueKit(Protocol[E, K, B]):
    """One venue: its names, its addresses, its keys, and the makers of its parts."""

    name: str
    """In settings, on the command line, in the names of folders."""
    title: str
    """For people."""
    contracts: bool
    """Whether positions, leverage and funding are to be had."""
    example: str
    """A symbol in its unified form."""
    routes: tuple[str, ...]
    """The names of its addresses for public streams."""
    stream_probe: str | None
    """A frame that a public stream answers at once; None where it speaks unasked."""
    limits: Limits
    environments: tuple[str, ...]
    """Where it can be used, the one with real money first."""
    raw_account: type[RawAccount]
    """What a settings file may say of an account."""
    variables: tuple[Variable, ...]
    """The process' variables that together name an account, for each environment."""
    dead_man_cancels: str
    """What the venue's dead-man switch cancels of an account, in words."""
    streams_snapshots: bool
    """Whether the account's stream begins with all there is; else REST has to be asked for that anyway."""
    connection_life_s: float | None
    """After so long the venue ends a connection; None where it lets them stand."""
    most_offset_s: float
    """A clock that is further off than this makes requests fail, or data unreadable."""

    def endpoints(self, environment: str) -> E:
        """The venue's own addresses."""

    def emulated(self, address: str) -> E:
        """Where a local exchange on this address of the machine (host:port) has them."""

    def market_address(self, endpoints: E, route: str) -> str:
        """Where the public streams of a route are."""

    def account_address(self, endpoints: E) -> str:
        """Where the account's stream is."""

    def requests_address(self, endpoints: E) -> str | None:
        """Where a connection that carries requests alone goes; None where the account's stream does."""

    def single_orders_address(self, endpoints: E) -> str | None:
        """Where single orders are streamed; None where they are not."""

    def wrong_place(self, endpoints: E, environment: str) -> str:
        """What is wrong about using these addresses with keys of this environment; empty where nothing is."""

    def budget(self, clock: Clock, shared: Cells) -> B:
        """What the venue allows us at one REST address, spent in `shared` with all who ask that address."""

    def terms(self, budget: B) -> tuple[Allowance, Terms]:
        """What requests to the address spend, and on which terms they leave."""

    def connects(self) -> ConnectBudget:
        """A new budget of connects of one address."""

    def key(self, raw: RawAccount, fill: Fill, environment: str) -> K:
        """The key that a file means; raises ConfigError with all problems, and not a character of it."""

    def market(self, http: Http, clock: Clock, budget: B) -> MarketData:
        """Its market data over an Http port that knows the address, whose budget this is."""

    def account(
        self, key: K, state: KeyState, wire: Wire, market: MarketData, clock: Clock, budget: B
    ) -> Keyed:
        """The ports of an account over the open state of its key; nothing is sent yet.

        `market` is one that this kit has made, its reference data is read from there.
        """

    def wire_form(self, market: MarketData, placement: Placement) -> Sequence[tuple[str, str]]:
        """The order as it leaves, name by name."""

    async def clock_offset(self, market: MarketData, clock: Clock) -> ClockOffset:
        """Our clock against the venue's."""

    def permissions(self, keyed: Keyed) -> Sequence[Permission]:
        """What an account's key must be allowed for the product to work."""

    def lacks_permission(self, error: AuthError) -> bool:
        """Whether the venue knows the key and only forbids it this request."""

    def advice(self, error: Error, environment: str) -> str:
        """What to do about an error of a key."""
