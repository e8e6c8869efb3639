from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.emulator.faults import Misstate, Unseen
from pit import ALGO, LIMIT, MARKET, ORDER, Pit

DAY_S = 86_400


def ids(pit: Pit, path: str, **params: object) -> list[int]:
    reply = pit.ask("GET", path, **params)
    assert reply.status == 200, reply.value
    return [row.get("orderId") or row["id"] for row in reply.value]


def test_an_unfilled_order_is_forgotten_three_days_after_its_creation_and_a_filled_one_after_ninety() -> None:
    pit = Pit()
    gone = pit.order(price="49000.0").value["orderId"]
    pit.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=gone)
    pit.crowd("SELL", "50000.0")
    kept = pit.order(MARKET).value["orderId"]
    pit.wait(4 * DAY_S)
    assert pit.ask("GET", ORDER, symbol="BTCUSDT", orderId=gone).code == -2013
    assert pit.ask("GET", ORDER, symbol="BTCUSDT", orderId=kept).status == 200
    assert ids(pit, "/fapi/v1/allOrders", symbol="BTCUSDT") == [kept]
    pit.wait(87 * DAY_S)
    assert pit.ask("GET", ORDER, symbol="BTCUSDT", orderId=kept).code == -2013


def test_an_open_order_is_never_forgotten() -> None:
    pit = Pit()
    order_id = pit.order(price="49000.0").value["orderId"]
    pit.wait(100 * DAY_S)
    assert pit.ask("GET", ORDER, symbol="BTCUSDT", orderId=order_id).value["status"] == "NEW"


def test_a_new_order_comes_in_sight_late_where_it_is_to_but_can_be_cancelled_at_once() -> None:
    pit = Pit()
    pit.board.put(Unseen(venue="binance", delay_s=2.0), pit.now_ns)
    order_id = pit.order(price="49000.0", newClientOrderId="mine").value["orderId"]
    other_id = pit.order(price="48000.0").value["orderId"]
    named = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
    pit.wait(1.999)
    for path in (ORDER, "/fapi/v1/openOrder"):
        assert pit.ask("GET", path, **named).code == -2013
    for path in ("/fapi/v1/openOrders", "/fapi/v1/allOrders"):
        assert ids(pit, path, symbol="BTCUSDT") == []
    assert pit.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=other_id).value["status"] == "CANCELED"
    pit.wait(0.001)
    assert pit.ask("GET", ORDER, **named).value["orderId"] == order_id
    assert ids(pit, "/fapi/v1/openOrders") == [order_id]


def test_so_does_a_conditional_one() -> None:
    pit = Pit()
    pit.board.put(Unseen(venue="binance", delay_s=2.0), pit.now_ns)
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.010"}
    algo_id = pit.ask("POST", ALGO, algoType="CONDITIONAL", triggerPrice="40000", **stop).value["algoId"]
    lists = ("/fapi/v1/openAlgoOrders", "/fapi/v1/allAlgoOrders")
    assert pit.ask("GET", ALGO, algoId=algo_id).code == -2013
    assert [pit.ask("GET", path, symbol="BTCUSDT").value for path in lists] == [[], []]
    pit.wait(2)
    assert pit.ask("GET", ALGO, algoId=algo_id).value["algoStatus"] == "NEW"
    assert [len(pit.ask("GET", path, symbol="BTCUSDT").value) for path in lists] == [1, 1]


def test_all_orders_are_ascending_and_limited() -> None:
    pit = Pit()
    placed = []
    for _ in range(4):
        pit.wait(1)
        placed.append(pit.order(price="49000.0").value["orderId"])
    path = "/fapi/v1/allOrders"
    assert ids(pit, path) == placed
    assert ids(pit, path, symbol="BTCUSDT", limit=2) == placed[2:]
    assert ids(pit, path, symbol="BTCUSDT", orderId=placed[1], limit=2) == placed[1:3]
    assert ids(pit, path, symbol="BTCUSDT", startTime=pit.now_ms - 1_000) == placed[2:]
    assert ids(pit, path, symbol="ETHUSDT") == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"startTime": 2, "endTime": 1}, -1023),
        ({"startTime": 1, "endTime": 8 * DAY_S * 1_000}, -4165),
        ({"limit": 1_001}, -1130),
    ],
)
def test_a_span_or_limit_too_large_is_refused(params: dict[str, int], code: int) -> None:
    assert Pit().ask("GET", "/fapi/v1/allOrders", symbol="BTCUSDT", **params).code == code


def test_an_open_order_is_found_only_while_it_is_open() -> None:
    pit = Pit()
    order_id = pit.order(price="49000.0", newClientOrderId="mine").value["orderId"]
    path = "/fapi/v1/openOrder"
    assert pit.ask("GET", path, symbol="BTCUSDT", origClientOrderId="mine").value["orderId"] == order_id
    pit.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=order_id)
    assert pit.ask("GET", path, symbol="BTCUSDT", orderId=order_id).code == -2013


def test_user_trades_go_by_order_by_id_and_by_time() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    orders = [pit.order(MARKET).value["orderId"] for _ in range(3)]
    path = "/fapi/v1/userTrades"
    rows = pit.ask("GET", path, symbol="BTCUSDT").value
    assert [row["orderId"] for row in rows] == orders
    assert (rows[0]["commission"], rows[0]["quoteQty"], rows[0]["buyer"]) == ("0.25000000", "500", True)
    assert ids(pit, path, symbol="BTCUSDT", orderId=orders[1]) == [orders[1]]
    chosen = pit.ask("GET", path, symbol="BTCUSDT", fromId=rows[1]["id"], limit=1).value
    assert [row["id"] for row in chosen] == [rows[1]["id"]]
    assert pit.ask("GET", path, symbol="BTCUSDT", fromId=1, startTime=1).code == -1128


