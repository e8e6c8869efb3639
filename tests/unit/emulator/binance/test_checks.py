from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.emulator.binance import checks
from leadline.emulator.binance.contracts import row
from leadline.emulator.binance.errors import Refused
from leadline.emulator.binance.terms import terms_of
from pit import BTC

TERMS = terms_of(row(BTC, BTC.pair, "TRADING"), BTC.pair)
MARK = Decimal(50_000)


def code(check: object, *given: object) -> int:
    try:
        check(*given)  # type: ignore[operator]
    except Refused as refusal:
        return refusal.code
    return 0


@pytest.mark.parametrize(
    ("price", "expected"),
    [("500", 0), ("500.1", 0), ("499.9", -4013), ("500.15", -4014), ("500.123", -1111), ("1e9", -4002)],
)
def test_a_price_is_on_the_grid_between_its_ends(price: str, expected: int) -> None:
    assert code(checks.check_price, TERMS, Decimal(price)) == expected


@pytest.mark.parametrize(
    ("qty", "expected"), [("0.001", 0), ("1000", 0), ("0.0001", -1111), ("0", -4003), ("1000.001", -4005)]
)
def test_a_quantity_is_on_the_grid_between_its_ends(qty: str, expected: int) -> None:
    assert code(checks.check_qty, TERMS, Decimal(qty), TERMS.lots) == expected


def test_a_buy_is_capped_and_a_sell_is_floored_and_nothing_else() -> None:
    cases = {("BUY", "52500"): 0, ("BUY", "52500.1"): -4016, ("BUY", "1"): 0}
    cases |= {("SELL", "47500"): 0, ("SELL", "47499.9"): -4024, ("SELL", "90000"): 0}
    for (side, price), expected in cases.items():
        assert code(checks.check_band, TERMS, side, Decimal(price), MARK) == expected


def test_the_refusal_of_a_small_order_names_the_least() -> None:
    with pytest.raises(Refused, match="no smaller than 50 "):
        checks.check_notional(TERMS, MARK, Decimal("0.0009"))
    checks.check_notional(TERMS, MARK, Decimal("0.001"))


@pytest.mark.parametrize(
    ("client_id", "expected"), [("a.Z:/9_-", 0), ("x" * 37, -4015), ("ü", -1100), ("a,b", -1100)]
)
def test_a_client_id_has_the_venues_characters(client_id: str, expected: int) -> None:
    assert code(checks.check_client_id, client_id, "newClientOrderId") == expected
