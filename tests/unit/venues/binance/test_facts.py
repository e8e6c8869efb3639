from __future__ import annotations

from leadline.venues.binance.facts import Facts


def test_what_nobody_tells_is_not_known() -> None:
    assert Facts() == Facts(waiting=0, mark=None, open_orders=None)
