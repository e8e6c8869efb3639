"""Kraken's private channels: frames of executions and balances to reports, fills and bookings, exactly.

A row that is not understood is told apart and told whole; nothing is guessed for it, and it spoils no other.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import msgspec
from msgspec import Raw, Struct

from leadline.model.account import Balance, BalancesSnapshot, LedgerEntry, Wallet, WalletKind
from leadline.model.market import Side, parse_time_ns
from leadline.model.order import Event, Fee, Fill, OrderKind, OrderReport, OrderState
from leadline.venues.kraken.wire import NOT_UNDERSTOOD, HeartbeatFrame, Kind, StatusFrame

REMEMBERED_ORDERS = 10_000
"""Orders whose symbol and side are kept, because later frames leave them out; the oldest is forgotten."""


class ExecutionsFrame(Struct, tag_field="channel", tag="executions"):
    type: Kind
    sequence: int
    data: list[Raw]


class BalancesFrame(Struct, tag_field="channel", tag="balances"):
    """Rows are holdings in a snapshot and bookings in an update."""

    type: Kind
    sequence: int
    data: list[Raw]


PrivateFrame = ExecutionsFrame | BalancesFrame | StatusFrame | HeartbeatFrame

_frames: msgspec.json.Decoder[PrivateFrame] = msgspec.json.Decoder(PrivateFrame)

decode = _frames.decode
"""A frame of the private connection; raises one of `NOT_UNDERSTOOD` for anything else, answers included."""


class _Glimpse(Struct):
    """What is left of a frame of a private channel that cannot be read."""

    channel: str


_glimpses: msgspec.json.Decoder[_Glimpse] = msgspec.json.Decoder(_Glimpse)


def channel_of(frame: bytes) -> str | None:
    """The channel of a frame that could not be understood; None when even that is unclear."""
    try:
        return _glimpses.decode(frame).channel
    except NOT_UNDERSTOOD:
        return None


class SkippedRow(Struct, frozen=True):
    """A row nobody understood, and why."""

    row: bytes
    why: str


class _ExecType(Enum):
    PENDING_NEW = "pending_new"
    NEW = "new"
    TRADE = "trade"
    FILLED = "filled"
    ICEBERG_REFILL = "iceberg_refill"
    CANCELED = "canceled"
    EXPIRED = "expired"
    AMENDED = "amended"
    RESTATED = "restated"
    STATUS = "status"


_EVENTS = {
    _ExecType.PENDING_NEW: Event.ACCEPTED,
    _ExecType.NEW: Event.WORKING,
    _ExecType.TRADE: Event.FILL,
    _ExecType.FILLED: Event.FILLED,
    _ExecType.ICEBERG_REFILL: Event.RESTATED,
    _ExecType.CANCELED: Event.CANCELED,
    _ExecType.EXPIRED: Event.EXPIRED,
    _ExecType.AMENDED: Event.AMENDED,
    _ExecType.RESTATED: Event.RESTATED,
    _ExecType.STATUS: Event.RESTATED,
}


class _OrderStatus(Enum):
    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


_STATES = {
    _OrderStatus.PENDING_NEW: OrderState.WORKING,
    _OrderStatus.NEW: OrderState.WORKING,
    _OrderStatus.PARTIALLY_FILLED: OrderState.PARTIALLY_FILLED,
    _OrderStatus.FILLED: OrderState.FILLED,
    _OrderStatus.CANCELED: OrderState.CANCELED,
    _OrderStatus.EXPIRED: OrderState.EXPIRED,
}
"""`pending_new` is WORKING: the venue has the order, whether it is live yet is the event's matter."""


class _Liquidity(Enum):
    MAKER = "m"
    TAKER = "t"


class _WireFee(Struct):
    asset: str
    qty: Decimal


class _WireTriggers(Struct):
    price: Decimal | None = None


