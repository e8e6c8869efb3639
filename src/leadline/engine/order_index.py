"""Orders under every name the venue and we have for them.

Rule: ours are known by client id before they have an order id; every other order by its order id alone, since
the client ids of others are unique only while their orders are open.
"""

from __future__ import annotations

from msgspec.structs import replace

from leadline.core.lifecycle import told
from leadline.engine.records import Adopted, Intent
from leadline.model.order import Event, Order, OrderReport, OrderState, Provenance


class Tracked:
    """An order and what only the engine wants to know of it."""

    __slots__ = (
        "amend_deadline_ns", "amend_doubted", "cancel_asked_ns", "changed_ns", "deadline_ns", "doubt",
        "ended_ns", "ended_venue_ns", "finished", "name", "order", "values_ns",
    )  # fmt: skip

    def __init__(self, name: str, order: Order, deadline_ns: int = 0) -> None:
        self.name = name
        self.order = order
        self.deadline_ns = deadline_ns
        """Venue time after which its placement cannot be accepted."""
        self.doubt = ""
        """Why the answer to the placement will not come; empty while it is awaited."""
        self.amend_deadline_ns = 0
        self.amend_doubted = False
        self.values_ns = 0
        """Venue time of the newest evidence of quantity and prices; 0 before the first."""
        self.changed_ns = 0
        """Monotonic time at which quantity or prices were last told; 0 while nobody has since the start."""
        self.cancel_asked_ns = 0
        """Unix time at which we last asked for its end, by a cancel or another in its place; 0 for never."""
        self.ended_ns = 0
        """Unix time at which its end was entered here; 0 before that."""
        self.ended_venue_ns = 0
        """Venue time of its end; 0 where that was not told."""
        self.finished = False

    @property
    def in_doubt(self) -> bool:
        """Whether an answer about it is lost, and no evidence has taken its place."""
        if self.order.state is OrderState.UNKNOWN:
            return bool(self.doubt)
        return self.amend_doubted and self.order.amending is not None


def fits(order: Order, report: OrderReport) -> bool:
    """Whether nothing in the report speaks against its being about this order."""
    symbol = report.symbol or (report.fill.symbol if report.fill else None)
    side = report.side or (report.fill.side if report.fill else None)
    return (
        symbol in (None, order.symbol)
        and side in (None, order.side)
        and report.kind in (None, order.kind)
        and order.order_id in (None, report.order_id)
    )


