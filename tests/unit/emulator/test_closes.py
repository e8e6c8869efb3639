from __future__ import annotations

from dataclasses import replace

from floor import BTC, LIMIT
from leadline.emulator.closes import close_ticket
from leadline.emulator.orders import AccountFill, Close, Ticket, Trigger

FILL = AccountFill(
    "T1", 1, "O1", "BTC/USD", "buy", "limit", BTC // 2, 1_000, 5_000_000, 0, "USD", maker=True, time_ns=0
)


def closing(close: Close) -> Ticket:
    return close_ticket(replace(LIMIT, close=close, userref=9), FILL)


def test_a_close_is_for_the_fill_and_on_the_other_side() -> None:
    made = closing(Close("limit", 1_100))
    assert (made.side, made.order_type, made.qty, made.limit_price) == ("sell", "limit", BTC // 2, 1_100)
    assert (made.close, made.cl_ord_id, made.userref) == (None, None, 0)


def test_relative_prices_count_from_the_fill() -> None:
    made = closing(Close("stop-loss-limit", -20, "quote", Trigger(-500, "pct")))
    assert (made.limit_price, made.limit_price_type) == (980, "static")
    assert made.trigger == Trigger(950, "static")


def test_a_trailing_close_keeps_its_distances() -> None:
    trigger = Trigger(100, "pct")
    made = closing(Close("trailing-stop-limit", 5, "quote", trigger))
    assert (made.trigger, made.limit_price, made.limit_price_type) == (trigger, 5, "quote")
