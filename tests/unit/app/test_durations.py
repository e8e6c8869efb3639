from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.app.durations import seconds, span
from leadline.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "wanted_s"),
    [("30s", 30), ("10m", 600), ("23h", 82_800), ("2d", 172_800), ("500ms", 0.5), ("1h30m", 5400),
     ("1.5h", 5400), ("10 m", 600), ("0s", 0)],
)  # fmt: skip
def test_a_span_is_read_with_its_unit(text: str, wanted_s: float) -> None:
    assert seconds(text) == wanted_s


@pytest.mark.parametrize("text", ["10", "", "m", "10 minutes", "-5s", "1e3s", "10M", "s10", "10s!", "1..5s"])
def test_what_is_no_span_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(ConfigError, match="is no span of time; write a number and its unit: 500ms, 30s, 10m"):
        seconds(text)


@pytest.mark.parametrize(
    ("duration_s", "told"), [(5400, "1h30m"), (0.5, "500ms"), (90_061, "1d1h1m1s"), (0, "0s"), (0.0001, "0s")]
)
def test_a_span_is_told_in_its_largest_units(duration_s: float, told: str) -> None:
    assert span(duration_s) == told


@given(st.integers(0, 10**9))
def test_what_is_told_is_read_as_it_was(milliseconds: int) -> None:
    assert seconds(span(milliseconds / 1000)) == milliseconds / 1000
