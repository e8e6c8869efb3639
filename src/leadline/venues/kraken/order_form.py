"""Orders as fields of REST (dossier §14.3): the same requests as in `order_wire`, in the other spelling.

Rule: the trigger of a waiting order is `price` and its limit `price2`; a distance carries its sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed
from leadline.model.order import (
    Amendment,
    ConditionalClose,
    FeeIn,
    OrderKey,
    OrderKind,
    OrderRequest,
    PriceType,
    TimeInForce,
    TriggerReference,
)
from leadline.venues.kraken.order_wire import check_editable, number
from leadline.venues.kraken.times import ns_to_text
from leadline.venues.ports import Placement

Fields = tuple[tuple[str, str], ...]

_FEE_FLAGS = {FeeIn.BASE: "fcib", FeeIn.QUOTE: "fciq"}


def add_order(placement: Placement, pair: str) -> Fields:
    """Fields of AddOrder; raises CheckFailed for a margin order.

    REST wants a leverage where the stream takes the largest of the pair, and a request names none. A margin
    order can be given by the stream only.
    """
    return (("pair", pair), *row(placement), *_closing(placement), *_tail(placement))


def row(placement: Placement) -> Fields:
    """What AddOrder and a row of AddOrderBatch have in common, but for the conditional close."""
    request = placement.sent
    if request.margin:
        raise CheckFailed(
            f"margin: the order for {request.symbol} cannot go by REST, which wants a leverage in figures; "
            "wait until the stream is back, or leave margin out"
        )
    return (
        ("type", request.side.value),
        ("ordertype", request.kind.value),
        *_amount(request),
        *_prices(request),
        *_trigger(request),
        *_given("displayvol", request.display_qty),
        *_flags(request),
        *_life(request),
        *_name(placement),
    )


def close_of(request: OrderRequest) -> Fields:
    """The conditional close, its names without the brackets that a form puts around them."""
    if request.close is None:
        return ()
    first, second = _close_prices(request.close)
    return (("ordertype", request.close.kind.value), *_texts(price=first, price2=second))


def edit_order(order_id: str, placement: Placement, pair: str) -> Fields:
    """Fields of EditOrder: a new order in place of an old one (dossier §14.3).

    Raises CheckFailed for what such an order cannot have, by REST a fee currency and `reduce_only` neither.
    """
    request = placement.sent
    check_editable(request)
    if request.fee_in is not None or request.reduce_only:
        raise CheckFailed("fee_in, reduce_only: a replacement by REST cannot carry them; leave them out")
    return (
        ("pair", pair),
        ("txid", order_id),
        *_given("volume", request.qty),
        *_prices(request),
        *_given("displayvol", request.display_qty),
        *((("oflags", "post"),) if request.post_only else ()),
        *(() if placement.userref is None else (("userref", str(placement.userref)),)),
        *_tail(placement),
    )


def amend_order(key: OrderKey, amendment: Amendment, deadline_ns: int) -> Fields:
    """Fields of AmendOrder; raises CheckFailed where neither the venue's id nor a client id is known."""
    if key.order_id is None and key.client_id is None:
        raise CheckFailed("an order is amended by the venue's id or its client id, and neither is known yet")
    return (
        *_texts(txid=key.order_id, cl_ord_id=key.client_id if key.order_id is None else None),
        *_given("order_qty", amendment.qty),
        *_given("display_qty", amendment.display_qty),
        *_given("limit_price", amendment.limit_price),
        *_given("trigger_price", amendment.trigger_price),
        *((("post_only", "true"),) if amendment.post_only else ()),
        ("deadline", ns_to_text(deadline_ns, 3)),
    )


def _closing(placement: Placement) -> Fields:
    return tuple((f"close[{name}]", value) for name, value in close_of(placement.sent))


def _tail(placement: Placement) -> Fields:
    validate = (("validate", "true"),) if placement.sent.validate else ()
    return (("deadline", ns_to_text(placement.deadline_ns, 3)), *validate)


def deadline_of(placements: Sequence[Placement]) -> Fields:
    """The deadline of a batch, the earliest of its orders, and whether it is only to be validated."""
    return _tail(min(placements, key=lambda placement: placement.deadline_ns))


def _amount(request: OrderRequest) -> Fields:
    return (*_given("volume", request.qty), *_given("volume", request.cost))


def _prices(request: OrderRequest) -> Fields:
    trailing = request.kind in (OrderKind.TRAILING_STOP, OrderKind.TRAILING_STOP_LIMIT)
    limit = _price(request.limit_price, request.limit_price_type if trailing else PriceType.STATIC)
    if request.trigger is None:
        return _texts(price=limit)
    return _texts(price=_price(request.trigger.price, request.trigger.price_type), price2=limit)


def _close_prices(close: ConditionalClose) -> tuple[str | None, str | None]:
    limit = _price(close.limit_price, close.limit_price_type)
    if close.trigger_price is None:
        return limit, None
    return _price(close.trigger_price, close.trigger_price_type), limit


def _price(value: Decimal | None, price_type: PriceType) -> str | None:
    """A price; a distance with its sign, and `%` for a percentage."""
    if value is None or price_type is PriceType.STATIC:
        return None if value is None else number(value)
    sign = "" if value.is_signed() else "+"
    return f"{sign}{number(value)}{'%' if price_type is PriceType.PCT else ''}"


def _trigger(request: OrderRequest) -> Fields:
    """`last` is the venue's default."""
    if request.trigger is None or request.trigger.reference is TriggerReference.LAST:
        return ()
    return (("trigger", request.trigger.reference.value),)


def _flags(request: OrderRequest) -> Fields:
    flags = [] if request.fee_in is None else [_FEE_FLAGS[request.fee_in]]
    if request.post_only:
        flags.append("post")
    if request.cost is not None:
        flags.append("viqc")
    reduce_only = (("reduce_only", "true"),) if request.reduce_only else ()
    oflags = (("oflags", ",".join(flags)),) if flags else ()
    stp = request.self_trade
    stptype = () if stp is None else (("stptype", stp.value.replace("_", "-")),)
    return (*reduce_only, *oflags, *stptype)


def _life(request: OrderRequest) -> Fields:
    tif = None if request.time_in_force is TimeInForce.GTC else request.time_in_force.value.upper()
    return _texts(
        timeinforce=tif, starttm=_seconds(request.effective_ns), expiretm=_seconds(request.expires_ns)
    )


def _seconds(unix_ns: int | None) -> str | None:
    return None if unix_ns is None else str(unix_ns // NS_PER_S)


def _name(placement: Placement) -> Fields:
    if placement.userref is not None:
        return (("userref", str(placement.userref)),)
    return (("cl_ord_id", placement.client_id),)


def _given(name: str, value: Decimal | None) -> Fields:
    return () if value is None else ((name, number(value)),)


def _texts(**values: str | None) -> Fields:
    return tuple((name, value) for name, value in values.items() if value is not None)
