"""Holds what the client says of its orders, fills and balances against the venue's own engine.

Rule: it knows the venue's engine and what left the client, and believes nothing the client says of itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from leadline.clock import NS_PER_S
from leadline.emulator.accounts import Account
from leadline.emulator.market import Market
from leadline.emulator.orders import AccountOrder, Execution, LedgerEntry
from leadline.engine.order_news import Cause, OrderEvent, OrderNews
from leadline.engine.orders import Orders
from leadline.engine.records import AnyRecord, Intent
from leadline.model.account import Balance
from leadline.model.order import Order, OrderState, Provenance
from leadline.net.http import Request
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Arrival
from leadline.simulation.report import (
    DUPLICATED,
    FILLS_DOUBLED,
    FILLS_MISSED,
    LOST,
    MISJUDGED,
    UNRESOLVED,
    Findings,
)

_PLACING = re.compile(r'"method":"(add_order|batch_add|edit_order)"')
_PLACED_BY_REST = ("AddOrder", "AddOrderBatch", "EditOrder")
_CLIENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_USERREF = re.compile(r'(?:order_userref"?:|userref"?[=:]"?)(\d+)')
_SEQUENCE = re.compile(r'"sequence":(\d+)')
_ENDS = {
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
}
_TAKEN_BACK = (OrderState.CANCELED, OrderState.EXPIRED)
UNDER_WAY_NS = 4 * NS_PER_S
_WALLET_DECIMALS = 10


class AccountJudge:
    """The judge of one account over all lives of its client."""

    def __init__(
        self,
        account: Account,
        market: Market,
        loop: VirtualLoop,
        findings: Findings,
        trace: Callable[..., None],
    ) -> None:
        self._account = account
        self._market = market
        self._loop = loop
        self._findings = findings
        self._trace = trace
        self._durable: set[str] = set()
        """Names of the intents that are on the disk for good."""
        self._buried: dict[str, str] = {}
        self._buried_as: dict[str, str] = {}
        """The client id of each."""
        """Names of which the client has said that no order of the venue bears them, and how."""
        self._seen: dict[str, str] = {}
        """Venue order ids by their name."""
        self._told: Counter[str] = Counter()
        self._sequences: dict[tuple[int, str], tuple[int, str]] = {}
        self.happened_ns = 0
        """When anything last happened to the account at the venue."""
        self.holes = 0
        account.listeners.append(self._happened)

    def born(self) -> None:
        """A new life of the client begins; a match that it tells anew is not told twice."""
        self._told.clear()

    # --- before anything leaves ---

    def durable(self, record: AnyRecord) -> None:
        """A record is on the disk for good."""
        if isinstance(record, Intent):
            self._durable.add(_named(record.client_id, record.userref))

    def departing_text(self, text: str) -> None:
        """A text leaves on the stream."""
        if _PLACING.search(text):
            self._placing(text)

    def departing_request(self, request: Request) -> None:
        """A request leaves by REST."""
        if request.path.rsplit("/", 1)[-1] in _PLACED_BY_REST:
            self._placing(request.body.decode())

    def _placing(self, text: str) -> None:
        names = {*_CLIENT_ID.findall(text), *_USERREF.findall(text)}
        if unwritten := sorted(names - self._durable):
            self._add(
                LOST, "", f"{unwritten} left before the journal had it", "first the disk, then the wire"
            )

    # --- what the venue does ---

    @property
    def quiet(self) -> bool:
        """Whether all that happened to the account must have been told by now."""
        return self._loop.now_ns - self.happened_ns > UNDER_WAY_NS

    def _happened(self, news: Execution | LedgerEntry) -> None:
        self.happened_ns = self._loop.now_ns
        if not isinstance(news, Execution) or news.order.parent_id is not None:
            return
        order = news.order
        name = _venue_name(order)
        known = self._seen.setdefault(name, order.order_id)
        if known != order.order_id:
            self._seen[name] = order.order_id
            self._add(DUPLICATED, order.ticket.symbol, f"{name} as {known} and {order.order_id}", "once")
        if name in self._buried:
            said = self._buried.pop(name)
            self._add(MISJUDGED, order.ticket.symbol, f"{name} {said}", f"the venue has it: {news.status}")

    # --- what the client says ---

    def heard(self, news: OrderNews) -> None:
        """An event of the client's orders, as a program gets it."""
        if not isinstance(news, OrderEvent) or news.cause is Cause.QUEUED:
            return
        order = news.order
        self._trace(self._loop.now_ns, order.client_id, news.cause.value, order.state.value)
        if news.fill is not None:
            self._told[news.fill.exec_id] += 1
        self._claim(order)

    def _claim(self, order: Order) -> None:
        venue = self._venue(order)
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
        if order.state.final and _ENDS.get(venue.status) is not order.state:
            self._add(MISJUDGED, order.symbol, f"{_words(order)} {order.reason}", f"it is {venue.status}")
        if order.filled_qty > self._qty(venue, venue.filled):
            true = f"{self._qty(venue, venue.filled)} of {venue.order_id}"
            self._add(FILLS_DOUBLED, order.symbol, f"{order.filled_qty} filled", true)

    def _venue(self, order: Order) -> AccountOrder | None:
        order_id = order.order_id or self._seen.get(_named(order.client_id, order.userref), "")
        return self._account.orders.get(order_id)

    # --- holes ---

    def arrived(self, arrival: Arrival, ready: Callable[[], bool]) -> None:
        """A frame of the account's stream is with the client; `ready`: it takes the stream for whole."""
        frame = arrival.frame
        if frame.kind not in ("snapshot", "update") or frame.channel not in ("executions", "balances"):
            return
        found = _SEQUENCE.search(frame.text[-40:])
        if found is None:
            return  # the frame was damaged
        key, sequence = (arrival.link, frame.channel), int(found[1])
        before = self._sequences.get(key)
        if frame.kind == "update" and before is not None:
            if before == (sequence, frame.text):
                return
            if sequence != before[0] + 1:
                self.holes += 1
                del self._sequences[key]
                if any(channel == frame.channel for _, channel in self._sequences):
                    return  # another connection tells of it without a hole
                self._loop.call_soon(self._noticed, f"{frame.channel} {before[0]} → {sequence}", ready)
                return
        if frame.kind == "snapshot" or before is not None:
            self._sequences[key] = (sequence, frame.text)

    def gone(self, link: int) -> None:
        """The client has left a connection, or lost it."""
        self._sequences = {key: last for key, last in self._sequences.items() if key[0] != link}

    def _noticed(self, hole: str, ready: Callable[[], bool]) -> None:
        if ready():
            self._add(FILLS_MISSED, "", f"the stream taken for whole after {hole}", "a hole")

    # --- the end ---

    def settle(self, orders: Orders, balances: Mapping[str, Balance]) -> None:
        """After the calm: everything must be as the venue has it, to the last digit."""
        known = {order.order_id: order for order in orders.orders() if order.order_id}
        for venue in self._account.orders.values():
            order = known.get(venue.order_id)
            if order is None and venue.parent_id is not None and not venue.fills and not venue.open:
                continue  # made and ended by the venue in a hole of the stream: nothing is left of it
            if order is None:
                self._add(LOST, venue.ticket.symbol, "not known", f"{venue.order_id} {_venue_name(venue)}")
            else:
                self._compare(order, venue)
        for order in orders.orders():
            if order.state is OrderState.UNKNOWN or order.amending is not None:
                self._add(UNRESOLVED, order.symbol, _words(order), f"amending {order.amending}")
            elif order.order_id and order.order_id not in self._account.orders:
                self._add(MISJUDGED, order.symbol, _words(order), "the venue has no such order")
        for symbol, why in orders.halts().items():
            self._add(UNRESOLVED, symbol, f"halted: {why}", "reconciled")
        for asset, units in self._owned():
            told = balances[asset].total if asset in balances else Decimal(0)
            if told != units:
                self._add(FILLS_MISSED, asset, f"balance {told}", units)

    def _compare(self, order: Order, venue: AccountOrder) -> None:
        state = _state(venue)
        pair = self._market.listings[venue.ticket.symbol].pair
        limit = None
        if venue.limit_price is not None:
            limit = Decimal(venue.limit_price).scaleb(-pair.price_precision)
        true = (state, self._qty(venue, venue.qty), limit)
        told = (order.state, order.qty, order.limit_price)
        # what an order that was taken back had been for is nobody's concern
        same = told[0] == state and (told[1] == true[1] or state in _TAKEN_BACK)
        if not same or (limit is not None and told[2] != limit):
            self._add(MISJUDGED, order.symbol, f"{order.order_id} {told}", true)
        if (venue.ticket.cl_ord_id or venue.ticket.userref) and order.provenance is not Provenance.OURS:
            self._add(LOST, order.symbol, f"{order.order_id} is {order.provenance.value}", "ours")
        ours = Counter(fill.exec_id for fill in order.fills)
        theirs = {fill.exec_id for fill in venue.fills}
        if missing := theirs - ours.keys():
            self._add(FILLS_MISSED, order.symbol, f"{order.order_id} without {sorted(missing)}", len(theirs))
        doubled = [
            one for one, times in ours.items() if times > 1 or one not in theirs or self._told[one] > 1
        ]
        if doubled:
            self._add(FILLS_DOUBLED, order.symbol, f"{order.order_id} {sorted(doubled)}", "each once")

    def _owned(self) -> Iterator[tuple[str, Decimal]]:
        totals: Counter[str] = Counter()
        for (asset, _), units in self._account.balances.items():
            totals[asset] += units
        for asset, units in totals.items():
            yield asset, Decimal(units).scaleb(-_WALLET_DECIMALS)

    def _qty(self, venue: AccountOrder, lots: int) -> Decimal:
        return Decimal(lots).scaleb(-self._market.listings[venue.ticket.symbol].pair.qty_precision)

    def _add(self, kind: str, symbol: str, seen: object, true: object) -> None:
        self._findings.add(kind, symbol, seen, true, self._loop.now_ns)


def _state(venue: AccountOrder) -> OrderState:
    end = _ENDS.get(venue.status)
    if end is not None:
        return end
    return OrderState.PARTIALLY_FILLED if venue.filled else OrderState.WORKING


def _named(client_id: str, userref: int | None) -> str:
    """Under which name the venue gets an order of ours."""
    return client_id if userref is None else str(userref)


def _venue_name(order: AccountOrder) -> str:
    return order.ticket.cl_ord_id or str(order.ticket.userref)


def _words(order: Order) -> str:
    return (
        f"{order.order_id or order.client_id} {order.state.value}, {order.filled_qty} of {order.qty} filled"
    )
