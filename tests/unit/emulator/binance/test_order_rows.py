from __future__ import annotations

from pit import ALGO, MARKET, ORDER, Pit


def test_answers_to_orders_have_no_average_and_those_to_questions_have() -> None:
    pit = Pit()
    placed = pit.order(price="49000.0").value
    assert not {"avgPrice", "cumQuote", "time"} & set(placed)
    found = pit.ask("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"]).value
    assert (found["avgPrice"], found["cumQuote"], found["time"]) == ("0.00000", "0.00000", pit.now_ms)
    assert "cumQty" not in found


def test_a_resting_order_that_filled_at_once_is_answered_as_new_even_as_a_result() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    row = pit.order(price="50000.0", newOrderRespType="RESULT").value
    assert (row["status"], row["cumQty"]) == ("NEW", "0.000")
    assert pit.position() == "0.010"


def test_a_conditional_order_has_no_engine_order_until_it_is_set_off() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    algo_id = pit.algo(triggerPrice="49000").value["algoId"]
    row = pit.ask("GET", ALGO, algoId=algo_id).value
    assert (row["actualOrderId"], row["actualPrice"], "actualQty" in row) == ("", "0.00000", False)
    assert (row["tpTriggerPrice"], row["icebergQuantity"]) == ("0.000", None)


def test_a_trade_is_told_in_full() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    pit.order(MARKET, quantity="0.003")
    (row,) = pit.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT").value
    assert (row["price"], row["qty"], row["quoteQty"], row["realizedPnl"]) == (
        "50000.00",
        "0.003",
        "150",
        "0.00000000",
    )
    assert (row["side"], row["maker"], row["commissionAsset"]) == ("BUY", False, "USDT")
