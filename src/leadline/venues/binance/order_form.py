"""Orders as parameters (dossier §6, §7), the same for REST and the WebSocket API.

Rule: what is not used is left out, an empty value would be refused; numbers carry no needless zeros, which
the venue would take for more decimals than it allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from leadline.clock import NS_PER_MS
from leadline.errors import CheckFailed
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    Order,
    OrderKey,
    OrderKind,
    OrderRequest,
    PositionSide,
    SelfTrade,
    TimeInForce,
    TriggerReference,
)
from leadline.venues.binance.reports import ALGO, parse_id
from leadline.venues.ports import Placement

Params = tuple[tuple[str, str], ...]

TYPES = {
    OrderKind.LIMIT: "LIMIT",
    OrderKind.MARKET: "MARKET",
    OrderKind.STOP_LOSS: "STOP_MARKET",
    OrderKind.STOP_LOSS_LIMIT: "STOP",
    OrderKind.TAKE_PROFIT: "TAKE_PROFIT_MARKET",
    OrderKind.TAKE_PROFIT_LIMIT: "TAKE_PROFIT",
    OrderKind.TRAILING_STOP: "TRAILING_STOP_MARKET",
}
"""What Binance calls the kinds it has."""

CONDITIONAL = frozenset(TYPES) - {OrderKind.LIMIT, OrderKind.MARKET}
"""Kinds that wait for a trigger: they go to the algo endpoints and have ids of their own (§7)."""

_SIDES = {Side.BUY: "BUY", Side.SELL: "SELL"}
_POSITION_SIDES = {PositionSide.LONG: "LONG", PositionSide.SHORT: "SHORT"}
_WORKING_TYPES = {TriggerReference.LAST: "CONTRACT_PRICE", TriggerReference.MARK: "MARK_PRICE"}
_SELF_TRADES = {
    SelfTrade.CANCEL_NEWEST: "EXPIRE_TAKER",
    SelfTrade.CANCEL_OLDEST: "EXPIRE_MAKER",
    SelfTrade.CANCEL_BOTH: "EXPIRE_BOTH",
}


def is_conditional(request: OrderRequest) -> bool:
    """Whether the order goes to the algo endpoints."""
    return request.kind in CONDITIONAL


def time_in_force(request: OrderRequest) -> str:
    """As the venue spells it; post-only is a time in force of its own there."""
    return "GTX" if request.post_only else request.time_in_force.name


def order(placement: Placement, wire: str) -> Params:
    """A limit or market order (§6.1)."""
    request = placement.sent
    return (
        *_names(request, wire),
        ("type", TYPES[request.kind]),
        *_life(request),
        *_given("quantity", request.qty),
        *_price(request),
        *_flags(request),
        ("newClientOrderId", placement.client_id),
    )


def conditional(placement: Placement, wire: str) -> Params:
    """An order that waits for a trigger (§7)."""
    request = placement.sent
    return (
        ("algoType", "CONDITIONAL"),
        *_names(request, wire),
        ("type", TYPES[request.kind]),
        *_life(request),
        *_given("quantity", request.qty),
        *_price(request),
        *_trigger(request),
        *_flags(request),
        *((("closePosition", "true"),) if request.close_position else ()),
        ("clientAlgoId", placement.client_id),
    )


def batch(placements: Sequence[Placement], wires: Sequence[str]) -> Params:
    """Up to five limit and market orders in one request (§6.6); JSON without a space."""
    rows = [dict(order(placement, wire)) for placement, wire in zip(placements, wires, strict=True)]
    return (("batchOrders", msgspec.json.encode(rows).decode()),)


def amended(order: Order, change: Amendment, wire: str) -> Params:
    """A changed limit order: the venue wants price and quantity both, whichever is new (§6.3)."""
    qty = order.qty if change.qty is None else change.qty
    price = order.limit_price if change.limit_price is None else change.limit_price
    if qty is None or price is None:
        raise CheckFailed("the order's quantity and price are not known yet; change it once they are")
    return (
        *_reference(order.key, wire, conditional=False),
        ("side", _SIDES[order.side]),
        ("quantity", number(qty)),
        ("price", number(price)),
    )


def reference(key: OrderKey, wire: str | None) -> Params:
    """Which order is meant, in the id space it is in: a conditional one is named without its symbol (§7)."""
    return _reference(key, wire, conditional=is_conditional_key(key))


def is_conditional_key(key: OrderKey) -> bool:
    """Whether the key names an order of the algo endpoints: its id says so, else what is known of it."""
    if key.order_id is not None:
        return key.order_id.startswith(f"{ALGO}:")
    return key.conditional


def wire_of_key(key: OrderKey) -> str | None:
    """The venue's symbol in an order id; None where the id names none. Raises CheckFailed for no id of it."""
    if key.order_id is None:
        return None
    symbol, _ = _parsed(key.order_id)
    return None if symbol == ALGO else symbol


