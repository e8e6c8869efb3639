from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emulated import START_NS, S
from floor import BTC, LIMIT, STILL, stop
from leadline.emulator.instruments import DEMO_PAIRS
from leadline.emulator.order_checks import (
    check_amendment,
    check_deadline,
    check_mode,
    check_size,
    check_ticket,
    check_up,
)
from leadline.emulator.orders import AccountOrder, Amendment, Close, Refused, Ticket, Trigger

INVALID = "EGeneral:Invalid arguments:"
MARKET = Ticket("BTC/USD", "buy", "market", BTC)
STOP = stop("stop-loss", "sell", 900)
TRAILING = stop("trailing-stop", "sell", 50, price_type="quote")


def judged(ticket: Ticket) -> str:
    try:
        check_ticket(ticket, START_NS)
    except Refused as refused:
        return refused.text
    return ""


@pytest.mark.parametrize(
    ("ticket", "changes", "text"),
    [
        (MARKET, {"order_type": "settle-position"}, "EOrder:Unknown position"),
        (LIMIT, {"reduce_only": True}, "EOrder:Reduce only:No position exists"),
        (LIMIT, {"margin": True}, "EOrder:Margin allowance exceeded"),
        (LIMIT, {"limit_price": None}, INVALID + "limit_price"),
        (LIMIT, {"limit_price": 0}, "EOrder:Invalid price"),
        (LIMIT, {"limit_price_type": "pct"}, INVALID + "limit_price_type"),
        (MARKET, {"limit_price": 5}, INVALID + "limit_price"),
        (LIMIT, {"trigger": Trigger(5)}, INVALID + "triggers"),
        (STOP, {"trigger": None}, INVALID + "triggers"),
        (STOP, {"trigger": Trigger(0)}, "EOrder:Invalid price"),
        (TRAILING, {"trigger": Trigger(50)}, INVALID + "triggers"),
        (TRAILING, {"trigger": Trigger(-50, "pct")}, INVALID + "triggers"),
        (LIMIT, {"expire_ns": START_NS + S}, INVALID + "expire_time"),
        (LIMIT, {"time_in_force": "gtd"}, INVALID + "expire_time"),
        (LIMIT, {"time_in_force": "gtd", "expire_ns": START_NS}, INVALID + "expire_time"),
        (LIMIT, {"time_in_force": "gtd", "expire_ns": START_NS + 32 * 86_400 * S}, INVALID + "expire_time"),
        (LIMIT, {"time_in_force": "ioc", "post_only": True}, INVALID + "post_only"),
        (MARKET, {"post_only": True}, INVALID + "post_only"),
        (MARKET, {"time_in_force": "fok"}, INVALID + "time_in_force"),
        (
            LIMIT,
            {"order_type": "iceberg", "display_qty": BTC, "time_in_force": "ioc"},
            INVALID + "time_in_force",
        ),
        (LIMIT, {"cl_ord_id": "a", "userref": 1}, INVALID + "cl_ord_id"),
        (LIMIT, {"cl_ord_id": "a", "close": Close("limit", 5)}, INVALID + "cl_ord_id"),
        (LIMIT, {"cash": 5, "qty": 0}, INVALID + "cash_order_qty"),
        (MARKET, {"cash": 5}, INVALID + "cash_order_qty"),
        (LIMIT, {"display_qty": BTC}, INVALID + "display_qty"),
        (LIMIT, {"order_type": "iceberg"}, INVALID + "display_qty"),
        (LIMIT, {"close": Close("market")}, INVALID + "conditional"),
        (LIMIT, {"close": Close("limit")}, INVALID + "limit_price"),
        (LIMIT, {"close": Close("stop-loss")}, INVALID + "triggers"),
    ],
)
def test_terms_that_do_not_go_together_are_refused(
    ticket: Ticket, changes: dict[str, Any], text: str
) -> None:
    assert judged(replace(ticket, **changes)) == text


