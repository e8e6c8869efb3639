from __future__ import annotations

import pytest

from leadline.emulator.binance.orders import Order, Ticket


@pytest.mark.parametrize(
    ("position_side", "side", "reduce_only", "closing"),
    [
        ("BOTH", "SELL", False, False),
        ("BOTH", "SELL", True, True),
        ("LONG", "SELL", False, True),
        ("LONG", "BUY", False, False),
        ("SHORT", "BUY", False, True),
        ("SHORT", "SELL", False, False),
    ],
)
def test_an_order_closes_because_it_was_told_to_or_by_its_side(
    position_side: str, side: str, reduce_only: bool, closing: bool
) -> None:
    ticket = Ticket("BTCUSDT", side, "MARKET", 1, position_side=position_side, reduce_only=reduce_only)  # type: ignore[arg-type]
    assert ticket.closing == closing
    assert ticket.sign == (1 if side == "BUY" else -1)


def test_what_remains_is_what_is_not_executed() -> None:
    order = Order(1, Ticket("BTCUSDT", "BUY", "LIMIT", 10, 5), 10, 5, 0, 0, executed=4)
    assert (order.remaining, order.open) == (6, True)
    order.status = "EXPIRED"
    assert not order.open
