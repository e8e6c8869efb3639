"""Every request that moves money, once: its form by REST, its name on the WebSocket API, its answer.

Rule: an acknowledgement is read whole or counts as not understood; then the venue may have acted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from leadline.errors import Acted, Rejected, VenueError
from leadline.model.order import Amendment, Order, OrderKey
from leadline.net.http import Request
from leadline.venues.binance import order_form
from leadline.venues.binance.order_form import Params
from leadline.venues.binance.refusals import MOST_TEXT, refusal
from leadline.venues.binance.reports import algo_id, order_id
from leadline.venues.binance.rest import Endpoint
from leadline.venues.ports import Placed, Placement, whenever

T = TypeVar("T")

ORDER_PATH = "/fapi/v1/order"
ALGO_PATH = "/fapi/v1/algoOrder"


@dataclass(frozen=True, slots=True)
class TradingCall(Generic[T]):
    """One request with its cost in weight; `ws` is its method on the WebSocket API, None for none.

    One that is not `signed` is named by the API key alone there (§9).
    """

    method: str
    path: str
    params: Params
    read: Callable[[bytes], T]
    cost: float = 0.0
    ws: str | None = None
    signed: bool = True
    may_leave: Callable[[], None] = whenever
    """Asked just before it leaves on the WebSocket API, each time; raises a Refused."""

    @property
    def endpoint(self) -> Endpoint[T]:
        """The same by REST, unsigned."""
        return Endpoint(Request(self.method, self.path, self.params, cost=self.cost), self.read)


class _Row(Struct, rename="camel"):
    order_id: int | None = None
    algo_id: int | None = None
    symbol: str | None = None
    client_order_id: str | None = None
    status: str = ""
    code: int | str | None = None
    msg: str = ""


_GONE = frozenset({"CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})

_row: msgspec.json.Decoder[_Row] = msgspec.json.Decoder(_Row)
_rows: msgspec.json.Decoder[list[_Row]] = msgspec.json.Decoder(list[_Row])


def place(placement: Placement, wire: str) -> TradingCall[Placed]:
    """The placement of one order, by its kind at the order or the algo endpoint (§6.1, §7)."""
    if order_form.is_conditional(placement.sent):
        params = order_form.conditional(placement, wire)
        call = TradingCall("POST", ALGO_PATH, params, _placed, ws="algoOrder.place")
    else:
        params = order_form.order(placement, wire)
        call = TradingCall("POST", ORDER_PATH, params, _placed, ws="order.place")
    return replace(call, may_leave=placement.may_leave)


def test(placement: Placement, wire: str) -> TradingCall[Placed]:
    """Ask whether the venue would take a limit or market order; nothing is placed (§6.2)."""
    return TradingCall("POST", f"{ORDER_PATH}/test", order_form.order(placement, wire), lambda _: Placed(""))


def place_batch(
    placements: Sequence[Placement], wires: Sequence[str]
) -> TradingCall[list[Placed | VenueError]]:
    """Up to five limit and market orders in one request, each taken or refused alone (§6.6)."""
    names = [placement.client_id for placement in placements]
    params = order_form.batch(placements, wires)
    return TradingCall("POST", "/fapi/v1/batchOrders", params, lambda body: _batch(body, names), cost=5.0)


def amend(order: Order, change: Amendment, wire: str) -> TradingCall[bool]:
    """Change quantity or price of a limit order in its place in neither; whether it still stands (§6.3).

    A post-only order that would cross, and a quantity that has filled meanwhile, end it instead.
    """
    params = order_form.amended(order, change, wire)
    return TradingCall("PUT", ORDER_PATH, params, _stands, ws="order.modify")


def cancel(key: OrderKey, wire: str | None) -> TradingCall[None]:
    """Cancel one order, in the id space it is in (§6.5, §7)."""
    params = order_form.reference(key, wire)
    if order_form.is_conditional_key(key):
        return TradingCall("DELETE", ALGO_PATH, params, _taken, 1.0, "algoOrder.cancel")
    return TradingCall("DELETE", ORDER_PATH, params, _taken, 1.0, "order.cancel")


def cancel_batch(wire: str, numbers: Sequence[int]) -> TradingCall[list[VenueError | None]]:
    """Cancel up to ten orders of one contract by the venue's numbers; per order what came of it (§6.6)."""
    params = (("symbol", wire), ("orderIdList", f"[{','.join(map(str, numbers))}]"))
    path = "/fapi/v1/batchOrders"
    return TradingCall("DELETE", path, params, lambda body: _cancelled(body, numbers), 1.0)


def cancel_all(wire: str) -> TradingCall[None]:
    """Cancel all orders of one contract that wait for no trigger (§6.7)."""
    return TradingCall("DELETE", "/fapi/v1/allOpenOrders", (("symbol", wire),), _taken, 1.0)


def cancel_all_conditional(wire: str) -> TradingCall[None]:
    """Cancel all orders of one contract that wait for a trigger (§7)."""
    return TradingCall("DELETE", "/fapi/v1/algoOpenOrders", (("symbol", wire),), _taken, 1.0)


def countdown(wire: str, timeout_ms: int) -> TradingCall[None]:
    """Have the orders of one contract cancelled after this time unless called again; 0 disarms (§6.8)."""
    params = (("symbol", wire), ("countdownTime", str(timeout_ms)))
    return TradingCall("POST", "/fapi/v1/countdownCancelAll", params, _taken, 10.0)


def _placed(body: bytes) -> Placed:
    return _named(_row.decode(body))


def _named(row: _Row) -> Placed:
    if row.algo_id is not None:
        return Placed(algo_id(row.algo_id))
    if row.order_id is None or row.symbol is None:
        raise ValueError("it names no order")
    return Placed(order_id(row.symbol, row.order_id))


def _taken(body: bytes) -> None:
    """Any object: `code` may be 200 or "200" or absent, all of them a yes (§17, 9)."""
    msgspec.json.decode(body, type=dict[str, Raw])


def _stands(body: bytes) -> bool:
    return _row.decode(body).status not in _GONE


def _batch(body: bytes, names: Sequence[str]) -> list[Placed | VenueError]:
    rows = _rows.decode(body)
    if len(rows) != len(names):
        raise ValueError(f"{len(rows)} rows for {len(names)} orders")
    for row, name in zip(rows, names, strict=True):
        if row.client_order_id is not None and row.client_order_id != name:
            raise ValueError("its rows are not in the order of the request")
    return [_batch_row(row) for row in rows]


def _batch_row(row: _Row) -> Placed | VenueError:
    error = _row_error(row)
    if error is not None:
        return error
    if row.order_id is not None and row.symbol is not None:
        return _named(row)
    silent = Rejected("the venue names neither an order nor a reason")
    silent.acted = Acted.MAYBE
    return silent


def _cancelled(body: bytes, numbers: Sequence[int]) -> list[VenueError | None]:
    rows = _rows.decode(body)
    if len(rows) != len(numbers):
        raise ValueError(f"{len(rows)} rows for {len(numbers)} orders")
    return [_row_error(row) for row in rows]


def _row_error(row: _Row) -> VenueError | None:
    if row.code is None or int(row.code) == 200:
        return None
    return refusal(int(row.code), 400, row.msg[:MOST_TEXT])
