from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from binance_orders import BTC, d, limit, placement
from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    Order,
    OrderKey,
    OrderKind,
    OrderState,
    PositionSide,
    PriceMatch,
    PriceType,
    SelfTrade,
    TimeInForce,
    Trigger,
    TriggerReference,
)
from leadline.venues.binance import order_form
from vectors import VECTORS, needs_vectors

STOP = Trigger(d("75000"))


def form(**changed: Any) -> dict[str, str]:
    request = limit(**changed)
    make = order_form.conditional if order_form.is_conditional(request) else order_form.order
    return dict(make(placement(request), "BTCUSDT"))


def known(**changed: Any) -> Order:
    return Order(
        **{
            "client_id": "ours-1", "symbol": BTC, "side": Side.BUY, "kind": OrderKind.LIMIT,
            "state": OrderState.WORKING, "order_id": "BTCUSDT:7", "qty": d("0.010"),
            "limit_price": d("80000.0"),
        } | changed
    )  # fmt: skip


def test_a_limit_order_carries_what_it_needs_and_nothing_empty() -> None:
    assert form() == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": "80000",
        "newClientOrderId": "ours-1",
    }


def test_a_market_order_has_neither_price_nor_time_in_force() -> None:
    told = form(kind=OrderKind.MARKET, limit_price=None, reduce_only=True)
    assert {"price", "timeInForce"}.isdisjoint(told)
    assert told["reduceOnly"] == "true"


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"post_only": True}, {"timeInForce": "GTX"}),
        ({"time_in_force": TimeInForce.IOC}, {"timeInForce": "IOC"}),
        (
            {"time_in_force": TimeInForce.GTD, "expires_ns": 1_800_000_000 * NS_PER_S},
            {"timeInForce": "GTD", "goodTillDate": "1800000000000"},
        ),
        ({"limit_price": None, "price_match": PriceMatch.QUEUE_5}, {"priceMatch": "QUEUE_5"}),
        ({"self_trade": SelfTrade.CANCEL_BOTH}, {"selfTradePreventionMode": "EXPIRE_BOTH"}),
        ({"self_trade": SelfTrade.CANCEL_NEWEST}, {"selfTradePreventionMode": "EXPIRE_TAKER"}),
        ({"self_trade": SelfTrade.CANCEL_OLDEST}, {"selfTradePreventionMode": "EXPIRE_MAKER"}),
        ({"position_side": PositionSide.SHORT}, {"positionSide": "SHORT"}),
    ],
)
def test_each_wish_is_spelled_as_the_venue_does(changed: dict[str, Any], fields: dict[str, str]) -> None:
    assert fields.items() <= form(**changed).items()


def test_in_hedge_mode_reduce_only_is_said_by_the_side_alone() -> None:
    told = form(side=Side.SELL, position_side=PositionSide.LONG, reduce_only=True)
    assert told["positionSide"] == "LONG"
    assert "reduceOnly" not in told


def test_a_stop_that_closes_everything_has_no_quantity() -> None:
    told = form(
        kind=OrderKind.STOP_LOSS,
        side=Side.SELL,
        qty=None,
        limit_price=None,
        close_position=True,
        trigger=Trigger(d("75000"), reference=TriggerReference.MARK, protect=True),
    )
    assert told == {
        "algoType": "CONDITIONAL",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_MARKET",
        "triggerPrice": "75000",
        "workingType": "MARK_PRICE",
        "priceProtect": "true",
        "closePosition": "true",
        "clientAlgoId": "ours-1",
    }


def test_a_trailing_stop_has_a_rate_and_may_begin_at_a_price() -> None:
    trigger = Trigger(d("1.5"), PriceType.PCT, activation_price=d("90000"))
    told = form(kind=OrderKind.TRAILING_STOP, side=Side.SELL, limit_price=None, trigger=trigger)
    assert (told["type"], told["callbackRate"], told["activatePrice"]) == (
        "TRAILING_STOP_MARKET", "1.5", "90000",
    )  # fmt: skip
    assert "triggerPrice" not in told


@pytest.mark.parametrize(
    ("text", "sent"), [("9000.1000", "9000.1"), ("0.00", "0"), ("100", "100"), ("0.0010", "0.001")]
)
def test_numbers_have_no_zeros_the_venue_would_take_for_decimals(text: str, sent: str) -> None:
    assert order_form.number(Decimal(text)) == sent


def test_a_batch_is_one_json_text_without_spaces() -> None:
    ((name, text),) = order_form.batch([placement(), placement(name="b")], ["BTCUSDT", "BTCUSDT"])
    assert name == "batchOrders"
    assert " " not in text
    assert [row["newClientOrderId"] for row in json.loads(text)] == ["ours-1", "b"]


