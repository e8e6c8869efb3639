from __future__ import annotations

import pytest

from leadline.app.config_values import filled_in, no_such, port_of, share_of, span_of, within
from leadline.app.problems import Problems
from leadline.errors import ConfigError


def test_variables_are_filled_in_and_a_missing_one_has_its_cure() -> None:
    assert filled_in("a-${B}-${C}", {"B": "1", "C": "2"}) == "a-1-2"
    with pytest.raises(ConfigError, match=r"no variable 'D'; set it \(export D=…\)"):
        filled_in("${D}", {})


def test_what_stands_in_the_place_of_a_name_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        filled_in("${+secret/}", {})

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found", "problem"),
    [
        (None, 7.0, ""),
        ("90s", 90.0, ""),
        ("500ms", 7.0, "p: '500ms' is too short; write 1s or more"),
        ("soon", 7.0, "p: 'soon'"),
    ],
)
def test_a_span_is_read_or_has_its_default_and_a_problem(
    text: str | None, found: float, problem: str
) -> None:
    problems = Problems()

    assert span_of(text, 7.0, "p", problems, least_s=1.0) == found
    assert _told(problems).startswith(problem)
    assert bool(problems) is bool(problem)


@pytest.mark.parametrize(
    ("text", "found"), [(None, 0.5), ("95%", 0.95), ("0.9", 0.9), ("101%", 0.5), ("much", 0.5), ("-1", 0.5)]
)
def test_a_share_is_a_number_or_so_many_per_cent(text: str | None, found: float) -> None:
    problems = Problems()

    assert share_of(text, 0.5, "p", problems) == found
    assert bool(problems) is (text is not None and found == 0.5)


def test_numbers_out_of_bounds_name_the_bounds() -> None:
    problems = Problems()

    assert within(4, 1, 1, 3, "lines.count", problems) == 1
    assert port_of(80, 9464, "metrics.port", problems) == 9464
    with pytest.raises(ConfigError) as caught:
        problems.check()
    assert caught.value.problems == (
        "lines.count: 4 is not possible; write 1 to 3",
        "metrics.port: 80 is not possible; write 1024 to 65535",
    )


def test_a_name_that_is_not_there_is_told_by_those_that_are() -> None:
    told = no_such("marc", iter(["ticker", "mark"]), "channel")

    assert told == "there is no channel 'marc'; there are ticker, mark; did you mean mark?"


def _told(problems: Problems) -> str:
    try:
        problems.check()
    except ConfigError as error:
        return str(error)
    return ""
