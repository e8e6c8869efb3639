"""Holds what the client says of its orders, fills and balances against the venue's own engine.

Rule: it knows the venue's engine and what left the client, and believes nothing the client says of itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.engine.order_news import Cause, OrderEvent, OrderNews
from leadline.engine.orders import Orders
from leadline.engine.records import AnyRecord, Intent
from leadline.model.account import Balance
from leadline.model.order import Order, OrderState, Provenance
from leadline.net.http import Request
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import (
    DUPLICATED,
    FILLS_DOUBLED,
    FILLS_MISSED,
    LOST,
    MISJUDGED,
    UNRESOLVED,
    Findings,
)

TAKEN_BACK = (OrderState.CANCELED, OrderState.EXPIRED)
UNDER_WAY_NS = 4 * NS_PER_S


class VenueOrder(Struct, frozen=True):
    """An order as it is at the venue, in the client's words."""

    order_id: str
    name: str
    """Under which the client has placed it; empty where it has not."""
    symbol: str
    status: str
    """In the venue's words."""
    states: tuple[OrderState, ...]
    """What it may be called; the first is the exact word."""
    qty: Decimal | None
    limit: Decimal | None
    filled: Decimal
    fills: frozenset[str]
    trackless: bool = False
    """Whether it was made and ended by the venue in such a way that a client need not know of it."""


