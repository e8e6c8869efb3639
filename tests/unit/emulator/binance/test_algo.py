from __future__ import annotations

import pytest

from pit import ALGO, MARKET, Pit


def test_a_stop_waits_in_its_own_id_space_and_not_among_the_open_orders() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    placed = pit.algo(triggerPrice="49000").value
    assert (placed["algoStatus"], placed["triggerPrice"]) == ("NEW", "49000.00")
    assert placed["algoId"] > 10**15
    assert pit.ask("GET", "/fapi/v1/openOrders").value == []
    assert [row["algoId"] for row in pit.ask("GET", "/fapi/v1/openAlgoOrders").value] == [placed["algoId"]]
    pit.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert len(pit.ask("GET", "/fapi/v1/openAlgoOrders").value) == 1
    assert pit.ask("DELETE", "/fapi/v1/algoOpenOrders", symbol="BTCUSDT").value["code"] == 200
    assert pit.algos_told() == ["NEW", "CANCELED"]


def test_what_is_set_off_gets_an_engine_order_and_ends_finished() -> None:
    pit = Pit()
    pit.long()
    algo_id = pit.algo(triggerPrice="49000", reduceOnly="true").value["algoId"]
    pit.crowd("BUY", "48990.0")
    pit.trade_at("49000.0")
    assert pit.algos_told() == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
    triggering, triggered, finished = [one["o"] for one in pit.told("ALGO_UPDATE")[1:]]
    assert (triggering["ai"], "ap" in triggering, triggering["tt"] > 0) == ("", False, True)
    order_id = pit.told("ORDER_TRADE_UPDATE")[0]["o"]["i"]
    assert triggered["ai"] == finished["ai"] == str(order_id)
    assert (triggered["aq"], triggered["act"]) == ("0", "MARKET")
    assert (finished["ap"], finished["aq"]) == ("48990", "0.01")
    found = pit.ask("GET", ALGO, algoId=algo_id).value
    assert (found["algoStatus"], found["actualOrderId"]) == ("FINISHED", str(order_id))
    assert (found["actualPrice"], found["actualQty"], found["actualType"]) == (
        "48990.00000",
        "0.010",
        "MARKET",
    )
    assert pit.position() == "0.000"


@pytest.mark.parametrize(
    ("order_type", "side", "trigger", "short_of", "at"),
    [
        ("STOP_MARKET", "SELL", "49000", "49000.1", "49000.0"),
        ("STOP_MARKET", "BUY", "51000", "50999.9", "51000.0"),
        ("TAKE_PROFIT_MARKET", "SELL", "51000", "50999.9", "51000.0"),
        ("TAKE_PROFIT_MARKET", "BUY", "49000", "49000.1", "49000.0"),
    ],
)
def test_each_type_is_set_off_on_its_side_of_the_price(
    order_type: str, side: str, trigger: str, short_of: str, at: str
) -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    assert pit.algo(order_type, side, triggerPrice=trigger).status == 200
    pit.trade_at(short_of)
    assert pit.algos_told() == ["NEW"]
    pit.trade_at(at)
    assert pit.algos_told()[1] == "TRIGGERING"


def test_what_would_be_set_off_at_once_is_refused() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    assert pit.algo(triggerPrice="50000").code == -2021
    assert pit.algo("TAKE_PROFIT_MARKET", triggerPrice="49000").code == -2021
    assert pit.told("ALGO_UPDATE") == []


def test_a_trigger_by_mark_price_does_not_look_at_trades() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.algo(triggerPrice="49000", workingType="MARK_PRICE")
    pit.trade_at("48000.0")
    assert pit.algos_told() == ["NEW"]
    pit.mark("49000")
    assert pit.algos_told()[1] == "TRIGGERING"


def test_a_trigger_by_last_price_does_not_look_at_the_mark() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.algo(triggerPrice="49000")
    pit.mark("48000")
    assert pit.algos_told() == ["NEW"]


def test_margin_is_not_looked_at_before_the_trigger_and_then_it_is() -> None:
    pit = Pit(usdt=10)
    pit.trade_at("50000.0")
    pit.crowd("SELL", "51010.0")
    assert pit.algo(side="BUY", triggerPrice="51000").status == 200
    pit.trade_at("51000.0")
    assert pit.algos_told() == ["NEW", "TRIGGERING", "REJECTED"]
    assert pit.told("ALGO_UPDATE")[-1]["o"]["rm"] == "Margin is insufficient."
    assert pit.told("ORDER_TRADE_UPDATE") == []


