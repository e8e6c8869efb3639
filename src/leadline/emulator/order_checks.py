"""What the engine refuses on sight, in the venue's words (dossier §10, §15): modes, terms, sizes.

Funds, counters and caps are the account's matter and judged in `trading`.
"""

from __future__ import annotations

from leadline.emulator import money
from leadline.emulator.instruments import Pair
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.orders import AccountOrder, Amendment, Refused, Ticket
from leadline.emulator.triggers import TRAILING, WITH_LIMIT, is_trailing

TRIGGERED = ("stop-loss", "stop-loss-limit", "take-profit", "take-profit-limit", *TRAILING)
RESTING = ("limit", "iceberg")
LATEST_EXPIRY_NS = 31 * 86_400 * NS_PER_S
LEAST_SHOWN = 15
UNAVAILABLE = "EService:Unavailable"


def invalid(what: str) -> Refused:
    """A parameter that makes no sense."""
    return Refused(f"EGeneral:Invalid arguments:{what}")


def check_up(mode: str) -> None:
    """In maintenance nothing is taken, not even a cancel."""
    if mode == "maintenance":
        raise Refused(UNAVAILABLE)


def check_mode(mode: str, ticket: Ticket) -> None:
    """Whether a trading mode takes that order.

    assumed: post_only takes orders with that flag, limit_only the types limit and iceberg.
    """
    check_up(mode)
    allowed = {
        "online": True,
        "post_only": ticket.post_only,
        "limit_only": ticket.order_type in RESTING,
    }
    if not allowed.get(mode, False):
        raise Refused(f"EService:Market in {mode} mode")


def check_deadline(deadline_ns: int | None, now_ns: int) -> None:
    """A request that reaches the engine too late does nothing."""
    if deadline_ns is not None and now_ns > deadline_ns:
        raise Refused("EService:Deadline elapsed")


def check_ticket(ticket: Ticket, now_ns: int) -> None:
    """The terms of an order, apart from its size."""
    if ticket.order_type == "settle-position":
        raise Refused("EOrder:Unknown position")
    if ticket.reduce_only:
        raise Refused("EOrder:Reduce only:No position exists")
    if ticket.margin:
        # Positions are not emulated: every margin order is one too many.
        raise Refused("EOrder:Margin allowance exceeded")
    _check_prices(ticket)
    _check_life(ticket, now_ns)
    if ticket.cl_ord_id is not None and (ticket.userref or ticket.close is not None):
        raise invalid("cl_ord_id")
    if ticket.cash is not None and (ticket.order_type != "market" or ticket.side != "buy" or ticket.qty):
        raise invalid("cash_order_qty")
    if (ticket.display_qty is not None) != (ticket.order_type == "iceberg"):
        raise invalid("display_qty")
    close = ticket.close
    if close is not None:
        if close.order_type not in ("limit", *TRIGGERED):
            raise invalid("conditional")
        _check_prices(
            Ticket(
                ticket.symbol,
                ticket.side,
                close.order_type,
                limit_price=close.limit_price,
                limit_price_type=close.limit_price_type,
                trigger=close.trigger,
            ),
            relative=True,
        )


def check_size(pair: Pair, order: AccountOrder, last: int) -> None:
    """The least quantity and cost, and how much of an iceberg must show."""
    if order.qty < pair.qty_min:
        raise invalid("volume minimum not met")
    # assumed: an order without a limit is measured by its trigger or the last price
    price = order.limit_price or order.trigger_price or last
    if money.cost_of(pair, price, order.qty) < pair.cost_min:
        raise Refused("EOrder:Cost minimum not met")
    shown = order.display_qty
    if shown is not None and not order.remaining <= shown * LEAST_SHOWN <= order.remaining * LEAST_SHOWN:
        raise invalid("display_qty")


def check_amendment(order: AccountOrder, amendment: Amendment) -> None:
    """Whether an amendment says anything, and only what that order has."""
    ticket = order.ticket
    wanted = (
        ("order_qty", amendment.qty, order.qty),
        ("limit_price", amendment.limit_price, _limit_of(order)),
        ("display_qty", amendment.display_qty, order.display_qty),
        ("trigger_price", amendment.trigger_price, _trigger_of(order)),
    )
    for name, value, present in wanted:
        if value is not None and present is None:
            raise invalid(name)
    if all(value is None or value == present for _, value, present in wanted):
        # assumed: the venue's words for an amend without effect
        raise invalid("No amendable parameters")
    if amendment.qty is not None and amendment.qty < 0:
        raise invalid("order_qty")
    offset = ticket.limit_price_type != "static"
    if amendment.limit_price is not None and amendment.limit_price <= 0 and not offset:
        raise Refused("EOrder:Invalid price")
    if amendment.trigger_price is not None and amendment.trigger_price <= 0:
        raise Refused("EOrder:Invalid price")


def _limit_of(order: AccountOrder) -> int | None:
    """What an amend's limit price replaces: the limit, or the distance a trailing limit was given."""
    return order.limit_price if order.ticket.limit_price_type == "static" else order.ticket.limit_price


def _trigger_of(order: AccountOrder) -> int | None:
    """What an amend's trigger price replaces; None once the order was set off."""
    if order.triggered or order.ticket.trigger is None:
        return None
    return order.ticket.trigger.price if is_trailing(order.ticket) else order.trigger_price


def _check_prices(ticket: Ticket, *, relative: bool = False) -> None:
    limit, trigger = ticket.limit_price, ticket.trigger
    trailing = is_trailing(ticket)
    if (limit is None) == (ticket.order_type in WITH_LIMIT):
        raise invalid("limit_price")
    if (trigger is None) == (ticket.order_type in TRIGGERED):
        raise invalid("triggers")
    if ticket.limit_price_type != "static" and not (relative or ticket.order_type == "trailing-stop-limit"):
        raise invalid("limit_price_type")
    if limit is not None and limit <= 0 and ticket.limit_price_type == "static":
        raise Refused("EOrder:Invalid price")
    if trigger is None:
        return
    if trailing and (trigger.price_type == "static" or trigger.price <= 0):
        raise invalid("triggers")
    if trigger.price_type == "static" and trigger.price <= 0:
        raise Refused("EOrder:Invalid price")


def _check_life(ticket: Ticket, now_ns: int) -> None:
    if (ticket.expire_ns is not None) != (ticket.time_in_force == "gtd"):
        raise invalid("expire_time")
    if ticket.expire_ns is not None and not now_ns < ticket.expire_ns <= now_ns + LATEST_EXPIRY_NS:
        raise invalid("expire_time")
    immediate = ticket.time_in_force in ("ioc", "fok")
    if ticket.post_only and (immediate or ticket.order_type not in WITH_LIMIT):
        raise invalid("post_only")
    if ticket.time_in_force == "fok" and ticket.order_type != "limit":
        raise invalid("time_in_force")
    if immediate and ticket.order_type == "iceberg":
        raise invalid("time_in_force")
