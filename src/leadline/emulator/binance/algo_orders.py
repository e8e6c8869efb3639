"""A conditional order: its own id space, its life beside that of the order it sets off (dossier §7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leadline.emulator.binance.orders import Order, PositionSide, Side, TimeInForce

AlgoStatus = Literal[
    "NEW", "TRIGGERING", "TRIGGERED", "FINISHED", "CANCELED", "REJECTED", "EXPIRED"
]  # fmt: skip
WITH_LIMIT = ("STOP", "TAKE_PROFIT")
AT_MARKET = ("STOP_MARKET", "TAKE_PROFIT_MARKET")
TRAILING = "TRAILING_STOP_MARKET"
ALGO_TYPES = (*WITH_LIMIT, *AT_MARKET, TRAILING)
CALLBACK_UNIT = 10_000
"""Callback rates are integers of 0.01 %."""


@dataclass(frozen=True, slots=True)
class AlgoTicket:
    """What was asked for; prices and quantity in the listing's integers, triggers in 10^-8."""

    symbol: str
    side: Side
    order_type: str
    qty: int = 0
    price: int | None = None
    trigger: int = 0
    activate: int | None = None
    callback: int = 0
    time_in_force: TimeInForce = "GTC"
    position_side: PositionSide = "BOTH"
    working_type: str = "CONTRACT_PRICE"
    price_match: str = "NONE"
    reduce_only: bool = False
    close_position: bool = False
    price_protect: bool = False
    stp: str = "EXPIRE_MAKER"
    good_till_ms: int = 0


@dataclass(slots=True)
class AlgoOrder:
    """One conditional order. `extreme` is the best price a trailing one has seen since it is active."""

    algo_id: int
    client_id: str
    ticket: AlgoTicket
    create_ms: int
    update_ms: int
    status: AlgoStatus = "NEW"
    trigger_ms: int = 0
    active: bool = True
    extreme: int | None = None
    order: Order | None = None
    reason: str = ""
    sent_type: str = ""
    """The type of the order it set off."""

    @property
    def open(self) -> bool:
        """Whether it still waits for its price."""
        return self.status == "NEW"

    def reached(self, price: int) -> bool:
        """Whether a price (10^-8) sets it off; a trailing one takes note of the price."""
        ticket = self.ticket
        if ticket.order_type == TRAILING:
            return self._trailed(price)
        rising = (ticket.side == "BUY") == ticket.order_type.startswith("STOP")
        return price >= ticket.trigger if rising else price <= ticket.trigger

    def _trailed(self, price: int) -> bool:
        ticket = self.ticket
        buying = ticket.side == "BUY"
        if not self.active:
            activate = ticket.activate or 0
            if (price > activate) if buying else (price < activate):
                return False
            self.active = True
        best = price if self.extreme is None else self.extreme
        self.extreme = min(best, price) if buying else max(best, price)
        if buying:
            return price * CALLBACK_UNIT >= self.extreme * (CALLBACK_UNIT + ticket.callback)
        return price * CALLBACK_UNIT <= self.extreme * (CALLBACK_UNIT - ticket.callback)
