from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer
from leadline.net.http import Request
from leadline.simulation.binance_texts import BINANCE_TEXTS, changes, parameters, refusal

ROWS = [{"newClientOrderId": "a"}, {"newClientOrderId": "b"}]
DUPLICATE = {"code": -4116, "msg": "ClientOrderId is duplicated."}
TOO_LITTLE = {"code": -2019, "msg": "Margin is insufficient."}


def post(path: str = "order", method: str = "POST", **params: str) -> Request:
    return Request(method, f"/fapi/v1/{path}", body=urlencode(params).encode())


BATCH = post("batchOrders", batchOrders=json.dumps(ROWS))


def test_the_names_of_what_is_placed_are_read_on_either_path() -> None:
    text = '{"id":7,"method":"%s","params":{"%s":"a","symbol":"BTCUSDT"}}'
    assert BINANCE_TEXTS.placed(text % ("order.place", "newClientOrderId")) == {"a"}
    assert BINANCE_TEXTS.placed(text % ("algoOrder.place", "clientAlgoId")) == {"a"}
    assert BINANCE_TEXTS.placed(text % ("order.cancel", "origClientOrderId")) == set()
    assert BINANCE_TEXTS.number(text) == "7"
    assert BINANCE_TEXTS.placed_by_rest(post(newClientOrderId="a")) == {"a"}
    assert BINANCE_TEXTS.placed_by_rest(post("algoOrder", clientAlgoId="a")) == {"a"}
    assert BINANCE_TEXTS.placed_by_rest(BATCH) == {"a", "b"}
    assert BINANCE_TEXTS.placed_by_rest(post(method="PUT", origClientOrderId="a")) == set()
    assert BINANCE_TEXTS.placed_by_rest(post("listenKey")) == set()


@pytest.mark.parametrize(
    ("body", "undone"),
    [
        (TOO_LITTLE, True),
        (DUPLICATE, False),
        ({"code": -1007, "msg": "Timeout waiting for response."}, False),
        ({"code": -1000, "msg": "Unknown error, please check your request"}, False),
        ({"code": -1000, "msg": "Service Unavailable."}, True),
        ({"orderId": 7}, False),
        ({"code": 200, "msg": "done"}, False),
    ],
)
def test_only_a_certain_no_leaves_an_order_undone(body: dict[str, object], undone: bool) -> None:
    text = json.dumps(body)
    assert BINANCE_TEXTS.undone(text) is undone
    assert BINANCE_TEXTS.undone(json.dumps({"id": 1, "status": 400, "error": body})) is undone
    answer = Answer(400, text.encode())
    assert BINANCE_TEXTS.refused(post(newClientOrderId="a"), answer) == ({"a"} if undone else set())


def test_of_a_batch_each_row_speaks_for_itself_and_a_cut_for_all() -> None:
    rows = json.dumps([TOO_LITTLE, {"orderId": 1}]).encode()
    assert BINANCE_TEXTS.refused(BATCH, Answer(200, rows)) == {"a"}
    assert BINANCE_TEXTS.refused(BATCH, RefusedConnect(None)) == {"a", "b"}
    assert BINANCE_TEXTS.refused(BATCH, RefusedConnect(None, executed=True)) == set()
    assert BINANCE_TEXTS.refused(BATCH, Answer(502, b"<html>")) == set()


def test_a_request_is_read_whole_and_known_to_change_or_not() -> None:
    both = Request("PUT", "/fapi/v1/order", query=(("a", "1"),), body=b"b=%7B2")
    assert parameters(both) == {"a": "1", "b": "{2"}
    assert changes(both) and changes(BATCH)
    assert not changes(post(method="DELETE")) and not changes(post("listenKey"))
    assert refusal("<html>") is refusal("[]") is refusal('{"orderId":1}') is None
    assert refusal(json.dumps(TOO_LITTLE)) == (-2019, "Margin is insufficient.")
