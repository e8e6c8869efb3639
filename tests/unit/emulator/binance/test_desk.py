from __future__ import annotations

import pytest

from leadline.emulator.binance.accounts import MONEY
from pit import BTC, LIMIT, MARKET, MS, ORDER, Pit


def resting(pit: Pit, price: str = "49000.0", **more: object) -> int:
    reply = pit.order(price=price, **more)
    assert reply.status == 200, reply.value
    return int(reply.value["orderId"])


def test_an_open_order_bars_its_client_id_and_a_closed_one_does_not() -> None:
    pit = Pit()
    resting(pit, newClientOrderId="mine")
    assert pit.order(price="49000.0", newClientOrderId="mine").code == -4116
    assert pit.ask("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine").value["status"] == "CANCELED"
    assert pit.order(price="49000.0", newClientOrderId="mine").status == 200


def test_a_client_id_has_36_characters_of_a_fixed_set_at_most() -> None:
    pit = Pit()
    assert pit.order(price="49000.0", newClientOrderId="a" * 36).status == 200
    assert pit.order(price="49000.0", newClientOrderId="a" * 40).code == -4015
    assert pit.order(price="49000.0", newClientOrderId="a b").code == -1100


def test_the_201st_open_order_of_a_contract_is_refused() -> None:
    pit = Pit()
    for _ in range(200):
        pit.now_ns += 50 * MS
        assert pit.order(price="49000.0", quantity="0.002").status == 200
    assert pit.order(price="49000.0", quantity="0.002").code == -2025


def test_margin_is_the_notional_over_the_leverage() -> None:
    pit = Pit(usdt=100)
    assert pit.order(price="50000.0", quantity="0.041").code == -2019
    assert pit.order(price="50000.0", quantity="0.040").status == 200
    assert pit.order(price="50000.0", quantity="0.001").code == -2019


def test_a_reduce_only_order_needs_no_margin() -> None:
    pit = Pit(usdt=100)
    pit.long("0.039")
    assert pit.order(side="SELL", price="51000.0", quantity="0.039", reduceOnly="true").status == 200


def test_an_order_beyond_the_bracket_of_the_leverage_is_refused() -> None:
    pit = Pit(usdt=10_000_000)
    assert (
        pit.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=125).value["maxNotionalValue"]
        == "300000"
    )
    assert pit.order(price="50000.0", quantity="7").code == -2027
    assert pit.order(price="50000.0", quantity="6").status == 200


def test_a_reduce_only_order_is_cut_to_the_position() -> None:
    pit = Pit()
    pit.long("0.010")
    reply = pit.order(side="SELL", price="51000.0", quantity="0.050", reduceOnly="true")
    assert reply.value["origQty"] == "0.010"
    assert reply.value["reduceOnly"] is True


def test_reduce_only_without_a_position_to_reduce_is_refused() -> None:
    pit = Pit()
    assert pit.order(side="SELL", price="51000.0", reduceOnly="true").code == -2022
    pit.long()
    assert pit.order(side="BUY", price="49000.0", reduceOnly="true").code == -2022


def test_reduce_only_orders_together_never_exceed_the_position() -> None:
    pit = Pit()
    pit.long("0.010")
    assert pit.order(side="SELL", price="51000.0", reduceOnly="true").status == 200
    assert pit.order(side="SELL", price="52000.0", reduceOnly="true").code == -2022
    assert pit.order(side="SELL", price="50500.0", reduceOnly="true").status == 200
    assert pit.orders_told()[-1] == ("EXPIRED", "EXPIRED")
    assert [row["price"] for row in pit.ask("GET", "/fapi/v1/openOrders").value] == ["50500.00"]


