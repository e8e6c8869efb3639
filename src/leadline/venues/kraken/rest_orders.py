"""Endpoints that read orders, fills and bookings (dossier §14.2), row by row and exactly.

Rule: a row says what stands, not what happens; its top-level `price` is the average fill, never the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import Generic, TypeVar

from msgspec import Raw, Struct

from leadline.model.account import LedgerEntry, Wallet, WalletKind
from leadline.model.market import Side
from leadline.model.order import Event, Fee, Fill, OrderKind, OrderReport, OrderState
from leadline.net.http import Purpose
from leadline.venues.kraken.rest_private import (
    HISTORY_COST,
    ORDERS_COST,
    READ_COST,
    PrivateEndpoint,
    decode,
    finite,
    given,
    holding,
    pair_of,
)
from leadline.venues.kraken.symbols import SymbolTable
from leadline.venues.kraken.times import seconds_to_ns

T = TypeVar("T")

MOST_ORDERS = 50
MOST_TRADES = 20
MOST_LEDGERS = 20
"""Ids in one question (dossier §14.2)."""

PAGE_ROWS = 50

_SINGLE_FILLS = (("trades", "true"), ("consolidate_taker", "false"))
"""assumed: consolidated, the ids of a taker's fills are not those that the stream told."""


class Page(Struct, Generic[T], frozen=True):
    """Some rows, newest first, and how many there are in all; None where the venue did not count."""

    rows: tuple[T, ...]
    count: int | None


class FoundOrder(Struct, frozen=True):
    """An order as REST describes it, and the ids of its fills, where they were asked for."""

    report: OrderReport
    trade_ids: tuple[str, ...] = ()


# Orders


class _Status(Enum):
    PENDING = "pending"
    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"
    EXPIRED = "expired"


_FINAL = {
    _Status.CLOSED: OrderState.FILLED,
    _Status.CANCELED: OrderState.CANCELED,
    _Status.EXPIRED: OrderState.EXPIRED,
}


class _Description(Struct):
    """Prices are `30010.0`, or relative as `+1.0000%`; anonymised rows leave all of it out."""

    pair: str | None = None
    type: Side | None = None
    ordertype: str | None = None
    price: str = "0"
    price2: str = "0"


class _OrderRow(Struct):
    status: _Status
    opentm: Decimal
    descr: _Description
    vol: Decimal
    vol_exec: Decimal
    cost: Decimal
    oflags: str = ""
    stopprice: Decimal = Decimal(0)
    refid: str | None = None
    userref: int | None = None
    cl_ord_id: str | None = None
    closetm: Decimal | None = None
    reason: str | None = None
    trades: tuple[str, ...] = ()


def open_orders(
    symbols: SymbolTable, *, userref: int | None = None, client_id: str | None = None, trades: bool = False
) -> PrivateEndpoint[tuple[FoundOrder, ...]]:
    """All open orders, or those of one client id or userref; `trades` asks for the ids of fills.

    assumed: an order placed a moment ago can be missing (dossier §14.2).
    """

    def read(result: Raw) -> tuple[FoundOrder, ...]:
        return _found(decode(result, _OpenRows).open, symbols)

    fields = (*given(userref=userref, cl_ord_id=client_id), *(_SINGLE_FILLS[:1] if trades else ()))
    return PrivateEndpoint("OpenOrders", fields, ORDERS_COST, Purpose.ACCOUNT, read)


class _OpenRows(Struct):
    open: dict[str, _OrderRow]


def closed_orders(
    symbols: SymbolTable,
    *,
    after_s: int | None = None,
    until_s: int | None = None,
    offset: int | None = None,
    userref: int | None = None,
    client_id: str | None = None,
    trades: bool = False,
) -> PrivateEndpoint[Page[FoundOrder]]:
    """A page of closed orders, newest first, after (exclusive) and until (inclusive) Unix seconds."""

    def read(result: Raw) -> Page[FoundOrder]:
        rows = decode(result, _ClosedRows)
        return Page(_found(rows.closed, symbols), rows.count)

    asked = given(userref=userref, cl_ord_id=client_id, start=after_s, end=until_s, ofs=offset)
    fields = (*asked, *(_SINGLE_FILLS if trades else ()))
    return PrivateEndpoint("ClosedOrders", fields, HISTORY_COST, Purpose.HISTORY, read)


class _ClosedRows(Struct):
    closed: dict[str, _OrderRow]
    count: int | None = None


