"""Orders as parameters of the private stream (dossier §10): JSON text with every number as its own digits.

Rule: no number passes through a float and none is written with an exponent. What is wrong with an order is
for `order_rules` to say; here it is only spelled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

from leadline.errors import CheckFailed
from leadline.model.order import (
    Amendment,
    ConditionalClose,
    OrderKey,
    OrderKind,
    OrderRequest,
    PriceType,
    TimeInForce,
    Trigger,
)
from leadline.venues.kraken.times import ns_to_text
from leadline.venues.ports import Placement

Members = tuple[tuple[str, str], ...]
"""The members of an object: names, and values as JSON texts."""


def frame(method: str, params: Members, token: str, req_id: int) -> str:
    """A request of the private stream; the token is in it, so it is for the socket only."""
    whole = (("token", _text(token)), *params)
    return f'{{"method":{_text(method)},"params":{_object(whole)},"req_id":{req_id}}}'


def add_order(placement: Placement) -> Members:
    """Parameters of add_order."""
    request = placement.sent
    return (
        ("symbol", _text(request.symbol)),
        *_row(placement),
        *_flags(validate=request.validate),
        ("deadline", _moment(placement.deadline_ns)),
    )


def batch_add(placements: Sequence[Placement]) -> Members:
    """Parameters of batch_add; the earliest deadline counts for all."""
    first = placements[0].sent
    return (
        ("symbol", _text(first.symbol)),
        ("orders", _array(_object(_row(placement)) for placement in placements)),
        *_flags(validate=first.validate),
        ("deadline", _moment(min(placement.deadline_ns for placement in placements))),
    )


def edit_order(order_id: str, placement: Placement) -> Members:
    """Parameters of edit_order: a new order in place of an old one, found by its userref (dossier §10.3).

    Raises CheckFailed for what such an order cannot have.
    """
    request = placement.sent
    check_editable(request)
    return (
        ("order_id", _text(order_id)),
        ("symbol", _text(request.symbol)),
        *_numbers(order_qty=request.qty, limit_price=request.limit_price, display_qty=request.display_qty),
        *_trigger(request.trigger),
        *(() if request.fee_in is None else (("fee_preference", _text(request.fee_in.value)),)),
        *_flags(post_only=request.post_only, reduce_only=request.reduce_only, validate=request.validate),
        *(() if placement.userref is None else (("order_userref", str(placement.userref)),)),
        ("deadline", _moment(placement.deadline_ns)),
    )


def check_editable(request: OrderRequest) -> None:
    """Raise CheckFailed for a field that a replacement does not carry, so that none is lost silently.

    Kind and side are those of the order replaced.
    """
    lost = {
        "cost": request.cost is not None,
        "time_in_force": request.time_in_force is not TimeInForce.GTC,
        "expires_ns": request.expires_ns is not None,
        "effective_ns": request.effective_ns is not None,
        "margin": request.margin,
        "close": request.close is not None,
        "self_trade": request.self_trade is not None,
        "limit_price_type": request.limit_price_type is not PriceType.STATIC,
    }
    if fields := [name for name, given in lost.items() if given]:
        raise CheckFailed(
            f"{', '.join(fields)}: a replacement cannot carry it; leave it out, or cancel and place anew"
        )


def amend_order(key: OrderKey, amendment: Amendment, deadline_ns: int) -> Members:
    """Parameters of amend_order; a userref alone names no order here."""
    return (
        *_amended(key),
        *_numbers(
            order_qty=amendment.qty,
            limit_price=amendment.limit_price,
            display_qty=amendment.display_qty,
            trigger_price=amendment.trigger_price,
        ),
        *_flags(post_only=amendment.post_only),
        ("deadline", _moment(deadline_ns)),
    )


def _amended(key: OrderKey) -> Members:
    """The one name of an order that amend_order takes; raises CheckFailed without one."""
    if key.order_id is not None:
        return (("order_id", _text(key.order_id)),)
    if key.client_id is not None:
        return (("cl_ord_id", _text(key.client_id)),)
    raise CheckFailed("an order is amended by the venue's id or its client id, and neither is known yet")


def cancel_order(keys: Sequence[OrderKey]) -> Members:
    """Parameters of cancel_order: each order by the venue's id, else ours, else its userref."""
    ids, client_ids, userrefs = _split(keys)
    names = (
        ("order_id", [_text(one) for one in ids]),
        ("cl_ord_id", [_text(one) for one in client_ids]),
        ("order_userref", [str(one) for one in userrefs]),
    )
    return tuple((name, _array(values)) for name, values in names if values)


