"""A tiny venue that does to each request what a script says, and tells of it when told to.

It keeps the ports' contracts and the truth about its orders; it matches nothing by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from enum import Enum
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import AccountSession, EmitAccount
from leadline.errors import CheckFailed, ConnectFailed, ConnectionLost, Error, Refused, Rejected, VenueError
from leadline.model.account import (
    AccountConfiguration,
    BalancesSnapshot,
    LedgerEntry,
    MarginMode,
    Position,
    SymbolConfiguration,
)
from leadline.model.instrument import Instrument
from leadline.model.order import (
    Amendment,
    Fill,
    Order,
    OrderKey,
    OrderReport,
    OrderRequest,
)
from leadline.net.http import Purpose
from leadline.venues.memory import MemoryReference
from leadline.venues.memory_orders import MemoryOrders
from leadline.venues.memory_session import MemoryAccountSession
from leadline.venues.ports import Action, Path, Placed, Placement, RequestSession, whenever

T = TypeVar("T")


class Outcome(Enum):
    """What becomes of one request; an Error in its place is raised and nothing else happens."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"  # acted upon, the answer lost with the connection
    LOST = "lost"  # never arrives, and the connection is lost
    LATE = "late"  # the connection is lost, and it arrives when `arrive` is called
    SLOW = "slow"  # acted upon at once, answered when `release` is called
    UNSENT = "unsent"  # nothing leaves
    QUEUED = "queued"  # leaves when `depart` is called, unless it was taken back


class Sent(Struct, frozen=True):
    """One request as it left the client."""

    action: Action
    path: Path
    names: tuple[str, ...]
    """Client ids of placements, else what the order was called by; empty for all orders."""


