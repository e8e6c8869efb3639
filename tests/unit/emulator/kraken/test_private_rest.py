from __future__ import annotations

from typing import Any

import pytest

from emulated import OTHER, QUIET, START_NS, S, emulated
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer
from signed import Signed


def caller(**changed: Any) -> Signed:
    return Signed(emulated(rate=0, pairs=(QUIET, OTHER), **changed))


@pytest.mark.parametrize(("method", "path"), [("POST", "/0/private/Nothing"), ("GET", "/0/private/Balance")])
def test_what_is_no_private_call_is_an_unknown_method(method: str, path: str) -> None:
    answer = emulated(rate=0).request(method, path, {}, START_NS)

    assert isinstance(answer, Answer)
    assert answer.body == b'{"error":["EGeneral:Unknown method"]}'


def test_an_unsigned_request_is_refused_with_status_200() -> None:
    answer = emulated(rate=0).request("POST", "/0/private/Balance", {}, START_NS, [], b"nonce=1")

    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (200, b'{"error":["EAPI:Invalid key"]}')


def test_form_and_json_are_both_understood() -> None:
    call = caller()

    assert call("Balance") == call.by_json("Balance")


CALLS = {
    "funds-query": ("Balance", "BalanceEx", "TradeVolume", "DepositStatus", "WithdrawStatus"),
    "orders-open-query": ("OpenOrders", "TradeBalance", "OpenPositions", "QueryOrders"),
    "orders-closed-query": ("ClosedOrders", "TradesHistory", "QueryTrades"),
    "ledger-query": ("Ledgers", "QueryLedgers"),
    "orders-modify": ("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder"),
    "orders-cancel": ("CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter"),
    "websocket": ("GetWebSocketsToken",),
}


@pytest.mark.parametrize(
    ("permission", "name"), [(one, name) for one, names in CALLS.items() for name in names]
)
def test_every_call_needs_the_permission_of_its_group(permission: str, name: str) -> None:
    call = caller()
    call.account.permissions = set(CALLS) - {permission}
    assert call.refusal(name) == "EGeneral:Permission denied"

    call.account.permissions = {permission}
    assert "EGeneral:Permission denied" not in call.told(name, {})["error"]


@pytest.mark.parametrize("name", ["Withdraw", "WithdrawCancel", "WalletTransfer"])
def test_no_key_can_move_funds_out(name: str) -> None:
    assert caller().refusal(name, asset="XBT", key="k", amount="1") == "EGeneral:Permission denied"


def test_calls_cost_points_by_tier_and_history_costs_more() -> None:
    call = caller()
    answers = [call.told("Balance", {})["error"] for _ in range(21)]
    assert answers == [[]] * 20 + [["EAPI:Rate limit exceeded"]]

    call = caller()
    assert [call.told("Ledgers", {})["error"] for _ in range(6)] == [[]] * 5 + [["EAPI:Rate limit exceeded"]]


def test_points_fall_with_time() -> None:
    call = caller()
    for _ in range(20):
        call("Balance")
    call.now_ns += 2 * S

    assert call("Balance")


def test_trading_calls_cost_none_of_these_points() -> None:
    call = caller()
    for _ in range(30):
        call.place()
    assert call.account.rest.points(START_NS) == 0


def test_the_counters_can_be_switched_off() -> None:
    call = caller()
    call.exchange.inject({"kind": "NONCE_STRICT", "counters": False}, START_NS)
    for _ in range(50):
        call("Ledgers")
    assert call.account.rest.points(START_NS) == 0


def test_another_tier_and_another_clients_use_change_what_is_left() -> None:
    call = caller()
    call.exchange.inject({"kind": "RATE", "counter": "kraken_counter", "tier": "starter"}, START_NS)
    call.exchange.inject({"kind": "RATE", "burn": 13}, START_NS)
    call.exchange.inject({"kind": "RATE", "burn": 60, "symbol": "BTC/USD"}, START_NS)

    assert call.exchange.board.active == {}
    assert call.account.tier == "starter"
    assert [call.told("Balance", {})["error"] for _ in range(3)] == [[], [], ["EAPI:Rate limit exceeded"]]
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "1", "price": "1"}
    assert call.refusal("AddOrder", **order) == "EOrder:Rate limit exceeded"


def test_a_token_is_issued_for_the_account_that_asks() -> None:
    call = caller()
    given = call("GetWebSocketsToken")

    assert given["expires"] == 900
    assert call.exchange.tokens.account(given["token"], START_NS) is call.account


def test_a_key_can_ask_what_it_may_do() -> None:
    call = caller()
    told = call("GetApiKeyInfo")

    assert told["permissions"] == sorted(call.account.permissions)
    assert told["nonce"] == "1"


def test_an_accepted_request_loses_its_answer_and_only_that() -> None:
    call = caller()
    call.exchange.inject({"kind": "ACCEPT_THEN_DROP", "path": "AddOrder", "count": 1}, START_NS)
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "1", "price": "1"}

    assert call.raw("AddOrder", order) == RefusedConnect(None, executed=True)
    assert len(call.account.orders) == 1
    assert isinstance(call.raw("AddOrder", order), Answer)


@pytest.mark.parametrize(("accepted", "orders"), [(True, 1), (False, 0)])
def test_a_replaced_reply_says_nothing_of_whether_the_request_was_executed(
    accepted: bool, orders: int
) -> None:
    call = caller()
    call.exchange.inject({"kind": "REPLY", "path": "AddOrder", "status": 503, "accepted": accepted}, START_NS)
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "1", "price": "1"}
    answer = call.raw("AddOrder", order)

    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (503, b"")
    assert len(call.account.orders) == orders


def test_two_accounts_do_not_see_each_other() -> None:
    call = caller()
    exchange: Exchange = call.exchange
    other = Signed(exchange, exchange.trading.account("second"))
    call.place()

    assert other("OpenOrders") == {"open": {}}
    assert len(call("OpenOrders")["open"]) == 1
