from __future__ import annotations

import json
from typing import Any

import pytest

from leadline.emulator.binance.acts import text_of
from pit import LIMIT, ORDER, Pit

BATCH = "/fapi/v1/batchOrders"
AT = {**LIMIT, "price": "49000.0"}


def batch(pit: Pit, method: str, orders: Any) -> Any:
    return pit.ask(method, BATCH, batchOrders=json.dumps(orders)).value


def test_each_order_of_a_batch_is_taken_or_refused_for_itself() -> None:
    pit = Pit()
    rows = batch(pit, "POST", [AT, {**AT, "reduceOnly": "true"}, {**AT, "symbol": "NOPE"}, AT])
    assert [row.get("code", row.get("status")) for row in rows] == ["NEW", -2022, -1121, "NEW"]
    assert rows[1] == {"code": -2022, "msg": "ReduceOnly Order is rejected."}


def test_a_batch_has_one_to_five_orders() -> None:
    pit = Pit()
    assert batch(pit, "POST", [AT] * 6)["code"] == -4082
    assert batch(pit, "POST", [])["code"] == -4082
    assert batch(pit, "POST", {"a": 1})["code"] == -1130
    assert batch(pit, "POST", [1])["code"] == -1130
    assert pit.ask("POST", BATCH, batchOrders="[").code == -1130
    assert pit.ask("POST", BATCH).code == -1102
    assert pit.account.orders == {}


def test_a_batch_of_changes_changes_each() -> None:
    pit = Pit()
    order_id = pit.order(AT).value["orderId"]
    change = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.020", "price": "49000.0"}
    rows = batch(pit, "PUT", [{**change, "orderId": order_id}, {**change, "orderId": 1}])
    assert (rows[0]["origQty"], rows[1]["code"]) == ("0.020", -2013)


def test_orders_are_cancelled_by_a_list_of_ids() -> None:
    pit = Pit()
    ids = [pit.order(AT).value["orderId"] for _ in range(2)]
    reply = pit.ask("DELETE", BATCH, symbol="BTCUSDT", orderIdList=f"[{ids[0]},{ids[1]},7]")
    assert [row.get("status", row.get("code")) for row in reply.value] == ["CANCELED", "CANCELED", -2011]
    pit.order(AT, newClientOrderId="a")
    reply = pit.ask("DELETE", BATCH, symbol="BTCUSDT", origClientOrderIdList='["a"]')
    assert reply.value[0]["clientOrderId"] == "a"
    assert pit.ask("DELETE", BATCH, symbol="BTCUSDT").code == -1102
    eleven = json.dumps(list(range(11)), separators=(",", ":"))
    assert pit.ask("DELETE", BATCH, symbol="BTCUSDT", orderIdList=eleven).code == -4032


@pytest.mark.parametrize(
    "named", [{"orderIdList": "[1, 2]"}, {"orderIdList": '["1"]'}, {"origClientOrderIdList": '["a", "b"]'}]
)
def test_a_list_with_spaces_or_quoted_numbers_is_refused(named: dict[str, str]) -> None:
    assert Pit().ask("DELETE", BATCH, symbol="BTCUSDT", **named).code == -1100


def test_cancel_all_takes_the_orders_of_one_contract_and_says_so_when_there_were_none() -> None:
    pit = Pit()
    pit.order(AT)
    pit.order(symbol="ETHUSDT", price="2900.00")
    for _ in range(2):
        reply = pit.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
        assert reply.value == {"code": 200, "msg": "The operation of cancel all open order is done."}
    assert [symbol for symbol, _ in pit.account.open_orders] == ["ETHUSDT"]
    assert pit.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="NOPE").code == -1121


def test_a_tested_order_is_judged_and_forgotten() -> None:
    pit = Pit()
    assert pit.ask("POST", "/fapi/v1/order/test", **AT).value["status"] == "NEW"
    assert pit.ask("POST", "/fapi/v1/order/test", **{**AT, "quantity": "0"}).code == -4003
    assert (pit.account.orders, pit.account.counts.minute.count) == ({}, 0)


def test_json_values_are_read_as_the_parameters_they_stand_for() -> None:
    values = (True, False, 5, "x", "0.10", None)
    assert [text_of(one) for one in values] == ["true", "false", "5", "x", "0.10", ""]


def test_an_unknown_parameter_of_an_order_is_left_alone() -> None:
    assert Pit().order(AT, somethingNew="1").status == 200
    assert Pit().ask("POST", ORDER, **AT, callbackRate="1").code == -1106
