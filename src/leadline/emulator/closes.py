"""Conditional closes: the order that a fill of another makes (dossier §10.1 `conditional`)."""

from __future__ import annotations

from dataclasses import replace

from leadline.emulator.orders import AccountFill, Ticket
from leadline.emulator.triggers import is_trailing, moved


def close_ticket(parent: Ticket, fill: AccountFill) -> Ticket:
    """The close of one fill: its quantity, the opposite side, relative prices from the fill's (assumed)."""
    close = parent.close
    assert close is not None
    made = Ticket(
        symbol=parent.symbol,
        side="sell" if parent.side == "buy" else "buy",
        order_type=close.order_type,
        qty=fill.qty,
        limit_price=close.limit_price,
        limit_price_type=close.limit_price_type,
        trigger=close.trigger,
        fee_in_base=parent.fee_in_base,
        stp=parent.stp,
    )
    return made if is_trailing(made) else _fixed(made, fill.price)


def _fixed(made: Ticket, price: int) -> Ticket:
    """The ticket with its distances from a price turned into prices."""
    limit, trigger = made.limit_price, made.trigger
    if limit is not None and made.limit_price_type != "static":
        limit = max(1, moved(price, limit, made.limit_price_type))
    if trigger is not None and trigger.price_type != "static":
        reached = max(1, moved(price, trigger.price, trigger.price_type))
        trigger = replace(trigger, price=reached, price_type="static")
    return replace(made, limit_price=limit, limit_price_type="static", trigger=trigger)