def _reference(key: OrderKey, wire: str | None, *, conditional: bool) -> Params:
    if key.order_id is None and key.client_id is None:
        raise CheckFailed("an order is named by the venue's id or its client id, and neither is known yet")
    if conditional:
        if key.order_id is not None:
            return (("algoId", str(_parsed(key.order_id)[1])),)
        return (("clientAlgoId", key.client_id or ""),)
    if wire is None:
        raise CheckFailed(
            f"order {key.client_id}: Binance finds an order of that name only beside its symbol;"
            " name it as SYMBOL:NUMBER, such as BTCUSDT:12345"
        )
    if key.order_id is not None:
        return (("symbol", wire), ("orderId", str(_parsed(key.order_id)[1])))
    return (("symbol", wire), ("origClientOrderId", key.client_id or ""))


def _parsed(order_id: str) -> tuple[str, int]:
    try:
        return parse_id(order_id)
    except ValueError:
        raise CheckFailed(
            f"{order_id!r} is no order id of Binance: give SYMBOL:NUMBER, such as BTCUSDT:12345, or"
            " algo:NUMBER for an order that waits for a trigger"
        ) from None


def number(value: Decimal) -> str:
    """The number in plain digits, without zeros at its end."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _names(request: OrderRequest, wire: str) -> Params:
    side = _POSITION_SIDES.get(request.position_side)
    position = () if side is None else (("positionSide", side),)
    return (("symbol", wire), ("side", _SIDES[request.side]), *position)


def _life(request: OrderRequest) -> Params:
    if request.limit_price is None and request.price_match is None:
        return ()
    life = (("timeInForce", time_in_force(request)),)
    if request.time_in_force is not TimeInForce.GTD or request.expires_ns is None:
        return life
    return (*life, ("goodTillDate", str(request.expires_ns // NS_PER_MS)))


def _price(request: OrderRequest) -> Params:
    if request.price_match is not None:
        return (("priceMatch", request.price_match.name),)
    return _given("price", request.limit_price)


def _trigger(request: OrderRequest) -> Params:
    trigger = request.trigger
    if trigger is None:
        return ()
    protect = (("priceProtect", "true"),) if trigger.protect else ()
    working = (("workingType", _WORKING_TYPES[trigger.reference]),)
    if request.kind is OrderKind.TRAILING_STOP:
        activation = _given("activatePrice", trigger.activation_price)
        return (("callbackRate", number(trigger.price)), *activation, *working, *protect)
    return (("triggerPrice", number(trigger.price)), *working, *protect)


def _flags(request: OrderRequest) -> Params:
    """In hedge mode `reduceOnly` must not be sent: the side of the position says it (§17, 15)."""
    hedge = request.position_side is not PositionSide.NET
    reduce_only = (("reduceOnly", "true"),) if request.reduce_only and not hedge else ()
    if request.self_trade is None:
        return reduce_only
    return (*reduce_only, ("selfTradePreventionMode", _SELF_TRADES[request.self_trade]))


def _given(name: str, value: Decimal | None) -> Params:
    return () if value is None else ((name, number(value)),)
