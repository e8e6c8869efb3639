from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from emulated import QUIET, START_NS, S
from leadline.emulator.kraken import tickets
from leadline.emulator.kraken.params import Params
from leadline.emulator.kraken.requests import Refusal
from leadline.emulator.numbers import stamp
from leadline.emulator.orders import AccountOrder, Close, Refused, Ticket, Trigger

DEADLINE_NS = START_NS + 5 * S
LIMIT = {"order_type": "limit", "side": "buy", "order_qty": 1, "limit_price": 60000, "symbol": "BTC/USD"}
MARKET = {"order_type": "market", "side": "buy", "order_qty": 1, "symbol": "BTC/USD"}
STOP = MARKET | {"order_type": "stop-loss", "triggers": {"price": 60000}}


def exact(fields: Any) -> Any:
    """As it comes off the wire: fractions as Decimal."""
    return json.loads(json.dumps(fields), parse_float=Decimal)


def ticket(fields: dict[str, Any], **more: Any) -> Ticket:
    params = Params(exact(fields | more), "add_order", tickets.ADD_NAMES)
    return tickets.ticket(params, QUIET, START_NS, DEADLINE_NS)


def refused(fields: dict[str, Any], **more: Any) -> str:
    with pytest.raises((Refusal, Refused)) as error:
        ticket(fields, **more)
    return str(error.value.text)


def order() -> AccountOrder:
    one = ticket(
        STOP | {"order_type": "stop-loss-limit"}, limit_price=59000.5, cl_ord_id="mine", post_only=True
    )
    return AccountOrder("OAAAAA-BBBBB-CCCCCC", one, START_NS, qty=one.qty, limit_price=one.limit_price)


def test_prices_become_ticks_and_quantities_lots() -> None:
    made = ticket(LIMIT, limit_price=60000.5, order_qty=0.00000012)

    assert (made.limit_price, made.qty) == (600_005, 12)
    assert (made.time_in_force, made.deadline_ns, made.userref) == ("gtc", DEADLINE_NS, 0)


@pytest.mark.parametrize(
    ("value", "decimals", "scaled"),
    [
        ("1", 2, 100),
        ("1.50", 1, 15),
        ("-2.0", 0, -2),
        ("0.001", 2, None),
        ("1E+3", 0, 1_000),
        ("0E-30", 8, 0),
        ("123456789012345678901234.5", 1, 1_234_567_890_123_456_789_012_345),
        ("1E-999999", 8, None),
    ],
)
def test_scaling_is_exact_or_not_at_all(value: str, decimals: int, scaled: int | None) -> None:
    assert tickets.scaled(Decimal(value), decimals) == scaled


