from __future__ import annotations

import pytest

from leadline.errors import ConfigError
from leadline.venues.raw_texts import RawTexts


def fill(text: str) -> str:
    if text == "${NOPE}":
        raise ConfigError("the environment has no variable 'NOPE'")
    return text.upper()


def test_a_text_is_filled_in() -> None:
    texts = RawTexts(fill)

    assert texts.filled("api_key", "abc", "KEY") == "ABC"
    texts.check()


def test_every_problem_is_told_with_its_cure() -> None:
    texts = RawTexts(fill)

    texts.filled("api_key", None, "KEY")
    texts.filled("api_secret", "${NOPE}", "SECRET")
    with texts.collecting():
        raise ConfigError("two at once", problems=["one", "two"])
    with pytest.raises(ConfigError) as caught:
        texts.check()

    assert caught.value.problems == (
        "missing api_key; write api_key: ${KEY} and set that variable",
        "the environment has no variable 'NOPE'",
        "one",
        "two",
    )
