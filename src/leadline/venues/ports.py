"""What the engine knows of a venue: small protocols and a table of limits. Nothing here names a venue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Protocol

from leadline.core.account_session import AccountSession, EmitAccount
from leadline.core.reach import Reach
from leadline.core.session import Emit, MarketSession, Session
from leadline.errors import VenueError
from leadline.model.account import (
    AccountConfiguration,
    BalancesSnapshot,
    LedgerEntry,
    MarginMode,
    Position,
)
from leadline.model.instrument import Instrument
from leadline.model.market import (
    Bar,
    Channel,
    DayStats,
    FrozenBook,
    FundingRate,
    MarkPrice,
    Subscription,
    Ticker,
    Trade,
    VenueStatus,
)
from leadline.model.order import Amendment, Fill, Order, OrderKey, OrderReport, OrderRequest
from leadline.net.http import Purpose


@dataclass(frozen=True, slots=True)
class Limits:
    """What a venue can do and how much of it: facts, each from the venue's dossier."""

    book_depths: tuple[int, ...]
    bar_intervals_s: tuple[int, ...]
    rest_book_depth: int
    rest_bars: int
    """Newest candles REST can still give; older ones are gone."""
    rest_trades: int
    """Trades in one page of REST; a shorter page is the last one."""
    channels: frozenset[Channel] = frozenset({Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS})
    """What it streams for a symbol."""
    rest_channels: frozenset[Channel] = frozenset(
        {Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS}
    )
    """What REST can stand in for."""
    top_depths: tuple[int, ...] = ()
    """Depths of Channel.TOP."""
    prompt_channels: frozenset[Channel] = frozenset(
        {Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS}
    )
    """What speaks soon after its acknowledgement whatever the market does: it begins with the present state,
    or has a steady beat. Silence on another may mean that nothing has happened."""
    heartbeats: bool = True
    """Whether a connection that is well is never silent for two seconds."""
    one_by_one: Mapping[Channel, int] = field(default_factory=dict)
    """Up to so many symbols it costs less to ask for one by one than for all that there are."""


class Reference(Protocol):
    """Names and steps of everything tradable."""

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol in any of its spellings; raises UnknownSymbol with the nearest."""

    def instruments(self) -> Sequence[Instrument]:
        """All instruments, by symbol."""


class MarketData(Protocol):
    """Public market data over stream and REST."""

    name: str
    limits: Limits
    reference: Reference

    routes: tuple[str, ...]
    """The names of its addresses for public streams; each has connections of its own."""

    urgent: Callable[[str], bool]
    """Whether a symbol's book comes before others when there is not room for all; set by whoever knows."""

    @property
    def reach(self) -> Reach:
        """Whether what is asked by REST gets through."""

    async def load(self) -> None:
        """Fetch the reference data; must have returned once before anything else is asked."""

    def route_of(self, subscription: Subscription) -> str:
        """Which of `routes` streams this."""

    def session(self, emit: Emit, route: str) -> MarketSession:
        """A new stream session of a route, not connected yet, that reports to `emit`."""

    async def run(self) -> None:
        """What the venue does beside its sessions as long as they live (snapshots for its books)."""

    async def fetch_status(self, purpose: Purpose) -> VenueStatus:
        """The venue's mode."""

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        """Tickers of all the symbols in one request."""

    async def fetch_book(self, symbol: str, depth: int, purpose: Purpose) -> FrozenBook:
        """The top of one book; REST books carry no proof."""

    async def fetch_trades(self, symbol: str, since_ns: int, purpose: Purpose) -> list[Trade]:
        """One page of trades after a Unix time, oldest first; an empty list when there are none."""

    async def fetch_bars(self, symbol: str, interval_s: int, since_ns: int, purpose: Purpose) -> list[Bar]:
        """Candles from a Unix time on, oldest first, `complete` set on all that have ended.

        One that is told together with a later one has.
        """

    async def fetch_marks(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, MarkPrice]:
        """Mark price and funding of the symbols; raises CheckFailed where the venue has none."""

    async def fetch_stats(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, DayStats]:
        """The last 24 hours of the symbols; raises CheckFailed where the venue tells them in the ticker."""

    async def fetch_funding(self, symbol: str, since_ns: int, purpose: Purpose) -> list[FundingRate]:
        """Fundings settled since a Unix time, oldest first; raises CheckFailed where the venue has none."""

    def venue_ns(self, mono_ns: int) -> int | None:
        """The venue's Unix time at a monotonic moment; None where nobody measures its clock."""


