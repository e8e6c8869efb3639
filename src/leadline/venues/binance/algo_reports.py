"""Conditional orders as the venue tells them, and reports of the orders they place, under their own name.

Rule: a conditional order is one order from its placement to the end of what it has placed (dossier §7).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from leadline.model.market import Side
from leadline.model.order import Event, OrderKind, OrderReport, OrderState
from leadline.venues.binance.reports import KINDS, algo_id, order_id, unix_ns
from leadline.venues.binance.user_events import AlgoEvent, Names, SideText, number, positive, symbol_of


class AlgoRow(Struct, rename="camel"):
    """A conditional order as REST and the WebSocket API answer it (dossier §7)."""

    algo_id: int
    symbol: str
    side: SideText
    algo_status: str
    client_algo_id: str | None = None
    order_type: str | None = None
    type: str | None = None
    position_side: str | None = None
    quantity: str | None = None
    price: str | None = None
    trigger_price: str | None = None
    actual_order_id: str | int | None = None
    actual_qty: str | None = None
    update_time: int | None = None


algo_rows: msgspec.json.Decoder[list[AlgoRow]] = msgspec.json.Decoder(list[AlgoRow], strict=False)
algo_row: msgspec.json.Decoder[AlgoRow] = msgspec.json.Decoder(AlgoRow, strict=False)


class Algo(Struct, frozen=True):
    """A conditional order from any source; `engine_id` is the order it has placed, 0 before that."""

    algo_id: int
    client_id: str
    wire: str
    side: Side
    position_side: str
    status: str
    kind: OrderKind | None = None
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    engine_id: int = 0
    filled: Decimal = Decimal(0)
    reason: str = ""
    at_ms: int = 0

    @property
    def name(self) -> str:
        """Our name of it."""
        return algo_id(self.algo_id)

    @property
    def over(self) -> bool:
        """Whether nothing can come of it any more, and of the order it placed neither."""
        return self.status in _OVER

    @property
    def engine_name(self) -> str:
        """The name of the order it has placed; empty before that."""
        return order_id(self.wire, self.engine_id) if self.engine_id else ""


_OVER = frozenset({"FINISHED", "CANCELED", "REJECTED", "EXPIRED"})


def algo_of_event(o: AlgoEvent, at_ms: int) -> Algo:
    """As ALGO_UPDATE tells it."""
    return Algo(
        algo_id=o.aid,
        client_id=o.caid or "",
        wire=o.s,
        side=Side[o.S],
        position_side=o.ps or "BOTH",
        kind=KINDS.get(o.o),
        qty=positive(o.q),
        limit_price=positive(o.p),
        trigger_price=positive(o.tp),
        status=o.X,
        engine_id=int(o.ai or 0),
        filled=number(o.aq) or Decimal(0),
        reason=o.rm or "",
        at_ms=at_ms,
    )


def algo_of_row(row: AlgoRow) -> Algo:
    """As an answer tells it."""
    return Algo(
        algo_id=row.algo_id,
        client_id=row.client_algo_id or "",
        wire=row.symbol,
        side=Side[row.side],
        position_side=row.position_side or "BOTH",
        kind=KINDS.get(row.order_type or row.type or ""),
        qty=positive(row.quantity),
        limit_price=positive(row.price),
        trigger_price=positive(row.trigger_price),
        status=row.algo_status,
        engine_id=int(row.actual_order_id or 0),
        filled=number(row.actual_qty) or Decimal(0),
        reason="",
        at_ms=row.update_time or 0,
    )


def algo_report(algo: Algo, names: Names, *, snapshot: bool = False) -> OrderReport:
    """How a conditional order stands; raises ValueError for a status this version does not know.

    A triggered one lives on in the order it has placed: whether that filled is told by its own events, and
    FINISHED says it once more, in case they were missed. Where less has filled than was asked for, or all of
    a position was to be closed, it does not: only the placed order knows how much that was.
    """
    event, state, reason = _ends(algo)
    if not snapshot and event is Event.CANCELED and algo.filled:
        event, state, reason = Event.RESTATED, None, ""
    return OrderReport(
        event=Event.STANDS if snapshot else event,
        order_id=algo.name,
        client_id=algo.client_id or None,
        symbol=symbol_of(algo.wire, names),
        side=algo.side,
        kind=algo.kind,
        qty=algo.qty,
        limit_price=algo.limit_price,
        trigger_price=algo.trigger_price,
        state=state,
        filled_qty=algo.filled or None,
        reason=reason,
        venue_ns=unix_ns(algo.at_ms),
        snapshot=snapshot,
    )


def _ends(algo: Algo) -> tuple[Event, OrderState | None, str]:
    match algo.status:
        case "NEW":
            return Event.WORKING, OrderState.WORKING, ""
        case "TRIGGERING" | "TRIGGERED":
            return Event.RESTATED, OrderState.WORKING, ""
        case "FINISHED" if algo.qty is not None and algo.filled >= algo.qty:
            return Event.FILLED, OrderState.FILLED, ""
        case "FINISHED" | "CANCELED":
            return Event.CANCELED, OrderState.CANCELED, algo.reason or _NOT_FILLED.get(algo.status, "")
        case "REJECTED":
            return Event.STANDS, OrderState.REJECTED, algo.reason or "refused when it was triggered"
        case "EXPIRED":
            return Event.EXPIRED, OrderState.EXPIRED, algo.reason or "its condition has lapsed"
        case _:
            raise ValueError(f"status {algo.status!r} of a conditional order is not known")


_NOT_FILLED = {"FINISHED": "the order it had placed ended before it was filled"}


def under(algo: Algo, report: OrderReport) -> OrderReport:
    """A report of the order that a conditional one has placed, as one of the conditional order itself."""
    fill = report.fill
    return replace(
        report,
        event=Event.RESTATED if report.event is Event.WORKING else report.event,
        order_id=algo.name,
        client_id=algo.client_id or None,
        kind=algo.kind,
        trigger_price=None,
        fill=None if fill is None else replace(fill, order_id=algo.name),
    )
