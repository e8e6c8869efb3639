"""Requests that move money at Binance, each written once on the path it was told: implements `OrderEntry`.

Rule: nothing here repeats a request that may have arrived, and nothing here judges what became of an order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import AccountSession
from leadline.core.venue_time import VenueTime
from leadline.errors import (
    Acted,
    CheckFailed,
    Error,
    ProtocolError,
    RateLimited,
    Rejected,
    VenueDown,
    VenueError,
)
from leadline.model.order import Amendment, Order, OrderKey, OrderReport, OrderRequest
from leadline.net.http import Purpose
from leadline.net.keyed_http import Recall
from leadline.venues.binance import order_form, order_rules, trading_calls
from leadline.venues.binance.algo_orders import AlgoOrders
from leadline.venues.binance.api_requests import ApiRequests
from leadline.venues.binance.facts import Facts
from leadline.venues.binance.limits import OrderLimits
from leadline.venues.binance.order_cancels import CANCEL_BATCH_MAX, OrderCancels
from leadline.venues.binance.order_lookup import OrderLookup
from leadline.venues.binance.order_rules import BATCH_MAX
from leadline.venues.binance.refusals import TOO_MANY_ORDERS, code_of
from leadline.venues.binance.signed_rest import SignedRest
from leadline.venues.binance.symbols import SymbolTable
from leadline.venues.binance.trading_calls import TradingCall
from leadline.venues.ports import Action, Path, Placed, Placement, RequestSession, whenever

T = TypeVar("T")

FRESH_SHARE = 0.1
"""A switch that was armed within this share of its time is not armed again: each costs a weight of 10."""


class BinanceOrderEntry:
    """Implements `OrderEntry` over the signed REST and the WebSocket API.

    News of the account comes on another connection: requests leave on `request_session()` only while it
    flows there.
    """

    batch_max = BATCH_MAX
    cancel_batch_max = CANCEL_BATCH_MAX
    replaces_named = False
    sight_lag_s = 3.0
    """assumed: "briefly" is this at most; an early -2013 is no verdict (dossier §6.1, §14.1, §17.33)."""
    dead_man_by_symbol = True
    dead_man_spares_conditional = True
    rest_deadline_min_s = 0.0

    def __init__(
        self,
        rest: SignedRest,
        symbols: SymbolTable,
        venue_time: VenueTime,
        limits: OrderLimits,
        clock: Clock,
    ) -> None:
        self.algos = AlgoOrders()
        """Conditional orders, as all who hear of them know them."""
        self.mark_price: Callable[[str], Decimal | None] = lambda symbol: None
        self.open_orders: Callable[[str], int | None] = lambda symbol: None
        self._rest = rest
        self._symbols = symbols
        self._venue_time = venue_time
        self._limits = limits
        self._clock = clock
        self._api = ApiRequests(rest, limits, clock)
        self._lookup = OrderLookup(rest, symbols, self.algos, self.venue_ns)
        self._cancels = OrderCancels(rest, self._api, self._lookup, symbols)
        self._news: AccountSession | None = None
        self._recalls: dict[str, Recall] = {}
        """Of placements that go by REST and are not answered yet, by client id."""
        self._armed: dict[str, int | None] = {}
        """Contracts whose dead-man switch may be armed, and when it certainly was last (monotonic)."""
        rest.heard = lambda answer: limits.told_by_headers(answer.headers, answer.sent_ns, answer.received_ns)

    def request_session(self) -> RequestSession | None:
        """The connection of the WebSocket API, for whoever drives it."""
        return self._api.session

    def carry(self, session: AccountSession) -> None:
        """News of the account comes on this session from now on; without it nothing leaves on the stream."""
        self._news = session

    # Before anything is sent

    def check(self, request: OrderRequest) -> None:
        """Hold a request against the contract, the account and Binance's rules; raises CheckFailed."""
        instrument = self._symbols.instrument(request.symbol)
        filters = self._symbols.filters(instrument.symbol)
        facts = Facts(
            waiting=self.algos.waiting(),
            mark=self.mark_price(instrument.symbol),
            open_orders=self.open_orders(instrument.symbol),
        )
        order_rules.check(request, instrument, filters, facts, self.venue_ns())

    def check_amendment(self, order: Order, amendment: Amendment) -> None:
        """The same for a change of an order."""
        instrument = self._symbols.instrument(order.symbol)
        filters = self._symbols.filters(instrument.symbol)
        order_rules.check_amendment(order, amendment, instrument, filters)

    def spelled(self, symbol: str) -> str:
        """The contract's unified name; raises UnknownSymbol."""
        return self._symbols.instrument(symbol).symbol

    def market_qty_max(self, symbol: str) -> Decimal | None:
        """What MARKET_LOT_SIZE lets one market order have (§4.2)."""
        steps = self._symbols.filters(self._symbols.instrument(symbol).symbol).market_qty
        if not steps.maximum:
            return None
        beyond = (steps.maximum - steps.minimum) % steps.step if steps.step else Decimal(0)
        return steps.maximum - beyond

    def needs_userref(self, request: OrderRequest) -> bool:
        """Never: every order at Binance bears a client id."""
        return False

    def can_stream(self) -> bool:
        """Whether requests can leave on the WebSocket API now, and the account's news flows."""
        now_ns = self._clock.mono_ns()
        return self._news is not None and self._news.ready(now_ns) and self._api.session.ready(now_ns)

    def venue_ns(self) -> int:
        """Binance's clock now, in Unix nanoseconds; before it was ever heard, this machine's."""
        known_ns = self._venue_time.now_ns(self._clock.mono_ns())
        return self._clock.wall_ns() if known_ns is None else known_ns

    def passed(self, deadline_ns: int, margin_s: float) -> bool:
        """Whether Binance's clock is certainly beyond a deadline by a margin; false while it is unknown."""
        reached_ns = self._venue_time.at_least_ns(self._clock.mono_ns())
        return reached_ns is not None and reached_ns > deadline_ns + round(margin_s * NS_PER_S)

    def charge(self, symbol: str, action: Action, count: int = 1, touched_ns: int | None = None) -> float:
        """Seconds until `count` orders in one request fit the account's counts; at 0 they are charged."""
        return self._limits.charge(action, self._clock.mono_ns(), count)

    # Orders

    async def place(self, placement: Placement, path: Path) -> Placed:
        """Place one order; what is only to be validated always goes by REST, which alone has a test."""
        order_rules.check_client_id(placement.client_id)
        wire = self._symbols.wire(placement.sent.symbol)
        if placement.sent.validate:
            return await self._by_rest([placement], trading_calls.test(placement, wire))
        call = trading_calls.place(placement, wire)
        if path is Path.STREAM:
            return await self._counted(self._api.ask(call, Purpose.ORDER, placement.deadline_ns))
        return await self._by_rest([placement], call)

    async def place_batch(self, placements: Sequence[Placement], path: Path) -> list[Placed | VenueError]:
        """Place up to `batch_max` orders, each taken or refused alone.

        The WebSocket API has no batch and the batch of REST no order with a trigger (§6.6, §13): such are as
        many requests that leave together.
        """
        if len(placements) == 1:
            try:
                return [await self.place(placements[0], path)]
            except VenueError as error:
                return [error]
        order_rules.check_batch([placement.sent for placement in placements])
        for placement in placements:
            order_rules.check_client_id(placement.client_id)
        wires = [self._symbols.wire(placement.sent.symbol) for placement in placements]
        calls = [trading_calls.place(one, wire) for one, wire in zip(placements, wires, strict=True)]
        until_ns = min(placement.deadline_ns for placement in placements)
        if path is Path.STREAM:
            return [_row(one) for one in await self._api.ask_all(calls, Purpose.ORDER, until_ns)]
        if not any(order_form.is_conditional(placement.sent) for placement in placements):
            return await self._by_rest(placements, trading_calls.place_batch(placements, wires))
        return await self._one_by_one(placements, calls)

    async def _one_by_one(
        self, placements: Sequence[Placement], calls: Sequence[TradingCall[Placed]]
    ) -> list[Placed | VenueError]:
        """By REST, each once the one before was answered; until then it can be taken back by itself."""
        recalls = {each.client_id: Recall([each.may_leave]) for each in placements}
        self._recalls.update(recalls)
        rows: list[Placed | VenueError] = []
        try:
            for placement, call in zip(placements, calls, strict=True):
                recall = recalls[placement.client_id]
                try:
                    placed = await self._leaving(call, placement.deadline_ns, recall)
                    rows.append(placed)
                except Error as error:
                    rows.append(_row(error))
        finally:
            for name in recalls:
                del self._recalls[name]
        return rows

    async def replace(self, order_id: str, placement: Placement, path: Path) -> Placed:
        """Binance has no such request; raises CheckFailed."""
        raise CheckFailed(
            "Binance replaces no order in one request; amend it, or cancel it and place another"
        )

    async def amend(
        self,
        order: Order,
        amendment: Amendment,
        deadline_ns: int,
        path: Path,
        may_leave: Callable[[], None] = whenever,
    ) -> None:
        """Change a limit order, which keeps its id and loses its place.

        One that the venue has ended instead raises Rejected (MAYBE): how it ended is to be looked up.
        """
        call = trading_calls.amend(order, amendment, self._symbols.wire(order.symbol))
        if path is Path.STREAM:
            call = replace(call, may_leave=may_leave)
            stands = await self._counted(self._api.ask(call, Purpose.ORDER, deadline_ns))
        else:
            stands = await self._leaving(call, deadline_ns, Recall([may_leave]))
        if not stands:
            ended = Rejected("the venue has ended the order in place of changing it")
            ended.acted = Acted.MAYBE
            raise ended

    # Cancels

    def take_back(self, client_id: str) -> bool:
        """Keep a placement that waits for its turn by REST from leaving, and all that go in one request."""
        recall = self._recalls.get(client_id)
        return recall is not None and recall.take_back()

    async def cancel(self, keys: Sequence[OrderKey], path: Path) -> list[VenueError | None]:
        """Cancel orders; per key None where Binance took it, else its refusal, which is never a verdict."""
        return await self._cancels.cancel(keys, path)

    async def cancel_all(self, path: Path) -> int:
        """Cancel every order of the account, those with a trigger too; returns how many were open."""
        return await self._cancels.cancel_all()

    async def dead_man(self, timeout_s: int, symbols: Collection[str], path: Path) -> None:
        """Have Binance cancel the orders of these symbols unless called again in time; 0 disarms all.

        Its switch is for one symbol and REST only (§6.8). One whose orders are gone is disarmed: it would
        strike those that come later. assumed: orders with a trigger are not touched by it. What fails for one
        symbol is raised once all others were tried: VenueDown (MAYBE) where any of them is armed now.
        """
        wanted = {self._wire(symbol) for symbol in symbols} if timeout_s else set()
        old_ns = self._clock.mono_ns() - round(timeout_s * NS_PER_S * FRESH_SHARE)
        failed: Error | None = None
        armed = False
        for wire in sorted(wanted | self._armed.keys()):
            set_ns = self._armed.get(wire)
            if wire in wanted and set_ns is not None and set_ns > old_ns:
                continue
            try:
                await self._switch(wire, timeout_s if wire in wanted else 0)
                armed = armed or wire in wanted
            except Error as error:
                failed = failed or error
        if failed is not None and armed:
            raise _partly(failed) from failed
        if failed is not None:
            raise failed

    async def _switch(self, wire: str, timeout_s: int) -> None:
        """Arm the switch of one contract, or disarm it at 0; one whose answer was lost may be armed."""
        known = wire in self._armed
        if timeout_s:
            self._armed[wire] = None
        try:
            call = trading_calls.countdown(wire, timeout_s * 1000)
            await self._rest.ask(call.endpoint, Purpose.CANCEL)
        except Error as error:
            if _never(error) and (isinstance(error, Rejected) if not timeout_s else not known):
                self._armed.pop(wire, None)
            raise
        if timeout_s:
            self._armed[wire] = self._clock.mono_ns()
        else:
            self._armed.pop(wire, None)

    def _wire(self, symbol: str) -> str:
        """The venue's name; a symbol that is not listed (any more) is the venue's name already."""
        return symbol if self._symbols.get(symbol) is None else self._symbols.wire(symbol)

    async def find(
        self,
        key: OrderKey,
        since_ns: int,
        known: Collection[str] = (),
        leaving: Callable[[], None] | None = None,
    ) -> Sequence[OrderReport]:
        """What Binance knows of one order, open or closed, its fills first; nothing when it knows none."""
        return await self._lookup.find(key, since_ns, known, leaving)

    # Ways

    async def _by_rest(self, placements: Sequence[Placement], call: TradingCall[T]) -> T:
        recall = Recall(placement.may_leave for placement in placements)
        names = [placement.client_id for placement in placements]
        until_ns = min(placement.deadline_ns for placement in placements)
        self._recalls.update(dict.fromkeys(names, recall))
        try:
            return await self._leaving(call, until_ns, recall)
        finally:
            for name in names:
                del self._recalls[name]

    async def _leaving(self, call: TradingCall[T], until_ns: int, recall: Recall) -> T:
        asked = self._rest.ask(call.endpoint, Purpose.ORDER, until_ns=until_ns, recall=recall)
        return await self._counted(asked)

    async def _counted(self, request: Awaitable[T]) -> T:
        """Let the counts of orders know when the venue finds them exceeded; cancels do not wait for that."""
        try:
            return await request
        except RateLimited as error:
            if code_of(error) == TOO_MANY_ORDERS:
                self._limits.refused(error.text, self._clock.mono_ns())
            raise


def _row(outcome: Placed | Error) -> Placed | VenueError:
    """What came of one order of several; without an answer it may be there."""
    if isinstance(outcome, Placed | VenueError):
        return outcome
    error = VenueDown(f"{type(outcome).__name__}: {outcome}")
    error.acted = Acted.NO if _never(outcome) else Acted.MAYBE
    return error


def _never(error: Error) -> bool:
    """Whether an error proves that the venue has not acted."""
    return error.acted is Acted.NO and not isinstance(error, ProtocolError)


def _partly(failed: Error) -> VenueDown:
    """What was done for some and not for all."""
    error = VenueDown(f"not for every contract: {failed}")
    error.acted = Acted.MAYBE
    return error
