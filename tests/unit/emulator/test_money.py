from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from floor import BTC, STILL, Floor
from leadline.emulator.accounts import UNIT
from leadline.emulator.instruments import DEMO_PAIRS, Pair
from leadline.emulator.money import (
    base_units,
    cost_of,
    hold_of,
    needed_units,
    quote_units,
    spent_asset,
    with_fee,
)
from leadline.emulator.orders import AccountOrder, Ticket


def test_a_cost_is_cut_to_the_cost_precision() -> None:
    assert cost_of(STILL, 265_999, 500_000) == 13_299_950
    assert cost_of(STILL, 1_001, 3) == 0
    assert cost_of(Pair("A/B", 0, 0, 1, 1), 7, 3) == 2_100_000


def test_the_ledger_moves_whole_units_of_the_assets_own_decimals() -> None:
    assert quote_units(STILL, 1_997_439) == 199_743 * 10**6
    assert quote_units(Pair("ETH/BTC", 5, 8, 1, 1, cost_precision=10), 123) == 123


def test_quantities_fill_up_to_ten_decimals() -> None:
    assert base_units(STILL, BTC) == UNIT


def test_what_is_needed_is_rounded_up() -> None:
    assert needed_units(STILL, 990, BTC) == 99 * UNIT
    assert needed_units(Pair("PEPE/USD", 9, 5, 1, 1), 1, 1) == 1
    assert with_fee(1, 40) == 2
    assert with_fee(10_000, 40) == 10_040


def test_buys_pay_with_the_quote_and_sells_with_the_base() -> None:
    account = Floor().account
    for side, fee_in_base, asset, held in (
        ("buy", False, "USD", 99 * UNIT * 10_040 // 10_000),
        ("buy", True, "USD", 99 * UNIT),
        ("sell", False, "BTC", UNIT),
        ("sell", True, "BTC", UNIT * 10_040 // 10_000),
    ):
        ticket = Ticket("BTC/USD", side, "limit", BTC, 990, fee_in_base=fee_in_base)  # type: ignore[arg-type]
        order = AccountOrder("O", ticket, 0, qty=BTC, limit_price=990)
        assert (spent_asset(STILL, order), hold_of(account, STILL, order)) == (asset, held)


@given(
    pair=st.sampled_from(DEMO_PAIRS),
    price=st.integers(1, 10**7),
    fills=st.lists(st.integers(1, 10**11), min_size=1, max_size=8),
    bp=st.integers(0, 100),
)
def test_a_hold_covers_any_fills_of_its_order(pair: Pair, price: int, fills: list[int], bp: int) -> None:
    held = with_fee(needed_units(pair, price, sum(fills)), bp)
    paid = 0
    for qty in fills:
        cost = cost_of(pair, price, qty)
        paid += quote_units(pair, cost) + quote_units(pair, cost * bp // 10_000)
    assert paid <= held