class MemoryAccount:
    """OrderEntry and Account over `orders`, the truth.

    `sessions` are those that were made, ready `from_snapshots` on where that is set; `carrying` is the one
    that requests leave on. `script` holds the outcomes of the requests to come (empty: ANSWERED), `rows` what
    the next batch's orders are refused with (a shorter list leaves orders out of request and answer); `sent`
    holds what has left. `failing` is raised by every look-up and read while set. `room_s` is what the order
    counter answers. The venue's clock is ours plus `offset_ns`, to within `uncertain_ns`, and unknown while
    `clock_known` is false. A look-up sees the orders as it begins, `queue_s` after it was asked for, and
    answers after `search_s` seconds.
    """

    name = "memory"
    kept_s: float | None = None
    market_max: Decimal | None = None
    credential_failures = 0
    batch_max = 15
    cancel_batch_max = 50
    replaces_named = True
    sight_lag_s = 1.0
    dead_man_by_symbol = False
    dead_man_spares_conditional = False
    rest_deadline_min_s = 2.0

    def __init__(self, clock: Clock, symbols: Sequence[str]) -> None:
        self._clock = clock
        self.reference = MemoryReference(symbols)
        self.orders = MemoryOrders(self.venue_ns)
        self.script: deque[Outcome | Error] = deque()
        self.rows: list[VenueError | None] = []
        self.sent: list[Sent] = []
        self.failing: Error | None = None
        self.streaming = True
        self.room_s = 0.0
        self.charged: list[tuple[Action, int]] = []
        self.offset_ns = 0
        self.uncertain_ns = 0
        self.clock_known = True
        self.finds: list[OrderKey] = []
        self.search_s = self.queue_s = 0.0
        self.balances = BalancesSnapshot(())
        self.ledger: list[LedgerEntry] = []
        self.positions: list[Position] = []
        self.configuration: AccountConfiguration | None = None
        """How contracts are traded; None for an account that trades none."""
        self.authorised_for: list[AccountSession] = []
        self.unlisted: set[str] = set()
        """Assets that stream and REST may call by different names."""
        self.carrying: AccountSession | None = None
        self.sessions: list[MemoryAccountSession] = []
        self.from_snapshots = False
        self.mark_price: Callable[[str], Decimal | None] = lambda symbol: None
        self.open_orders: Callable[[str], int | None] = lambda symbol: None
        self.dead_man_s: int | None = None
        self.dead_man_symbols: frozenset[str] = frozenset()
        self._travelling: list[tuple[int, Callable[[], object]]] = []
        self._slow: deque[asyncio.Future[None]] = deque()
        self._queued: list[tuple[tuple[str, ...], asyncio.Future[None]]] = []

    # --- what a test does to it ---

    def arrive(self) -> None:
        """Let everything that is late arrive; what is past its deadline is dropped, as the venue would."""
        travelling, self._travelling = self._travelling, []
        for deadline_ns, act in travelling:
            if self.venue_ns() <= deadline_ns:
                act()

    def release(self) -> None:
        """Answer every request that was slow."""
        while self._slow:
            waiter = self._slow.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def depart(self) -> None:
        """Let every request leave that is queued."""
        for _, waiter in self._queued:
            if not waiter.done():
                waiter.set_result(None)

    # --- OrderEntry ---

    def check(self, request: OrderRequest) -> None:
        instrument = self.reference.instrument(request.symbol)
        _check_steps(instrument, request.qty, request.limit_price)

    def check_amendment(self, order: Order, amendment: Amendment) -> None:
        _check_steps(self.reference.instrument(order.symbol), amendment.qty, amendment.limit_price)

    def spelled(self, symbol: str) -> str:
        """A symbol has one spelling."""
        return symbol

    def market_qty_max(self, symbol: str) -> Decimal | None:
        """The largest market order."""
        return self.market_max

    def needs_userref(self, request: OrderRequest) -> bool:
        return request.close is not None

    def carry(self, session: AccountSession) -> None:
        self.carrying = session

    def can_stream(self) -> bool:
        return self.streaming

    def venue_ns(self) -> int:
        return self._clock.wall_ns() + self.offset_ns

    def passed(self, deadline_ns: int, margin_s: float) -> bool:
        reached_ns = self.venue_ns() - self.uncertain_ns
        return self.clock_known and reached_ns > deadline_ns + round(margin_s * NS_PER_S)

    def charge(self, symbol: str, action: Action, count: int = 1, touched_ns: int | None = None) -> float:
        if action is not Action.CANCEL and self.room_s > 0:
            return self.room_s
        self.charged.append((action, count))
        return 0.0

    async def place(self, placement: Placement, path: Path) -> Placed:
        return await self._request(
            Action.ADD,
            path,
            (placement.client_id,),
            placement.deadline_ns,
            self._placing(placement),
            [placement.may_leave],
        )

    async def place_batch(self, placements: Sequence[Placement], path: Path) -> list[Placed | VenueError]:
        acts = [self._placing(placement) for placement in placements]
        names = tuple(placement.client_id for placement in placements)
        until_ns = min(placement.deadline_ns for placement in placements)
        rows, self.rows = self.rows or [None] * len(acts), []
        return await self._request(
            Action.ADD,
            path,
            names,
            until_ns,
            lambda: [refusal or act() for refusal, act in zip(rows, acts, strict=False)],
            [placement.may_leave for placement in placements],
        )

    async def replace(self, order_id: str, placement: Placement, path: Path) -> Placed:
        def act() -> Placed:
            self.orders.cancel(OrderKey(order_id), "Order replaced")
            return self._placing(placement)()

        return await self._request(
            Action.REPLACE,
            path,
            (placement.client_id,),
            placement.deadline_ns,
            act,
            [placement.may_leave],
        )

    async def amend(
        self,
        order: Order,
        amendment: Amendment,
        deadline_ns: int,
        path: Path,
        may_leave: Callable[[], None] = whenever,
    ) -> None:
        key = order.key
        refusal = await self._request(
            Action.AMEND,
            path,
            _names([key]),
            deadline_ns,
            lambda: self.orders.amend(key, amendment),
            [may_leave],
        )
        if refusal is not None:
            raise refusal

    def take_back(self, client_id: str) -> bool:
        for names, waiter in self._queued:
            if client_id in names and (not waiter.done() or waiter.exception() is not None):
                if not waiter.done():
                    waiter.set_exception(Refused("it was taken back"))
                return True
        return False

    async def cancel(self, keys: Sequence[OrderKey], path: Path) -> list[VenueError | None]:
        until_ns = self.venue_ns() + 60 * NS_PER_S
        return await self._request(
            Action.CANCEL, path, _names(keys), until_ns, lambda: [self.orders.cancel(key) for key in keys]
        )

    async def cancel_all(self, path: Path) -> int:
        until_ns = self.venue_ns() + 60 * NS_PER_S
        return await self._request(Action.CANCEL, path, (), until_ns, self.orders.cancel_all)

    async def dead_man(self, timeout_s: int, symbols: Collection[str], path: Path) -> None:
        def act() -> None:
            self.dead_man_s, self.dead_man_symbols = timeout_s, frozenset(symbols)

        await self._request(Action.CANCEL, path, (), self.venue_ns() + 60 * NS_PER_S, act)

    async def find(
        self,
        key: OrderKey,
        since_ns: int,
        known: Collection[str] = (),
        leaving: Callable[[], None] | None = None,
    ) -> Sequence[OrderReport]:
        self.finds.append(key)
        await self._clock.sleep(self.queue_s)
        if leaving is not None:
            leaving()
        order = self.orders.known(key)
        found = [] if order is None or order.created_ns < since_ns else order.described()
        await self._clock.sleep(self.search_s)
        self._raise_failure()
        return found

    def _placing(self, placement: Placement) -> Callable[[], Placed]:
        if placement.sent.validate:
            return lambda: Placed("")
        return lambda: Placed(self.orders.place(placement).order_id)

    async def _request(
        self,
        action: Action,
        path: Path,
        names: tuple[str, ...],
        deadline_ns: int,
        act: Callable[[], T],
        may_leave: Iterable[Callable[[], None]] = (),
    ) -> T:
        outcome = self.script.popleft() if self.script else Outcome.ANSWERED
        if outcome is Outcome.UNSENT or (path is Path.STREAM and not self.streaming):
            raise ConnectFailed("the venue was not reached")
        if outcome is Outcome.QUEUED:
            await self._turn(names)
        for ask in may_leave:
            ask()
        self.sent.append(Sent(action, path, names))
        await self._clock.sleep(0)
        if isinstance(outcome, Error):
            raise outcome
        if outcome is Outcome.LATE:
            self._travelling.append((deadline_ns, act))
        if outcome in (Outcome.LATE, Outcome.LOST):
            raise ConnectionLost("the connection was lost")
        if self.venue_ns() > deadline_ns:
            raise Rejected("EService:Deadline elapsed")
        answer = act()
        if outcome is Outcome.UNANSWERED:
            raise ConnectionLost("the connection was lost before the answer came")
        if outcome is Outcome.SLOW:
            self._slow.append(asyncio.get_running_loop().create_future())
            await self._slow[-1]
        return answer

    async def _turn(self, names: tuple[str, ...]) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (names, waiter)
        self._queued.append(entry)
        try:
            await waiter
        finally:
            self._queued.remove(entry)

    def _raise_failure(self) -> None:
        if self.failing is not None:
            raise self.failing

    # --- Account ---

    def session(self, emit: EmitAccount) -> MemoryAccountSession:
        session = MemoryAccountSession(emit, from_snapshots=self.from_snapshots)
        self.sessions.append(session)
        return session

    async def authorise(self, session: AccountSession) -> None:
        self._raise_failure()
        self.authorised_for.append(session)

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        self._raise_failure()
        return [order.stands() for order in self.orders.every if not order.state.final]

    async def fetch_orders(self, order_ids: Sequence[str], purpose: Purpose) -> Sequence[OrderReport]:
        self._raise_failure()
        found = [self.orders.known(OrderKey(order_id)) for order_id in order_ids]
        return [report for order in found if order is not None for report in order.described()]

    async def fetch_fills(
        self, since_ns: int, purpose: Purpose, symbols: Collection[str] = ()
    ) -> Sequence[Fill]:
        self._raise_failure()
        every = [fill for order in self.orders.every for fill in order.fills]
        fills = [fill for fill in every if not symbols or fill.symbol in symbols]
        return sorted((fill for fill in fills if _when(fill) >= since_ns), key=_when)

    def comparable(self, asset: str) -> bool:
        return asset not in self.unlisted

    async def fetch_balances(self, purpose: Purpose) -> BalancesSnapshot:
        self._raise_failure()
        return self.balances

    async def fetch_ledger(self, since_ns: int, purpose: Purpose) -> Sequence[LedgerEntry]:
        self._raise_failure()
        return [entry for entry in self.ledger if (entry.venue_ns or 0) >= since_ns]

    async def fetch_positions(self, purpose: Purpose) -> Sequence[Position]:
        self._raise_failure()
        return tuple(self.positions)

    async def fetch_configuration(
        self, symbols: Sequence[str], purpose: Purpose
    ) -> AccountConfiguration | None:
        self._raise_failure()
        return self.configuration

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        await self._configure(symbol, lambda known: replace(known, leverage=leverage))
        return leverage

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        await self._configure(symbol, lambda known: replace(known, margin_mode=mode))

    async def set_hedge(self, on: bool) -> None:
        self._raise_failure()
        self.configuration = replace(self._contracts(), hedge=on)

    def request_session(self) -> RequestSession | None:
        return None

    async def run(self) -> None:
        """Nothing is done beside the sessions."""

    def _contracts(self) -> AccountConfiguration:
        if self.configuration is None:
            raise CheckFailed("this account trades no contracts")
        return self.configuration

    async def _configure(
        self, symbol: str, change: Callable[[SymbolConfiguration], SymbolConfiguration]
    ) -> None:
        self._raise_failure()
        configuration = self._contracts()
        known = {each.symbol: each for each in configuration.symbols}
        before = known.get(symbol, SymbolConfiguration(symbol, 1, MarginMode.CROSS))
        known[symbol] = change(before)
        self.configuration = replace(configuration, symbols=tuple(known.values()))


def _when(fill: Fill) -> int:
    return fill.venue_ns or 0


def _names(keys: Sequence[OrderKey]) -> tuple[str, ...]:
    return tuple(key.order_id or key.client_id or str(key.userref) for key in keys)


def _check_steps(instrument: Instrument, qty: Decimal | None, price: Decimal | None) -> None:
    try:
        if qty is not None:
            instrument.qty_units(qty)
        if price is not None:
            instrument.price_units(price)
    except ValueError as error:
        raise CheckFailed(f"{instrument.symbol}: {error}") from error