class OrderIndex:
    """All tracked orders, by internal name (client id of ours, else order id), oldest first."""

    def __init__(self) -> None:
        self._all: dict[str, Tracked] = {}
        self._live: dict[str, Tracked] = {}
        self._live_of: dict[str, dict[str, Tracked]] = {}
        """The same by symbol: every order asks for those of its own before it may leave."""
        self._unanswered: dict[str, Tracked] = {}
        self._by_order_id: dict[str, Tracked] = {}
        self._by_userref: dict[int, Tracked] = {}
        self._foreign: dict[str, Tracked] = {}

    # --- to find one ---

    def ours(self, client_id: str) -> Tracked | None:
        """One of this journal's own orders."""
        tracked = self._all.get(client_id) if client_id else None
        return tracked if tracked is not None and tracked.order.client_id == client_id else None

    def by_order_id(self, order_id: str | None) -> Tracked | None:
        """The order of a venue id."""
        return self._by_order_id.get(order_id) if order_id else None

    def named(self, name: str) -> Tracked | None:
        """The order of a client or venue id, adopted ones too."""
        return self.ours(name) or self.by_order_id(name) or self._foreign.get(name)

    def owner(self, report: OrderReport) -> Tracked | None:
        """The order that a report is about: by order id, by our client id, by our userref."""
        found = self.by_order_id(report.order_id)
        if found is not None:
            return found
        found = self.ours(report.client_id or "")
        if found is None and report.userref:
            found = self._by_userref.get(report.userref)
        return found if found is not None and fits(found.order, report) else None

    # --- to list them ---

    def every(self) -> list[Tracked]:
        """All, oldest first."""
        return list(self._all.values())

    def live(self) -> list[Tracked]:
        """All that are not finished."""
        return list(self._live.values())

    def live_of(self, symbol: str) -> list[Tracked]:
        """Those of a symbol that are not finished."""
        return list(self._live_of.get(symbol, {}).values())

    def unanswered(self) -> list[Tracked]:
        """Ours that have no order id yet and may still get one."""
        return list(self._unanswered.values())

    # --- to change them ---

    def intend(self, intent: Intent) -> Tracked:
        """An order of ours as decided; a second intent under its name has only moved its deadline."""
        known, replaced = self.ours(intent.client_id), self.by_order_id(intent.replaces)
        if replaced is not None:
            replaced.cancel_asked_ns = intent.at_ns
        if known is not None:
            known.deadline_ns = intent.deadline_ns
            return known
        sent = intent.sent
        order = Order(
            client_id=intent.client_id,
            symbol=sent.symbol,
            side=sent.side,
            kind=sent.kind,
            state=OrderState.UNKNOWN,
            userref=intent.userref,
            requested=intent.requested,
            sent=sent,
            qty=sent.qty,
            limit_price=sent.limit_price,
            trigger_price=sent.trigger.price if sent.trigger else None,
            created_ns=intent.at_ns,
        )
        tracked = Tracked(intent.client_id, order, intent.deadline_ns)
        if intent.userref is not None:
            self._by_userref[intent.userref] = tracked
        self.set(tracked, order)
        return tracked

    def adopt(self, record: Adopted) -> Tracked:
        """An order that this journal did not decide."""
        report = record.report
        assert report.symbol is not None and report.side is not None and report.kind is not None
        order = Order(
            client_id=record.client_id,
            symbol=report.symbol,
            side=report.side,
            kind=report.kind,
            state=OrderState.UNKNOWN,
            provenance=record.provenance,
            userref=report.userref,
            created_ns=record.at_ns,
        )
        tracked = Tracked(report.order_id, order)
        if report.qty is not None:  # a match does not say what the order is: its acceptance is still to come
            tracked.values_ns = report.venue_ns or 1
        if record.client_id:
            self._foreign[record.client_id] = tracked
        self.set(tracked, told(order, report, values=True))
        return tracked

    def set(self, tracked: Tracked, order: Order) -> None:
        """The order is this now."""
        other = self.by_order_id(order.order_id)
        if other is not None and other is not tracked and other.order.provenance is not Provenance.OURS:
            self.forget(other)
            order = _absorbed(order, other.order)
        tracked.order = order
        self._all[tracked.name] = tracked
        if order.order_id is not None:
            self._by_order_id[order.order_id] = tracked
        _keep(self._live, tracked, not order.state.final)
        _keep(self._live_of.setdefault(order.symbol, {}), tracked, not order.state.final)
        _keep(self._unanswered, tracked, order.order_id is None and not order.state.final)

    def forget(self, tracked: Tracked) -> None:
        """The order leaves, with all its names."""
        order = tracked.order
        for table in (self._all, self._live, self._live_of.get(order.symbol, {}), self._unanswered):
            table.pop(tracked.name, None)
        if order.order_id is not None and self._by_order_id.get(order.order_id) is tracked:
            del self._by_order_id[order.order_id]
        if order.userref is not None and self._by_userref.get(order.userref) is tracked:
            del self._by_userref[order.userref]
        if self._foreign.get(order.client_id) is tracked:
            del self._foreign[order.client_id]


def _keep(table: dict[str, Tracked], tracked: Tracked, wanted: bool) -> None:
    if wanted:
        table[tracked.name] = tracked
    else:
        table.pop(tracked.name, None)


def _absorbed(ours: Order, adopted: Order) -> Order:
    """Our order with what was told of it while it was taken for another's."""
    order_id = adopted.order_id or ""
    for fill in adopted.fills:
        ours = told(ours, OrderReport(event=Event.FILL, order_id=order_id, fill=fill), values=False)
    stands = OrderReport(
        event=Event.STANDS,
        order_id=order_id,
        state=adopted.state,
        qty=adopted.qty,
        limit_price=adopted.limit_price,
        trigger_price=adopted.trigger_price,
        filled_qty=adopted.venue_filled_qty,
        reason=adopted.reason,
    )
    return replace(told(ours, stands, values=True), touched_ns=adopted.touched_ns)
