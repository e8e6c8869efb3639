"""An order of an account: what was asked for and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from leadline.emulator.matching import SelfTrade

Side = Literal["BUY", "SELL"]
PositionSide = Literal["BOTH", "LONG", "SHORT"]
TimeInForce = Literal["GTC", "IOC", "FOK", "GTX", "GTD", "GTE_GTC"]
OrderStatus = Literal[
    "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"
]  # fmt: skip
STP: dict[str, SelfTrade] = {
    "EXPIRE_TAKER": "cancel_newest",
    "EXPIRE_MAKER": "cancel_oldest",
    "EXPIRE_BOTH": "cancel_both",
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as asked for, in the listing's integers; `price` is None for a MARKET order."""

    symbol: str
    side: Side
    order_type: Literal["LIMIT", "MARKET"]
    qty: int
    price: int | None = None
    time_in_force: TimeInForce = "GTC"
    position_side: PositionSide = "BOTH"
    reduce_only: bool = False
    close_position: bool = False
    client_id: str = ""
    stp: str = "EXPIRE_MAKER"
    price_match: str = "NONE"
    good_till_ms: int = 0
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False

    @property
    def sign(self) -> int:
        return 1 if self.side == "BUY" else -1

    @property
    def closing(self) -> bool:
        """Whether it can only make a position smaller: asked for, or by its side in hedge mode (§12.4)."""
        return self.reduce_only or self.close_position or self.closes_side

    @property
    def closes_side(self) -> bool:
        return (self.position_side, self.side) in (("LONG", "SELL"), ("SHORT", "BUY"))


@dataclass(frozen=True, slots=True)
class UserTrade:
    """One match of an account's order; money in 10^-8."""

    trade_id: int
    order_id: int
    symbol: str
    side: Side
    position_side: PositionSide
    price: int
    qty: int
    realised: int
    commission: int
    commission_asset: str
    maker: bool
    time_ms: int
    client_id: str


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change of a resting order, with what it was before."""

    amendment_id: int
    time_ms: int
    price: tuple[int, int]
    qty: tuple[int, int]
    number: int
    modify_id: int | None


@dataclass(slots=True)
class Order:
    """One order from its acceptance to its end. `cost` is Σ price × quantity in the listing's integers."""

    order_id: int
    ticket: Ticket
    qty: int
    price: int | None
    time_ms: int
    update_ms: int
    status: OrderStatus = "NEW"
    executed: int = 0
    cost: int = 0
    expiry_reason: str = "0"
    engine_id: int | None = None
    """Its number in the matching book while it rests."""
    algo_id: int | None = None
    """The conditional order that set it off."""
    amendments: list[Amendment] = field(default_factory=list)
    trades: list[UserTrade] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return self.qty - self.executed

    @property
    def open(self) -> bool:
        return self.status in ("NEW", "PARTIALLY_FILLED")
