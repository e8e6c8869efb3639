"""The truth of a venue in memory: its orders, and the reports of everything that happens to them.

Rule: what happens is stamped with a venue time of its own, each later than the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from leadline.errors import Rejected
from leadline.model.order import (
    Amendment,
    Event,
    Fee,
    Fill,
    OrderKey,
    OrderReport,
    OrderRequest,
    OrderState,
)
from leadline.venues.ports import Placement


class TrueOrder:
    """One order as the venue has it."""

    def __init__(self, order_id: str, request: OrderRequest, created_ns: int) -> None:
        self.order_id = order_id
        self.request = request
        self.created_ns = created_ns
        self.client_id: str | None = None
        self.userref: int | None = None
        self.parent_id: str | None = None
        self.qty = request.qty or Decimal(0)
        self.limit_price = request.limit_price
        self.state = OrderState.WORKING
        self.fills: list[Fill] = []
        self.reason = ""

    @property
    def filled_qty(self) -> Decimal:
        return sum((fill.qty for fill in self.fills), Decimal(0))

    def stands(self) -> OrderReport:
        """The order as a snapshot or a look-up describes it."""
        return OrderReport(
            event=Event.STANDS,
            order_id=self.order_id,
            client_id=self.client_id,
            userref=self.userref,
            parent_id=self.parent_id,
            symbol=self.request.symbol,
            side=self.request.side,
            kind=self.request.kind,
            qty=self.qty,
            limit_price=self.limit_price,
            state=self.state,
            filled_qty=self.filled_qty,
            filled_cost=sum((fill.cost for fill in self.fills), Decimal(0)),
            reason=self.reason,
            snapshot=True,
        )

    def described(self) -> list[OrderReport]:
        """Its fills and how it stands: the answer to a look-up."""
        fills = [self.matched(fill, snapshot=True) for fill in self.fills]
        return [*fills, self.stands()]

    def matched(self, fill: Fill, *, snapshot: bool = False) -> OrderReport:
        """The report of one match; one from a snapshot carries no totals (dossier §18, 14)."""
        return OrderReport(
            event=Event.FILL,
            order_id=self.order_id,
            symbol=self.request.symbol,
            side=self.request.side,
            kind=self.request.kind,
            filled_qty=None if snapshot else self.filled_qty,
            fill=fill,
            venue_ns=fill.venue_ns,
            snapshot=snapshot,
        )


class MemoryOrders:
    """All orders, oldest first, and the `outbox`: what has happened and has not been delivered."""

    def __init__(self, venue_ns: Callable[[], int]) -> None:
        self._venue_ns = venue_ns
        self._last_ns = 0
        self.every: list[TrueOrder] = []
        self.outbox: list[OrderReport] = []
        self._matches = 0

    def deliver(self) -> list[OrderReport]:
        """Everything that has not been delivered, in the order in which it happened; empties the outbox."""
        delivered, self.outbox = self.outbox, []
        return delivered

    def snapshot(self) -> list[OrderReport]:
        """All open orders and the newest fifty matches, as a new subscription brings them."""
        fills = [(fill.venue_ns or 0, order, fill) for order in self.every for fill in order.fills]
        newest = sorted(fills, key=lambda item: item[0], reverse=True)[:50]
        standing = [order.stands() for order in self.every if not order.state.final]
        return [*standing, *(order.matched(fill, snapshot=True) for _, order, fill in newest)]

    def known(self, key: OrderKey) -> TrueOrder | None:
        """The newest order of a key."""
        for order in reversed(self.every):
            if key.order_id is not None:
                if order.order_id == key.order_id:
                    return order
            elif order.client_id is not None:
                if order.client_id == key.client_id:
                    return order
            elif order.userref is not None and order.userref == key.userref:
                return order
        return None

    # --- what requests do ---

    def place(self, placement: Placement) -> TrueOrder:
        """A new order, live at once."""
        order = self._new(placement.sent)
        if placement.userref is None:
            order.client_id = placement.client_id
        else:
            order.userref = placement.userref
        self._accepted(order)
        return order

    def amend(self, key: OrderKey, change: Amendment) -> Rejected | None:
        """Change an order; its refusal where it is not open."""
        order = self.known(key)
        if order is None or order.state.final:
            return Rejected("EOrder:Unknown order")
        order.qty = order.qty if change.qty is None else change.qty
        order.limit_price = order.limit_price if change.limit_price is None else change.limit_price
        self._tell(order, Event.AMENDED, qty=order.qty, limit_price=order.limit_price)
        if order.qty <= order.filled_qty:
            self.end(order, OrderState.CANCELED, "User requested")
        return None

    def cancel(self, key: OrderKey, reason: str = "User requested") -> Rejected | None:
        """Cancel an order; its refusal where it is not open."""
        order = self.known(key)
        if order is None or order.state.final:
            return Rejected("EOrder:Unknown order")
        self.end(order, OrderState.CANCELED, reason)
        return None

    def cancel_all(self) -> int:
        """Cancel every open order; how many there were."""
        standing = [order for order in self.every if not order.state.final]
        for order in standing:
            self.end(order, OrderState.CANCELED, "User requested")
        return len(standing)

    # --- what happens by itself ---

    def foreign(self, request: OrderRequest, parent_id: str | None = None) -> TrueOrder:
        """An order that another program placed, or that the venue made of a fill of `parent_id`."""
        order = self._new(request)
        order.parent_id = parent_id
        self._accepted(order)
        return order

    def fill(self, order: TrueOrder, qty: Decimal, price: Decimal) -> Fill:
        """One match; the one that completes the order is followed by the word that it is filled."""
        self._matches += 1
        fill = Fill(
            exec_id=f"T{self._matches:05}",
            order_id=order.order_id,
            symbol=order.request.symbol,
            side=order.request.side,
            qty=qty,
            price=price,
            cost=qty * price,
            fees=(Fee("USD", qty * price / 1000),),
            maker=True,
            trade_id=self._matches,
            venue_ns=self._now_ns(),
        )
        order.fills.append(fill)
        order.state = OrderState.PARTIALLY_FILLED
        self.outbox.append(order.matched(fill))
        if order.filled_qty >= order.qty:
            self.end(order, OrderState.FILLED)
        return fill

    def end(self, order: TrueOrder, state: OrderState, reason: str = "") -> None:
        """The order is over."""
        order.state = state
        order.reason = reason
        event = {
            OrderState.FILLED: Event.FILLED,
            OrderState.CANCELED: Event.CANCELED,
            OrderState.EXPIRED: Event.EXPIRED,
            OrderState.REJECTED: Event.STANDS,
        }[state]
        self._tell(order, event, reason=reason)

    def _new(self, request: OrderRequest) -> TrueOrder:
        order = TrueOrder(f"O{len(self.every) + 1:05}", request, self._now_ns())
        self.every.append(order)
        return order

    def _accepted(self, order: TrueOrder) -> None:
        request = order.request
        self.outbox.append(
            OrderReport(
                event=Event.ACCEPTED,
                order_id=order.order_id,
                client_id=order.client_id,
                userref=order.userref,
                parent_id=order.parent_id,
                symbol=request.symbol,
                side=request.side,
                kind=request.kind,
                qty=order.qty,
                limit_price=order.limit_price,
                venue_ns=self._now_ns(),
            )
        )
        self._tell(order, Event.WORKING)

    def _tell(
        self,
        order: TrueOrder,
        event: Event,
        *,
        qty: Decimal | None = None,
        limit_price: Decimal | None = None,
        reason: str = "",
    ) -> None:
        """A follow-up names the order and what has changed, no more (dossier §18, 12)."""
        self.outbox.append(
            OrderReport(
                event=event,
                order_id=order.order_id,
                client_id=order.client_id,
                qty=qty,
                limit_price=limit_price,
                state=order.state if event is Event.STANDS else None,
                filled_qty=order.filled_qty,
                reason=reason,
                venue_ns=self._now_ns(),
            )
        )

    def _now_ns(self) -> int:
        self._last_ns = max(self._last_ns + 1, self._venue_ns())
        return self._last_ns
