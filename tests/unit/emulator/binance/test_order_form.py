from __future__ import annotations

import pytest

from pit import LIMIT, MARKET, Pit

LIMIT_AT = {**LIMIT, "price": "49000.0"}


def code(pit: Pit, terms: dict[str, str], changes: dict[str, object]) -> int:
    reply = pit.order(terms, **changes)
    return 200 if reply.status == 200 else reply.code


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"symbol": "btcusdt"}, 200),
        ({"side": "HOLD"}, -1117),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "TRAILING_STOP_MARKET"}, -4120),
        ({"type": "ICEBERG"}, -1116),
        ({"type": None}, -1102),
        ({"timeInForce": None}, -1102),
        ({"timeInForce": "DAY"}, -1115),
        ({"quantity": None}, -1102),
        ({"price": None}, -1102),
        ({"price": ""}, -1105),
        ({"price": "abc"}, -1100),
        ({"price": "-1"}, -1130),
        ({"price": "1e5"}, -1100),
        ({"stopPrice": "48000"}, -1106),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"selfTradePreventionMode": "EXPIRE_ALL"}, -5039),
        ({"positionSide": "LONG"}, -4061),
        ({"positionSide": "UP"}, -4060),
        ({"reduceOnly": "yes"}, -4062),
        ({"price": "49000.123"}, -1111),
        ({"price": "49000.05"}, -4014),
        ({"price": "499.9"}, -4013),
        ({"price": "49000.000"}, 200),
        ({"price": "99999999"}, -4002),
        ({"quantity": "0.0105"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"quantity": "1001"}, -4005),
        ({"quantity": "0.001"}, -4164),
        ({"price": "52500.1"}, -4016),
        ({"price": "30000.0"}, 200),
        ({"side": "SELL", "price": "47499.9"}, -4024),
        ({"side": "SELL", "price": "90000.0"}, 200),
        ({"timeInForce": "GTD"}, -1102),
        ({"timeInForce": "GTD", "goodTillDate": "1790000600000"}, -5040),
        ({"priceMatch": "OPPONENT"}, -1106),
        ({"priceMatch": "BEST"}, -5037),
    ],
)
def test_a_limit_order_is_judged_word_by_word(changes: dict[str, object], expected: int) -> None:
    pit = Pit()
    assert code(pit, LIMIT_AT, changes) == expected
    assert len(pit.account.orders) == (expected == 200)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"timeInForce": "GTC"}, -1106),
        ({"price": "50000.0"}, -1106),
        ({"priceMatch": "OPPONENT"}, -5038),
        ({"quantity": "121"}, -4005),
        ({"quantity": "0.0009"}, -1111),
        ({"quantity": "0.001"}, 200),
    ],
)
def test_a_market_order_has_its_own_lots_and_takes_no_price(
    changes: dict[str, object], expected: int
) -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    assert code(pit, MARKET, changes) == expected


def test_the_notional_of_a_market_order_is_measured_at_the_mark() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    pit.mark("49999")
    assert code(pit, MARKET, {"quantity": "0.001"}) == -4164


def test_a_price_match_takes_the_price_of_its_level() -> None:
    pit = Pit()
    for price in ("49990.0", "49980.0", "49970.0", "49960.0", "49950.0"):
        pit.crowd("BUY", price)
    pit.crowd("SELL", "50010.0")
    assert pit.order(priceMatch="QUEUE_5").value["price"] == "49950.00"
    assert pit.order(priceMatch="QUEUE").value["price"] == "49990.00"
    assert pit.order(side="SELL", priceMatch="QUEUE").value["price"] == "50010.00"
    assert pit.order(priceMatch="OPPONENT_5").code == -5041
    row = pit.order(priceMatch="OPPONENT").value
    assert (row["price"], row["priceMatch"]) == ("50010.00", "OPPONENT")


def test_in_hedge_mode_a_side_must_be_named_and_reduce_only_must_not() -> None:
    pit = Pit()
    pit.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    assert code(pit, LIMIT_AT, {}) == -4061
    assert code(pit, LIMIT_AT, {"positionSide": "LONG", "reduceOnly": "false"}) == -1106
    assert code(pit, LIMIT_AT, {"positionSide": "LONG"}) == 200


@pytest.mark.parametrize(
    ("status", "expected"), [("SETTLING", -4141), ("PRE_SETTLE", -4140), ("CLOSE", -4141)]
)
def test_a_contract_that_does_not_trade_takes_no_opening_order(status: str, expected: int) -> None:
    pit = Pit()
    pit.rows["BTCUSDT"] = {**pit.rows["BTCUSDT"], "status": status}
    assert code(pit, LIMIT_AT, {}) == expected


def test_a_reduce_only_order_may_be_below_the_least_notional() -> None:
    pit = Pit()
    pit.long()
    assert (
        code(pit, LIMIT_AT, {"side": "SELL", "price": "51000.0", "quantity": "0.001", "reduceOnly": "true"})
        == 200
    )
