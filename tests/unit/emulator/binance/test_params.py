from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.emulator.binance.errors import Refused, refused
from leadline.emulator.binance.params import Params

PARAMS = Params({"n": "7", "d": "1.50", "t": "TRUE", "x": "abc", "neg": "-1", "empty": ""})


def test_texts_numbers_and_flags_are_read() -> None:
    assert (PARAMS.whole("n"), PARAMS.decimal("d"), PARAMS.flag("t"), PARAMS.text("x")) == (
        7,
        Decimal("1.50"),
        True,
        "abc",
    )
    assert (PARAMS.integer("none", 3), PARAMS.decimal("none"), PARAMS.flag("none")) == (3, None, False)
    assert "n" in PARAMS and "none" not in PARAMS


def test_the_empty_is_refused_before_the_missing() -> None:
    with pytest.raises(Refused, match="-1105"):
        PARAMS.check(("none",))
    with pytest.raises(Refused, match=r"-1102.*none"):
        Params({}).check(("none",))


@pytest.mark.parametrize(
    ("read", "name", "code"),
    [
        ("integer", "x", -1100),
        ("integer", "neg", -1100),
        ("integer", "d", -1100),
        ("decimal", "x", -1100),
        ("decimal", "neg", -1130),
        ("flag", "x", -1130),
        ("needed", "none", -1102),
        ("whole", "none", -1102),
    ],
)
def test_what_cannot_be_read_is_refused(read: str, name: str, code: int) -> None:
    with pytest.raises(Refused) as refusal:
        getattr(PARAMS, read)(name)
    assert refusal.value.code == code


def test_a_word_outside_its_list_is_refused_as_told() -> None:
    assert PARAMS.choice("x", ("abc",), refused(-1116)) == "abc"
    assert PARAMS.choice("none", ("GTC",), refused(-1115), "GTC") == "GTC"
    with pytest.raises(Refused, match="-1116"):
        PARAMS.choice("x", ("LIMIT",), refused(-1116))