class _WireExecution(Struct):
    """One execution report (dossier §9.1); only what concerns the event is there."""

    order_id: str
    exec_type: _ExecType
    order_status: _OrderStatus | None = None
    cl_ord_id: str | None = None
    order_userref: int | None = None
    ord_ref_id: str | None = None
    symbol: str | None = None
    side: Side | None = None
    order_type: OrderKind | None = None
    order_qty: Decimal | None = None
    limit_price: Decimal | None = None
    triggers: _WireTriggers | None = None
    cum_qty: Decimal | None = None
    cum_cost: Decimal | None = None
    exec_id: str | None = None
    trade_id: int | None = None
    last_qty: Decimal | None = None
    last_price: Decimal | None = None
    cost: Decimal | None = None
    liquidity_ind: _Liquidity | None = None
    fees: list[_WireFee] = []
    reason: str | None = None
    timestamp: str | None = None


_executions: msgspec.json.Decoder[_WireExecution] = msgspec.json.Decoder(_WireExecution)


class ExecutionReader:
    """Reads executions frames; remembers symbol and side of open orders, which later frames leave out."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Side]] = {}

    def read(self, frame: ExecutionsFrame) -> tuple[list[OrderReport], list[SkippedRow]]:
        """The reports of a frame in its order, and the rows that were not understood."""
        reports: list[OrderReport] = []
        skipped: list[SkippedRow] = []
        for row in frame.data:
            try:
                reports.append(self._report(_executions.decode(row), frame.type == "snapshot"))
            except (*NOT_UNDERSTOOD, ValueError, ArithmeticError) as why:
                skipped.append(SkippedRow(bytes(row), str(why)))
        return reports, skipped

    def _report(self, w: _WireExecution, snapshot: bool) -> OrderReport:
        _check_amounts(w.order_qty, w.cum_qty, w.cum_cost)
        trigger_price = w.triggers.price if w.triggers else None
        _check_finite(w.limit_price, trigger_price)
        symbol, side = self._whose(w)
        is_fill = w.exec_type is _ExecType.TRADE
        state = None if is_fill or w.order_status is None else _STATES[w.order_status]
        event = Event.STANDS if snapshot and not is_fill else _EVENTS[w.exec_type]
        if state is not None and state.final:
            self._known.pop(w.order_id, None)
        return OrderReport(
            event=event,
            order_id=w.order_id,
            client_id=w.cl_ord_id or None,
            userref=w.order_userref or None,
            parent_id=w.ord_ref_id or None,
            symbol=symbol,
            side=side,
            kind=w.order_type,
            qty=w.order_qty,
            limit_price=w.limit_price,
            trigger_price=trigger_price,
            state=state,
            filled_qty=w.cum_qty,
            filled_cost=w.cum_cost,
            fill=_fill(w, symbol, side) if is_fill else None,
            reason=w.reason or "",
            venue_ns=parse_time_ns(w.timestamp),
            snapshot=snapshot,
        )

    def _whose(self, w: _WireExecution) -> tuple[str | None, Side | None]:
        known_symbol, known_side = self._known.get(w.order_id, (None, None))
        symbol, side = w.symbol or known_symbol, w.side or known_side
        if symbol and side and w.order_id not in self._known:
            if len(self._known) >= REMEMBERED_ORDERS:
                del self._known[next(iter(self._known))]
            self._known[w.order_id] = (symbol, side)
        return symbol, side


def _fill(w: _WireExecution, symbol: str | None, side: Side | None) -> Fill | None:
    """The fill a `trade` row tells; None where it lacks what a fill needs, so that REST is asked."""
    if not w.exec_id or not symbol or not side or w.last_qty is None or w.last_price is None:
        return None
    _check_amounts(w.last_qty)
    cost = w.last_qty * w.last_price if w.cost is None else w.cost
    _check_finite(w.last_price, cost, *(fee.qty for fee in w.fees))
    return Fill(
        exec_id=w.exec_id,
        order_id=w.order_id,
        symbol=symbol,
        side=side,
        qty=w.last_qty,
        price=w.last_price,
        cost=cost,
        fees=tuple(Fee(fee.asset, fee.qty) for fee in w.fees),
        maker=None if w.liquidity_ind is None else w.liquidity_ind is _Liquidity.MAKER,
        trade_id=w.trade_id,
        venue_ns=parse_time_ns(w.timestamp),
    )


class _WireWallet(Struct):
    type: str
    id: str
    balance: Decimal


class _WireBalance(Struct):
    asset: str
    balance: Decimal
    wallets: list[_WireWallet] = []


class _WireBooking(Struct):
    """One ledger transaction (dossier §9.2)."""

    ledger_id: str
    ref_id: str
    type: str
    asset: str
    wallet_type: str
    wallet_id: str
    amount: Decimal
    fee: Decimal
    balance: Decimal
    subtype: str = ""
    timestamp: str | None = None


_balances: msgspec.json.Decoder[_WireBalance] = msgspec.json.Decoder(_WireBalance)
_bookings: msgspec.json.Decoder[_WireBooking] = msgspec.json.Decoder(_WireBooking)


def read_balances(frame: BalancesFrame) -> BalancesSnapshot:
    """The account as a snapshot tells it; raises one of `NOT_UNDERSTOOD`, ValueError or ArithmeticError.

    It is read whole or not at all: an asset left out would count as sold.
    """
    return BalancesSnapshot(tuple(_balance(_balances.decode(row)) for row in frame.data))


def _balance(w: _WireBalance) -> Balance:
    """assumed: an asset told without wallets lies in the spot wallet `main`."""
    _check_finite(w.balance, *(wallet.balance for wallet in w.wallets))
    if not w.wallets:
        return Balance(w.asset, (Wallet(WalletKind.SPOT, "main", w.balance),))
    return Balance(w.asset, tuple(Wallet(_wallet_kind(row.type), row.id, row.balance) for row in w.wallets))


def _wallet_kind(text: str) -> WalletKind:
    """assumed: only a `spot` wallet can be traded; a kind this version does not know cannot."""
    return WalletKind.SPOT if text == WalletKind.SPOT.value else WalletKind.EARN


def read_bookings(frame: BalancesFrame) -> tuple[list[LedgerEntry], list[SkippedRow]]:
    """The bookings of an update in its order, and the rows that were not understood."""
    entries: list[LedgerEntry] = []
    skipped: list[SkippedRow] = []
    for row in frame.data:
        try:
            entries.append(_booking(_bookings.decode(row)))
        except (*NOT_UNDERSTOOD, ValueError, ArithmeticError) as why:
            skipped.append(SkippedRow(bytes(row), str(why)))
    return entries, skipped


def _booking(w: _WireBooking) -> LedgerEntry:
    _check_finite(w.amount, w.fee, w.balance)
    return LedgerEntry(
        ledger_id=w.ledger_id,
        ref_id=w.ref_id,
        kind=w.type,
        asset=w.asset,
        wallet=Wallet(_wallet_kind(w.wallet_type), w.wallet_id, w.balance),
        amount=w.amount,
        fee=w.fee,
        balance=w.balance,
        subtype=w.subtype,
        venue_ns=parse_time_ns(w.timestamp),
    )


def _check_amounts(*numbers: Decimal | None) -> None:
    """Raise ValueError unless all that are told are finite and none is negative."""
    _check_finite(*numbers)
    if wrong := next((number for number in numbers if number is not None and number < 0), None):
        raise ValueError(f"{wrong} is no quantity")


def _check_finite(*numbers: Decimal | None) -> None:
    """Raise ValueError for NaN and Infinity, which a Decimal takes from a text."""
    for number in numbers:
        if number is not None and not number.is_finite():
            raise ValueError(f"{number} is no number of a market")