def query_orders(
    order_ids: Sequence[str], symbols: SymbolTable, *, trades: bool = False
) -> PrivateEndpoint[tuple[FoundOrder, ...]]:
    """Orders by the venue's ids, at most `MOST_ORDERS`, open or closed."""

    def read(result: Raw) -> tuple[FoundOrder, ...]:
        return _found(decode(result, dict[str, _OrderRow]), symbols)

    fields = (*given(txid=",".join(order_ids)), *(_SINGLE_FILLS if trades else ()))
    return PrivateEndpoint("QueryOrders", fields, ORDERS_COST, Purpose.ACCOUNT, read)


def _found(rows: dict[str, _OrderRow], symbols: SymbolTable) -> tuple[FoundOrder, ...]:
    return tuple(FoundOrder(_report(name, row, symbols), row.trades) for name, row in rows.items())


def _report(order_id: str, row: _OrderRow, symbols: SymbolTable) -> OrderReport:
    kind = None if row.descr.ordertype is None else OrderKind(row.descr.ordertype)
    limit, trigger = _prices(row, kind)
    # assumed: with `viqc` the amounts ordered and executed are in quote currency, so they are no quantity
    in_quote = "viqc" in row.oflags.split(",")
    return OrderReport(
        event=Event.STANDS,
        order_id=order_id,
        client_id=row.cl_ord_id or None,
        userref=row.userref or None,
        parent_id=None if row.refid in (None, "None", "") else row.refid,
        symbol=None if row.descr.pair is None else pair_of(row.descr.pair, symbols),
        side=row.descr.type,
        kind=kind,
        qty=None if in_quote else finite(row.vol),
        limit_price=limit,
        trigger_price=trigger,
        state=_state(row),
        filled_qty=None if in_quote else finite(row.vol_exec),
        filled_cost=finite(row.cost),
        reason=row.reason or "",
        venue_ns=seconds_to_ns(row.opentm if row.closetm is None else row.closetm),
        snapshot=True,
    )


def _state(row: _OrderRow) -> OrderState:
    if row.status in _FINAL:
        return _FINAL[row.status]
    return OrderState.PARTIALLY_FILLED if finite(row.vol_exec) > 0 else OrderState.WORKING


def _prices(row: _OrderRow, kind: OrderKind | None) -> tuple[Decimal | None, Decimal | None]:
    """Limit and trigger; a relative one is None, but for the trigger of a trailing order as it stands."""
    first, second = _plain(row.descr.price), _plain(row.descr.price2)
    if kind in (OrderKind.LIMIT, OrderKind.ICEBERG):
        return first, None
    if kind in (None, OrderKind.MARKET, OrderKind.SETTLE_POSITION):
        return None, None
    return second, first if first is not None else finite(row.stopprice) or None


def _plain(text: str) -> Decimal | None:
    """A price that is neither relative nor zero, which stands for none."""
    if text[:1] in ("+", "-", "#") or text.endswith("%"):
        return None
    return finite(Decimal(text)) or None


# Amendments


class OrderAmend(Struct, frozen=True):
    """One state an order has had; `kind` is `original`, `user` or `restated`."""

    amend_id: str
    kind: str
    qty: Decimal
    remaining_qty: Decimal
    limit_price: Decimal | None
    venue_ns: int


class _AmendRow(Struct):
    amend_id: str
    amend_type: str
    order_qty: Decimal
    remaining_qty: Decimal
    timestamp: int
    limit_price: Decimal | None = None


class _AmendRows(Struct):
    amends: tuple[_AmendRow, ...]


def order_amends(order_id: str) -> PrivateEndpoint[tuple[OrderAmend, ...]]:
    """All states that one order has had, by the venue's id."""

    def read(result: Raw) -> tuple[OrderAmend, ...]:
        return tuple(_amend(row) for row in decode(result, _AmendRows).amends)

    return PrivateEndpoint("OrderAmends", given(order_id=order_id), READ_COST, Purpose.HISTORY, read)


def _amend(row: _AmendRow) -> OrderAmend:
    limit = None if row.limit_price is None else finite(row.limit_price)
    return OrderAmend(
        row.amend_id, row.amend_type, finite(row.order_qty), finite(row.remaining_qty), limit, row.timestamp
    )


# Fills


class _TradeRow(Struct):
    ordertxid: str
    pair: str
    time: Decimal
    type: Side
    price: Decimal
    cost: Decimal
    fee: Decimal
    vol: Decimal
    trade_id: int | None = None
    maker: bool | None = None


class _TradeRows(Struct):
    trades: dict[str, _TradeRow]
    count: int | None = None