def test_a_reduce_only_stop_without_a_position_is_rejected_when_it_is_set_off() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.algo(triggerPrice="49000", reduceOnly="true")
    pit.trade_at("49000.0")
    assert pit.told("ALGO_UPDATE")[-1]["o"]["rm"] == "Reduce Only reject"


def test_a_stop_limit_rests_at_its_price_once_set_off() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.algo("STOP", "BUY", triggerPrice="51000", price="50900.0")
    pit.trade_at("51000.0")
    assert pit.algos_told() == ["NEW", "TRIGGERING", "TRIGGERED"]
    (row,) = pit.ask("GET", "/fapi/v1/openOrders").value
    assert (row["price"], row["type"]) == ("50900.00", "LIMIT")
    pit.ask("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=row["orderId"])
    assert pit.told("ALGO_UPDATE")[-1]["o"]["X"] == "FINISHED"
    assert pit.told("ALGO_UPDATE")[-1]["o"]["aq"] == "0"


def test_close_position_closes_all_there_is_and_stands_once_a_direction() -> None:
    pit = Pit()
    pit.long("0.033")
    assert pit.algo(triggerPrice="49000", closePosition="true").value["quantity"] == "0.000"
    assert pit.algo(triggerPrice="48000", closePosition="true").code == -4130
    pit.crowd("BUY", "48990.0")
    pit.trade_at("49000.0")
    pit.wait(0.1)
    assert pit.position() == "0.000"
    assert pit.told("ORDER_TRADE_UPDATE")[0]["o"]["cp"] is True


def test_close_position_without_a_position_expires() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.algo(triggerPrice="49000", closePosition="true")
    pit.trade_at("49000.0")
    assert pit.algos_told() == ["NEW", "TRIGGERING", "EXPIRED"]


def test_gte_gtc_expires_with_its_position() -> None:
    pit = Pit()
    pit.long()
    pit.algo(triggerPrice="49000", timeInForce="GTE_GTC")
    pit.crowd("BUY", "50000.0")
    pit.order(MARKET, side="SELL")
    assert pit.algos_told() == ["NEW", "EXPIRED"]


def test_a_trailing_stop_follows_the_best_price_from_its_activation_on() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    reply = pit.algo("TRAILING_STOP_MARKET", callbackRate="1", activatePrice="51000")
    assert (reply.value["activatePrice"], reply.value["callbackRate"]) == ("51000.00", "1")
    pit.trade_at("49000.0")
    assert [one["o"]["ia"] for one in pit.told("ALGO_UPDATE")] == [False]
    pit.trade_at("51000.0")
    pit.trade_at("52000.0")
    pit.trade_at("51500.0")
    assert [(one["o"]["X"], one["o"]["ia"]) for one in pit.told("ALGO_UPDATE")] == [
        ("NEW", False),
        ("NEW", True),
    ]
    pit.trade_at("51480.0")
    assert pit.algos_told()[2] == "TRIGGERING"


def test_price_protection_holds_the_trigger_while_mark_and_last_are_apart() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.algo(triggerPrice="47000", priceProtect="true")
    pit.trade_at("46000.0")
    assert pit.algos_told() == ["NEW"]
    pit.mark("46500")
    pit.trade_at("46000.0")
    assert pit.algos_told()[1] == "TRIGGERING"


def test_200_wait_on_an_account_and_no_more() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    for _ in range(200):
        pit.wait(0.05)
        assert pit.algo(triggerPrice="49000").status == 200
    assert pit.algo(triggerPrice="49000").code == -4045


def test_a_cancel_answers_with_a_code_that_is_a_text() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.algo(triggerPrice="49000", clientAlgoId="mine")
    assert pit.algo(triggerPrice="49000", clientAlgoId="mine").code == -4116
    reply = pit.ask("DELETE", ALGO, clientAlgoId="mine")
    assert (reply.value["code"], reply.value["msg"]) == ("200", "success")
    assert pit.ask("DELETE", ALGO, clientAlgoId="mine").code == -2011
    assert pit.ask("DELETE", ALGO).code == -1102
    assert pit.ask("GET", ALGO, algoId=1).code == -2013


def test_a_good_till_date_ends_the_waiting() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.algo(
        "STOP",
        "BUY",
        triggerPrice="51000",
        price="51000.0",
        timeInForce="GTD",
        goodTillDate=pit.now_ms + 700_000,
    )
    pit.wait(701)
    assert pit.algos_told() == ["NEW", "EXPIRED"]