class Path(Enum):
    """The way a request takes; one that may have arrived on either is never repeated on the other."""

    STREAM = "stream"
    REST = "rest"


def whenever() -> None:
    """Nothing keeps a request from leaving."""


@dataclass(frozen=True, slots=True)
class Placement:
    """An order as it leaves: journalled already, under the name it can be found by.

    Either `client_id` goes to the venue or, where the venue refuses one beside a conditional close,
    `userref`. After `deadline_ns`, in venue time, the venue does not act on it any more. `may_leave` is asked
    just before the first byte leaves, however late that is; a Refused it raises keeps the whole request.
    """

    client_id: str
    userref: int | None
    sent: OrderRequest
    deadline_ns: int
    may_leave: Callable[[], None] = field(default=whenever, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Placed:
    """The venue's acknowledgement; final state comes as reports. `order_id` is empty for `validate`."""

    order_id: str
    warnings: tuple[str, ...] = ()


class Action(Enum):
    """What the venue's order counter charges for; the price depends on the order's age."""

    ADD = "add"
    AMEND = "amend"
    REPLACE = "replace"
    CANCEL = "cancel"


class OrderEntry(Protocol):
    """Carries requests that move money, each exactly once, on the path it is told.

    Every method raises an Error whose `acted` says whether the venue could have acted. On Path.STREAM a wait
    for an answer ends with the connection (ConnectionLost) or after `ANSWER_TIMEOUT_S` (ConnectionLost, acted
    MAYBE); ConnectFailed means nothing left. A method never retries and never changes the path.
    """

    mark_price: Callable[[str], Decimal | None]
    """The mark price of a symbol as far as it is known; set by whoever hears it."""

    open_orders: Callable[[str], int | None]
    """How many orders of a symbol are open and wait for no trigger; set by whoever counts them."""

    def check(self, request: OrderRequest) -> None:
        """Hold a request against the instrument and the venue's rules; raises CheckFailed with the cure."""

    def check_amendment(self, order: Order, amendment: Amendment) -> None:
        """The same for a change of an order, as that is known now."""

    def spelled(self, symbol: str) -> str:
        """The name that orders of a symbol go by, given in any spelling; raises UnknownSymbol."""

    def needs_userref(self, request: OrderRequest) -> bool:
        """Whether the venue refuses a client id on this order, so that a userref must name it."""

    replaces_named: bool
    """Whether the venue replaces an order that bears a client id (Kraken does not: dossier §10.3)."""

    sight_lag_s: float
    """How long after it has taken an order the venue may still answer that it knows none of that name."""

    def carry(self, session: AccountSession) -> None:
        """Requests leave on this session of the account from now on; what has left on another stays there."""

    def can_stream(self) -> bool:
        """Whether requests can leave on the stream now: connected, authorised, account news flowing."""

    def venue_ns(self) -> int:
        """The venue's clock now, in Unix nanoseconds, as well as it is known."""

    def passed(self, deadline_ns: int, margin_s: float) -> bool:
        """Whether the venue's clock is certainly beyond a deadline by a margin; false while it is unknown."""

    def charge(self, symbol: str, action: Action, count: int = 1, touched_ns: int | None = None) -> float:
        """Seconds until `count` actions in one request fit the symbol's order counter; at 0 they are charged.

        `touched_ns` is the monotonic time of the order's acceptance or last amendment, None where it is not
        known. A cancel is always charged at once and the answer is 0: the venue is its only judge.
        """

    async def place(self, placement: Placement, path: Path) -> Placed:
        """Place one order."""

    async def place_batch(self, placements: Sequence[Placement], path: Path) -> list[Placed | VenueError]:
        """Place 2 to `batch_max` orders of one symbol in one request; each row is taken or refused alone."""

    async def replace(self, order_id: str, placement: Placement, path: Path) -> Placed:
        """Cancel one order and place another in one request; the new one is known by its `userref`."""

    async def amend(
        self,
        order: Order,
        amendment: Amendment,
        deadline_ns: int,
        path: Path,
        may_leave: Callable[[], None] = whenever,
    ) -> None:
        """Change a live order in place; some venues want to be told again what stays as it is.

        `may_leave` is asked as that of a placement is.
        """

    def take_back(self, client_id: str) -> bool:
        """Keep a placement from leaving that waits on our side, together with all of its request.

        False where there is none or it has left. Whoever asked for it is told by a Refused.
        """

    async def cancel(self, keys: Sequence[OrderKey], path: Path) -> list[VenueError | None]:
        """Cancel orders; per key None where the venue took it, else its refusal, which is never a verdict."""

    async def cancel_all(self, path: Path) -> int:
        """Cancel every order of the account; returns how many the venue counted."""

    dead_man_by_symbol: bool
    """Whether the venue's dead-man switch is one for each symbol, so that a new one must be armed at once."""

    dead_man_spares_conditional: bool
    """Whether the switch leaves standing what waits for a trigger."""

    async def dead_man(self, timeout_s: int, symbols: Collection[str], path: Path) -> None:
        """Have the venue cancel all that the switch strikes unless called again in time; 0 disarms.

        `symbols` are those with orders of ours; a venue whose switch is for the account takes no notice.
        """

    async def find(
        self,
        key: OrderKey,
        since_ns: int,
        known: Collection[str] = (),
        leaving: Callable[[], None] | None = None,
    ) -> Sequence[OrderReport]:
        """What the venue knows of one order, open or closed, its fills first; nothing when it knows none.

        Asks REST, always let through. `since_ns` is Unix time of our decision: nothing older is searched.
        `known` are ids of fills that need not be told again. `leaving` is called when the first request
        leaves, which may be long after it was asked for: nothing it does not find was there before.
        """

    def market_qty_max(self, symbol: str) -> Decimal | None:
        """The largest quantity that one market order may have; None where there is no bound."""

    batch_max: int
    cancel_batch_max: int
    rest_deadline_min_s: float
    """The shortest deadline that REST takes; the engine gives what goes there at least that and its way."""


class RequestSession(Session, Protocol):
    """A session that carries requests and streams nothing."""

    poke: Callable[[], None]
    """Set by whoever drives it: carries out now what it wants done."""


class Account(Protocol):
    """Reads one account, by stream and by REST."""

    name: str
    kept_s: float | None
    """How long the venue keeps fills and bookings; None for ever. What is older is in no list of them."""

    @property
    def credential_failures(self) -> int:
        """How often the stream's credential could not be had, renewed or proven so far."""

    def session(self, emit: EmitAccount) -> AccountSession:
        """A new stream session of the account, not connected yet."""

    async def authorise(self, session: AccountSession) -> None:
        """Give a session a fresh credential, one request however many ask; done before every connect."""

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        """All open orders (Event.STANDS, `snapshot`)."""

    async def fetch_orders(self, order_ids: Sequence[str], purpose: Purpose) -> Sequence[OrderReport]:
        """Orders by the venue's ids, each preceded by the reports of its fills.

        One that is known here under another id is told under that; one that may be is left out until the
        venue can say.
        """

    async def fetch_fills(
        self, since_ns: int, purpose: Purpose, symbols: Collection[str] = ()
    ) -> Sequence[Fill]:
        """All fills from a Unix time on, oldest first, paged to the end; of these symbols, where any are
        named."""

    def comparable(self, asset: str) -> bool:
        """Whether stream and REST are known to call this asset by one name; what is not is not compared."""

    async def fetch_balances(self, purpose: Purpose) -> BalancesSnapshot:
        """All balances with what open orders hold, earn wallets apart."""

    async def fetch_ledger(self, since_ns: int, purpose: Purpose) -> Sequence[LedgerEntry]:
        """All bookings from a Unix time on, oldest first, paged to the end."""

    async def fetch_positions(self, purpose: Purpose) -> Sequence[Position]:
        """Open positions."""

    async def fetch_configuration(
        self, symbols: Sequence[str], purpose: Purpose
    ) -> AccountConfiguration | None:
        """How the account trades contracts, with these symbols; None where the venue has none."""

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """Set the leverage of a symbol's positions; returns what the venue set. Raises CheckFailed beyond
        what the symbol allows, and where the venue has no contracts."""

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Set how a symbol's positions are margined; already so is done. Raises CheckFailed as above."""

    async def set_hedge(self, on: bool) -> None:
        """Keep long and short positions apart, or not; already so is done. Raises CheckFailed as above."""

    def request_session(self) -> RequestSession | None:
        """The connection that carries requests, where it is not the account's stream; driven by who asks."""

    async def run(self) -> None:
        """What the account needs done beside its sessions as long as they live (credentials kept alive)."""


class AccountPorts(OrderEntry, Account, Protocol):
    """One account of a venue: what carries its requests and what reads it."""
