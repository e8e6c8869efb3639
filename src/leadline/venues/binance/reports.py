"""Orders as the venue tells them, by stream, REST or WebSocket API, to reports and fills, exactly.

Rule: what one row does not say is None in its report; nothing is guessed, and no fill is told without its
number.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from leadline.model.market import Side
from leadline.model.order import Event, Fee, Fill, OrderKind, OrderReport, OrderState
from leadline.venues.binance.user_events import (
    MS,
    Names,
    OrderEvent,
    SideText,
    number,
    positive,
    symbol_of,
)

ALGO = "algo"
"""What stands before the number of a conditional order, where an order has its symbol."""

KINDS = {
    "LIMIT": OrderKind.LIMIT,
    "MARKET": OrderKind.MARKET,
    "STOP": OrderKind.STOP_LOSS_LIMIT,
    "STOP_MARKET": OrderKind.STOP_LOSS,
    "TAKE_PROFIT": OrderKind.TAKE_PROFIT_LIMIT,
    "TAKE_PROFIT_MARKET": OrderKind.TAKE_PROFIT,
    "TRAILING_STOP_MARKET": OrderKind.TRAILING_STOP,
    "LIQUIDATION": OrderKind.MARKET,
}

STATES = {
    "NEW": OrderState.WORKING,
    "PARTIALLY_FILLED": OrderState.PARTIALLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELED,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}

_EVENTS = {
    "NEW": Event.WORKING,
    "CANCELED": Event.CANCELED,
    "EXPIRED": Event.EXPIRED,
    "AMENDMENT": Event.AMENDED,
}
_MATCHES = frozenset({"TRADE", "CALCULATED"})

SELF_TRADE = "it would have met another order of the account (self-trade prevention)"

_EXPIRIES = {
    "1": SELF_TRADE,
    "2": "what an immediate-or-cancel order could not fill at once",
    "3": SELF_TRADE,
    "4": "another reduce-only or market order came first, or it would have turned the position",
    "5": "the account is being liquidated",
    "6": "the position it was attached to is closed",
    "7": "the symbol is delisted",
    "8": "its trigger has placed another order in its place",
    "9": "what a market order could not fill within the venue's price bounds",
}
"""Dossier §12.4, `er`."""

_FORCED = {
    "autoclose-": "liquidation by the venue",
    "adl_autoclose": "auto-deleveraging by the venue",
    "settlement_autoclose-": "settlement by the venue",
    "delivery_autoclose-": "delivery of the contract by the venue",
}
"""Beginnings of client ids that the venue itself gives (dossier §12.4)."""


def order_id(wire: str, order: int) -> str:
    """Our name of an order; the venue counts orders for each symbol by itself."""
    return f"{wire}:{order}"


def algo_id(algo: int) -> str:
    """Our name of a conditional order, which has a number of another kind."""
    return f"{ALGO}:{algo}"


def exec_id(wire: str, trade: int) -> str:
    """Our name of a match."""
    return f"{wire}:{trade}"


def parse_id(name: str) -> tuple[str, int]:
    """The symbol as the venue writes it, or `ALGO`, and the number; raises ValueError for another text."""
    symbol, _, digits = name.rpartition(":")
    if not symbol or not digits.isdecimal():
        raise ValueError(f"{name!r} is no order id of this venue")
    return symbol, int(digits)


def forced(client_id: str | None) -> str:
    """Why the venue itself has made an order; empty for every other."""
    name = client_id or ""
    return next((why for prefix, why in _FORCED.items() if name.startswith(prefix)), "")


# The stream


def told(o: OrderEvent, names: Names) -> list[OrderReport]:
    """The reports of one ORDER_TRADE_UPDATE: a match that completes its order is told as both.

    A forced match without number or quantity is told as the completion alone: what it filled is asked for.
    Raises ValueError for an execution type this version does not know.
    """
    if o.x in _MATCHES:
        fill = stream_fill(o, names)
        reports = [] if fill is None else [_told(o, Event.FILL, None, names, fill)]
        if o.X == "FILLED":
            reports.append(_told(o, Event.FILLED, OrderState.FILLED, names))
        return reports
    event = _EVENTS.get(o.x)
    if event is None:
        raise ValueError(f"execution type {o.x!r} is not known")
    return [_told(o, event, STATES.get(o.X), names)]


def _told(
    o: OrderEvent, event: Event, state: OrderState | None, names: Names, fill: Fill | None = None
) -> OrderReport:
    return OrderReport(
        event=event,
        order_id=order_id(o.s, o.i),
        client_id=o.c or None,
        symbol=symbol_of(o.s, names),
        side=Side[o.S],
        kind=KINDS.get(o.o),
        qty=positive(o.q),
        limit_price=positive(o.p),
        trigger_price=positive(o.sp),
        state=state,
        filled_qty=number(o.z),
        fill=fill,
        reason=forced(o.c) or (_EXPIRIES.get(o.er or "", "") if event is Event.EXPIRED else ""),
        venue_ns=o.T * MS,
    )


def stream_fill(o: OrderEvent, names: Names) -> Fill | None:
    """The match an event tells; None where it has no number, quantity or price."""
    qty, price = positive(o.l), positive(o.L)
    if not o.t or qty is None or price is None:
        return None
    fee = number(o.n)
    return Fill(
        exec_id=exec_id(o.s, o.t),
        order_id=order_id(o.s, o.i),
        symbol=symbol_of(o.s, names),
        side=Side[o.S],
        qty=qty,
        price=price,
        cost=qty * price,
        fees=(Fee(o.N, fee),) if o.N and fee else (),
        maker=o.m,
        trade_id=o.t,
        venue_ns=o.T * MS,
    )


# REST and WebSocket API


class OrderRow(Struct, rename="camel"):
    """An order as REST and the WebSocket API answer it; some answers lack the average price and the cost."""

    order_id: int
    symbol: str
    status: str
    side: SideText
    client_order_id: str | None = None
    price: str | None = None
    orig_qty: str | None = None
    executed_qty: str | None = None
    cum_quote: str | None = None
    type: str | None = None
    orig_type: str | None = None
    position_side: str | None = None
    stop_price: str | None = None
    time: int | None = None
    update_time: int | None = None


class TradeRow(Struct, rename="camel"):
    """One row of userTrades (dossier §8.5)."""

    id: int
    order_id: int
    symbol: str
    side: SideText
    price: str
    qty: str
    commission: str | None = None
    commission_asset: str | None = None
    quote_qty: str | None = None
    maker: bool | None = None
    time: int | None = None


order_rows: msgspec.json.Decoder[list[OrderRow]] = msgspec.json.Decoder(list[OrderRow], strict=False)
order_row: msgspec.json.Decoder[OrderRow] = msgspec.json.Decoder(OrderRow, strict=False)
trade_rows: msgspec.json.Decoder[list[TradeRow]] = msgspec.json.Decoder(list[TradeRow], strict=False)


def order_event(row: OrderRow) -> OrderEvent:
    """Which order this is, in the form of its events, and nothing of what it did."""
    return OrderEvent(
        s=row.symbol,
        S=row.side,
        o=row.type or "",
        x="",
        X=row.status,
        i=row.order_id,
        T=row.time or 0,
        c=row.client_order_id,
        ps=row.position_side,
    )


def order_report(row: OrderRow, names: Names) -> OrderReport:
    """How an order stands, open or closed."""
    filled = number(row.executed_qty)
    return OrderReport(
        event=Event.STANDS,
        order_id=order_id(row.symbol, row.order_id),
        client_id=row.client_order_id or None,
        symbol=symbol_of(row.symbol, names),
        side=Side[row.side],
        kind=KINDS.get(row.type or ""),
        qty=positive(row.orig_qty),
        limit_price=positive(row.price),
        trigger_price=positive(row.stop_price),
        state=STATES.get(row.status),
        filled_qty=filled,
        filled_cost=number(row.cum_quote) if filled else None,
        reason=forced(row.client_order_id) or (SELF_TRADE if row.status == "EXPIRED_IN_MATCH" else ""),
        venue_ns=unix_ns(row.update_time or row.time),
        snapshot=True,
    )


def trade_fill(row: TradeRow, names: Names) -> Fill:
    """One match; raises ValueError for one without quantity or price."""
    qty, price = positive(row.qty), positive(row.price)
    if qty is None or price is None:
        raise ValueError(f"trade {row.id} of {row.symbol} has no quantity or price")
    fee = number(row.commission)
    return Fill(
        exec_id=exec_id(row.symbol, row.id),
        order_id=order_id(row.symbol, row.order_id),
        symbol=symbol_of(row.symbol, names),
        side=Side[row.side],
        qty=qty,
        price=price,
        cost=qty * price,
        fees=(Fee(row.commission_asset, fee),) if row.commission_asset and fee else (),
        maker=row.maker,
        trade_id=row.id,
        venue_ns=unix_ns(row.time),
    )


def fill_report(fill: Fill) -> OrderReport:
    """A match as evidence of its order, from a look-up."""
    return OrderReport(
        event=Event.FILL,
        order_id=fill.order_id,
        symbol=fill.symbol,
        side=fill.side,
        fill=fill,
        venue_ns=fill.venue_ns,
        snapshot=True,
    )


def unix_ns(at_ms: int | None) -> int | None:
    """Unix nanoseconds of the venue's milliseconds; 0 stands for none."""
    return at_ms * MS if at_ms else None
