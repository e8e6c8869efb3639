from __future__ import annotations

import pytest

from leadline.emulator.kraken.form import Form, parsed
from leadline.emulator.orders import Refused

FORM = "application/x-www-form-urlencoded"
JSON = "application/json; charset=utf-8"


def test_form_and_json_are_read_alike() -> None:
    body = b"nonce=7&price=%2B1.50&validate=true&close[ordertype]=limit&close[price]=3&orders[0][type]=buy"
    text = (
        b'{"nonce":7,"price":"+1.50","validate":true,"close":{"ordertype":"limit","price":3},'
        b'"orders":[{"type":"buy"}]}'
    )
    for form in (parsed(body, FORM), parsed(text, JSON)):
        close = form.inner("close")
        assert close is not None
        assert (form.text("nonce"), form.text("price"), form.flag("validate")) == ("7", "+1.50", True)
        assert (close.text("ordertype"), close.text("price")) == ("limit", "3")
        assert [row.text("type") for row in form.rows("orders")] == ["buy"]


def test_a_json_number_keeps_its_digits() -> None:
    assert parsed(b'{"volume":0.10000000000000000001}', JSON).text("volume") == "0.10000000000000000001"


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"orders=a,b", FORM), (b"orders[]=a&orders[]=b", FORM), (b'{"orders":["a","b"]}', JSON)],
)
def test_a_list_is_read_in_all_its_forms(body: bytes, kind: str) -> None:
    assert parsed(body, kind).words("orders") == ["a", "b"]


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"x"', b"\xff"])
def test_what_is_no_form_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(Refused, match="EAPI:Bad request"):
        parsed(body, JSON)


def test_null_and_empty_are_absent() -> None:
    form = Form({"a": None, "b": ""})

    assert "a" not in form
    assert "b" not in form
    assert (form.text("a", "x"), form.words("b"), form.inner("a")) == ("x", [], None)


def test_a_value_that_cannot_be_read_is_refused_by_name() -> None:
    form = Form(
        {"n": "1.5", "long": "9" * 5_000, "flag": "perhaps", "side": "hold", "deep": {"x": "1"}, "many": [1]}
    )
    for question in (
        lambda: form.integer("n"),
        lambda: form.integer("long"),
        lambda: form.flag("flag"),
        lambda: form.choice("side", ("buy", "sell")),
        lambda: form.text("deep"),
        lambda: form.words("many"),
        lambda: form.inner("n"),
        lambda: form.rows("n"),
        lambda: form.needed("absent"),
    ):
        with pytest.raises(Refused, match="EGeneral:Invalid arguments:"):
            question()


def test_a_name_used_as_value_and_as_object_is_refused() -> None:
    with pytest.raises(Refused, match="EGeneral:Invalid arguments:close"):
        parsed(b"close=limit&close[price]=1", FORM)
