from __future__ import annotations

import random

from leadline.emulator.binance.ids import Ids


def test_order_ids_grow_by_symbol_and_pass_what_a_double_holds() -> None:
    ids = Ids(random.Random(1))
    first = [ids.order_id("BTCUSDT") for _ in range(5)]
    assert first == sorted(set(first))
    assert ids.order_id("ETHUSDT") > 2**53
    assert ids.order_id("BTCUSDT") > first[-1]


def test_conditional_orders_and_changes_have_ids_of_their_own() -> None:
    ids = Ids(random.Random(1))
    assert ids.algo_id() > 10**15
    assert ids.amendment_id() + 1 == ids.amendment_id()
    assert len(ids.client_id()) == 22
