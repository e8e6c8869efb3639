from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from leadline.emulator.kraken.params import Params
from leadline.emulator.kraken.requests import Refusal

KNOWN = ("limit_price", "order_userref", "symbol", "post_only", "orders", "triggers", "deadline")


def params(**fields: Any) -> Params:
    return Params(fields, "add_order", KNOWN)


def refusal_of(read: Any) -> str:
    with pytest.raises(Refusal) as refused:
        read()
    return refused.value.text


def test_an_unknown_name_is_refused_with_the_method_it_was_sent_to() -> None:
    assert (
        refusal_of(lambda: params(userref=1))
        == "Unsupported field: 'userref' for the given msg type: add_order"
    )


def test_a_number_in_a_text_is_no_number() -> None:
    for value in ("1.0", True, None, [1]):
        error = refusal_of(lambda value=value: params(limit_price=value).number("limit_price"))
        assert error == "Limit_price field must be a number_float"


def test_numbers_are_exact_whichever_way_they_are_written() -> None:
    assert params(limit_price=28440).number("limit_price") == Decimal(28440)
    assert params(limit_price=Decimal("0.10")).number("limit_price") == Decimal("0.1")
    assert params().number("limit_price") is None


@pytest.mark.parametrize(
    ("read", "fields", "error"),
    [
        (
            lambda one: one.integer("order_userref"),
            {"order_userref": Decimal("1.0")},
            "Order_userref field must be a number_integer",
        ),
        (
            lambda one: one.integer("order_userref"),
            {"order_userref": True},
            "Order_userref field must be a number_integer",
        ),
        (lambda one: one.text("symbol"), {"symbol": ["BTC/USD"]}, "Symbol field must be a string"),
        (lambda one: one.flag("post_only"), {"post_only": 1}, "Post_only field must be a boolean"),
        (lambda one: one.texts("orders"), {"orders": "O"}, "Orders field must be an array"),
        (lambda one: one.texts("orders"), {"orders": [1]}, "Orders field must be a string"),
        (lambda one: one.objects("orders", ()), {"orders": [1]}, "Orders field must be an object"),
        (lambda one: one.nested("triggers", ()), {"triggers": 1}, "Triggers field must be an object"),
        (lambda one: one.required("symbol"), {}, "EGeneral:Invalid arguments:symbol"),
        (lambda one: one.choice("symbol", ("a",)), {"symbol": "b"}, "EGeneral:Invalid arguments:symbol"),
        (lambda one: one.choice("symbol", ("a",)), {}, "EGeneral:Invalid arguments:symbol"),
        (
            lambda one: one.moment_ns("deadline"),
            {"deadline": "tomorrow"},
            "EGeneral:Invalid arguments:deadline",
        ),
        (
            lambda one: one.moment_ns("deadline"),
            {"deadline": "2026-09-21T14:13:20"},
            "EGeneral:Invalid arguments:deadline",
        ),
    ],
)
def test_a_value_of_another_type_is_named(read: Any, fields: dict[str, Any], error: str) -> None:
    assert refusal_of(lambda: read(params(**fields))) == error


def test_moments_keep_their_fraction_and_their_offset() -> None:
    for text, moment_ns in (
        ("2026-09-21T14:13:20Z", 1_790_000_000 * 10**9),
        ("2026-09-21T14:13:20.500Z", 1_790_000_000 * 10**9 + 500_000_000),
        ("2026-09-21T16:13:20.000123+02:00", 1_790_000_000 * 10**9 + 123_000),
    ):
        assert params(deadline=text).moment_ns("deadline") == moment_ns


def test_names_inside_an_object_are_checked_too() -> None:
    error = refusal_of(lambda: params(triggers={"prise": 1}).nested("triggers", ("price",)))
    assert error == "Unsupported field: 'prise' for the given msg type: add_order"
