from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from emulated import MS, START_NS, ask, messages
from leadline.emulator.kraken.auth import TOKEN_LIFE_S
from private_line import PrivateLine

ORDER = {"order_type": "limit", "side": "buy", "order_qty": 1, "limit_price": 60000, "symbol": "BTC/USD"}


def server_time_ms(answer: dict[str, Any]) -> float:
    came, went = (datetime.fromisoformat(answer[name]) for name in ("time_in", "time_out"))
    return (went - came).total_seconds() * 1_000


def test_what_the_gateway_refuses_it_refuses_at_once_and_the_engine_takes_its_time() -> None:
    line = PrivateLine()
    assert server_time_ms(line.call("add_order", **ORDER | {"limit_price": "60000"})) < 1
    for number in range(20):
        answer = line.call("add_order", **ORDER | {"limit_price": 50_000 + number, "order_qty": 0.01})
        assert answer["success"]
        assert 2 <= server_time_ms(answer) <= 8
    assert 2 <= server_time_ms(line.call("add_order", **ORDER | {"order_qty": 100_000})) <= 8


def test_an_answer_arrives_when_it_says_it_was_sent() -> None:
    line = PrivateLine()
    line.send("add_order", 1, **ORDER)
    line.exchange.advance(line.now_ns + 2 * MS - 1)
    assert [one for one in messages(line.connection) if "method" in one] == []
    line.exchange.advance(line.now_ns + 8 * MS)
    (answer,) = [one for one in messages(line.connection) if "method" in one]
    assert len(answer["time_out"].partition(".")[2]) == len("123456Z")


def test_names_come_before_numbers_and_numbers_before_the_token() -> None:
    line = PrivateLine()
    wrong = ORDER | {"userref": 5, "limit_price": "60000", "token": ""}
    assert line.call("add_order", **wrong)["error"].startswith("Unsupported field: 'userref'")
    del wrong["userref"]
    assert line.call("add_order", **wrong)["error"] == "Limit_price field must be a number_float"
    wrong["limit_price"] = 60000
    assert line.call("add_order", **wrong)["error"] == "Token(s) not found"
    wrong["token"] = "stale"
    assert line.call("add_order", **wrong)["error"] == "ESession:Invalid session"
    assert line.account.orders == {}


def test_a_field_beside_params_is_refused() -> None:
    line = PrivateLine()
    line.connection.received(
        json.dumps({"method": "cancel_all", "params": {"token": line.token}, "x": 1}), START_NS
    )
    (refused,) = [one for one in messages(line.connection) if "method" in one]
    assert refused["error"] == "Unsupported field: 'x' for the given msg type: cancel_all"


def test_nan_and_infinity_are_no_json() -> None:
    line = PrivateLine()
    for constant in ("NaN", "Infinity", "-Infinity", "1e99999999999999999999"):
        text = f'{{"method":"add_order","params":{{"limit_price":{constant},"token":"{line.token}"}}}}'
        line.connection.received(text, START_NS)
    found = [one for one in messages(line.connection) if "method" in one]
    assert [one["error"] for one in found] == ["Malformed request"] * 4