def test_trades_and_income_are_told_of_the_last_three_months() -> None:
    pit = Pit()
    pit.long()
    began_ms = pit.now_ms - 1_000
    for days, rows in ((89, 1), (2, 0)):
        pit.wait(days * DAY_S)
        assert len(pit.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", startTime=began_ms).value) == rows
        assert len(pit.ask("GET", "/fapi/v1/income", startTime=began_ms).value) == rows


def test_amendments_are_told_newest_first() -> None:
    pit = Pit()
    order_id = pit.order(price="49000.0").value["orderId"]
    for price in ("49100.0", "49200.0"):
        terms = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010", "price": price}
        pit.ask("PUT", ORDER, orderId=order_id, modifyId=9, **terms)
    rows = pit.ask("GET", "/fapi/v1/orderAmendment", symbol="BTCUSDT", orderId=order_id).value
    assert [row["amendment"]["price"] for row in rows] == [
        {"before": "49100", "after": "49200"},
        {"before": "49000", "after": "49100"},
    ]
    assert rows[0]["amendment"]["modifyId"] == 9


def test_v2_shows_every_contract_and_v3_only_what_is_open() -> None:
    pit = Pit()
    assert pit.ask("GET", "/fapi/v3/positionRisk").value == []
    assert len(pit.ask("GET", "/fapi/v2/positionRisk").value) == 2
    pit.order(price="49000.0")
    (row,) = pit.ask("GET", "/fapi/v3/positionRisk").value
    assert (row["positionAmt"], row["bidNotional"]) == ("0.000", "490.00000000")
    assert len(pit.ask("GET", "/fapi/v2/account").value["positions"]) == 2
    pit.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    pit.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    sides = [row["positionSide"] for row in pit.ask("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT").value]
    assert sides == ["LONG", "SHORT"]


def test_what_was_liquidated_is_listed() -> None:
    pit = Pit(usdt=100)
    pit.long("0.030")
    pit.mark("40000")
    (row,) = pit.ask("GET", "/fapi/v1/forceOrders").value
    assert (row["status"], row["avgPrice"], row["cumQuote"]) == ("FILLED", "40000.00000", "1200.00000")
    path = "/fapi/v1/forceOrders"
    assert pit.ask("GET", path, autoCloseType="LIQUIDATION").value == [row]
    assert pit.ask("GET", path, autoCloseType="ADL").value == []
    assert pit.ask("GET", path, autoCloseType="BOTH").code == -1130


def test_settings_and_limits_are_told() -> None:
    pit = Pit()
    assert len(pit.ask("GET", "/fapi/v1/rateLimit/order").value) == 2
    assert (
        pit.ask("GET", "/fapi/v1/commissionRate", symbol="BTCUSDT").value["takerCommissionRate"] == "0.000500"
    )
    assert pit.ask("GET", "/fapi/v1/accountConfig").value["dualSidePosition"] is False
    assert pit.ask("GET", "/fapi/v1/apiTradingStatus").value["indicators"] == {}
    pit.long()
    assert pit.ask("GET", "/fapi/v1/adlQuantile").value[0]["adlQuantile"] == {
        "LONG": 2,
        "SHORT": 0,
        "BOTH": 0,
    }
    brackets = pit.ask("GET", "/fapi/v1/leverageBracket", symbol="BTCUSDT").value[0]["brackets"]
    assert [one["initialLeverage"] for one in brackets[:2]] == [125, 100]
    assert pit.ask("GET", "/fapi/v1/openOrders", symbol="NOPE").code == -1121


def test_the_liquidation_price_is_where_liquidation_comes() -> None:
    pit = Pit(usdt=100)
    pit.long("0.030")
    pit.mark("49000")
    price = float(pit.ask("GET", "/fapi/v3/positionRisk").value[0]["liquidationPrice"])
    pit.mark(f"{price + 40:.2f}")
    assert pit.position() == "0.030"
    pit.mark(f"{price - 40:.2f}")
    assert pit.position() == "0.000"


def test_an_order_shows_its_average_and_its_quote_amount() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0", "0.004")
    pit.crowd("SELL", "50001.0", "1")
    order_id = pit.order({**LIMIT, "price": "50001.0"}).value["orderId"]
    row = pit.ask("GET", ORDER, symbol="BTCUSDT", orderId=order_id).value
    assert (row["avgPrice"], row["cumQuote"], row["status"]) == ("50000.60000", "500.00600", "FILLED")


def test_rest_tells_untruths_of_balances_and_open_orders_while_it_is_made_to() -> None:
    pit = Pit()
    order_id = pit.order(price="49000.0").value["orderId"]
    known = pit.order(price="49000.0").value["orderId"]
    told = pit.board.put(Misstate(asset="USDT", amount=Decimal("-0.5"), hide_order="oldest"), pit.now_ns)
    assert pit.ask("GET", "/fapi/v3/balance").value[0]["balance"] == "99999.50000000"
    assert pit.ask("GET", "/fapi/v3/account").value["totalWalletBalance"] == "99999.50000000"
    assert ids(pit, "/fapi/v1/openOrders") == [known]
    assert pit.ask("GET", ORDER, symbol="BTCUSDT", orderId=order_id).value["status"] == "NEW"
    assert float(pit.wallet) == 100_000
    pit.board.end(told.fault_id)
    pit.board.put(Misstate(hide_order=str(known)), pit.now_ns)
    assert ids(pit, "/fapi/v1/openOrders") == [order_id]
    assert pit.ask("GET", "/fapi/v3/balance").value[0]["balance"] == "100000.00000000"
