from __future__ import annotations

import json
from typing import Any

import pytest

from emulated import START_NS, S
from leadline.emulator.kraken.order_methods import PARAMETERS
from leadline.emulator.kraken.requests import TRADING_METHODS
from leadline.emulator.numbers import stamp_second
from private_line import PrivateLine
from vectors import VECTORS, needs_vectors, records

ORDER: dict[str, Any] = {"order_type": "limit", "side": "buy", "order_qty": 1, "limit_price": 60000}
BTC: dict[str, Any] = ORDER | {"symbol": "BTC/USD"}
UNKNOWN = "EOrder:Unknown order"
FIXTURES = VECTORS / "kraken" / "ws" / "kraken-async-rs.fixtures.jsonl"


def placed(line: PrivateLine, **params: Any) -> str:
    answer = line.call("add_order", **BTC | params)
    return str(answer["result"]["order_id"])


def test_every_trading_method_has_its_parameters() -> None:
    assert set(PARAMETERS) == set(TRADING_METHODS)


def test_an_order_is_answered_with_its_id_and_the_tag_it_was_sent_with() -> None:
    line = PrivateLine()
    assert set(line.call("add_order", **BTC)["result"]) == {"order_id"}
    assert line.call("add_order", **BTC, order_userref=0)["result"]["order_userref"] == 0
    result = line.call("add_order", **BTC, cl_ord_id="mine")["result"]
    assert result["cl_ord_id"] == "mine"
    assert line.account.by_cl_ord_id("mine") is line.account.orders[result["order_id"]]


def test_a_validated_order_has_no_id_and_leaves_no_trace() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    assert line.call("add_order", **BTC, validate=True)["result"] == {"order_id": ""}
    batch = line.call("batch_add", symbol="BTC/USD", orders=[ORDER, ORDER], validate=True)
    assert batch["result"] == [{"order_id": ""}, {"order_id": ""}]
    line.wait(1)

    assert line.account.orders == {}
    assert line.rows() == []


def test_deprecated_parameters_are_taken_and_warned_of() -> None:
    line = PrivateLine()
    stop = {"order_type": "stop-loss", "side": "sell", "order_qty": 1, "symbol": "BTC/USD"}
    result = line.call("add_order", **stop, stop_price=60000, trigger="last")["result"]
    assert len(result["warnings"]) == 2
    assert line.account.orders[result["order_id"]].trigger_price == 600_000


def test_rest_spellings_are_unknown_here() -> None:
    line = PrivateLine()
    for name in ("userref", "leverage", "close", "volume"):
        error = line.call("add_order", **BTC, **{name: 1})["error"]
        assert error == f"Unsupported field: '{name}' for the given msg type: add_order"


@pytest.mark.parametrize(
    ("symbol", "error"),
    [
        ("XBT/USD", "Currency pair not supported XBT/USD"),
        ("BTCUSD", "Currency pair not in ISO 4217-A3 format BTCUSD"),
    ],
)
def test_an_unlisted_symbol_is_named(symbol: str, error: str) -> None:
    assert PrivateLine().call("add_order", **ORDER, symbol=symbol)["error"] == error


def test_an_amendment_is_answered_with_the_id_it_was_asked_by() -> None:
    line = PrivateLine()
    order_id = placed(line, cl_ord_id="mine")
    by_client = line.call("amend_order", cl_ord_id="mine", limit_price=60001)["result"]
    by_venue = line.call("amend_order", order_id=order_id, order_qty=0.5)["result"]

    assert (by_client["cl_ord_id"], by_venue["order_id"]) == ("mine", order_id)
    assert by_client["amend_id"] != by_venue["amend_id"]
    order = line.account.orders[order_id]
    assert (order.limit_price, order.qty) == (600_010, 50_000_000)


def test_an_amendment_needs_exactly_one_id_of_an_open_order() -> None:
    line = PrivateLine()
    order_id = placed(line, cl_ord_id="mine")
    for ids in ({}, {"order_id": order_id, "cl_ord_id": "mine"}):
        assert (
            line.call("amend_order", limit_price=1, **ids)["error"] == "EGeneral:Invalid arguments:order_id"
        )
    line.call("cancel_order", order_id=[order_id])
    for ids in ({"order_id": order_id}, {"cl_ord_id": "mine"}, {"order_id": "OAAAAA-AAAAA-AAAAAA"}):
        assert line.call("amend_order", limit_price=1, **ids)["error"] == UNKNOWN


