"""Orders that wait for a price: when they are set off, and how those of trailing orders follow the peak.

The reference is the last trade; assumed: the emulated index equals it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from leadline.emulator.accounts import Account
from leadline.emulator.numbers import ratio
from leadline.emulator.orders import AccountOrder, PriceType, Ticket
from leadline.emulator.tape import Trade

TRAILING = ("trailing-stop", "trailing-stop-limit")
WITH_LIMIT = ("limit", "iceberg", "stop-loss-limit", "take-profit-limit", "trailing-stop-limit")
WHOLE_PCT = 10_000


class Waiter(NamedTuple):
    """An order that waits, and whose it is."""

    account: Account
    order: AccountOrder


def is_trailing(ticket: Ticket) -> bool:
    """Whether the trigger follows the market."""
    return ticket.order_type in TRAILING


def moved(price: int, distance: int, price_type: PriceType) -> int:
    """A price and a signed distance from it: ticks, or hundredths of a percent."""
    if price_type == "pct":
        return price + ratio(price * distance, WHOLE_PCT)
    return price + distance


def start(order: AccountOrder, reference: int) -> None:
    """Work out where a new order is set off, and its limit where that hangs on the trigger."""
    trigger = order.ticket.trigger
    if trigger is None:
        return
    if is_trailing(order.ticket):
        order.peak_price = reference
        trail(order)
    elif trigger.price_type == "static":
        order.trigger_price = trigger.price
    else:
        order.trigger_price = max(1, moved(reference, trigger.price, trigger.price_type))


def follow(order: AccountOrder, price: int) -> bool:
    """Let a trailing order follow a better price; whether its trigger moved."""
    peak = order.peak_price
    if peak is None or price == peak or (price > peak) == (order.ticket.side == "buy"):
        return False
    order.peak_price = price
    trail(order)
    return True


def reached(order: AccountOrder, price: int) -> bool:
    """Whether that price sets the order off (dossier §10.1)."""
    assert order.trigger_price is not None
    upwards = order.ticket.side == "buy"
    if order.ticket.order_type.startswith("take-profit"):
        upwards = not upwards
    return price >= order.trigger_price if upwards else price <= order.trigger_price


def trail(order: AccountOrder) -> None:
    """Put the trigger of a trailing order, and a limit that hangs on it, where the peak has them."""
    ticket, trigger = order.ticket, order.ticket.trigger
    assert trigger is not None
    assert order.peak_price is not None
    distance = trigger.price if ticket.side == "buy" else -trigger.price
    order.trigger_price = max(1, moved(order.peak_price, distance, trigger.price_type))
    if ticket.limit_price is not None and ticket.limit_price_type != "static":
        offset = ticket.limit_price
        order.limit_price = max(1, moved(order.trigger_price, offset, ticket.limit_price_type))


class Waiting:
    """The orders that wait for a price, by symbol."""

    def __init__(self) -> None:
        self._orders: dict[str, dict[str, Waiter]] = {}

    def add(self, account: Account, order: AccountOrder) -> None:
        """Let an order wait."""
        self._orders.setdefault(order.ticket.symbol, {})[order.order_id] = Waiter(account, order)

    def remove(self, order: AccountOrder) -> None:
        """Let it wait no longer, if it did."""
        self._orders.get(order.ticket.symbol, {}).pop(order.order_id, None)

    def of(self, symbol: str) -> Iterable[Waiter]:
        """Those that wait in a pair, oldest first."""
        return self._orders.get(symbol, {}).values()

    def struck(self, symbol: str, trades: Iterable[Trade]) -> tuple[list[Waiter], list[Waiter]]:
        """Take out those that these trades set off, in the order they did; and those whose trigger moved."""
        waiting = self._orders.get(symbol)
        off: list[Waiter] = []
        shifted: dict[str, Waiter] = {}
        if not waiting:
            return off, []
        for trade in trades:
            for waiter in list(waiting.values()):
                if follow(waiter.order, trade.price):
                    shifted[waiter.order.order_id] = waiter
                elif reached(waiter.order, trade.price):
                    del waiting[waiter.order.order_id]
                    off.append(waiter)
        return off, list(shifted.values())
