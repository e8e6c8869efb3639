from __future__ import annotations

import pytest

from pit import Pit


@pytest.mark.parametrize(
    ("order_type", "terms", "code"),
    [
        ("LIMIT", {"triggerPrice": "49000"}, -1116),
        ("STOP_MARKET", {}, -1102),
        ("STOP_MARKET", {"triggerPrice": "0"}, -1102),
        ("STOP_MARKET", {"triggerPrice": "x"}, -1100),
        ("STOP_MARKET", {"triggerPrice": "49000", "price": "49000"}, -1106),
        ("STOP_MARKET", {"triggerPrice": "49000", "callbackRate": "1"}, -1106),
        ("STOP_MARKET", {"triggerPrice": "49000", "priceMatch": "QUEUE"}, -5038),
        ("STOP_MARKET", {"triggerPrice": "49000", "workingType": "INDEX"}, -4031),
        ("STOP_MARKET", {"triggerPrice": "49000", "timeInForce": "DAY"}, -1115),
        ("STOP_MARKET", {"triggerPrice": "49000", "algoType": "VP"}, -1130),
        ("STOP_MARKET", {"triggerPrice": "49000", "positionSide": "LONG"}, -4061),
        ("STOP_MARKET", {"triggerPrice": "49000", "closePosition": "true", "quantity": "1"}, -4137),
        ("STOP_MARKET", {"triggerPrice": "49000", "closePosition": "true", "reduceOnly": "true"}, -4138),
        ("STOP", {"triggerPrice": "49000", "price": "49000", "closePosition": "true"}, -4139),
        ("STOP", {"triggerPrice": "49000"}, -1102),
        ("STOP", {"triggerPrice": "49000", "price": "49000.05"}, -4014),
        ("TRAILING_STOP_MARKET", {}, -1102),
        ("TRAILING_STOP_MARKET", {"callbackRate": "0.05"}, -1130),
        ("TRAILING_STOP_MARKET", {"callbackRate": "21"}, -1130),
        ("TRAILING_STOP_MARKET", {"callbackRate": "1", "triggerPrice": "49000"}, -1106),
    ],
)
def test_what_is_malformed_is_refused(order_type: str, terms: dict[str, str], code: int) -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    assert pit.algo(order_type, **terms).code == code
    assert pit.account.algo_orders == {}


def test_a_trigger_off_the_tick_is_taken_and_shown_whole() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    assert pit.algo(triggerPrice="49000.123").value["triggerPrice"] == "49000.123"


def test_in_hedge_mode_close_position_must_close_the_side_it_names() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    pit.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    terms = {"triggerPrice": "49000", "closePosition": "true"}
    assert pit.algo(side="SELL", positionSide="SHORT", **terms).code == -4061
    assert pit.algo(side="SELL", positionSide="LONG", **terms).status == 200


def test_a_callback_of_twenty_percent_is_the_most() -> None:
    pit = Pit()
    pit.trade_at("50000.0")
    assert pit.algo("TRAILING_STOP_MARKET", callbackRate="20").value["callbackRate"] == "20"
    assert pit.algo("TRAILING_STOP_MARKET", callbackRate="0.1").value["callbackRate"] == "0.1"
