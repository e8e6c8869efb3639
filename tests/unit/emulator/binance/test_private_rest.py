from __future__ import annotations

from pit import LIMIT, ORDER, Pit


def test_a_path_of_somebody_else_is_nobodys_here() -> None:
    pit = Pit()
    assert pit.trading.rest("GET", "/fapi/v1/depth", "symbol=BTCUSDT", b"", {}, pit.now_ns) is None
    assert pit.trading.rest("PATCH", ORDER, "", b"", {}, pit.now_ns) is None
    assert pit.trading.weight("GET", "/fapi/v1/depth", {}) is None


def test_weights_are_those_of_the_table() -> None:
    trading = Pit().trading
    assert trading.weight("POST", ORDER, {}) == 0
    assert trading.weight("GET", "/fapi/v1/openOrders", {}) == 40
    assert trading.weight("GET", "/fapi/v1/openOrders", {"symbol": "BTCUSDT"}) == 1
    assert trading.weight("GET", "/fapi/v1/income", {}) == 30
    assert trading.weight("GET", "/fapi/v1/positionSide/dual", {}) == 30
    assert trading.weight("GET", "/fapi/v3/account", {}) == 5


def test_answers_to_orders_say_how_many_were_counted() -> None:
    pit = Pit()
    assert pit.order(price="49000").headers["x-mbx-order-count-10s"] == "1"
    reply = pit.order(price="49000")
    assert reply.headers["x-mbx-order-count-1m"] == "2"
    assert "x-mbx-order-count-1m" not in pit.ask("GET", "/fapi/v3/balance").headers


def test_only_what_was_carried_out_is_kept_for_the_judges() -> None:
    pit = Pit()
    pit.order(price="49000", newClientOrderId="kept")
    pit.order(price="1")
    pit.ask("GET", "/fapi/v3/balance")
    (one,) = pit.trading.history.executed
    assert (one.account, one.name) == ("me", "POST /fapi/v1/order")
    assert one.params["newClientOrderId"] == "kept"
    assert "signature" not in one.params


def test_a_lower_case_symbol_is_answered_in_capitals() -> None:
    pit = Pit()
    assert pit.order({**LIMIT, "symbol": "btcusdt"}, price="49000").value["symbol"] == "BTCUSDT"


def test_the_listen_key_needs_the_key_alone() -> None:
    pit = Pit()
    reply = pit.ask("POST", "/fapi/v1/listenKey", signed=False)
    assert reply.value == {"listenKey": pit.listen_key}
