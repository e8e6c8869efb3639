"""What the engine knows of a venue: small protocols and a table of limits. Nothing here names a venue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from leadline.core.account_session import AccountSession, EmitAccount
from leadline.core.reach import Reach
from leadline.core.session import Emit, MarketSession
from leadline.errors import VenueError
from leadline.model.account import BalancesSnapshot, LedgerEntry, Position
from leadline.model.instrument import Instrument
from leadline.model.market import Bar, FrozenBook, Ticker, Trade, VenueStatus
from leadline.model.order import Amendment, Fill, OrderKey, OrderReport, OrderRequest
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

    @property
    def reach(self) -> Reach:
        """Whether what is asked by REST gets through."""

    async def load(self) -> None:
        """Fetch the reference data; must have returned once before anything else is asked."""

    def session(self, emit: Emit) -> MarketSession:
        """A new stream session, not connected yet, that reports to `emit`."""

    async def fetch_status(self, purpose: Purpose) -> VenueStatus:
        """The venue's mode."""

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        """Tickers of all the symbols in one request."""

    async def fetch_book(self, symbol: str, depth: int, purpose: Purpose) -> FrozenBook:
        """The top of one book; REST books carry no proof."""

    async def fetch_trades(self, symbol: str, since_ns: int, purpose: Purpose) -> list[Trade]:
        """One page of trades after a Unix time, oldest first; an empty list when there are none."""

    async def fetch_bars(self, symbol: str, interval_s: int, since_ns: int, purpose: Purpose) -> list[Bar]:
        """Candles from a Unix time on, oldest first, `complete` set on all that have ended."""


class Path(Enum):
    """The way a request takes; one that may have arrived on either is never repeated on the other."""

    STREAM = "stream"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Placement:
    """An order as it leaves: journalled already, under the name it can be found by.

    Either `client_id` goes to the venue or, where the venue refuses one beside a conditional close,
    `userref`. After `deadline_ns`, in venue time, the venue does not act on it any more.
    """

    client_id: str
    userref: int | None
    sent: OrderRequest
    deadline_ns: int


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

    def check(self, request: OrderRequest) -> None:
        """Hold a request against the instrument and the venue's rules; raises CheckFailed with the cure."""

    def check_amendment(self, symbol: str, amendment: Amendment) -> None:
        """The same for an amendment."""

    def needs_userref(self, request: OrderRequest) -> bool:
        """Whether the venue refuses a client id on this order, so that a userref must name it."""

    replaces_named: bool
    """Whether the venue replaces an order that bears a client id (Kraken does not: dossier §10.3)."""

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
        self, key: OrderKey, symbol: str, amendment: Amendment, deadline_ns: int, path: Path
    ) -> None:
        """Change a live order in place."""

    def take_back(self, client_id: str) -> bool:
        """Keep a placement from leaving that waits on our side, together with all of its request.

        False where there is none or it has left. Whoever asked for it is told by a Refused.
        """

    async def cancel(self, keys: Sequence[OrderKey], path: Path) -> list[VenueError | None]:
        """Cancel orders; per key None where the venue took it, else its refusal, which is never a verdict."""

    async def cancel_all(self, path: Path) -> int:
        """Cancel every order of the account; returns how many the venue counted."""

    async def dead_man(self, timeout_s: int, path: Path) -> None:
        """Have the venue cancel everything unless called again in time; 0 disarms."""

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

    batch_max: int
    cancel_batch_max: int
    rest_deadline_min_s: float
    """The shortest deadline that REST takes; the engine gives what goes there at least that and its way."""


class Account(Protocol):
    """Reads one account, by stream and by REST."""

    name: str

    def session(self, emit: EmitAccount) -> AccountSession:
        """A new stream session of the account, not connected yet."""

    async def authorise(self, session: AccountSession) -> None:
        """Give a session a fresh credential, one request however many ask; done before every connect."""

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        """All open orders (Event.STANDS, `snapshot`)."""

    async def fetch_orders(self, order_ids: Sequence[str], purpose: Purpose) -> Sequence[OrderReport]:
        """Orders by the venue's ids, each preceded by the reports of its fills."""

    async def fetch_fills(self, since_ns: int, purpose: Purpose) -> Sequence[Fill]:
        """All fills from a Unix time on, oldest first, paged to the end."""

    def comparable(self, asset: str) -> bool:
        """Whether stream and REST are known to call this asset by one name; what is not is not compared."""

    async def fetch_balances(self, purpose: Purpose) -> BalancesSnapshot:
        """All balances with what open orders hold, earn wallets apart."""

    async def fetch_ledger(self, since_ns: int, purpose: Purpose) -> Sequence[LedgerEntry]:
        """All bookings from a Unix time on, oldest first, paged to the end."""

    async def fetch_positions(self, purpose: Purpose) -> Sequence[Position]:
        """Open margin positions."""


class AccountPorts(OrderEntry, Account, Protocol):
    """One account of a venue: what carries its requests and what reads it."""
