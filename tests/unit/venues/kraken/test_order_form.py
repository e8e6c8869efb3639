"""Orders by REST: price and price2 by kind, signs of distances, what REST cannot say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kraken_private import DEADLINE_NS, NOW_NS, limit, placement
from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed
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
from leadline.venues.kraken import order_form as form

DEADLINE = "2023-11-14T22:13:22.345Z"


def fields(request: OrderRequest, userref: int | None = None) -> dict[str, str]:
    found = dict(form.add_order(placement(request, userref=userref), "XXBTZUSD"))
    assert found.pop("deadline") == DEADLINE
    assert found.pop("pair") == "XXBTZUSD"
    return found


def test_a_limit_order_says_what_is_not_the_default_and_no_more() -> None:
    assert fields(limit()) == {
        "type": "buy", "ordertype": "limit", "volume": "1.25", "price": "37500", "cl_ord_id": "leadline-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "changes", "price", "price2"),
    [
        (OrderKind.MARKET, {"limit_price": None}, None, None),
        (OrderKind.LIMIT, {}, "37500", None),
        (OrderKind.STOP_LOSS, {"limit_price": None, "trigger": Trigger(Decimal(35000))}, "35000", None),
        (OrderKind.STOP_LOSS_LIMIT, {"trigger": Trigger(Decimal(35000))}, "35000", "37500"),
        (
            OrderKind.TAKE_PROFIT,
            {"limit_price": None, "trigger": Trigger(Decimal("-2.0"), PriceType.PCT)},
            "-2.0%", None,
        ),
        (
            OrderKind.TAKE_PROFIT_LIMIT, {"trigger": Trigger(Decimal(150), PriceType.QUOTE)}, "+150", "37500",
        ),
        (
            OrderKind.TRAILING_STOP,
            {"limit_price": None, "trigger": Trigger(Decimal("1.5"), PriceType.PCT)},
            "+1.5%", None,
        ),
        (
            OrderKind.TRAILING_STOP_LIMIT,
            {
                "trigger": Trigger(Decimal(100), PriceType.QUOTE),
                "limit_price": Decimal(-100), "limit_price_type": PriceType.QUOTE,
            },
            "+100", "-100",
        ),
        (
            OrderKind.TRAILING_STOP_LIMIT,
            {
                "trigger": Trigger(Decimal(100), PriceType.QUOTE),
                "limit_price": Decimal(0), "limit_price_type": PriceType.PCT,
            },
            "+100", "+0%",
        ),
    ],
)  # fmt: skip
def test_trigger_and_limit_are_price_and_price2(
    kind: OrderKind, changes: dict[str, Any], price: str | None, price2: str | None
) -> None:
    found = fields(limit(kind=kind, **changes))
    assert (found.get("price"), found.get("price2")) == (price, price2)


def test_every_choice_is_spelled_as_rest_has_it() -> None:
    found = fields(
        limit(
            time_in_force=TimeInForce.GTD,
            expires_ns=NOW_NS + 3600 * NS_PER_S,
            effective_ns=NOW_NS + 60 * NS_PER_S,
            kind=OrderKind.ICEBERG,
            display_qty=Decimal("0.125"),
            post_only=True,
            reduce_only=True,
            fee_in=FeeIn.BASE,
            self_trade=SelfTrade.CANCEL_BOTH,
            trigger=Trigger(Decimal(1), reference=TriggerReference.INDEX),
            validate=True,
        )
    )
    assert found["timeinforce"] == "GTD"
    assert (found["expiretm"], found["starttm"]) == ("1700003600", "1700000060")
    assert found["displayvol"] == "0.125"
    assert found["oflags"] == "fcib,post"
    assert found["stptype"] == "cancel-both"
    assert (found["trigger"], found["validate"], found["reduce_only"]) == ("index", "true", "true")


def test_a_market_buy_by_cost_is_a_volume_in_quote_currency() -> None:
    found = fields(limit(kind=OrderKind.MARKET, qty=None, limit_price=None, cost=Decimal(10)))
    assert (found["volume"], found["oflags"]) == ("10", "viqc")


@pytest.mark.parametrize(
    ("close", "told"),
    [
        (
            ConditionalClose(OrderKind.LIMIT, limit_price=Decimal(21000)),
            {"close[ordertype]": "limit", "close[price]": "21000"},
        ),
        (
            ConditionalClose(
                OrderKind.STOP_LOSS_LIMIT, limit_price=Decimal(21000), trigger_price=Decimal(22000)
            ),
            {"close[ordertype]": "stop-loss-limit", "close[price]": "22000", "close[price2]": "21000"},
        ),
        (
            ConditionalClose(
                OrderKind.TAKE_PROFIT, trigger_price=Decimal(5), trigger_price_type=PriceType.PCT
            ),
            {"close[ordertype]": "take-profit", "close[price]": "+5%"},
        ),
    ],
)
def test_a_conditional_close_has_its_own_prices_and_a_userref(
    close: ConditionalClose, told: dict[str, str]
) -> None:
    found = fields(limit(close=close), userref=9)
    assert {name: value for name, value in found.items() if name.startswith("close")} == told
    assert found["userref"] == "9"
    assert "cl_ord_id" not in found


def test_a_margin_order_is_refused_because_rest_wants_a_leverage() -> None:
    with pytest.raises(CheckFailed, match=r"margin.*leverage"):
        fields(limit(margin=True))


def test_a_replacement_says_what_it_can_and_refuses_the_rest() -> None:
    request = limit(post_only=True, kind=OrderKind.ICEBERG, display_qty=Decimal("0.5"))
    assert dict(form.edit_order("OLD", placement(request, userref=7), "XXBTZUSD")) == {
        "pair": "XXBTZUSD", "txid": "OLD", "volume": "1.25", "price": "37500", "displayvol": "0.5",
        "oflags": "post", "userref": "7", "deadline": DEADLINE,
    }  # fmt: skip
    for changes in ({"fee_in": FeeIn.BASE}, {"reduce_only": True}, {"margin": True}):
        with pytest.raises(CheckFailed):
            form.edit_order("OLD", placement(limit(**changes), userref=7), "XXBTZUSD")


def test_an_amendment_names_its_order_once() -> None:
    amendment = Amendment(
        qty=Decimal("0.02"), limit_price=Decimal("61031.3"), display_qty=Decimal("0.01"),
        trigger_price=Decimal(5), post_only=True,
    )  # fmt: skip
    assert dict(form.amend_order(OrderKey("O1", "abc"), amendment, DEADLINE_NS)) == {
        "txid": "O1", "order_qty": "0.02", "display_qty": "0.01", "limit_price": "61031.3",
        "trigger_price": "5", "post_only": "true", "deadline": DEADLINE,
    }  # fmt: skip
    assert ("cl_ord_id", "abc") in form.amend_order(OrderKey(client_id="abc"), amendment, DEADLINE_NS)
    with pytest.raises(CheckFailed, match="neither is known"):
        form.amend_order(OrderKey(userref=1), amendment, DEADLINE_NS)