def test_closing_the_position_expires_what_was_to_reduce_it() -> None:
    pit = Pit()
    pit.long("0.010")
    pit.order(side="SELL", price="51000.0", reduceOnly="true")
    pit.crowd("BUY", "50000.0")
    pit.order(MARKET, side="SELL")
    assert pit.position() == "0.000"
    told = pit.told("ORDER_TRADE_UPDATE")
    assert [(one["o"]["X"], one["o"]["er"]) for one in told][-1] == ("EXPIRED", "4")


def test_a_modified_order_keeps_its_id_and_says_so() -> None:
    pit = Pit()
    order_id = resting(pit)
    reply = pit.ask(
        "PUT", ORDER, symbol="BTCUSDT", side="BUY", orderId=order_id, quantity="0.020", price="49500.0"
    )
    assert (reply.value["orderId"], reply.value["origQty"], reply.value["price"]) == (
        order_id,
        "0.020",
        "49500.00",
    )
    assert (reply.value["pair"], "modifyId" in reply.value) == ("BTCUSDT", False)
    assert pit.orders_told() == [("NEW", "NEW"), ("AMENDMENT", "NEW")]


def modified(pit: Pit, order_id: int, **changes: object) -> int:
    terms: dict[str, object] = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.020", "price": "49500.0"}
    reply = pit.ask("PUT", ORDER, orderId=order_id, **{**terms, **changes})
    return 200 if reply.status == 200 else reply.code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": "SELL"}, -1117),
        ({"quantity": "0.010", "price": "49000.0"}, -5027),
        ({"quantity": "0.001"}, -5029),
        ({"price": "49500.05"}, -4014),
        ({"price": "60000.0"}, -4016),
        ({"reduceOnly": "true"}, -5047),
        ({"quantity": "900"}, -2019),
    ],
)
def test_a_refused_modification_leaves_the_order_as_it_was(changes: dict[str, object], code: int) -> None:
    pit = Pit()
    order_id = resting(pit)
    assert modified(pit, order_id, **changes) == code
    found = pit.ask("GET", ORDER, symbol="BTCUSDT", orderId=order_id).value
    assert (found["status"], found["price"], found["origQty"]) == ("NEW", "49000.00", "0.010")


def test_price_and_quantity_are_both_needed_to_modify() -> None:
    pit = Pit()
    order_id = resting(pit)
    reply = pit.ask("PUT", ORDER, symbol="BTCUSDT", side="BUY", orderId=order_id, price="49500.0")
    assert (reply.code, "quantity" in reply.value["msg"]) == (-1102, True)


def test_modifying_to_less_than_is_filled_cancels() -> None:
    pit = Pit()
    order_id = resting(pit, price="50000.0", quantity="0.020")
    pit.crowd("SELL", "50000.0", "0.015")
    assert modified(pit, order_id, quantity="0.015") == 200
    assert pit.orders_told()[-1] == ("CANCELED", "CANCELED")


def test_modifying_a_post_only_order_across_the_market_cancels_it() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    order_id = resting(pit, timeInForce="GTX")
    assert modified(pit, order_id, price="50000.0") == 200
    assert pit.orders_told()[-1] == ("CANCELED", "CANCELED")
    assert pit.position() == "0.000"


def test_a_market_order_cannot_be_modified_nor_one_that_is_over() -> None:
    pit = Pit()
    order_id = resting(pit)
    pit.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=order_id)
    assert modified(pit, order_id) == -2013


def test_cancelling_what_is_not_open_is_an_unknown_order() -> None:
    pit = Pit()
    assert pit.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=7).code == -2011
    order_id = resting(pit)
    assert pit.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=order_id).status == 200
    assert pit.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=order_id).code == -2011
    assert pit.ask("DELETE", ORDER, symbol="BTCUSDT").code == -1102


def test_the_order_id_wins_over_the_client_id() -> None:
    pit = Pit()
    first, second = resting(pit, newClientOrderId="a"), resting(pit, newClientOrderId="b")
    reply = pit.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=first, origClientOrderId="b")
    assert reply.value["orderId"] == first
    assert [row["orderId"] for row in pit.ask("GET", "/fapi/v1/openOrders").value] == [second]


