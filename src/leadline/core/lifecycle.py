"""Order states as a table, and what one piece of evidence makes of an order. Pure.

Rule: no news revives a finished order. Only a refusal of which the venue's own evidence says otherwise gives
way to that evidence.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from leadline.model.order import Amendment, Event, Fill, Order, OrderReport, OrderState

_UNKNOWN = OrderState.UNKNOWN
_WORKING = OrderState.WORKING
_PARTLY = OrderState.PARTIALLY_FILLED
_REJECTED = OrderState.REJECTED

# A match may overtake the acceptance, and the one that completes an order does not say so (dossier §18, 13).
# The sum of the matches ends nothing: an amendment on its way may have made the order larger, and a finished
# order cannot be taken back. `filled`, or a look-up that calls the order closed, always follows.
_OPEN = {
    Event.FILL: _PARTLY,
    Event.FILLED: OrderState.FILLED,
    Event.CANCELED: OrderState.CANCELED,
    Event.EXPIRED: OrderState.EXPIRED,
}
_ALIVE = {
    Event.ACCEPTED: _WORKING,
    Event.WORKING: _WORKING,
    Event.AMENDED: _WORKING,
    Event.RESTATED: _WORKING,
}

TABLE: dict[OrderState, dict[Event, OrderState]] = {
    _UNKNOWN: _OPEN | _ALIVE,
    _WORKING: _OPEN | _ALIVE,
    _PARTLY: _OPEN | dict.fromkeys(_ALIVE, _PARTLY),
    _REJECTED: _OPEN | _ALIVE,
    OrderState.FILLED: {},
    OrderState.CANCELED: {},
    OrderState.EXPIRED: {},
}
"""State → event → state; an event that is missing changes nothing. STANDS says itself what the state is."""


def next_state(state: OrderState, report: OrderReport) -> OrderState:
    """The state after one report."""
    if report.event is Event.STANDS:
        after = _as_it_stands(state, report.state or _WORKING)
    else:
        after = TABLE[state].get(report.event, state)
    return _PARTLY if after is _WORKING and report.filled_qty else after


def _as_it_stands(state: OrderState, stands: OrderState) -> OrderState:
    """A description may be older than what we know: it never takes fills back nor opens what is finished."""
    if not TABLE[state] or stands is _UNKNOWN:
        return state
    return _PARTLY if state is _PARTLY and stands is _WORKING else stands


def contradicts(state: OrderState, report: OrderReport) -> bool:
    """Whether evidence shows an order that had been called rejected to be alive or to have traded.

    That the venue ended it without a match is no contradiction: nothing came of it either way.
    """
    if state is not _REJECTED:
        return False
    after = next_state(state, report)
    return after in (_WORKING, _PARTLY, OrderState.FILLED) or bool(report.filled_qty or report.fill)


def counted(fills: tuple[Fill, ...], fill: Fill) -> bool:
    """Whether this match is among them, by the venue's id of it or by the pair's number of it."""
    return any(
        known.exec_id == fill.exec_id or (known.trade_id is not None and known.trade_id == fill.trade_id)
        for known in fills
    )


def told(order: Order, report: OrderReport, *, values: bool) -> Order:
    """The order after one report; `values` says whether its quantity and prices are newer than ours.

    A match always counts, once, whatever the state: one that comes after the cancel has happened before it.
    """
    state = next_state(order.state, report)
    fills = order.fills
    if report.fill is not None and not counted(fills, report.fill):
        fills = (*fills, report.fill)
    settled = state.final or (values and report.event is Event.AMENDED and _has(order.amending, report))
    return replace(
        order,
        state=state,
        order_id=order.order_id or report.order_id or None,
        parent_id=order.parent_id or report.parent_id,
        qty=report.qty if values and report.qty is not None else order.qty,
        limit_price=report.limit_price if values and report.limit_price is not None else order.limit_price,
        trigger_price=(
            report.trigger_price if values and report.trigger_price is not None else order.trigger_price
        ),
        fills=fills,
        venue_filled_qty=max(order.venue_filled_qty, report.filled_qty or Decimal(0)),
        reason=_reason(order, state, report),
        amending=None if settled else order.amending,
    )


def _reason(order: Order, state: OrderState, report: OrderReport) -> str:
    if state is order.state:
        return order.reason
    return report.reason if state.final else ""


def _has(amending: Amendment | None, report: OrderReport) -> bool:
    """Whether a report shows every value that a change asked for."""
    return amending is not None and all(
        wanted is None or wanted == shown
        for wanted, shown in (
            (amending.qty, report.qty),
            (amending.limit_price, report.limit_price),
            (amending.trigger_price, report.trigger_price),
        )
    )


def amended(order: Order, change: Amendment) -> Order:
    """The order with the values of a change that the venue has taken.

    A quantity not above what is filled ends the order as it was (dossier §10.2).
    """
    return replace(
        order,
        qty=order.qty if change.qty is None or change.qty <= order.filled_qty else change.qty,
        limit_price=order.limit_price if change.limit_price is None else change.limit_price,
        trigger_price=order.trigger_price if change.trigger_price is None else change.trigger_price,
        amending=None,
    )
