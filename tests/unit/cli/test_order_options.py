from __future__ import annotations

from decimal import Decimal
from typing import Any

import click
import pytest

from leadline.cli.order_options import Distance, Wanted, distance, exact
from leadline.model.market import Side
from leadline.model.order import (
    OrderKind,
    PositionSide,
    PriceMatch,
    PriceType,
    TimeInForce,
    Trigger,
    TriggerReference,
)

NOW_NS = 1_790_000_000_500_000_000
ONE, TWO = Decimal(1), Decimal(2)
PCT = Distance(Decimal("2.5"), PriceType.PCT)


def wanted(**options: Any) -> Wanted:
    nothing = dict.fromkeys(
        ("limit", "cost", "display_qty", "stop", "take_profit", "trailing", "tif", "expires_s", "price_match")
    )
    nothing["activation"] = None
    flags = dict.fromkeys(("post_only", "reduce_only", "margin", "validate", "close_position"), False)
    rest = {
        "side": "buy",
        "symbol": "BTC/USD",
        "qty": ONE,
        "trigger_by": "last",
        "deadline_s": 2.0,
        "position_side": "net",
    }
    return Wanted(**{**nothing, **flags, **rest, **options})


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, OrderKind.MARKET),
        ({"limit": "2"}, OrderKind.LIMIT),
        ({"limit": "2", "display_qty": ONE}, OrderKind.ICEBERG),
        ({"stop": TWO}, OrderKind.STOP_LOSS),
        ({"stop": TWO, "limit": "2"}, OrderKind.STOP_LOSS_LIMIT),
        ({"take_profit": TWO}, OrderKind.TAKE_PROFIT),
        ({"take_profit": TWO, "limit": "2"}, OrderKind.TAKE_PROFIT_LIMIT),
        ({"trailing": PCT}, OrderKind.TRAILING_STOP),
        ({"price_match": "queue"}, OrderKind.LIMIT),
        ({"trailing": PCT, "limit": "-1%"}, OrderKind.TRAILING_STOP_LIMIT),
    ],
)
def test_what_is_given_decides_the_kind(options: dict[str, Any], kind: OrderKind) -> None:
    assert wanted(**options).request(NOW_NS).kind is kind


def test_every_value_arrives_as_it_was_written() -> None:
    request = wanted(side="sell", qty=Decimal("0.010"), limit="60000.10", post_only=True).request(NOW_NS)

    assert (request.side, str(request.qty), str(request.limit_price)) == (Side.SELL, "0.010", "60000.10")
    assert (request.post_only, request.time_in_force, request.deadline_s) == (True, TimeInForce.GTC, 2.0)


def test_a_trigger_has_its_price_or_distance_and_its_reference() -> None:
    assert wanted(stop=TWO, trigger_by="index").request(NOW_NS).trigger == Trigger(
        TWO, reference=TriggerReference.INDEX
    )
    trailing = wanted(trailing=PCT, limit="-1%").request(NOW_NS)
    assert trailing.trigger == Trigger(Decimal("2.5"), PriceType.PCT)
    assert (trailing.limit_price, trailing.limit_price_type) == (Decimal(-1), PriceType.PCT)


def test_what_only_contracts_have_arrives_as_well() -> None:
    closing = wanted(qty=None, stop=TWO, close_position=True, position_side="long").request(NOW_NS)
    assert (closing.close_position, closing.position_side, closing.qty) == (True, PositionSide.LONG, None)
    assert wanted(price_match="opponent_5").request(NOW_NS).price_match is PriceMatch.OPPONENT_5
    following = wanted(trailing=PCT, activation=TWO, trigger_by="mark").request(NOW_NS).trigger
    assert following == Trigger(Decimal("2.5"), PriceType.PCT, TriggerReference.MARK, TWO)


def test_an_expiry_is_a_whole_second_not_before_what_was_asked_and_means_gtd() -> None:
    request = wanted(limit="2", expires_s=60.0).request(NOW_NS)

    assert request.expires_ns == 1_790_000_061 * 10**9
    assert request.time_in_force is TimeInForce.GTD
    assert wanted(limit="2", tif="ioc").request(NOW_NS).time_in_force is TimeInForce.IOC


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"qty": None}, "say how much, in one way: QTY, or --cost"),
        ({"cost": ONE}, "say how much, in one way: QTY, or --cost"),
        ({"stop": ONE, "take_profit": ONE}, "only one of --stop, --take-profit and --trailing"),
        ({"display_qty": ONE}, "--iceberg goes with --limit alone"),
        ({"display_qty": ONE, "limit": "2", "stop": ONE}, "--iceberg goes with --limit alone"),
        ({"close_position": True}, "or --close-position"),
        ({"limit": "2", "price_match": "queue"}, "by --limit or by --price-match, not by both"),
        ({"activation": ONE}, "--activation goes with --trailing"),
        ({"limit": "1e3"}, "'1e3' is not a positive number in plain digits"),
        ({"trailing": PCT, "limit": "soon"}, "'soon' is not a distance"),
    ],
)
def test_what_does_not_go_together_is_wrong_use(options: dict[str, Any], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        wanted(**options).request(NOW_NS)


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-1", "+1", "1e3", "0", "0.0", "", " 1", "1,5", ".5", "5.", "\u0663"]
)
def test_what_is_no_number_in_plain_digits_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="plain digits"):
        exact(text)


def test_a_distance_is_an_amount_or_a_percentage() -> None:
    assert distance("150") == Distance(Decimal(150), PriceType.QUOTE)
    assert distance("+2.5%") == PCT
    for text in ("%", "nan", "1e2", "--1", "1%%"):
        with pytest.raises(click.BadParameter, match="is not a distance"):
            distance(text)
