"""Requests that move money at Kraken, each written once on the path it was told: implements `OrderEntry`.

Rule: nothing here repeats a request that may have arrived, and nothing here judges what became of an order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from decimal import Decimal
from typing import TypeVar

from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import AccountSession, EmitAccount
from leadline.core.venue_time import VenueTime
from leadline.errors import (
    Acted,
    ConnectFailed,
    Error,
    RateLimited,
    Rejected,
    UnknownSymbol,
    VenueDown,
    VenueError,
)
from leadline.model.order import Amendment, Order, OrderKey, OrderReport, OrderRequest
from leadline.net.http import Purpose
from leadline.net.keyed_http import Recall
from leadline.venues.kraken import answers, order_rules, order_wire, rest_trading
from leadline.venues.kraken.account_session import KrakenAccountSession
from leadline.venues.kraken.answers import Answer, CancelAnswers
from leadline.venues.kraken.limits import KeyLimits
from leadline.venues.kraken.order_lookup import OrderLookup
from leadline.venues.kraken.order_wire import Members
from leadline.venues.kraken.private_rest import PrivateRest
from leadline.venues.kraken.rest_private import PrivateEndpoint
from leadline.venues.kraken.rest_trading import BATCH_MAX, CANCEL_BATCH_MAX
from leadline.venues.kraken.stream_requests import StreamRequests
from leadline.venues.kraken.symbols import SymbolTable
from leadline.venues.ports import Action, Path, Placed, Placement, whenever
from leadline.venues.unanswered import raise_unanswered

T = TypeVar("T")


class KrakenOrderEntry:
    """Implements `OrderEntry` over the private REST and, once `carry` was called, a private stream."""

    batch_max = BATCH_MAX
    cancel_batch_max = CANCEL_BATCH_MAX
    replaces_named = False
    sight_lag_s = 1.0
    """assumed: nothing is known of how long it takes; a second is generous for one place that knows all."""
    dead_man_by_symbol = False
    dead_man_spares_conditional = False
    rest_deadline_min_s = 2.0
    """Dossier §14.3: a deadline by REST lies at least so far ahead."""

    def __init__(
        self,
        rest: PrivateRest,
        lookup: OrderLookup,
        venue_time: VenueTime,
        symbols: SymbolTable,
        limits: KeyLimits,
        clock: Clock,
    ) -> None:
        self._rest = rest
        self._lookup = lookup
        self._venue_time = venue_time
        self._symbols = symbols
        self._limits = limits
        self._clock = clock
        self.mark_price: Callable[[str], Decimal | None] = lambda symbol: None
        self.open_orders: Callable[[str], int | None] = lambda symbol: None
        self._charged: set[str] = set()
        self._recalls: dict[str, Recall] = {}
        """Of placements that go by REST and are not answered yet, by client id."""
        self._stream: StreamRequests | None = None

    def session(self, emit: EmitAccount) -> AccountSession:
        """A new stream session, not connected yet."""
        return KrakenAccountSession(emit, self._venue_time, self._limit_told)

    def carry(self, session: AccountSession) -> None:
        """Requests leave on this session from now on; those on another wait for their answers there."""
        assert isinstance(session, KrakenAccountSession), "a session of another account"
        self._stream = StreamRequests(session, self._clock, self._rest.audit)

    def _limit_told(self, max_rate_count: int) -> None:
        self._limits.learned(max_rate_count, self._clock.mono_ns())

    # Before anything is sent

    def check(self, request: OrderRequest) -> None:
        """Hold a request against the instrument and Kraken's rules; raises CheckFailed with the cure."""
        order_rules.check(request, self._symbols.instrument(request.symbol), self.venue_ns())

    def check_amendment(self, order: Order, amendment: Amendment) -> None:
        """The same for an amendment."""
        order_rules.check_amendment(amendment, self._symbols.instrument(order.symbol))

    def spelled(self, symbol: str) -> str:
        """The pair's own name; raises UnknownSymbol."""
        return self._symbols.instrument(symbol).symbol

    def market_qty_max(self, symbol: str) -> Decimal | None:
        """Kraken names no bound."""
        return None

    def needs_userref(self, request: OrderRequest) -> bool:
        """Whether Kraken refuses a client id on this order: beside a conditional close (dossier §10.1)."""
        return order_rules.needs_userref(request)

    def can_stream(self) -> bool:
        """Whether requests can leave on the stream now: connected, authorised, account news flowing."""
        return self._stream is not None and self._stream.ready

    def venue_ns(self) -> int:
        """Kraken's clock now, in Unix nanoseconds; before it was ever heard, this machine's."""
        known_ns = self._venue_time.now_ns(self._clock.mono_ns())
        return self._clock.wall_ns() if known_ns is None else known_ns

    def passed(self, deadline_ns: int, margin_s: float) -> bool:
        """Whether Kraken's clock is certainly beyond a deadline by a margin; false while it is unknown."""
        reached_ns = self._venue_time.at_least_ns(self._clock.mono_ns())
        return reached_ns is not None and reached_ns > deadline_ns + round(margin_s * NS_PER_S)

    def charge(self, symbol: str, action: Action, count: int = 1, touched_ns: int | None = None) -> float:
        """Seconds until `count` actions in one request fit the symbol's order counter; at 0 they are charged.

        A cancel is never kept waiting and always counted.
        """
        now_ns = self._clock.mono_ns()
        self._charged.add(symbol)
        if touched_ns is not None:
            touched_ns -= self._way_ns(now_ns)
        if action is Action.CANCEL:
            self._limits.cancelled(symbol, now_ns, touched_ns, count)
            return 0.0
        return self._limits.charge(symbol, action, now_ns, touched_ns, count)

    def _way_ns(self, now_ns: int) -> int:
        """What an order is older for Kraken than for us: its news has taken its way, as a request will."""
        bounds = self._venue_time.bounds_ns(now_ns)
        return 0 if bounds is None else bounds[1] - bounds[0]

    # Orders

    async def place(self, placement: Placement, path: Path) -> Placed:
        """Place one order."""
        symbol = placement.sent.symbol
        if path is Path.STREAM:
            return await self._of_pair(
                symbol, self._streamed("add_order", order_wire.add_order(placement), answers.placed)
            )
        endpoint = rest_trading.add_order(placement, self._rest_pair(symbol))
        return await self._of_pair(symbol, self._by_rest([placement], endpoint))

    async def place_batch(self, placements: Sequence[Placement], path: Path) -> list[Placed | VenueError]:
        """Place up to `batch_max` orders of one symbol in one request; one alone goes as an order."""
        if len(placements) == 1:
            try:
                return [await self.place(placements[0], path)]
            except VenueError as error:
                return [error]
        order_rules.check_batch([placement.sent for placement in placements])
        symbol = placements[0].sent.symbol
        if path is Path.REST:
            endpoint = rest_trading.add_order_batch(placements, self._rest_pair(symbol))
            return await self._of_pair(symbol, self._by_rest(placements, endpoint))
        names = [placement.client_id for placement in placements]

        def read(answer: Answer, wall_ns: int) -> list[Placed | VenueError]:
            return answers.batch_rows(answer, names, wall_ns)

        return await self._of_pair(
            symbol, self._streamed("batch_add", order_wire.batch_add(placements), read)
        )

    async def replace(self, order_id: str, placement: Placement, path: Path) -> Placed:
        """Cancel one order and place another in one request; the new one is known by its `userref`."""
        symbol = placement.sent.symbol
        if path is Path.STREAM:
            params = order_wire.edit_order(order_id, placement)
            return await self._of_pair(symbol, self._streamed("edit_order", params, answers.placed))
        endpoint = rest_trading.edit_order(order_id, placement, self._rest_pair(symbol))
        return await self._of_pair(symbol, self._by_rest([placement], endpoint))

    async def amend(
        self,
        order: Order,
        amendment: Amendment,
        deadline_ns: int,
        path: Path,
        may_leave: Callable[[], None] = whenever,
    ) -> None:
        """Change a live order in place."""
        if path is Path.STREAM:
            params = order_wire.amend_order(order.key, amendment, deadline_ns)
            await self._of_pair(order.symbol, self._streamed("amend_order", params, answers.taken))
            return
        endpoint = rest_trading.amend_order(order.key, amendment, deadline_ns)
        await self._of_pair(order.symbol, self._rest.ask(endpoint, Purpose.ORDER, Recall([may_leave])))

    # Cancels

    def take_back(self, client_id: str) -> bool:
        """Keep a placement that waits for its turn by REST from leaving, and all that go in one request."""
        recall = self._recalls.get(client_id)
        return recall is not None and recall.take_back()

    async def cancel(self, keys: Sequence[OrderKey], path: Path) -> list[VenueError | None]:
        """Cancel orders; per key None where Kraken took it, else its refusal, which is never a verdict."""
        if path is Path.REST:
            return await self._cancel_by_rest(keys)
        told = CancelAnswers(keys)

        def take(answer: Answer) -> bool:
            told.take(answer, self._clock.wall_ns())
            return told.complete

        await self._ask("cancel_order", order_wire.cancel_order(keys), Purpose.CANCEL, take)
        return await self._past_the_counter(keys, told.outcomes())

    async def _past_the_counter(
        self, keys: Sequence[OrderKey], outcomes: list[VenueError | None]
    ) -> list[VenueError | None]:
        """Ask for those that the order counter refused as a batch, which it never does (dossier §12)."""
        limited = [key for key, error in zip(keys, outcomes, strict=True) if isinstance(error, RateLimited)]
        if len(limited) < 2:
            return outcomes
        params = order_wire.batch_cancel(limited)
        try:
            count = await self._streamed("batch_cancel", params, answers.cancelled_count, Purpose.CANCEL)
        except ConnectFailed as error:  # what was asked before had left
            raise_unanswered([*outcomes, error])
            raise
        again = dict(zip(limited, _counted(count, len(limited)), strict=True))
        return [again.get(key, error) for key, error in zip(keys, outcomes, strict=True)]

    async def _cancel_by_rest(self, keys: Sequence[OrderKey]) -> list[VenueError | None]:
        """Those whose id at the venue is known in one request, the others one by one.

        All are sent whatever becomes of one; what got no answer is raised after that.
        """
        outcomes: dict[OrderKey, VenueError | None] = {}
        lost: list[Error] = []
        known = [key for key in keys if key.order_id is not None]
        if len(known) > 1:
            endpoint = rest_trading.cancel_order_batch([key.order_id for key in known if key.order_id])
            try:
                told = _counted(await self._rest.ask(endpoint, Purpose.CANCEL), len(known))
                outcomes.update(zip(known, told, strict=True))
            except VenueError as error:
                outcomes.update(dict.fromkeys(known, error))
            except Error as error:
                lost.append(error)
        for key in keys:
            if key in outcomes or (key in known and len(known) > 1):
                continue
            try:
                outcomes[key] = await self._cancel_one(key)
            except Error as error:
                lost.append(error)
        raise_unanswered([*outcomes.values(), *lost])
        return [outcomes[key] for key in keys]

    async def _cancel_one(self, key: OrderKey) -> VenueError | None:
        try:
            count = await self._rest.ask(rest_trading.cancel_order(key), Purpose.CANCEL)
        except VenueError as error:
            return error
        return None if count else _none_cancelled(0, 1)

    async def cancel_all(self, path: Path) -> int:
        """Cancel every order of the account; returns how many Kraken counted."""
        self._count_for_all()
        if path is Path.STREAM:
            return await self._streamed("cancel_all", (), answers.cancelled_count, Purpose.CANCEL)
        return await self._rest.ask(rest_trading.cancel_all(), Purpose.CANCEL)

    async def dead_man(self, timeout_s: int, symbols: Collection[str], path: Path) -> None:
        """Have Kraken cancel everything of the account unless called again in time; 0 disarms."""
        self._count_for_all()
        if path is Path.STREAM:
            params = order_wire.cancel_all_orders_after(timeout_s)
            await self._streamed("cancel_all_orders_after", params, answers.taken, Purpose.CANCEL)
        else:
            await self._rest.ask(rest_trading.cancel_all_orders_after(timeout_s), Purpose.CANCEL)

    def _count_for_all(self) -> None:
        self._limits.all_cancelled(frozenset(self._charged), self._clock.mono_ns())

    async def find(
        self,
        key: OrderKey,
        since_ns: int,
        known: Collection[str] = (),
        leaving: Callable[[], None] | None = None,
    ) -> Sequence[OrderReport]:
        """What Kraken knows of one order, open or closed, its fills first; nothing when it knows none."""
        return await self._lookup.find(key, since_ns, known, leaving)

    # Ways

    async def _by_rest(self, placements: Sequence[Placement], endpoint: PrivateEndpoint[T]) -> T:
        recall = Recall(placement.may_leave for placement in placements)
        names = [placement.client_id for placement in placements]
        self._recalls.update(dict.fromkeys(names, recall))
        try:
            return await self._rest.ask(endpoint, Purpose.ORDER, recall)
        finally:
            for name in names:
                del self._recalls[name]

    async def _streamed(
        self,
        method: str,
        params: Members,
        read: Callable[[Answer, int], T],
        purpose: Purpose = Purpose.ORDER,
    ) -> T:
        """The one answer to a request on the stream, as `read` understands it."""
        told: list[T] = []

        def take(answer: Answer) -> bool:
            told.append(read(answer, self._clock.wall_ns()))
            return True

        await self._ask(method, params, purpose, take)
        return told[0]

    async def _ask(
        self, method: str, params: Members, purpose: Purpose, take: Callable[[Answer], bool]
    ) -> None:
        if self._stream is None:
            raise ConnectFailed("the private stream was never opened")
        try:
            await self._stream.ask(method, params, purpose, take)
        except VenueDown as error:
            if error.acted is Acted.MAYBE:  # overload or a fault of the venue, not a mode of its market
                self._rest.breaker.failed(error.text, self._clock.mono_ns())
            raise

    async def _of_pair(self, symbol: str, request: Awaitable[T]) -> T:
        """Let the pair's counter know when the venue finds it exceeded; no other pair waits for that."""
        try:
            return await request
        except RateLimited as error:
            if error.text.startswith("EOrder:"):
                self._limits.refused(symbol, self._clock.mono_ns())
            raise

    def _rest_pair(self, symbol: str) -> str:
        names = self._symbols.names(symbol)
        if names is None:  # the stream has listed it since the last load, and told no REST name
            raise UnknownSymbol(symbol)
        return names.rest_key


def _counted(count: int, asked: int) -> list[VenueError | None]:
    """What a mere count says of each: all were cancelled, or it is open which."""
    return [None if count >= asked else _none_cancelled(count, asked) for _ in range(asked)]


def _none_cancelled(count: int, asked: int) -> VenueError:
    error = Rejected(f"Kraken cancelled {count} of {asked} and does not say which")
    error.acted = Acted.MAYBE if count else Acted.NO
    return error
