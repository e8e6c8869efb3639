"""What an account asks of the engine and what the engine tells of it, in integer ticks and lots.

Plain values: the wire layers (WebSocket, REST) translate to and from them, `trading` acts on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

OrderType = Literal[
    "market",
    "limit",
    "iceberg",
    "stop-loss",
    "stop-loss-limit",
    "take-profit",
    "take-profit-limit",
    "trailing-stop",
    "trailing-stop-limit",
    "settle-position",
]
Status = Literal["pending_new", "new", "partially_filled", "filled", "canceled", "expired"]
ExecType = Literal[
    "pending_new",
    "new",
    "trade",
    "filled",
    "iceberg_refill",
    "canceled",
    "expired",
    "amended",
    "restated",
    "status",
]
PriceType = Literal["static", "pct", "quote"]


class Refused(Exception):
    """The engine says no; `text` is what the venue answers, such as `EOrder:Insufficient funds`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Trigger:
    """What sets a waiting order off. `price` is ticks for static and quote, hundredths of a percent for pct.

    Relative prices are signed distances from the reference; those of trailing orders are positive.
    """

    price: int
    price_type: PriceType = "static"
    reference: Literal["last", "index"] = "last"


@dataclass(frozen=True, slots=True)
class Close:
    """The order to be made of each fill (one cancels nothing: it is independent afterwards)."""

    order_type: OrderType
    limit_price: int | None = None
    limit_price_type: PriceType = "static"
    trigger: Trigger | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as asked for, already in the pair's ticks and lots; `cash` is the cost in quote units."""

    symbol: str
    side: Literal["buy", "sell"]
    order_type: OrderType
    qty: int = 0
    limit_price: int | None = None
    limit_price_type: PriceType = "static"
    trigger: Trigger | None = None
    time_in_force: Literal["gtc", "gtd", "ioc", "fok"] = "gtc"
    expire_ns: int | None = None
    effective_ns: int | None = None
    deadline_ns: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    margin: bool = False
    close: Close | None = None
    display_qty: int | None = None
    fee_in_base: bool = False
    stp: Literal["cancel_newest", "cancel_oldest", "cancel_both"] = "cancel_newest"
    cash: int | None = None
    cl_ord_id: str | None = None
    userref: int = 0


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is to change in a live order; None leaves it."""

    qty: int | None = None
    limit_price: int | None = None
    display_qty: int | None = None
    trigger_price: int | None = None
    post_only: bool = False
    deadline_ns: int | None = None


@dataclass(frozen=True, slots=True)
class AccountFill:
    """One match of an account's order; `cost` and `fee` are in units of the quote's cost precision.

    Where `fee_asset` is the base, `fee_lots` of the base were charged and `fee` is their worth in the quote.
    """

    exec_id: str
    trade_id: int
    order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    order_type: OrderType
    qty: int
    price: int
    cost: int
    fee: int
    fee_asset: str
    maker: bool
    time_ns: int
    fee_lots: int = 0


@dataclass(slots=True)
class AccountOrder:
    """One order of an account from its acceptance to its end."""

    order_id: str
    ticket: Ticket
    opened_ns: int
    status: Status = "pending_new"
    qty: int = 0
    limit_price: int | None = None
    display_qty: int | None = None
    trigger_price: int | None = None
    """Where a waiting order is set off now, in ticks; it follows the peak of a trailing one."""
    peak_price: int | None = None
    """The best reference price since a trailing order was made, in ticks."""
    triggered: bool = False
    filled: int = 0
    cost: int = 0
    fee: int = 0
    """Σ of the fills' fees, in units of the quote's cost precision."""
    amended: bool = False
    touched_ns: int = 0
    """When it was made or last amended: its age for the order counter."""
    closed_ns: int | None = None
    reason: str = ""
    parent_id: str | None = None
    """The order whose fill made this one (conditional close)."""
    engine_id: int | None = None
    """Its number in the matching book while it rests."""
    fills: list[AccountFill] = field(default_factory=list)
    amends: list[tuple[str, int, AccountOrder | None]] = field(default_factory=list)
    """Id and time of each amend, and the order as it was right after it."""

    @property
    def remaining(self) -> int:
        return self.qty - self.filled

    @property
    def open(self) -> bool:
        return self.status in ("pending_new", "new", "partially_filled")


@dataclass(frozen=True, slots=True)
class Execution:
    """One line of an account's executions: what happened to an order, and the fill if it was one.

    The state of the order is copied, because news may be told later than it happened.
    """

    exec_type: ExecType
    order: AccountOrder
    status: Status
    filled: int
    cost: int
    fee: int
    qty: int
    limit_price: int | None
    time_ns: int
    reason: str = ""
    fill: AccountFill | None = None
    display_qty: int | None = None
    trigger_price: int | None = None
    triggered: bool = False
    amended: bool = False


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of a balance; amounts are units of 10^-10 of the asset, signed; the fee is positive."""

    ledger_id: str
    ref_id: str
    time_ns: int
    kind: str
    subtype: str
    asset: str
    wallet: str
    """`spot/main` or `earn/flexible`."""
    amount: int
    fee: int
    balance: int
    """Of this asset in this wallet, afterwards."""
