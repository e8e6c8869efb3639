"""Our open orders beside the venue's: what to look up, what to adopt, what differs. Pure: it decides nothing
but that.

Rule: an order missing from the venue's list is a question to the venue, never an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from leadline.model.order import Order, OrderReport, OrderState


class Comparison(Struct, frozen=True):
    """The outcome of one look at both sides."""

    reports: tuple[OrderReport, ...]
    """The venue's evidence that says something we do not know: to be applied."""
    look_up: tuple[str, ...]
    """Ids of orders to ask the venue for: open here and not there, or with fills of unknown details."""
    differing: tuple[tuple[str, str, str], ...]
    """Symbol, ours and theirs, in words, of everything that does not agree."""

    @property
    def agrees(self) -> bool:
        return not self.differing


def compare(ours: Iterable[Order], theirs: Sequence[OrderReport], asked_ns: int) -> Comparison:
    """Hold our open orders against the venue's list of open orders.

    `asked_ns` is when the list was asked for (monotonic): an order accepted or amended since, or less than a
    second before, may rightly differ, because the venue's list lags behind (dossier §14.2).
    """
    told = {report.order_id: report for report in theirs}
    known = {order.order_id: order for order in ours if order.order_id}
    reports: list[OrderReport] = []
    look_up: list[str] = []
    differing: list[tuple[str, str, str]] = []
    for order_id, order in known.items():
        report = told.get(order_id)
        young = order.touched_ns is not None and order.touched_ns > asked_ns - _LAG_NS
        if report is None:
            if not order.state.final and order.state is not OrderState.UNKNOWN and not young:
                look_up.append(order_id)
                differing.append((order.symbol, _words(order), "not among the open orders"))
        elif order.state.final:
            if not young:
                look_up.append(order_id)
                differing.append((order.symbol, _words(order), _told(report)))
        elif _differs(order, report):
            reports.append(report)
            differing.append((order.symbol, _words(order), _told(report)))
        if order.fills_missing and order_id not in look_up:
            look_up.append(order_id)
            differing.append((order.symbol, _words(order), f"fills of {order.venue_filled_qty}"))
    for order_id, report in told.items():
        if order_id not in known:
            reports.append(report)
            differing.append((report.symbol or "", "not known", _told(report)))
    return Comparison(tuple(reports), tuple(look_up), tuple(differing))


_LAG_NS = 1_000_000_000
"""assumed: a just placed order shows in OpenOrders within a second."""


def _differs(order: Order, report: OrderReport) -> bool:
    return (
        order.state is OrderState.UNKNOWN
        or _moved(report.qty, order.qty)
        or _moved(report.limit_price, order.limit_price)
        or (report.filled_qty is not None and report.filled_qty > order.filled_qty)
    )


def _moved(theirs: object, ours: object) -> bool:
    return theirs is not None and theirs != ours


def _words(order: Order) -> str:
    return (
        f"{order.order_id or order.client_id} {order.state.value}, {order.filled_qty} of {order.qty} filled"
    )


def _told(report: OrderReport) -> str:
    state = report.state.value if report.state else report.event.value
    return f"{report.order_id} {state}, {report.filled_qty} of {report.qty} filled"