def trades_history(
    symbols: SymbolTable,
    *,
    after_s: int | None = None,
    until_s: int | None = None,
    offset: int | None = None,
) -> PrivateEndpoint[Page[Fill]]:
    """A page of fills, newest first and each a row of its own, after (exclusive) and until Unix seconds."""

    def read(result: Raw) -> Page[Fill]:
        rows = decode(result, _TradeRows)
        return Page(_fills(rows.trades, symbols), rows.count)

    fields = given(start=after_s, end=until_s, ofs=offset, consolidate_taker=False)
    return PrivateEndpoint("TradesHistory", fields, HISTORY_COST, Purpose.HISTORY, read)


def query_trades(trade_ids: Sequence[str], symbols: SymbolTable) -> PrivateEndpoint[tuple[Fill, ...]]:
    """Fills by the venue's ids, at most `MOST_TRADES`.

    assumed: a history call like the others of §13.4; the dearer reading of two.
    """

    def read(result: Raw) -> tuple[Fill, ...]:
        return _fills(decode(result, dict[str, _TradeRow]), symbols)

    fields = given(txid=",".join(trade_ids))
    return PrivateEndpoint("QueryTrades", fields, HISTORY_COST, Purpose.ACCOUNT, read)


def _fills(rows: dict[str, _TradeRow], symbols: SymbolTable) -> tuple[Fill, ...]:
    return tuple(_fill(exec_id, row, symbols) for exec_id, row in rows.items())


def _quote(symbol: str) -> str:
    """assumed: REST tells fees in quote currency, also where base currency was preferred for them."""
    return symbol.rpartition("/")[2]


def _fill(exec_id: str, row: _TradeRow, symbols: SymbolTable) -> Fill:
    symbol = pair_of(row.pair, symbols)
    return Fill(
        exec_id=exec_id,
        order_id=row.ordertxid,
        symbol=symbol,
        side=row.type,
        qty=finite(row.vol),
        price=finite(row.price),
        cost=finite(row.cost),
        fees=(Fee(_quote(symbol), finite(row.fee)),),
        maker=row.maker,
        trade_id=row.trade_id,
        venue_ns=seconds_to_ns(row.time),
    )


# Bookings


class _LedgerRow(Struct):
    refid: str
    time: Decimal
    type: str
    asset: str
    amount: Decimal
    fee: Decimal
    balance: Decimal
    subtype: str = ""


class _LedgerRows(Struct):
    ledger: dict[str, _LedgerRow]
    count: int | None = None


def ledgers(
    symbols: SymbolTable,
    *,
    rest_asset: str | None = None,
    after_s: int | None = None,
    until_s: int | None = None,
    offset: int | None = None,
) -> PrivateEndpoint[Page[LedgerEntry]]:
    """A page of bookings, newest first, after (exclusive) and until (inclusive) Unix seconds."""

    def read(result: Raw) -> Page[LedgerEntry]:
        rows = decode(result, _LedgerRows)
        return Page(_entries(rows.ledger, symbols), rows.count)

    fields = given(asset=rest_asset, start=after_s, end=until_s, ofs=offset)
    return PrivateEndpoint("Ledgers", fields, HISTORY_COST, Purpose.HISTORY, read)


def query_ledgers(
    ledger_ids: Sequence[str], symbols: SymbolTable
) -> PrivateEndpoint[tuple[LedgerEntry, ...]]:
    """Bookings by the venue's ids, at most `MOST_LEDGERS`."""

    def read(result: Raw) -> tuple[LedgerEntry, ...]:
        return _entries(decode(result, dict[str, _LedgerRow]), symbols)

    return PrivateEndpoint(
        "QueryLedgers", given(id=",".join(ledger_ids)), HISTORY_COST, Purpose.HISTORY, read
    )


def _entries(rows: dict[str, _LedgerRow], symbols: SymbolTable) -> tuple[LedgerEntry, ...]:
    return tuple(_entry(ledger_id, row, symbols) for ledger_id, row in rows.items())


def _entry(ledger_id: str, row: _LedgerRow, symbols: SymbolTable) -> LedgerEntry:
    asset, kind, wallet = holding(row.asset, symbols)
    return LedgerEntry(
        ledger_id=ledger_id,
        ref_id=row.refid,
        kind=row.type,
        asset=asset,
        wallet=None if kind is WalletKind.SPOT else Wallet(kind, wallet, finite(row.balance)),
        amount=finite(row.amount),
        fee=finite(row.fee),
        balance=finite(row.balance),
        subtype=row.subtype,
        venue_ns=seconds_to_ns(row.time),
    )