@pytest.mark.parametrize(
    "ticket",
    [
        LIMIT,
        MARKET,
        STOP,
        TRAILING,
        replace(MARKET, qty=0, cash=5),
        replace(LIMIT, order_type="iceberg", display_qty=BTC),
        replace(LIMIT, time_in_force="gtd", expire_ns=START_NS + S),
        replace(LIMIT, time_in_force="fok"),
        replace(LIMIT, close=Close("stop-loss-limit", -5, "quote", Trigger(-5, "pct"))),
        stop("trailing-stop-limit", "buy", 5, price_type="pct", limit_price=0, limit_price_type="quote"),
    ],
)
def test_terms_that_go_together_are_taken(ticket: Ticket) -> None:
    assert judged(ticket) == ""


@pytest.mark.parametrize(
    ("qty", "price", "shown", "text"),
    [
        (4_999, 10**9, None, INVALID + "volume minimum not met"),
        (5_000, 99_999, None, "EOrder:Cost minimum not met"),
        (5_000, 100_000, None, ""),
        (BTC, 990, BTC // 15, INVALID + "display_qty"),
        (BTC, 990, BTC // 15 + 1, ""),
        (BTC, 990, BTC + 1, INVALID + "display_qty"),
    ],
)
def test_sizes_have_a_least(qty: int, price: int, shown: int | None, text: str) -> None:
    order = AccountOrder("", LIMIT, 0, qty=qty, limit_price=price, display_qty=shown)
    try:
        check_size(STILL, order, 1_000)
        refused = ""
    except Refused as error:
        refused = error.text
    assert refused == text


def test_the_least_cost_is_what_the_pairs_announce() -> None:
    by_symbol = {pair.symbol: pair for pair in DEMO_PAIRS}
    assert by_symbol["BTC/USD"].cost_min == 50_000
    assert by_symbol["ETH/BTC"].cost_min == 200_000


def test_an_order_without_a_price_is_measured_by_the_last() -> None:
    order = AccountOrder("", MARKET, 0, qty=5_000)
    check_size(STILL, order, 100_000)
    with pytest.raises(Refused, match="Cost minimum"):
        check_size(STILL, order, 99_999)


@pytest.mark.parametrize("mode", ["online", "post_only", "limit_only", "cancel_only"])
def test_only_maintenance_is_down(mode: str) -> None:
    check_up(mode)
    with pytest.raises(Refused, match="EService:Unavailable"):
        check_up("maintenance")


def test_a_mode_that_is_not_known_takes_nothing() -> None:
    with pytest.raises(Refused, match="EService:Market in reduce_only mode"):
        check_mode("reduce_only", LIMIT)


def test_a_deadline_has_elapsed_after_its_moment() -> None:
    check_deadline(None, START_NS)
    check_deadline(START_NS, START_NS)
    with pytest.raises(Refused, match="EService:Deadline elapsed"):
        check_deadline(START_NS - 1, START_NS)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"display_qty": 5}, INVALID + "display_qty"),
        ({"trigger_price": 5}, INVALID + "trigger_price"),
        ({"limit_price": 0}, "EOrder:Invalid price"),
        ({"qty": -1}, INVALID + "order_qty"),
        ({"qty": BTC}, INVALID + "No amendable parameters"),
    ],
)
def test_an_amendment_touches_only_what_the_order_has(changes: dict[str, Any], text: str) -> None:
    order = AccountOrder("O", LIMIT, 0, qty=BTC, limit_price=990)
    with pytest.raises(Refused) as refused:
        check_amendment(order, Amendment(**changes))
    assert refused.value.text == text


def test_a_trigger_price_cannot_be_amended_once_it_was_set_off() -> None:
    order = AccountOrder("O", STOP, 0, qty=BTC, trigger_price=900)
    check_amendment(order, Amendment(trigger_price=890))
    with pytest.raises(Refused, match="Invalid price"):
        check_amendment(order, Amendment(trigger_price=0))
    order.triggered = True
    with pytest.raises(Refused, match="trigger_price"):
        check_amendment(order, Amendment(trigger_price=890))