def test_a_change_tells_price_and_quantity_both() -> None:
    told = dict(order_form.amended(known(), Amendment(limit_price=d("79000.0")), "BTCUSDT"))
    assert told == {
        "symbol": "BTCUSDT", "orderId": "7", "side": "BUY", "quantity": "0.01", "price": "79000",
    }  # fmt: skip
    by_name = known(order_id=None)
    told = dict(order_form.amended(by_name, Amendment(qty=d("0.02")), "BTCUSDT"))
    assert (told["origClientOrderId"], told["quantity"]) == ("ours-1", "0.02")
    with pytest.raises(CheckFailed, match="not known yet"):
        order_form.amended(known(qty=None), Amendment(limit_price=d(1)), "BTCUSDT")


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        (OrderKey("BTCUSDT:7", "c"), {"symbol": "BTCUSDT", "orderId": "7"}),
        (OrderKey(None, "c", symbol=BTC), {"symbol": "BTCUSDT", "origClientOrderId": "c"}),
        (OrderKey("algo:9", "c"), {"algoId": "9"}),
        (OrderKey(None, "c", symbol=BTC, conditional=True), {"clientAlgoId": "c"}),
        (OrderKey("BTCUSDT:7", "c", conditional=True), {"symbol": "BTCUSDT", "orderId": "7"}),
    ],
)
def test_an_order_is_named_in_its_own_id_space(key: OrderKey, fields: dict[str, str]) -> None:
    assert dict(order_form.reference(key, "BTCUSDT")) == fields


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (OrderKey("c0ffee"), "SYMBOL:NUMBER"),
        (OrderKey(None, "c"), "only beside its symbol"),
        (OrderKey(), "neither is known"),
    ],
)
def test_a_name_that_the_venue_cannot_find_is_told_with_the_cure(key: OrderKey, said: str) -> None:
    with pytest.raises(CheckFailed, match=said):
        order_form.reference(key, None)


CCXT = {
    "Swap limit buy order": {"qty": d("0.1"), "limit_price": d("55")},
    "swap limit buy with weird price/amount (b)": {"qty": d("0.132"), "limit_price": d("50.23")},
    "Swap limit buy with reduce only (closing short position)": {
        "qty": d("0.2"), "limit_price": d("60"), "reduce_only": True,
    },
    "Swap limit buy with postOnly": {"qty": d("0.2"), "limit_price": d("50"), "post_only": True},
    "swap order with priceMatch": {
        "qty": d("0.2"), "limit_price": None, "price_match": PriceMatch.OPPONENT,
    },
    "swap hedged reduceOnly market sell order": {
        "kind": OrderKind.MARKET, "side": Side.SELL, "qty": d("0.01"), "limit_price": None,
        "reduce_only": True, "position_side": PositionSide.LONG,
    },
    "Swap limit buy with triggerPrice": {
        "kind": OrderKind.STOP_LOSS_LIMIT, "qty": d("0.21"), "limit_price": d("51"),
        "trigger": Trigger(d("101")),
    },
    "Swap limit sell with takeProfitPrice (type 2)": {
        "kind": OrderKind.TAKE_PROFIT_LIMIT, "side": Side.SELL, "qty": d("0.21"), "limit_price": d("104"),
        "trigger": Trigger(d("108")),
    },
    "swap trigger bbo order": {
        "kind": OrderKind.STOP_LOSS_LIMIT, "qty": d("0.11"), "limit_price": None,
        "price_match": PriceMatch.OPPONENT, "trigger": Trigger(d("101")),
    },
    "linear swap conditional createOrder": {
        "kind": OrderKind.STOP_LOSS_LIMIT, "qty": d("0.002"), "limit_price": d("102000"),
        "trigger": Trigger(d("100000")),
    },
}  # fmt: skip
"""The same orders as another library's recorded requests, by their descriptions."""


@needs_vectors
def test_our_orders_say_what_the_recorded_requests_of_another_library_say() -> None:
    text = (VECTORS / "binance" / "rest" / "expected_requests_ccxt.json").read_text()
    recorded = {one["description"]: one for one in json.loads(text)["vectors"]}
    for description, changed in CCXT.items():
        theirs = dict(parse_qsl(recorded[description]["body"]))
        ours = form(**changed)
        path = urlsplit(recorded[description]["url"]).path
        assert path.endswith("algoOrder") == ("algoType" in ours), description
        wanted = {
            name: value
            for name, value in theirs.items()
            if name not in ("timestamp", "recvWindow", "signature", "newOrderRespType", "symbol")
            and not name.startswith("newClient")
        }
        assert wanted.items() <= ours.items(), description
        assert set(ours) - set(wanted) <= {
            "symbol", "newClientOrderId", "clientAlgoId", "workingType", "timeInForce",
        }, description  # fmt: skip