def test_a_token_lives_fifteen_minutes_unused_and_as_long_as_its_subscription() -> None:
    line = PrivateLine()
    other = line.exchange.tokens.issue(line.account, START_NS)
    line.subscribe("executions")
    for _ in range(TOKEN_LIFE_S // 50 + 2):
        line.connection.touched(line.now_ns)
        line.wait(50)

    assert line.call("cancel_all")["success"]
    assert line.call("cancel_all", token=other)["error"] == "ESession:Invalid session"
    line.call("unsubscribe", channel="executions")
    assert line.call("cancel_all")["success"]


def test_a_lost_connection_lets_its_token_age() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.connection.closed()

    assert line.exchange.tokens.account(line.token, line.now_ns + (TOKEN_LIFE_S - 1) * 10**9) is line.account
    assert line.exchange.tokens.account(line.token, line.now_ns + (TOKEN_LIFE_S + 1) * 10**9) is None


def test_refused_tokens_leave_running_subscriptions_alone() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.exchange.inject({"kind": "TOKEN_INVALID", "for_s": 1.0}, line.now_ns)
    assert line.call("add_order", **ORDER)["error"] == "ESession:Invalid session"
    line.wait(1)
    assert line.call("add_order", **ORDER)["success"]
    line.wait(0.1)
    assert line.rows() != []
    assert line.closes == []


def test_an_account_host_without_a_private_subscription_is_closed_after_a_minute_of_pings() -> None:
    line = PrivateLine()
    for _ in range(5):
        line.wait(11)
        line.send("ping")
    assert line.closes == []
    line.wait(5)
    assert line.closes == [1000]


def test_a_private_subscription_keeps_the_connection_while_the_client_is_heard() -> None:
    line = PrivateLine()
    line.subscribe("balances")
    for _ in range(8):
        line.wait(20)
        line.connection.received('{"method":"ping"}', line.now_ns)
    assert line.closes == []
    line.call("unsubscribe", channel="balances")
    for _ in range(4):
        line.wait(20)
        line.connection.received('{"method":"ping"}', line.now_ns)
    assert line.closes == [1000]


def test_heartbeats_start_with_the_first_private_subscription() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.exchange.advance(START_NS + 1_000 * MS)
    assert any(one.get("channel") == "heartbeat" for one in messages(line.connection))


@pytest.mark.parametrize("channel", ["executions", "balances", "level3", "book"])
def test_each_host_has_its_own_channels(channel: str) -> None:
    line = PrivateLine()
    for route in ("ws_private", "ws_level3"):
        connection = line.exchange.connect(START_NS, route)
        connection.outputs()
        more = {} if channel in ("executions", "balances") else {"symbol": ["BTC/USD"]}
        token = {} if channel == "book" else {"token": line.token}
        ask(connection, START_NS, "subscribe", channel=channel, **more, **token)
        line.exchange.advance(START_NS + 10 * MS)
        at_home = {"executions": "ws_private", "balances": "ws_private", "level3": "ws_level3"}.get(channel)
        (answer,) = [one for one in messages(connection) if "method" in one]
        assert answer["success"] is (route == at_home)
        if route != at_home:
            assert answer["error"] == "Subscription name invalid"


@pytest.mark.parametrize("route", ["ws_public", "ws_level3"])
def test_only_the_private_host_trades(route: str) -> None:
    line = PrivateLine()
    connection = line.exchange.connect(START_NS, route)
    connection.outputs()
    ask(connection, START_NS, "add_order", **ORDER, token=line.token)
    (answer,) = messages(connection)
    assert answer["error"] == "ESession:Invalid session"
    assert line.account.orders == {}


def test_an_accepted_order_whose_answer_is_lost_lives_on() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.heard.clear()
    line.exchange.inject({"kind": "ACCEPT_THEN_DROP", "method": "add_order"}, line.now_ns)
    line.send("add_order", 1, **ORDER, cl_ord_id="lost")
    line.wait(1)

    assert line.closes == [1006]
    assert line.heard == []
    order = line.account.by_cl_ord_id("lost")
    assert order is not None and order.status == "new"


def test_a_refused_order_uses_no_lost_answer_up() -> None:
    line = PrivateLine()
    line.exchange.inject({"kind": "ACCEPT_THEN_DROP", "count": 1}, line.now_ns)
    assert line.call("add_order", **ORDER | {"order_qty": 100_000})["error"] == "EOrder:Insufficient funds"
    line.send("cancel_all", 2)
    line.wait(0.1)
    assert line.closes == [1006]


@pytest.mark.parametrize(
    ("missing", "method", "params"),
    [
        ("orders-modify", "add_order", ORDER),
        ("orders-open-query", "subscribe", {"channel": "executions"}),
        ("funds-query", "subscribe", {"channel": "balances"}),
    ],
)
def test_a_key_without_the_permission_is_denied(missing: str, method: str, params: dict[str, Any]) -> None:
    line = PrivateLine()
    line.account.permissions.remove(missing)

    assert line.call(method, **params)["error"] == "EGeneral:Permission denied"
    assert line.account.orders == {}


def test_who_may_not_place_orders_may_still_cancel_them() -> None:
    line = PrivateLine()
    line.buy()
    line.account.permissions.remove("orders-modify")

    assert line.call("cancel_all")["result"] == {"count": 1}


def test_the_end_of_a_connection_ends_what_was_under_way() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.send("add_order", 1, **ORDER)
    line.connection.closed()
    line.exchange.advance(line.now_ns + 1_000 * MS)

    assert line.connection.outputs() == []
    assert len(line.account.open_orders) == 1


def test_a_link_frozen_for_long_is_read_late_and_the_deadline_has_passed() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.exchange.inject({"kind": "HALF_OPEN", "for_s": 10.0}, line.now_ns)
    deadline = datetime.fromtimestamp(line.now_ns // 10**9 + 5).astimezone().isoformat()
    line.send("add_order", 1, **ORDER, deadline=deadline)
    line.wait(10)
    line.wait(0.1)

    assert line.heard[-1]["error"] == "EService:Deadline elapsed"
    assert line.account.orders == {}


def test_subscriptions_can_be_rejected_by_a_fault() -> None:
    line = PrivateLine()
    line.exchange.inject(
        {"kind": "SUB_REJECT", "symbol": "", "channel": "executions", "error": "EGeneral:Internal error"},
        line.now_ns,
    )
    assert line.call("subscribe", channel="executions")["error"] == "EGeneral:Internal error"
    assert line.call("subscribe", channel="balances")["success"]