def test_an_edit_gives_a_new_order_and_names_the_old_one() -> None:
    line = PrivateLine()
    order_id = placed(line)
    result = line.call("edit_order", order_id=order_id, symbol="BTC/USD", order_qty=2)["result"]

    assert result["original_order_id"] == order_id
    assert not line.account.orders[order_id].open
    assert line.account.orders[result["order_id"]].qty == 2 * 10**8
    gone = line.call("edit_order", order_id=order_id, symbol="BTC/USD", order_qty=2)
    assert gone["error"] == UNKNOWN


def test_an_edit_must_name_the_symbol_of_the_order() -> None:
    line = PrivateLine()
    order_id = placed(line)
    assert line.call("edit_order", order_id=order_id)["error"] == "EGeneral:Invalid arguments:symbol"
    error = line.call("edit_order", order_id=order_id, symbol="ETH/USD")["error"]
    assert error == "EGeneral:Invalid arguments:symbol"


def test_each_cancelled_order_has_its_own_answer_last_first() -> None:
    line = PrivateLine()
    first, second = placed(line), placed(line, cl_ord_id="mine")
    answers = line.calls("cancel_order", 9, order_id=[first, "OAAAAA-AAAAA-AAAAAA"], cl_ord_id=["mine"])

    assert [one.get("result") for one in answers] == [{"cl_ord_id": "mine"}, None, {"order_id": first}]
    assert {one["req_id"] for one in answers} == {9}
    assert not line.account.orders[second].open


def test_a_failed_cancel_carries_no_id() -> None:
    line = PrivateLine()
    answer = line.call("cancel_order", order_id=["OAAAAA-AAAAA-AAAAAA"])
    assert set(answer) == {"error", "method", "req_id", "success", "time_in", "time_out"}
    assert answer["error"] == UNKNOWN


def test_a_tag_cancels_every_order_that_bears_it() -> None:
    line = PrivateLine()
    ids = {placed(line, order_userref=7), placed(line, order_userref=7)}
    kept = placed(line, order_userref=8)
    answers = line.calls("cancel_order", order_userref=[7])

    assert {one["result"]["order_id"] for one in answers} == ids
    assert list(line.account.open_orders) == [kept]
    assert line.call("cancel_order", order_userref=[7])["error"] == UNKNOWN


def test_a_cancel_of_nothing_is_refused() -> None:
    assert PrivateLine().call("cancel_order")["error"] == "EGeneral:Invalid arguments:order_id"


def test_cancel_all_counts_also_what_only_waits() -> None:
    line = PrivateLine()
    placed(line)
    stop = {"order_type": "stop-loss", "side": "sell", "order_qty": 1, "symbol": "BTC/USD"}
    assert line.call("add_order", **stop, triggers={"price": 60000})["success"]

    assert line.call("cancel_all")["result"] == {"count": 2}
    assert line.call("cancel_all")["result"] == {"count": 0}


def test_the_dead_man_switch_cancels_everything_unless_it_is_put_off() -> None:
    line = PrivateLine()
    placed(line)
    line.subscribe("executions")
    result = line.call("cancel_all_orders_after", timeout=5)["result"]
    assert set(result) == {"currentTime", "triggerTime"}
    armed_s = line.account.armed_ns
    assert armed_s is not None
    assert result["triggerTime"] == stamp_second(-(-armed_s // S) * S)
    line.wait(4)
    assert line.call("cancel_all_orders_after", timeout=5)["success"]
    line.wait(4)
    assert len(line.account.open_orders) == 1
    line.wait(2)
    assert len(line.account.open_orders) == 0
    assert line.rows()[-1]["exec_type"] == "canceled"


def test_a_disarmed_switch_has_no_trigger_time() -> None:
    line = PrivateLine()
    line.call("cancel_all_orders_after", timeout=5)
    assert line.call("cancel_all_orders_after", timeout=0)["result"]["triggerTime"] == "0"


@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        (86_400, "EGeneral:Invalid arguments:timeout"),
        (-1, "EGeneral:Invalid arguments:timeout"),
        ("5", "Timeout field must be a number_integer"),
        (None, "Timeout field must be a number_integer"),
    ],
)
def test_a_timeout_is_a_number_of_seconds_below_a_day(timeout: Any, error: str) -> None:
    assert PrivateLine().call("cancel_all_orders_after", timeout=timeout)["error"] == error


def test_a_batch_is_answered_row_by_row_in_its_own_order() -> None:
    line = PrivateLine()
    orders = [ORDER | {"order_userref": 1}, ORDER | {"order_qty": 10_000}, ORDER | {"cl_ord_id": "mine"}]
    result = line.call("batch_add", symbol="BTC/USD", orders=orders)["result"]

    assert result[0]["order_userref"] == 1
    assert result[1] == {"error": "EOrder:Insufficient funds"}
    assert result[2]["cl_ord_id"] == "mine"
    assert len(line.account.open_orders) == 2