class AccountJudge(ABC):
    """The judge of one account over all lives of its client."""

    def __init__(self, loop: VirtualLoop, findings: Findings, trace: Callable[..., None]) -> None:
        self._loop = loop
        self._findings = findings
        self._trace = trace
        self._durable: set[str] = set()
        """Names of the intents that are on the disk for good."""
        self._buried: dict[str, str] = {}
        """Names of which the client has said that no order of the venue bears them, and how."""
        self._buried_as: dict[str, str] = {}
        """The client id of each."""
        self._seen: dict[str, str] = {}
        """Venue order ids by their name."""
        self._told: Counter[tuple[str | None, str]] = Counter()
        """Matches by their order: one between two orders of the account bears one name for both."""
        self.happened_ns = 0
        """When anything last happened to the account at the venue."""

    # --- what the venue's own judge adds ---

    @abstractmethod
    def placed(self, text: str) -> set[str]:
        """The names of the orders that a text on an account's connection places."""

    @abstractmethod
    def placed_by_rest(self, request: Request) -> set[str]:
        """The names of the orders that a request places."""

    @abstractmethod
    def order(self, order_id: str) -> VenueOrder | None:
        """An order of the venue."""

    @abstractmethod
    def orders(self) -> Iterable[VenueOrder]:
        """Every order that the venue has ever had of the account."""

    @abstractmethod
    def owned(self) -> Mapping[str, Decimal]:
        """What the account owns, by asset."""

    # --- before anything leaves ---

    def born(self) -> None:
        """A new life of the client begins; a match that it tells anew is not told twice."""
        self._told.clear()

    def durable(self, record: AnyRecord) -> None:
        """A record is on the disk for good."""
        if isinstance(record, Intent):
            self._durable.add(_named(record.client_id, record.userref))

    def departing_text(self, text: str) -> None:
        """A text leaves on an account's connection."""
        self._leave(self.placed(text))

    def departing_request(self, request: Request) -> None:
        """A request leaves by REST."""
        self._leave(self.placed_by_rest(request))

    def _leave(self, names: set[str]) -> None:
        if unwritten := sorted(names - self._durable):
            self._add(
                LOST, "", f"{unwritten} left before the journal had it", "first the disk, then the wire"
            )

    # --- what the venue does ---

    @property
    def quiet(self) -> bool:
        """Whether all that happened to the account must have been told by now."""
        return self._loop.now_ns - self.happened_ns > UNDER_WAY_NS

    def entered(self, name: str, order_id: str, symbol: str, status: str) -> None:
        """The venue has, or has still, an order of that name."""
        known = self._seen.setdefault(name, order_id)
        if known != order_id:
            self._seen[name] = order_id
            self._add(DUPLICATED, symbol, f"{name} as {known} and {order_id}", "once")
        if name in self._buried:
            said = self._buried.pop(name)
            self._add(MISJUDGED, symbol, f"{name} {said}", f"the venue has it: {status}")

    # --- what the client says ---

    def heard(self, news: OrderNews) -> None:
        """An event of the client's orders, as a program gets it."""
        if not isinstance(news, OrderEvent) or news.cause is Cause.QUEUED:
            return
        order = news.order
        self._trace(self._loop.now_ns, order.client_id, news.cause.value, order.state.value)
        if news.fill is not None:
            self._told[order.order_id, news.fill.exec_id] += 1
        self._claim(order)

    def _claim(self, order: Order) -> None:
        venue = self.order(order.order_id or self._seen.get(_named(order.client_id, order.userref), ""))
        if venue is None:
            name = _named(order.client_id, order.userref)
            if order.state.final:
                self._buried[name] = f"{order.state.value} ({order.reason})"
                self._buried_as[name] = order.client_id
            elif order.state is OrderState.UNKNOWN:
                if self._buried_as.get(name) not in (None, order.client_id):
                    # the number of an order whose record died with its process, before anything had left
                    self._buried.pop(name, None)
            else:
                self._add(MISJUDGED, order.symbol, f"{_words(order)}", "the venue has no such order")
            return
        if order.state.final and order.state not in venue.states:
            self._add(MISJUDGED, order.symbol, f"{_words(order)} {order.reason}", f"it is {venue.status}")
        if order.filled_qty > venue.filled:
            true = f"{venue.filled} of {venue.order_id}"
            self._add(FILLS_DOUBLED, order.symbol, f"{order.filled_qty} filled", true)

    # --- the end ---

    def settle(self, orders: Orders, balances: Mapping[str, Balance]) -> None:
        """After the calm: everything must be as the venue has it, to the last digit."""
        known = {order.order_id: order for order in orders.orders() if order.order_id}
        theirs = {venue.order_id: venue for venue in self.orders()}
        for venue in theirs.values():
            order = known.get(venue.order_id)
            if order is None and venue.trackless:
                continue
            if order is None:
                self._add(LOST, venue.symbol, "not known", f"{venue.order_id} {venue.name}")
            else:
                self._compare(order, venue)
        for order in orders.orders():
            if order.state is OrderState.UNKNOWN or order.amending is not None:
                self._add(UNRESOLVED, order.symbol, _words(order), f"amending {order.amending}")
            elif order.order_id and order.order_id not in theirs:
                self._add(MISJUDGED, order.symbol, _words(order), "the venue has no such order")
        for symbol, why in orders.halts().items():
            self._add(UNRESOLVED, symbol, f"halted: {why}", "reconciled")
        for asset, units in self.owned().items():
            told = balances[asset].total if asset in balances else Decimal(0)
            if told != units:
                self._add(FILLS_MISSED, asset, f"balance {told}", units)

    def _compare(self, order: Order, venue: VenueOrder) -> None:
        true = (venue.states[0], venue.qty, venue.limit)
        told = (order.state, order.qty, order.limit_price)
        # what an order that was taken back had been for is nobody's concern
        same_qty = venue.qty is None or told[1] == venue.qty or order.state in TAKEN_BACK
        if not (told[0] in venue.states and same_qty) or venue.limit not in (None, told[2]):
            self._add(MISJUDGED, order.symbol, f"{order.order_id} {told}", true)
        if venue.name and order.provenance is not Provenance.OURS:
            self._add(LOST, order.symbol, f"{order.order_id} is {order.provenance.value}", "ours")
        ours = Counter(fill.exec_id for fill in order.fills)
        if missing := venue.fills - ours.keys():
            seen = f"{order.order_id} without {sorted(missing)}"
            self._add(FILLS_MISSED, order.symbol, seen, len(venue.fills))
        doubled = [
            one
            for one, times in ours.items()
            if times > 1 or one not in venue.fills or self._told[order.order_id, one] > 1
        ]
        if doubled:
            self._add(FILLS_DOUBLED, order.symbol, f"{order.order_id} {sorted(doubled)}", "each once")

    def _add(self, kind: str, symbol: str, seen: object, true: object) -> None:
        self._findings.add(kind, symbol, seen, true, self._loop.now_ns)


def _named(client_id: str, userref: int | None) -> str:
    """Under which name the venue gets an order of ours."""
    return client_id if userref is None else str(userref)


def _words(order: Order) -> str:
    return (
        f"{order.order_id or order.client_id} {order.state.value}, {order.filled_qty} of {order.qty} filled"
    )
