from __future__ import annotations

import json
from typing import Any

import pytest

from binance_orders import algo, d, limit, ok, placement, refuse, row
from leadline.errors import Acted, ProtocolError, Rejected, VenueError
from leadline.model.market import Side
from leadline.model.order import OrderKey, OrderKind, Trigger
from leadline.venues.binance import trading_calls
from leadline.venues.ports import Placed

STOP = limit(kind=OrderKind.STOP_LOSS, side=Side.SELL, limit_price=None, trigger=Trigger(d("75000")))


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_limit_and_market_orders_go_to_the_order_endpoint_and_all_others_to_the_algo_endpoint() -> None:
    plain, waiting = (
        trading_calls.place(placement(), "BTCUSDT"),
        trading_calls.place(placement(STOP), "BTCUSDT"),
    )
    assert (plain.path, plain.ws) == ("/fapi/v1/order", "order.place")
    assert (waiting.path, waiting.ws) == ("/fapi/v1/algoOrder", "algoOrder.place")
    assert plain.read(body(row(8389765739703625592))) == Placed("BTCUSDT:8389765739703625592")
    assert waiting.read(body(algo(3000000000003505))) == Placed("algo:3000000000003505")


def test_an_acknowledgement_that_names_no_order_is_not_understood() -> None:
    endpoint = trading_calls.place(placement(), "BTCUSDT").endpoint
    with pytest.raises(ProtocolError, match="names no order"):
        endpoint.answer(ok({"status": "NEW"}))
    with pytest.raises(VenueError):
        endpoint.answer(refuse(-2019, "Margin is insufficient."))


def test_a_test_places_nothing() -> None:
    call = trading_calls.test(placement(), "BTCUSDT")
    assert (call.path, call.ws) == ("/fapi/v1/order/test", None)
    assert call.read(b"{}") == Placed("")


@pytest.mark.parametrize("answer", [{"code": 200, "msg": "done"}, {"code": "200"}, row(), {}])
def test_a_yes_has_many_forms(answer: dict[str, Any]) -> None:
    trading_calls.cancel_all("BTCUSDT").read(body(answer))


def test_a_batch_is_answered_row_by_row_in_its_order() -> None:
    call = trading_calls.place_batch([placement(), placement(name="b"), placement(name="c")], ["BTCUSDT"] * 3)
    assert call.cost == 5.0
    first, second, third = call.read(
        body([row(1), {"code": -2022, "msg": "ReduceOnly Order is rejected."}, {"symbol": "BTCUSDT"}])
    )
    assert first == Placed("BTCUSDT:1")
    assert isinstance(second, Rejected)
    assert second.acted is Acted.NO
    assert isinstance(third, Rejected)
    assert third.acted is Acted.MAYBE


@pytest.mark.parametrize("rows", [[row(1)], [row(1), row(2, clientOrderId="stranger")]])
def test_a_batch_of_other_orders_is_not_understood(rows: list[dict[str, Any]]) -> None:
    call = trading_calls.place_batch([placement(), placement(name="b")], ["BTCUSDT"] * 2)
    with pytest.raises(ProtocolError):
        call.endpoint.answer(ok(rows))


def test_cancels_go_to_the_id_space_of_their_order() -> None:
    plain = trading_calls.cancel(OrderKey("BTCUSDT:7"), "BTCUSDT")
    waiting = trading_calls.cancel(OrderKey("algo:9"), None)
    assert (plain.method, plain.path, plain.ws) == ("DELETE", "/fapi/v1/order", "order.cancel")
    assert (waiting.method, waiting.path, waiting.ws) == ("DELETE", "/fapi/v1/algoOrder", "algoOrder.cancel")


def test_a_batch_of_cancels_lists_its_numbers_without_a_space_and_is_answered_row_by_row() -> None:
    call = trading_calls.cancel_batch("BTCUSDT", [7, 8])
    assert dict(call.params)["orderIdList"] == "[7,8]"
    first, second = call.read(
        body([row(7, status="CANCELED"), {"code": -2011, "msg": "Unknown order sent."}])
    )
    assert first is None
    assert isinstance(second, Rejected)
    with pytest.raises(ValueError, match="1 rows for 2"):
        call.read(body([row(7)]))


def test_the_countdown_is_in_milliseconds() -> None:
    call = trading_calls.countdown("BTCUSDT", 60_000)
    assert dict(call.params) == {"symbol": "BTCUSDT", "countdownTime": "60000"}
    call.read(body({"symbol": "BTCUSDT", "countdownTime": "60000"}))
