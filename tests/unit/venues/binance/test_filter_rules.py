from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from binance_orders import BTC, d, table
from leadline.errors import CheckFailed
from leadline.model.market import Side
from leadline.venues.binance.filter_rules import (
    check_market_qty,
    check_notional,
    check_price,
    check_price_band,
    check_qty,
)
from leadline.venues.binance.symbols import Steps

FILTERS = table().filters(BTC)
INSTRUMENT = table().instrument(BTC)


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("556.70", "the least is 556.80"),
        ("4529764.1", "the most is 4529764"),
        ("80000.05", "goes up by 0.10 from 556.80; give 80000.00 or 80000.10"),
        ("80000.001", "goes up by 0.10"),
        ("0", "above 0"),
        ("-5", "above 0"),
        ("NaN", "no number"),
    ],
)
def test_a_price_outside_its_filter_is_told_with_what_would_pass(price: str, said: str) -> None:
    with pytest.raises(CheckFailed, match=said):
        check_price("limit_price", Decimal(price), FILTERS)
    check_price("limit_price", d("80000.10"), FILTERS)


@pytest.mark.parametrize(
    ("qty", "said"),
    [("0.0005", "the least is 0.001"), ("1000.001", "the most is 1000"), ("0.0015", "0.001 or 0.002")],
)
def test_a_quantity_outside_its_filter_is_told_with_what_would_pass(qty: str, said: str) -> None:
    with pytest.raises(CheckFailed, match=said):
        check_qty("qty", d(qty), FILTERS)
    check_qty("qty", d("1000"), FILTERS)


def test_a_market_order_has_a_smaller_most() -> None:
    with pytest.raises(CheckFailed, match="the most is 120"):
        check_market_qty("qty", d("120.001"), FILTERS)
    check_market_qty("qty", d("120"), FILTERS)


def test_steps_are_counted_from_the_minimum() -> None:
    odd = replace(FILTERS, price=Steps(d("0.05"), d("100"), d("0.1")))
    check_price("limit_price", d("0.35"), odd)
    with pytest.raises(CheckFailed, match=r"give 0\.25 or 0\.35"):
        check_price("limit_price", d("0.3"), odd)


def test_a_zero_in_a_filter_rules_nothing() -> None:
    free = replace(FILTERS, price=Steps(d(0), d(0), d(0)))
    check_price("limit_price", d("99999999.37"), free)
    with pytest.raises(CheckFailed, match="more than 2 decimals"):
        check_price("limit_price", d("1.001"), free)


def test_an_order_must_be_worth_the_least_notional() -> None:
    with pytest.raises(CheckFailed, match=r"less than 50 USDT.*give 0\.001 or more"):
        check_notional(d("0.0005"), d("80000"), FILTERS, INSTRUMENT)
    with pytest.raises(CheckFailed, match=r"give 0\.084 or more"):
        check_notional(d("0.083"), d("600"), FILTERS, INSTRUMENT)
    check_notional(d("0.084"), d("600"), FILTERS, INSTRUMENT)


def test_only_a_dear_buy_and_a_cheap_sale_are_outside_the_band() -> None:
    mark = d("80000")
    for side, price in ((Side.BUY, "84000.1"), (Side.SELL, "75999.9")):
        with pytest.raises(CheckFailed, match="by the mark price 80000"):
            check_price_band(side, d(price), mark, FILTERS, "mark price")
    for side, price in ((Side.BUY, "84000"), (Side.BUY, "600"), (Side.SELL, "76000"), (Side.SELL, "200000")):
        check_price_band(side, d(price), mark, FILTERS, "mark price")