def test_a_monstrous_number_is_refused_without_being_worked_out() -> None:
    with pytest.raises(Refusal):
        tickets.scaled(Decimal("1E+999999"), 1)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"limit_price": 60000.55}, "EOrder:Tick size check failed"),
        ({"limit_price": 0}, "EOrder:Invalid price"),
        ({"limit_price": -1}, "EOrder:Invalid price"),
        ({"order_qty": 0.000000001}, "EGeneral:Invalid arguments:order_qty"),
        ({"order_qty": -1}, "EGeneral:Invalid arguments:order_qty"),
        ({"cash_order_qty": 100}, "EGeneral:Invalid arguments:order_qty"),
        ({"order_type": "stop"}, "EGeneral:Invalid arguments:order_type"),
        ({"side": "BUY"}, "EGeneral:Invalid arguments:side"),
        ({"limit_price_type": "pct"}, "EGeneral:Invalid arguments:limit_price_type"),
        ({"triggers": {"price": 60000}}, "EGeneral:Invalid arguments:triggers"),
        ({"time_in_force": "day"}, "EGeneral:Invalid arguments:time_in_force"),
        ({"time_in_force": "gtd"}, "EGeneral:Invalid arguments:expire_time"),
        ({"expire_time": stamp(START_NS + S)}, "EGeneral:Invalid arguments:expire_time"),
        (
            {"time_in_force": "gtd", "expire_time": stamp(START_NS + 40 * 86_400 * S)},
            "EGeneral:Invalid arguments:expire_time",
        ),
        ({"display_qty": 1}, "EGeneral:Invalid arguments:display_qty"),
        ({"order_type": "iceberg"}, "EGeneral:Invalid arguments:display_qty"),
        ({"order_userref": 2**31}, "EGeneral:Invalid arguments:order_userref"),
        ({"cl_ord_id": "a", "order_userref": 1}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "nineteen characters"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": ""}, "EGeneral:Invalid arguments:cl_ord_id"),
        (
            {"cl_ord_id": "a", "conditional": {"order_type": "limit", "limit_price": 1}},
            "EGeneral:Invalid arguments:cl_ord_id",
        ),
        ({"conditional": {"order_type": "stop-loss"}}, "EGeneral:Invalid arguments:conditional"),
        ({"stp_type": "cancel-newest"}, "EGeneral:Invalid arguments:stp_type"),
        ({"fee_preference": "usd"}, "EGeneral:Invalid arguments:fee_preference"),
        ({"limit_price": "60000"}, "Limit_price field must be a number_float"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed: dict[str, Any], error: str) -> None:
    assert refused(LIMIT, **changed) == error


def test_a_limit_price_belongs_to_limit_orders_alone() -> None:
    assert refused(MARKET, limit_price=1) == "EGeneral:Invalid arguments:limit_price"
    assert refused({key: value for key, value in LIMIT.items() if key != "limit_price"}) == (
        "EGeneral:Invalid arguments:limit_price"
    )
    assert refused(MARKET, post_only=True) == "EGeneral:Invalid arguments:post_only"


def test_cash_is_for_buying_at_the_market() -> None:
    cash = {key: value for key, value in MARKET.items() if key != "order_qty"} | {"cash_order_qty": 100.5}

    assert ticket(cash).cash == 10_050_000
    assert refused(cash, side="sell") == "EGeneral:Invalid arguments:cash_order_qty"


@pytest.mark.parametrize(
    "cl_ord_id",
    ["x", "eighteen letters !", "6d1b345e-2821-40e2-ad83-4ecb18a06876", "da8e4ad59b78481c93e589746b0cf91f"],
)
def test_client_ids_come_in_three_forms(cl_ord_id: str) -> None:
    assert ticket(LIMIT, cl_ord_id=cl_ord_id).cl_ord_id == cl_ord_id


def test_triggers_are_prices_or_signed_distances() -> None:
    assert ticket(STOP).trigger == Trigger(600_000)
    assert ticket(
        STOP, triggers={"price": -2.5, "price_type": "pct", "reference": "index"}
    ).trigger == Trigger(-250, "pct", "index")
    assert ticket(STOP, triggers={"price": -150.1, "price_type": "quote"}).trigger == Trigger(-1_501, "quote")


def test_a_trailing_distance_is_positive_and_relative() -> None:
    trailing = STOP | {"order_type": "trailing-stop"}

    assert ticket(trailing, triggers={"price": 1.0, "price_type": "pct"}).trigger == Trigger(100, "pct")
    for triggers in ({"price": 100}, {"price": -1, "price_type": "pct"}, {"price": 0, "price_type": "quote"}):
        assert refused(trailing, triggers=triggers) == "EGeneral:Invalid arguments:triggers"


def test_a_trailing_limit_is_a_distance_in_quote_unless_said() -> None:
    trailing = STOP | {"order_type": "trailing-stop-limit", "triggers": {"price": 1, "price_type": "pct"}}

    made = ticket(trailing, limit_price=-5)
    assert (made.limit_price, made.limit_price_type) == (-50, "quote")
    made = ticket(trailing, limit_price=-0.5, limit_price_type="pct")
    assert (made.limit_price, made.limit_price_type) == (-50, "pct")


def test_the_deprecated_trigger_names_mean_the_same_and_are_warned_of() -> None:
    plain = {key: value for key, value in STOP.items() if key != "triggers"}
    params = Params(plain | {"stop_price": 60000, "trigger": "index"}, "add_order", tickets.ADD_NAMES)

    assert tickets.ticket(params, QUIET, START_NS, DEADLINE_NS).trigger == Trigger(600_000, "static", "index")
    assert [text.split()[0] for text in tickets.warnings(params)["warnings"]] == ["stop_price", "trigger"]


def test_a_conditional_close_is_read_whole() -> None:
    close = {"order_type": "stop-loss-limit", "trigger_price": 28410, "limit_price": 28400}

    assert ticket(LIMIT, conditional=close).close == Close(
        "stop-loss-limit", 284_000, "static", Trigger(284_100)
    )


def test_an_edit_inherits_prices_but_no_flags_and_no_tags() -> None:
    params = Params({"order_qty": Decimal(2)}, "edit_order", tickets.EDIT_NAMES)

    made = tickets.edited(params, order(), QUIET, DEADLINE_NS)

    assert (made.qty, made.limit_price, made.trigger) == (2 * 10**8, 590_005, Trigger(600_000))
    assert (made.post_only, made.cl_ord_id, made.userref) == (False, None, 0)


def test_an_amendment_changes_what_is_named_and_nothing_else() -> None:
    params = Params({"limit_price": Decimal("59000.1")}, "amend_order", tickets.AMEND_NAMES)

    made = tickets.amendment(params, order(), QUIET, DEADLINE_NS)

    assert (made.qty, made.limit_price, made.trigger_price, made.display_qty) == (None, 590_001, None, None)
    other = Params(
        {"trigger_price": Decimal(1), "trigger_price_type": "pct"}, "amend_order", tickets.AMEND_NAMES
    )
    with pytest.raises(Refusal):
        tickets.amendment(other, order(), QUIET, DEADLINE_NS)


def deadline(offset_ns: int) -> int:
    params = Params({"deadline": stamp(START_NS + offset_ns)}, "add_order", tickets.ADD_NAMES)
    return tickets.deadline(params, START_NS)


def test_a_deadline_lies_half_a_second_to_a_minute_ahead() -> None:
    for offset_ns in (500_000_000, 60 * S):
        assert deadline(offset_ns) == START_NS + offset_ns
    for offset_ns in (499_000_000, 60 * S + 1_000_000):
        with pytest.raises(Refusal):
            deadline(offset_ns)
    assert tickets.deadline(Params({}, "add_order", ()), START_NS) == START_NS + 5 * S


def test_a_deadline_gone_by_has_elapsed() -> None:
    with pytest.raises(Refused, match="EService:Deadline elapsed"):
        deadline(0)
