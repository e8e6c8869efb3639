from __future__ import annotations

import json
from decimal import Decimal

import pytest

from leadline.emulator.binance.contracts import row
from leadline.emulator.binance.terms import money_text, terms_of, trimmed
from leadline.emulator.instruments import Pair
from pit import BTC
from vectors import VECTORS, needs_vectors, records

TERMS = terms_of(row(BTC, BTC.pair, "TRADING"), BTC.pair)


def test_a_row_says_what_an_order_may_be() -> None:
    assert (TERMS.price_decimals, TERMS.price_scale, TERMS.qty_scale) == (2, 1, 3)
    assert (TERMS.prices.step, TERMS.lots.step) == (Decimal("0.10"), Decimal("0.001"))
    assert (TERMS.market_lots.most, TERMS.least_notional) == (Decimal(120), Decimal(50))
    assert (TERMS.multiplier_up, TERMS.take_bound) == (Decimal("1.0500"), Decimal("0.05"))


def test_money_is_price_times_quantity_to_eight_decimals() -> None:
    assert TERMS.money(500_001, 3) == 15_000_030_000
    assert TERMS.worth(50_000 * 10**8, -10) == -500 * 10**8


def test_prices_are_shown_with_more_decimals_than_they_move_in() -> None:
    assert (TERMS.price_text(500_001), TERMS.qty_text(10)) == ("50000.10", "0.010")
    assert (TERMS.price(Decimal("50000.10")), TERMS.price_value(500_001)) == (500_001, Decimal("50000.1"))


def test_events_drop_the_zeros_at_the_end() -> None:
    assert [trimmed(one, 3) for one in (10, 21_260, 0, -1_500, 3_000)] == ["0.01", "21.26", "0", "-1.5", "3"]
    assert money_text(-12_345) == "-0.00012345"


@needs_vectors
@pytest.mark.parametrize(
    "name",
    [
        "exchangeinfo_20210417.capture.jsonl.gz",
        "exchangeinfo_20211205.capture.jsonl.gz",
        "exchangeinfo_testnet_20260923_4symbols.capture.jsonl",
    ],
)
def test_every_recorded_contract_can_be_traded_by_its_row(name: str) -> None:
    raw = next(one["raw"] for one in records(VECTORS / "binance" / "rest" / name) if "raw" in one)
    rows = json.loads(raw)["symbols"]
    assert rows
    for one in rows:
        pair = Pair(one["symbol"], one["pricePrecision"], one["quantityPrecision"], 1, 1)
        terms = terms_of(one, pair)
        assert terms.prices.step > 0
        assert terms.prices.on_step(terms.prices.least + terms.prices.step * 7)
        assert terms.lots.on_step(terms.lots.least)
