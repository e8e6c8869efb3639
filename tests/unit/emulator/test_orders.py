from __future__ import annotations

import pytest

from floor import BTC, LIMIT
from leadline.emulator.orders import AccountOrder, Refused


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        ("pending_new", True),
        ("new", True),
        ("partially_filled", True),
        ("filled", False),
        ("canceled", False),
        ("expired", False),
    ],
)
def test_an_order_is_open_until_its_end(status: str, is_open: bool) -> None:
    assert AccountOrder("O", LIMIT, 0, status=status).open == is_open  # type: ignore[arg-type]


def test_what_remains_is_what_is_not_filled() -> None:
    assert AccountOrder("O", LIMIT, 0, qty=BTC, filled=BTC // 4).remaining == BTC - BTC // 4


def test_a_refusal_carries_the_venues_text() -> None:
    assert str(Refused("EOrder:Unknown order")) == Refused("EOrder:Unknown order").text
