from __future__ import annotations

from pit import LIMIT, MARKET, Pit


def test_decimals_of_order_events_are_trimmed_and_those_of_light_trades_are_not() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    pit.order(LIMIT, price="50000.0")
    order = pit.told("ORDER_TRADE_UPDATE")[-1]["o"]
    assert (order["q"], order["p"], order["L"], order["ap"], order["n"]) == (
        "0.01",
        "50000",
        "50000",
        "50000",
        "0.25",
    )
    light = pit.told("TRADE_LITE")[0]
    assert (light["q"], light["p"], light["L"], light["l"]) == ("0.010", "50000.00", "50000.00", "0.010")


def test_an_order_event_tells_the_notional_of_open_bids_and_asks() -> None:
    pit = Pit()
    pit.order(price="49000.0")
    pit.order(side="SELL", price="51000.0")
    assert [(one["o"]["b"], one["o"]["a"]) for one in pit.told("ORDER_TRADE_UPDATE")] == [
        ("490", "0"),
        ("490", "510"),
    ]


def test_a_change_tells_its_number_where_it_has_one() -> None:
    pit = Pit()
    order_id = pit.order(price="49000.0").value["orderId"]
    terms = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010", "orderId": order_id}
    pit.ask("PUT", "/fapi/v1/order", price="49100.0", **terms)
    pit.ask("PUT", "/fapi/v1/order", price="49200.0", modifyId=12, **terms)
    told = [one["o"].get("M") for one in pit.told("ORDER_TRADE_UPDATE")]
    assert told == [None, None, 12]


def test_the_average_price_is_weighted() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0", "0.003")
    pit.crowd("SELL", "50000.1", "1")
    pit.order(MARKET, quantity="0.009")
    assert pit.told("ORDER_TRADE_UPDATE")[-1]["o"]["ap"] == "50000.06666667"


def test_a_trailing_order_tells_whether_it_is_active() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.algo("TRAILING_STOP_MARKET", callbackRate="0.5")
    told = pit.told("ALGO_UPDATE")[0]["o"]
    assert (told["ia"], told["cr"], told["AP"]) == (True, "0.5", "0")
    pit.algo(triggerPrice="49000")
    assert "ia" not in pit.told("ALGO_UPDATE")[1]["o"]
