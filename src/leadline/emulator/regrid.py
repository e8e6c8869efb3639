"""An account's records moved to a pair's new tick and lot.

Finer grids are exact; coarser ones round quantities and prices down, and an order's `filled` stays the sum
of its fills.
"""

from __future__ import annotations

from dataclasses import replace

from leadline.emulator.accounts import Account
from leadline.emulator.market import Ratio
from leadline.emulator.orders import AccountFill, AccountOrder, PriceType, Ticket, Trigger


def records(account: Account, symbol: str, price: Ratio, qty: Ratio) -> None:
    """Move every order and fill of one pair; of resting orders the book knows better what is left."""
    fills: dict[str, AccountFill] = {}
    for position, fill in enumerate(account.fills):
        if fill.symbol == symbol:
            fills[fill.exec_id] = account.fills[position] = _fill(fill, price, qty)
    for order in account.orders.values():
        if order.ticket.symbol != symbol:
            continue
        order.fills = [fills[fill.exec_id] for fill in order.fills]
        remaining = _to(order.remaining, qty)
        filled = sum(fill.qty for fill in order.fills)
        order.amends = [
            (amend_id, time_ns, state and _state(state, price, qty))
            for amend_id, time_ns, state in order.amends
        ]
        _move(order, price, qty)
        order.filled, order.qty = filled, filled + remaining


def _state(state: AccountOrder, price: Ratio, qty: Ratio) -> AccountOrder:
    _move(state, price, qty)
    state.filled, state.qty = _to(state.filled, qty), _to(state.qty, qty)
    return state


def _move(order: AccountOrder, price: Ratio, qty: Ratio) -> None:
    order.ticket = _ticket(order.ticket, price, qty)
    order.limit_price = _price(order.limit_price, price)
    order.trigger_price = _price(order.trigger_price, price)
    order.peak_price = _price(order.peak_price, price)
    if order.display_qty is not None:
        order.display_qty = max(1, _to(order.display_qty, qty))


def _ticket(ticket: Ticket, price: Ratio, qty: Ratio) -> Ticket:
    close = ticket.close
    if close is not None:
        limit = _limit(close.limit_price, close.limit_price_type, price)
        close = replace(close, limit_price=limit, trigger=_trigger(close.trigger, price))
    return replace(
        ticket,
        qty=_to(ticket.qty, qty),
        limit_price=_limit(ticket.limit_price, ticket.limit_price_type, price),
        trigger=_trigger(ticket.trigger, price),
        close=close,
        display_qty=None if ticket.display_qty is None else max(1, _to(ticket.display_qty, qty)),
    )


def _limit(value: int | None, kind: PriceType, ratio: Ratio) -> int | None:
    """A limit price, or the distance that stands for one."""
    if value is None or kind == "pct":
        return value
    return _price(value, ratio) if kind == "static" else _to(value, ratio)


def _trigger(trigger: Trigger | None, ratio: Ratio) -> Trigger | None:
    if trigger is None or trigger.price_type == "pct":
        return trigger
    price = _to(trigger.price, ratio)
    return replace(trigger, price=max(1, price) if trigger.price_type == "static" else price)


def _fill(fill: AccountFill, price: Ratio, qty: Ratio) -> AccountFill:
    return replace(
        fill, price=_to(fill.price, price), qty=_to(fill.qty, qty), fee_lots=_to(fill.fee_lots, qty)
    )


def _price(value: int | None, ratio: Ratio) -> int | None:
    return None if value is None else max(1, _to(value, ratio))


def _to(value: int, ratio: Ratio) -> int:
    return value * ratio[0] // ratio[1]