@pytest.mark.parametrize(
    ("orders", "error"),
    [
        ([ORDER], "EGeneral:Invalid arguments:orders"),
        ([ORDER] * 16, "EGeneral:Invalid arguments:orders"),
        ([ORDER, ORDER | {"limit_price": "1"}], "Limit_price field must be a number_float"),
        (
            [ORDER, ORDER | {"symbol": "BTC/USD"}],
            "Unsupported field: 'symbol' for the given msg type: batch_add",
        ),
        ([ORDER, ORDER | {"limit_price": 60000.55}], "EOrder:Tick size check failed"),
    ],
)
def test_one_bad_row_refuses_the_whole_batch(orders: list[Any], error: str) -> None:
    line = PrivateLine()
    assert line.call("batch_add", symbol="BTC/USD", orders=orders)["error"] == error
    assert line.account.orders == {}


def test_a_batch_of_cancels_counts_what_was_open() -> None:
    line = PrivateLine()
    first = placed(line)
    placed(line, order_userref=7)
    placed(line, cl_ord_id="mine")
    answer = line.call("batch_cancel", orders=[first, "7", "OAAAAA-AAAAA-AAAAAA"], cl_ord_id=["mine"])

    assert answer["orders_cancelled"] == 3
    assert "result" not in answer
    assert line.account.open_orders == {}


def test_the_documented_form_of_a_batch_of_cancels_can_be_had() -> None:
    line = PrivateLine()
    line.exchange.desk.documented_batch_cancel = True
    other = PrivateLine(line.exchange)
    ids = [placed(other), placed(other)]

    assert other.call("batch_cancel", orders=ids)["result"] == {"count": 2}


@pytest.mark.parametrize("count", [1, 51])
def test_a_batch_of_cancels_has_two_to_fifty_orders(count: int) -> None:
    answer = PrivateLine().call("batch_cancel", orders=[str(number) for number in range(1, count + 1)])
    assert answer["error"] == "EGeneral:Invalid arguments:orders"


def test_a_late_order_is_not_placed() -> None:
    line = PrivateLine()
    assert (
        line.call("add_order", **BTC, deadline=stamp_second(START_NS))["error"] == "EService:Deadline elapsed"
    )
    assert line.account.orders == {}


def recorded(name: str) -> dict[str, Any]:
    return next(json.loads(one["raw"]) for one in records(FIXTURES) if one.get("name") == name)


@needs_vectors
@pytest.mark.parametrize(
    ("name", "method", "params"),
    [
        ("test_batch_add.response", "batch_add", {"symbol": "BTC/USD", "orders": [ORDER, ORDER]}),
        ("test_batch_cancel.response", "batch_cancel", {"orders": ["1", "2"]}),
        ("test_cancel_all_orders.response", "cancel_all", {}),
        ("test_cancel_on_disconnect.response", "cancel_all_orders_after", {"timeout": 5}),
        ("test_error_messages.add_order_failure", "add_order", BTC | {"limit_price": "1"}),
        ("test_amend_order_error_response.response", "amend_order", {"limit_price": "1"}),
        ("test_error_messages.no_token", "edit_order", {"token": ""}),
    ],
)
def test_answers_have_the_recorded_keys(name: str, method: str, params: dict[str, Any]) -> None:
    ours, theirs = PrivateLine().call(method, 0, **params), recorded(name)

    assert list(ours) == list(theirs)
    assert keys(ours.get("result")) == keys(theirs.get("result"))


@needs_vectors
def test_cancels_have_the_recorded_keys() -> None:
    line = PrivateLine()
    order_id = placed(line)
    placed(line, cl_ord_id="a-uuid")
    for name, params in (
        ("test_cancel_order.response", {"order_id": [order_id]}),
        ("test_cancel_order_by_client_order_id.response", {"cl_ord_id": ["a-uuid"]}),
    ):
        ours, theirs = line.call("cancel_order", 0, **params), recorded(name)
        assert list(ours) == list(theirs)
        assert list(ours["result"]) == list(theirs["result"])


@needs_vectors
def test_every_recorded_request_is_understood() -> None:
    """Whatever a client in the field sends is refused for its token alone."""
    line = PrivateLine()
    wanted = [one for one in records(FIXTURES) if one.get("kind", "").startswith("request.")]
    methods = 0
    for one in wanted:
        method = json.loads(one["raw"])["method"]
        if method in TRADING_METHODS:
            methods += 1
            before = len(line.heard)
            line.connection.received(one["raw"], line.now_ns)
            line.wait(0.1)
            assert line.heard[before]["error"] == "ESession:Invalid session", one["name"]
    assert methods >= 6


def keys(value: Any) -> Any:
    if isinstance(value, list):
        return keys(value[0])
    return sorted(value) if isinstance(value, dict) else None