def test_the_countdown_cancels_everything_of_its_contract_unless_refreshed_or_stopped() -> None:
    pit = Pit()
    path = "/fapi/v1/countdownCancelAll"
    resting(pit)
    other = pit.order(symbol="ETHUSDT", price="2900.00").value["orderId"]
    reply = pit.ask("POST", path, symbol="BTCUSDT", countdownTime=2_000)
    assert reply.value == {"symbol": "BTCUSDT", "countdownTime": "2000"}
    pit.wait(1.5)
    pit.ask("POST", path, symbol="BTCUSDT", countdownTime=2_000)
    pit.wait(1.5)
    assert len(pit.account.open_orders) == 2
    pit.wait(0.6)
    assert [order_id for _, order_id in pit.account.open_orders] == [other]
    resting(pit)
    pit.ask("POST", path, symbol="BTCUSDT", countdownTime=1_000)
    pit.ask("POST", path, symbol="BTCUSDT", countdownTime=0)
    pit.wait(5)
    assert len(pit.account.open_orders) == 2


def test_a_gtd_order_expires_at_its_second() -> None:
    pit = Pit()
    till = pit.now_ms + 700_000
    assert pit.order(price="49000.0", timeInForce="GTD", goodTillDate=till).value["goodTillDate"] == till
    pit.wait(699)
    assert pit.orders_told() == [("NEW", "NEW")]
    pit.wait(2)
    assert pit.orders_told()[-1] == ("EXPIRED", "EXPIRED")


def test_the_other_asset_pays_no_margin_unless_assets_are_shared() -> None:
    pit = Pit()
    account = pit.trading.account("other", {"USDC": 1_000 * MONEY})
    assert pit.order({**LIMIT, "price": "50000.0"}, account).code == -2019
    pit.ask("POST", "/fapi/v1/multiAssetsMargin", account, multiAssetsMargin="true")
    assert pit.order({**LIMIT, "price": "50000.0"}, account).status == 200


def test_in_hedge_mode_a_closing_order_reports_itself_reduce_only() -> None:
    pit = Pit()
    pit.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    pit.crowd("SELL", "50000.0")
    assert pit.order(MARKET, positionSide="LONG").status == 200
    assert (
        pit.order(side="SELL", positionSide="LONG", price="51000.0", quantity="0.020").value["origQty"]
        == "0.010"
    )
    told = pit.told("ORDER_TRADE_UPDATE")[-1]["o"]
    assert (told["R"], told["ps"], told["q"]) == (True, "LONG", "0.01")
    assert pit.order(side="BUY", positionSide="SHORT", price="49000.0").code == -2022


def test_risk_control_lets_only_closing_orders_in() -> None:
    pit = Pit()
    pit.long()
    changed = dict(pit.rows["BTCUSDT"])
    changed["filters"] = [
        {**one, "positionControlSide": "BOTH"} if one["filterType"] == "POSITION_RISK_CONTROL" else one
        for one in changed["filters"]
    ]
    pit.rows["BTCUSDT"] = changed
    assert pit.order(price="49000.0").code == -4105
    assert pit.order(side="SELL", price="51000.0", reduceOnly="true").status == 200


def test_the_rig_lists_what_the_venue_lists() -> None:
    assert Pit().rows["BTCUSDT"]["symbol"] == BTC.symbol


def test_a_reduce_only_order_is_cut_when_it_is_enlarged_too() -> None:
    pit = Pit()
    pit.long("0.010")
    terms = {"side": "SELL", "price": "51000.0", "reduceOnly": "true"}
    order_id = pit.order(quantity="0.005", **terms).value["orderId"]
    change = {"symbol": "BTCUSDT", "side": "SELL", "price": "50900.0", "quantity": "0.090"}
    assert pit.ask("PUT", ORDER, orderId=order_id, **change).value["origQty"] == "0.010"