def batch_cancel(keys: Sequence[OrderKey]) -> Members:
    """Parameters of batch_cancel; userrefs go among the ids, as texts (dossier §10.8)."""
    ids, client_ids, userrefs = _split(keys)
    orders = [_text(one) for one in (*ids, *(str(userref) for userref in userrefs))]
    names = (("orders", orders), ("cl_ord_id", [_text(one) for one in client_ids]))
    return tuple((name, _array(values)) for name, values in names if values)


def cancel_all_orders_after(timeout_s: int) -> Members:
    """Parameters of the dead-man switch; 0 disarms."""
    return (("timeout", str(timeout_s)),)


def _split(keys: Sequence[OrderKey]) -> tuple[list[str], list[str], list[int]]:
    ids = [key.order_id for key in keys if key.order_id is not None]
    nameless = [key for key in keys if key.order_id is None]
    client_ids = [key.client_id for key in nameless if key.client_id is not None]
    userrefs = [key.userref for key in nameless if key.client_id is None and key.userref is not None]
    return ids, client_ids, userrefs


def _row(placement: Placement) -> Members:
    """What add_order and a row of batch_add have in common."""
    request = placement.sent
    return (
        ("order_type", _text(request.kind.value)),
        ("side", _text(request.side.value)),
        *_numbers(
            order_qty=request.qty,
            cash_order_qty=request.cost,
            limit_price=request.limit_price,
            display_qty=request.display_qty,
        ),
        *_limit_type(request),
        *_trigger(request.trigger),
        *_life(request),
        *_flags(post_only=request.post_only, reduce_only=request.reduce_only, margin=request.margin),
        *_choices(request),
        *_close(request.close),
        *_name(placement),
    )


def _name(placement: Placement) -> Members:
    if placement.userref is not None:
        return (("order_userref", str(placement.userref)),)
    return (("cl_ord_id", _text(placement.client_id)),)


def _limit_type(request: OrderRequest) -> Members:
    if request.kind is not OrderKind.TRAILING_STOP_LIMIT:
        return ()
    return (("limit_price_type", _text(request.limit_price_type.value)),)


def _trigger(trigger: Trigger | None) -> Members:
    if trigger is None:
        return ()
    inner = (
        ("reference", _text(trigger.reference.value)),
        ("price", number(trigger.price)),
        ("price_type", _text(trigger.price_type.value)),
    )
    return (("triggers", _object(inner)),)


def _life(request: OrderRequest) -> Members:
    members = []
    if request.time_in_force is not TimeInForce.GTC:
        members.append(("time_in_force", _text(request.time_in_force.value)))
    if request.expires_ns is not None:
        members.append(("expire_time", _text(ns_to_text(request.expires_ns, 0))))
    if request.effective_ns is not None:
        members.append(("effective_time", _text(ns_to_text(request.effective_ns, 0))))
    return tuple(members)


def _choices(request: OrderRequest) -> Members:
    members = []
    if request.fee_in is not None:
        members.append(("fee_preference", _text(request.fee_in.value)))
    if request.self_trade is not None:
        members.append(("stp_type", _text(request.self_trade.value)))
    return tuple(members)


def _close(close: ConditionalClose | None) -> Members:
    if close is None:
        return ()
    inner: Members = (("order_type", _text(close.kind.value)),)
    if close.limit_price is not None:
        inner += _numbers(limit_price=close.limit_price)
        inner += (("limit_price_type", _text(close.limit_price_type.value)),)
    if close.trigger_price is not None:
        inner += _numbers(trigger_price=close.trigger_price)
        inner += (("trigger_price_type", _text(close.trigger_price_type.value)),)
    return (("conditional", _object(inner)),)


def number(value: Decimal) -> str:
    """All digits of a number, without an exponent."""
    return format(value, "f")


def _numbers(**values: Decimal | None) -> Members:
    return tuple((name, number(value)) for name, value in values.items() if value is not None)


def _flags(**flags: bool) -> Members:
    return tuple((name, "true") for name, value in flags.items() if value)


def _moment(unix_ns: int) -> str:
    return _text(ns_to_text(unix_ns, 3))


def _text(value: str) -> str:
    return json.dumps(value)


def _object(members: Members) -> str:
    return "{" + ",".join(f"{_text(name)}:{value}" for name, value in members) + "}"


def _array(values: Iterable[str]) -> str:
    return "[" + ",".join(values) + "]"
