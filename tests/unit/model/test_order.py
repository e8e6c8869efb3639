"""Orders as values."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from leadline.model.market import Side
from leadline.model.order import Fee, Fill, Order, OrderKey, OrderKind, OrderState


def fill(number: int, qty: str, price: str) -> Fill:
    return Fill(
        exec_id=f"T{number}",
        order_id="O1",
        symbol="BTC/USD",
        side=Side.BUY,
        qty=Decimal(qty),
        price=Decimal(price),
        cost=Decimal(qty) * Decimal(price),
        fees=(Fee("USD", Decimal("0.1")),),
    )


def order(*fills: Fill, told: str = "0") -> Order:
    return Order(
        client_id="c1",
        symbol="BTC/USD",
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        state=OrderState.WORKING,
        order_id="O1",
        fills=fills,
        venue_filled_qty=Decimal(told),
    )


def test_what_is_filled_is_the_exact_sum_of_the_fills() -> None:
    one = order(fill(1, "0.1", "10"), fill(2, "0.2", "10.5"))
    assert (one.filled_qty, one.filled_cost) == (Decimal("0.3"), Decimal("3.10"))


def test_fills_the_venue_knows_of_and_we_do_not_are_missing() -> None:
    assert order(fill(1, "0.1", "10"), told="0.3").fills_missing
    assert not order(fill(1, "0.1", "10"), told="0.1").fills_missing


@pytest.mark.parametrize("state", list(OrderState))
def test_only_an_end_is_final(state: OrderState) -> None:
    open_ = {OrderState.UNKNOWN, OrderState.WORKING, OrderState.PARTIALLY_FILLED}
    assert state.final is (state not in open_)


def test_an_order_is_called_by_every_name_it_has() -> None:
    assert order().key == OrderKey("O1", "c1", None, "BTC/USD")


def test_an_order_with_a_userref_is_unknown_to_the_venue_by_our_client_id() -> None:
    assert replace(order(), order_id=None, userref=7).key == OrderKey(None, None, 7, "BTC/USD")
