from __future__ import annotations

from decimal import Decimal

from pit import LIMIT, MARKET, ORDER, Pit


def test_a_resting_order_is_told_and_no_balance_is() -> None:
    pit = Pit()
    assert pit.order(price="49000.0").value["status"] == "NEW"
    assert pit.orders_told() == [("NEW", "NEW")]
    assert pit.told("ACCOUNT_UPDATE") == pit.told("TRADE_LITE") == []


def test_a_market_order_is_told_new_then_filled_with_one_update_a_fill() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0", "0.004")
    pit.crowd("SELL", "50001.0", "1")
    assert pit.order(MARKET).value["status"] == "NEW"
    assert pit.orders_told() == [("NEW", "NEW"), ("TRADE", "PARTIALLY_FILLED"), ("TRADE", "FILLED")]
    assert [one["t"] for one in pit.told("TRADE_LITE")] == [
        one["o"]["t"] for one in pit.told("ORDER_TRADE_UPDATE")[1:]
    ]
    assert [one["a"]["P"][0]["pa"] for one in pit.told("ACCOUNT_UPDATE")] == ["0.004", "0.01"]


def test_the_answer_to_an_ack_says_nothing_of_the_fill_and_that_to_a_result_does() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    ack = pit.order(MARKET).value
    result = pit.order(MARKET, newOrderRespType="RESULT").value
    assert (ack["status"], ack["executedQty"]) == ("NEW", "0.000")
    assert (result["status"], result["executedQty"], result["price"]) == ("FILLED", "0.010", "0.00")
    assert "avgPrice" not in result
    assert pit.ask("GET", ORDER, symbol="BTCUSDT", orderId=ack["orderId"]).value["avgPrice"] == "50000.00000"


def test_the_remainder_of_an_ioc_expires_with_reason_2() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0", "0.004")
    assert (
        pit.order(price="50000.0", timeInForce="IOC", newOrderRespType="RESULT").value["status"] == "EXPIRED"
    )
    told = pit.told("ORDER_TRADE_UPDATE")
    assert [one["o"]["X"] for one in told] == ["NEW", "PARTIALLY_FILLED", "EXPIRED"]
    assert (told[-1]["o"]["er"], told[-1]["o"]["z"]) == ("2", "0.004")


def test_a_market_order_ends_at_the_bound_around_the_mark_with_reason_9() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0", "0.004")
    pit.crowd("SELL", "52500.1", "1")
    assert pit.order(MARKET).status == 200
    told = pit.told("ORDER_TRADE_UPDATE")[-1]["o"]
    assert (told["X"], told["er"], told["z"]) == ("EXPIRED", "9", "0.004")


def test_a_market_order_without_a_counterparty_or_with_one_beyond_the_band_is_refused() -> None:
    pit = Pit()
    assert pit.order(MARKET).code == -2020
    pit.crowd("SELL", "53000.0")
    assert pit.order(MARKET).code == -4131
    assert pit.orders_told() == []


def test_a_post_only_order_that_would_take_is_an_error_without_an_order() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    assert pit.order(price="50000.0", timeInForce="GTX", newClientOrderId="x").code == -5022
    assert pit.orders_told() == []
    assert pit.ask("GET", ORDER, symbol="BTCUSDT", origClientOrderId="x").code == -2013
    assert pit.order(price="49999.9", timeInForce="GTX").status == 200


def test_a_fill_or_kill_order_fills_whole_or_is_an_error_without_an_order() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0", "0.009")
    assert pit.order(price="50000.0", timeInForce="FOK").code == -5021
    assert pit.orders_told() == []
    pit.crowd("SELL", "50000.0", "0.001")
    assert (
        pit.order(price="50000.0", timeInForce="FOK", newOrderRespType="RESULT").value["status"] == "FILLED"
    )


def test_the_takers_mode_decides_which_of_ones_own_orders_gives_way() -> None:
    for mode, ended in (("EXPIRE_MAKER", ["resting"]), ("EXPIRE_TAKER", ["taking"])):
        pit = Pit()
        pit.order(price="50000.0", newClientOrderId="resting")
        pit.order(side="SELL", price="50000.0", selfTradePreventionMode=mode, newClientOrderId="taking")
        told = [one["o"] for one in pit.told("ORDER_TRADE_UPDATE") if one["o"]["X"] == "EXPIRED_IN_MATCH"]
        assert [(one["c"], one["x"], one["er"]) for one in told] == [(ended[0], "EXPIRED", "1")]


def test_both_give_way_where_both_are_to() -> None:
    pit = Pit()
    pit.order(price="50000.0")
    pit.order(side="SELL", price="50000.0", selfTradePreventionMode="EXPIRE_BOTH", timeInForce="IOC")
    told = [one["o"]["er"] for one in pit.told("ORDER_TRADE_UPDATE") if one["o"]["X"] == "EXPIRED_IN_MATCH"]
    assert told == ["1", "3"]
    assert pit.account.trades == []


def test_a_maker_pays_less_than_a_taker() -> None:
    pit = Pit()
    pit.order(price="50000.0")
    pit.crowd("SELL", "50000.0", "0.010")
    one = pit.account.trades[0]
    assert (one.maker, one.commission) == (True, 10_000_000)
    pit.crowd("BUY", "50000.0", "0.010")
    pit.order(MARKET, side="SELL")
    assert pit.account.trades[1].commission == 25_000_000


def test_a_modified_order_loses_its_place() -> None:
    pit = Pit()
    order_id = pit.order(price="50000.0").value["orderId"]
    pit.crowd("BUY", "50000.0", "0.010")
    terms = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.009", "price": "50000.0"}
    assert pit.ask("PUT", ORDER, orderId=order_id, **terms).status == 200
    pit.crowd("SELL", "50000.0", "0.010")
    assert pit.account.trades == []


def test_wallet_and_position_are_the_sum_of_the_fills() -> None:
    pit = Pit()
    before = pit.wallet
    pit.long("0.010", "50000.0")
    pit.crowd("BUY", "50100.0", "0.004")
    pit.order(LIMIT, side="SELL", price="50100.0", quantity="0.004")
    booked = sum((Decimal(row["income"]) for row in pit.ask("GET", "/fapi/v1/income").value), Decimal(0))
    assert pit.wallet - before == booked == Decimal("0.4") - Decimal("0.25") - Decimal("0.1002")
    assert pit.position() == "0.006"


def test_self_trade_prevention_is_not_for_fill_or_kill() -> None:
    pit = Pit()
    pit.order(side="SELL", price="50000.0")
    row = pit.order(price="50000.0", timeInForce="FOK", newOrderRespType="RESULT").value
    assert row["status"] == "FILLED"
    assert [one.side for one in pit.account.trades] == ["BUY", "SELL"]
