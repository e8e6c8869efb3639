from __future__ import annotations

import json

import pytest

from leadline.emulator.binance.errors import Refused
from leadline.emulator.binance.order_counts import OrderCounts
from pit import LIMIT, Pit

S = 10**9


def test_the_301st_order_of_ten_seconds_is_too_many_and_the_next_window_is_new() -> None:
    counts = OrderCounts()
    for _ in range(300):
        counts.charge(1, 1, 9 * S)
    with pytest.raises(Refused, match="300 orders per TEN_SECONDS") as refusal:
        counts.charge(1, 1, 9 * S)
    assert (refusal.value.code, refusal.value.status) == (-1015, 429)
    counts.charge(1, 1, 10 * S)
    assert dict(counts.headers(10 * S)) == {"x-mbx-order-count-10s": "1", "x-mbx-order-count-1m": "301"}


def test_the_1201st_order_of_a_minute_is_too_many() -> None:
    counts = OrderCounts()
    for second in range(0, 40, 10):
        for _ in range(300):
            counts.charge(1, 1, second * S)
    with pytest.raises(Refused, match="1200 orders per MINUTE"):
        counts.charge(1, 1, 40 * S)
    counts.charge(1, 1, 60 * S)


def test_a_batch_counts_five_in_the_seconds_and_one_in_the_minute() -> None:
    pit = Pit()
    orders = json.dumps([{**LIMIT, "price": "49000"}] * 2)
    reply = pit.ask("POST", "/fapi/v1/batchOrders", batchOrders=orders)
    assert reply.headers["x-mbx-order-count-10s"] == "5"
    assert reply.headers["x-mbx-order-count-1m"] == "1"


def test_the_limits_are_told_as_rows() -> None:
    counts = OrderCounts()
    counts.charge(1, 1, 0)
    assert [(row["interval"], row["limit"], row["count"]) for row in counts.rows(0)] == [
        ("SECOND", 300, 1),
        ("MINUTE", 1_200, 1),
    ]
