"""Orders on the private stream: documented requests, numbers digit by digit, nothing said twice."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from kraken_private import DEADLINE_NS, NOW_NS, limit, placement
from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    ConditionalClose,
    FeeIn,
    OrderKey,
    OrderKind,
    OrderRequest,
    PriceType,
    SelfTrade,
    TimeInForce,
    Trigger,
    TriggerReference,
)
from leadline.venues.kraken import order_wire as wire
from leadline.venues.ports import Placement

DEADLINE = "2023-11-14T22:13:22.345Z"


def parsed(params: wire.Members) -> Any:
    """The parameters as a parser of JSON sees them, numbers exact."""
    text = wire.frame("m", params, "T", 1)
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)["params"]


def added(request: OrderRequest, userref: int | None = None) -> Any:
    params = parsed(wire.add_order(placement(request, userref=userref)))
    assert params.pop("token") == "T"
    assert params.pop("deadline") == DEADLINE
    return params


def sell(kind: OrderKind, **changes: Any) -> OrderRequest:
    return limit(**{"side": Side.SELL, "kind": kind, "qty": Decimal(100), "symbol": "MATIC/USD"} | changes)


# The documented requests (§10.1)


def test_the_documented_limit_order_comes_out() -> None:
    request = limit(limit_price=Decimal("26500.4"), qty=Decimal("1.2"))
    assert added(request, userref=100054) == {
        "order_type": "limit", "side": "buy", "limit_price": Decimal("26500.4"), "order_userref": 100054,
        "order_qty": Decimal("1.2"), "symbol": "BTC/USD",
    }  # fmt: skip


def test_the_documented_stop_loss_comes_out() -> None:
    trigger = Trigger(Decimal("-2.0"), PriceType.PCT)
    params = added(sell(OrderKind.STOP_LOSS, limit_price=None, trigger=trigger))
    assert params == {
        "order_type": "stop-loss", "side": "sell", "order_qty": 100, "symbol": "MATIC/USD",
        "triggers": {"reference": "last", "price": Decimal("-2.0"), "price_type": "pct"},
        "cl_ord_id": "leadline-1",
    }  # fmt: skip


def test_the_documented_conditional_close_comes_out_with_a_userref() -> None:
    close = ConditionalClose(
        OrderKind.STOP_LOSS_LIMIT, limit_price=Decimal(28400), trigger_price=Decimal(28410)
    )
    params = added(limit(limit_price=Decimal(28440), qty=Decimal("1.2"), close=close), userref=5)
    assert params["conditional"] == {
        "order_type": "stop-loss-limit", "trigger_price": 28410, "trigger_price_type": "static",
        "limit_price": 28400, "limit_price_type": "static",
    }  # fmt: skip
    assert "cl_ord_id" not in params


def test_a_conditional_close_has_the_prices_of_its_kind_only() -> None:
    limited = added(limit(close=ConditionalClose(OrderKind.LIMIT, limit_price=Decimal(5))), userref=1)
    assert limited["conditional"] == {"order_type": "limit", "limit_price": 5, "limit_price_type": "static"}
    close = ConditionalClose(OrderKind.STOP_LOSS, trigger_price=Decimal(-5), trigger_price_type=PriceType.PCT)
    assert added(limit(close=close), userref=1)["conditional"] == {
        "order_type": "stop-loss", "trigger_price": -5, "trigger_price_type": "pct",
    }  # fmt: skip


def test_the_documented_trailing_stop_comes_out() -> None:
    trigger = Trigger(Decimal("1.0"), PriceType.PCT)
    params = added(sell(OrderKind.TRAILING_STOP, side=Side.BUY, limit_price=None, trigger=trigger))
    assert params["triggers"] == {"reference": "last", "price": Decimal("1.0"), "price_type": "pct"}
    assert "limit_price_type" not in params


# Everything else


def test_a_frame_is_one_request_with_its_token() -> None:
    text = wire.frame("cancel_all", (), 'T/+"', 9)
    assert json.loads(text) == {"method": "cancel_all", "params": {"token": 'T/+"'}, "req_id": 9}


@pytest.mark.parametrize(
    "digits", ["0.00000001", "0.10", "12345678901234567890.123456789", "100000", "0.0000000000000000001"]
)
def test_numbers_keep_their_digits_and_never_have_an_exponent(digits: str) -> None:
    text = wire.frame("add_order", wire.add_order(placement(limit(qty=Decimal(digits)))), "T", 1)
    assert f'"order_qty":{digits},' in text


def test_a_number_written_with_an_exponent_is_spelled_out() -> None:
    assert wire.number(Decimal("1E+5")) == "100000"
    assert wire.number(Decimal("1E-12")) == "0.000000000001"


def test_what_is_the_venues_default_is_left_out() -> None:
    assert set(added(limit())) == {"symbol", "order_type", "side", "order_qty", "limit_price", "cl_ord_id"}


def test_every_choice_is_spelled_as_the_stream_has_it() -> None:
    params = added(
        limit(
            time_in_force=TimeInForce.GTD,
            expires_ns=NOW_NS + 3600 * NS_PER_S,
            effective_ns=NOW_NS + 60 * NS_PER_S,
            post_only=True,
            margin=True,
            reduce_only=True,
            fee_in=FeeIn.BASE,
            self_trade=SelfTrade.CANCEL_OLDEST,
            validate=True,
        )
    )
    assert params["time_in_force"] == "gtd"
    assert params["expire_time"] == "2023-11-14T23:13:20Z"
    assert params["effective_time"] == "2023-11-14T22:14:20Z"
    assert [params[name] for name in ("post_only", "margin", "reduce_only", "validate")] == [True] * 4
    assert params["fee_preference"] == "base"
    assert params["stp_type"] == "cancel_oldest"


def test_a_market_buy_by_cost_is_told_in_quote_currency() -> None:
    params = added(limit(kind=OrderKind.MARKET, qty=None, limit_price=None, cost=Decimal("50.5")))
    assert params["cash_order_qty"] == Decimal("50.5")
    assert "order_qty" not in params


def test_the_limit_of_a_trailing_order_says_how_it_is_meant() -> None:
    trigger = Trigger(Decimal(100), PriceType.QUOTE, TriggerReference.INDEX)
    changes = {"limit_price": Decimal(5), "trigger": trigger}
    fixed = added(sell(OrderKind.TRAILING_STOP_LIMIT, **changes))
    assert (fixed["limit_price_type"], fixed["triggers"]["reference"]) == ("static", "index")
    distant = added(sell(OrderKind.TRAILING_STOP_LIMIT, limit_price_type=PriceType.QUOTE, **changes))
    assert distant["limit_price_type"] == "quote"


def test_an_iceberg_tells_what_it_shows() -> None:
    assert added(limit(kind=OrderKind.ICEBERG, display_qty=Decimal("0.1")))["display_qty"] == Decimal("0.1")


def test_rows_of_a_batch_leave_out_what_the_batch_says_once() -> None:
    first = placement(limit(validate=True), "a")
    later = placement(limit(validate=True, side=Side.SELL), "b")
    params = parsed(wire.batch_add([later, first]))
    assert (params["symbol"], params["deadline"], params["validate"]) == ("BTC/USD", DEADLINE, True)
    assert [row["cl_ord_id"] for row in params["orders"]] == ["b", "a"]
    for row in params["orders"]:
        assert {"symbol", "token", "deadline", "validate"} & set(row) == set()


def test_the_earliest_deadline_counts_for_a_batch() -> None:
    late = Placement("a", None, limit(), DEADLINE_NS + NS_PER_S)
    assert parsed(wire.batch_add([late, placement(limit())]))["deadline"] == DEADLINE


def test_a_replacement_is_named_by_its_userref_and_repeats_post_only() -> None:
    request = limit(post_only=True, fee_in=FeeIn.QUOTE, trigger=Trigger(Decimal(5)), reduce_only=True)
    params = parsed(wire.edit_order("OLD", placement(request, userref=7)))
    assert params == {
        "token": "T", "order_id": "OLD", "symbol": "BTC/USD", "order_qty": Decimal("1.25"),
        "limit_price": 37500, "triggers": {"reference": "last", "price": 5, "price_type": "static"},
        "fee_preference": "quote", "post_only": True, "reduce_only": True, "order_userref": 7,
        "deadline": DEADLINE,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"margin": True},
        {"time_in_force": TimeInForce.IOC},
        {"effective_ns": 1},
        {"close": ConditionalClose(OrderKind.LIMIT, limit_price=Decimal(1))},
        {"self_trade": SelfTrade.CANCEL_BOTH},
        {"limit_price_type": PriceType.PCT},
        {"cost": Decimal(1)},
    ],
)
def test_a_replacement_loses_nothing_silently(changes: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match=next(iter(changes))):
        wire.edit_order("OLD", placement(limit(**changes), userref=7))


def test_an_amendment_names_its_order_once_and_says_only_what_changes() -> None:
    key = OrderKey("OAAAAA", "abc", 7)
    params = parsed(wire.amend_order(key, Amendment(limit_price=Decimal("81818.0")), DEADLINE_NS))
    assert params == {
        "token": "T",
        "order_id": "OAAAAA",
        "limit_price": Decimal("81818.0"),
        "deadline": DEADLINE,
    }
    amendment = Amendment(qty=Decimal(2), display_qty=Decimal(1), trigger_price=Decimal(3), post_only=True)
    params = parsed(wire.amend_order(OrderKey(client_id="abc"), amendment, DEADLINE_NS))
    assert (params["cl_ord_id"], params["post_only"], params["trigger_price"]) == ("abc", True, 3)


def test_an_order_known_by_a_userref_alone_cannot_be_amended() -> None:
    with pytest.raises(CheckFailed, match="neither is known"):
        wire.amend_order(OrderKey(userref=7), Amendment(qty=Decimal(1)), DEADLINE_NS)


def test_each_order_is_cancelled_by_its_surest_name() -> None:
    keys = [OrderKey("O1", "a", 1), OrderKey(None, "b", 2), OrderKey(userref=3)]
    assert parsed(wire.cancel_order(keys)) == {
        "token": "T", "order_id": ["O1"], "cl_ord_id": ["b"], "order_userref": [3],
    }  # fmt: skip
    assert parsed(wire.batch_cancel(keys)) == {"token": "T", "orders": ["O1", "3"], "cl_ord_id": ["b"]}
    assert parsed(wire.cancel_order(keys[:1])) == {"token": "T", "order_id": ["O1"]}


def test_the_dead_man_switch_is_armed_for_whole_seconds() -> None:
    assert parsed(wire.cancel_all_orders_after(60)) == {"token": "T", "timeout": 60}
