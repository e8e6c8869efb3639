from __future__ import annotations

import json

import pytest

from leadline.emulator.binance.ws_api import ApiSession
from pit import LIMIT, Pit

AT = {**LIMIT, "price": "49000.0"}


def test_an_order_is_placed_changed_looked_up_and_cancelled() -> None:
    pit = Pit()
    placed = pit.ws("order.place", **AT)
    assert (placed["id"], placed["status"]) == ("1", 200)
    assert [row["rateLimitType"] for row in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    order_id = placed["result"]["orderId"]
    terms = {"symbol": "BTCUSDT", "side": "BUY", "price": "49100.0", "quantity": "0.020"}
    assert pit.ws("order.modify", orderId=order_id, **terms)["result"]["price"] == "49100.00"
    asked = pit.ws("order.status", symbol="BTCUSDT", orderId=order_id)
    assert (asked["result"]["avgPrice"], [row["count"] for row in asked["rateLimits"]]) == ("0.00000", [1])
    assert pit.ws("order.cancel", symbol="BTCUSDT", orderId=order_id)["result"]["status"] == "CANCELED"
    assert pit.weights.used(pit.now_ns) == 2


def test_a_refusal_has_the_status_and_the_code() -> None:
    pit = Pit()
    answer = pit.ws("order.place", **{**AT, "quantity": "0"})
    assert (answer["status"], answer["error"]["code"]) == (400, -4003)
    assert "result" not in answer
    assert pit.ws("order.cancel", symbol="BTCUSDT", orderId=1)["error"]["code"] == -2011


def test_an_unsorted_signature_is_refused() -> None:
    pit = Pit()
    pit.account.secret = pit.account.secret[::-1]
    good = pit.ws("v2/account.balance")
    assert good["status"] == 200
    request = {"id": 2, "method": "order.place", "params": {**AT, "apiKey": pit.account.api_key}}
    request["params"] |= {"timestamp": pit.now_ms, "signature": "0" * 64}  # type: ignore[operator]
    assert pit.ws_raw(request)["error"]["code"] == -1022


def test_numbers_may_come_as_numbers_and_the_id_is_echoed_as_it_is() -> None:
    pit = Pit()
    for request_id in (7, None, "x"):
        request = {
            "id": request_id,
            "method": "userDataStream.start",
            "params": {"apiKey": pit.account.api_key},
        }
        assert pit.ws_raw(request)["id"] == request_id
    assert pit.ws("order.place", **AT, recvWindow=5000)["status"] == 200


def test_a_conditional_order_has_its_methods() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    terms = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET"}
    placed = pit.ws("algoOrder.place", **terms, triggerPrice="49000", quantity="0.010")
    algo_id = placed["result"]["algoId"]
    assert pit.ws("algoOrder.cancel", algoId=algo_id)["result"]["code"] == "200"


def test_the_key_is_needed_and_known() -> None:
    pit = Pit()
    assert pit.ws_raw({"id": 1, "method": "userDataStream.start", "params": {}})["error"]["code"] == -1103
    answer = pit.ws_raw({"id": 1, "method": "userDataStream.start", "params": {"apiKey": "nope"}})
    assert (answer["status"], answer["error"]["code"]) == (401, -2014)
    assert pit.ws_raw({"id": 1, "method": "order.place", "params": {}})["error"]["code"] == -1102


def test_the_listen_key_lives_here_too() -> None:
    pit = Pit()
    key = {"apiKey": pit.account.api_key}
    assert pit.ws_raw({"id": 1, "method": "userDataStream.ping", "params": key})["result"] == {
        "listenKey": pit.listen_key
    }
    assert pit.ws_raw({"id": 1, "method": "userDataStream.stop", "params": key})["result"] == {}
    assert pit.ws_raw({"id": 1, "method": "userDataStream.ping", "params": key})["error"]["code"] == -1125


@pytest.mark.parametrize(
    "method", ["account.status", "v2/account.status", "account.position", "account.balance"]
)
def test_the_account_is_shown(method: str) -> None:
    pit = Pit()
    pit.long()
    assert pit.ws(method)["status"] == 200
    assert pit.weights.used(pit.now_ns) == 5


def test_a_session_cannot_log_on_with_such_a_key_and_says_so() -> None:
    pit = Pit()
    assert pit.ws("session.logon")["error"]["code"] == -4056
    assert pit.ws("session.status")["result"]["authorizedSince"] is None


def test_rate_limits_are_left_out_where_they_are_not_wanted() -> None:
    pit = Pit()
    pit.session = ApiSession(pit.now_ns, rate_limits=False)
    assert "rateLimits" not in pit.ws("order.place", **AT)
    assert "rateLimits" not in pit.ws("order.place")


def test_a_market_method_is_somebody_elses_and_nonsense_is_refused() -> None:
    pit = Pit()
    assert pit.trading.ws_api(pit.session, json.dumps({"id": 1, "method": "depth"}), pit.now_ns) is None
    answer = pit.trading.ws_api(pit.session, "{", pit.now_ns)
    assert answer is not None
    assert json.loads(answer)["id"] is None
    assert pit.ws_raw([])["error"]["code"] == -1102


def test_a_spent_minute_turns_requests_away() -> None:
    pit = Pit()
    pit.weights.charge(2_398, pit.now_ns)
    answer = pit.ws("v2/account.balance")
    assert (answer["status"], answer["error"]["code"]) == (429, -1003)
