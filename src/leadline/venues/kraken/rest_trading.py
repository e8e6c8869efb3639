"""Endpoints that place, change and cancel orders (dossier §14.3); they cost nothing of the REST counter.

Rule: an answer says what the venue took, never what became of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Raw, Struct

from leadline.errors import VenueError
from leadline.model.market import parse_time_ns
from leadline.model.order import Amendment, OrderKey
from leadline.net.http import Purpose
from leadline.venues.kraken import order_form
from leadline.venues.kraken.refusals import venue_error
from leadline.venues.kraken.rest_private import TRADING_COST, PrivateEndpoint, decode, given
from leadline.venues.ports import Placed, Placement

BATCH_MAX = 15
CANCEL_BATCH_MAX = 50
"""Orders in one request (dossier §10.7, §14.3); a batch has at least two."""


class _Added(Struct):
    txid: tuple[str, ...] = ()


def add_order(placement: Placement, rest_pair: str) -> PrivateEndpoint[Placed]:
    """Place one order; raises CheckFailed for one that REST cannot express."""

    def read(result: Raw) -> Placed:
        ids = decode(result, _Added).txid
        if not ids and not placement.sent.validate:
            raise ValueError("it names no order")
        return Placed(ids[0] if ids else "")

    fields = order_form.add_order(placement, rest_pair)
    return PrivateEndpoint("AddOrder", fields, TRADING_COST, Purpose.ORDER, read)


class _BatchRow(Struct):
    txid: str | None = None
    error: str | None = None


class _BatchRows(Struct):
    orders: tuple[_BatchRow, ...]


def add_order_batch(
    placements: Sequence[Placement], rest_pair: str
) -> PrivateEndpoint[list[Placed | VenueError]]:
    """Place 2 to 15 orders of one pair; each row is taken or refused alone, in the order asked."""

    def read(result: Raw) -> list[Placed | VenueError]:
        rows = decode(result, _BatchRows).orders
        if len(rows) != len(placements):
            raise ValueError(f"it is about {len(rows)} orders, not {len(placements)}")
        return [_placed(row, placements[0].sent.validate) for row in rows]

    fields = (("pair", rest_pair), *order_form.deadline_of(placements))
    orders = "[" + ",".join(_row(placement) for placement in placements) + "]"
    nested = (("orders", orders),)
    return PrivateEndpoint("AddOrderBatch", fields, TRADING_COST, Purpose.ORDER, read, nested)


def _row(placement: Placement) -> str:
    members: dict[str, object] = dict(order_form.row(placement))
    if close := dict(order_form.close_of(placement.sent)):
        members["close"] = close
    return json.dumps(members)


def _placed(row: _BatchRow, validate: bool) -> Placed | VenueError:
    if row.error is not None:
        return venue_error(row.error, None)
    if row.txid is None and not validate:
        raise ValueError("a row names neither an order nor an error")
    return Placed(row.txid or "")


class _Amended(Struct):
    amend_id: str


def amend_order(key: OrderKey, amendment: Amendment, deadline_ns: int) -> PrivateEndpoint[str]:
    """Change a live order in place; answers the id of the amendment."""
    return PrivateEndpoint(
        "AmendOrder",
        order_form.amend_order(key, amendment, deadline_ns),
        TRADING_COST,
        Purpose.ORDER,
        lambda result: decode(result, _Amended).amend_id,
    )


class _Edited(Struct):
    txid: str = ""
    status: str = "ok"
    error_message: str = ""


def edit_order(order_id: str, placement: Placement, rest_pair: str) -> PrivateEndpoint[Placed]:
    """Put a new order in the place of an old one, whose fills stay with the old; answers the new id."""

    def read(result: Raw) -> Placed:
        row = decode(result, _Edited)
        if row.status != "ok":
            raise venue_error(row.error_message or f"status {row.status}", None)
        if not row.txid and not placement.sent.validate:
            raise ValueError("it names no order")
        return Placed(row.txid)

    fields = order_form.edit_order(order_id, placement, rest_pair)
    return PrivateEndpoint("EditOrder", fields, TRADING_COST, Purpose.ORDER, read)


class _Count(Struct):
    count: int


def _count(result: Raw) -> int:
    return decode(result, _Count).count


def cancel_order(key: OrderKey) -> PrivateEndpoint[int]:
    """Cancel one order by its surest name; answers how many that were. A userref can name several."""
    if key.order_id is None and key.client_id is not None:
        fields = given(cl_ord_id=key.client_id)
    else:
        fields = given(txid=key.userref if key.order_id is None else key.order_id)
    return PrivateEndpoint("CancelOrder", fields, TRADING_COST, Purpose.CANCEL, _count)


def cancel_order_batch(order_ids: Sequence[str]) -> PrivateEndpoint[int]:
    """Cancel up to 50 orders by the venue's ids; a batch takes no others for certain (dossier §14.3)."""
    nested = (("orders", json.dumps(list(order_ids))),)
    return PrivateEndpoint("CancelOrderBatch", (), TRADING_COST, Purpose.CANCEL, _count, nested)


def cancel_all() -> PrivateEndpoint[int]:
    """Cancel every order of the account; answers how many."""
    return PrivateEndpoint("CancelAll", (), TRADING_COST, Purpose.CANCEL, _count)


class _DeadMan(Struct, rename="camel"):
    trigger_time: str = "0"


def cancel_all_orders_after(timeout_s: int) -> PrivateEndpoint[int | None]:
    """Arm the dead-man switch; answers when it would fire (Unix nanoseconds), None when disarmed by 0."""

    def read(result: Raw) -> int | None:
        return parse_time_ns(decode(result, _DeadMan).trigger_time)

    return PrivateEndpoint(
        "CancelAllOrdersAfter", given(timeout=timeout_s), TRADING_COST, Purpose.CANCEL, read
    )
