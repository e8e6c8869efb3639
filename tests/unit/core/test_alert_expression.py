from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.alert_expression import BadExpression, Condition, duration_ns
from leadline.core.samples import Labels, Sample, by_name, labelled

S = 1_000_000_000
ONE = labelled(line="1")
TWO = labelled(line="2")


def where(condition: Condition, at_s: float, *values: tuple[Labels, float]) -> dict[Labels, float]:
    samples = [Sample("m", labels, value) for labels, value in values]
    return condition.where(by_name(samples), round(at_s * S))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("m > 1", False),
        ("m >= 1", True),
        ("m == 1", True),
        ("m != 1", False),
        ("m < 1.5", True),
        ("m <= 0", False),
        ("m > -2", True),
    ],
)
def test_a_comparison_is_what_it_says(text: str, holds: bool) -> None:
    assert bool(where(Condition(text), 0, ((), 1.0))) is holds


def test_labels_select_and_exclude() -> None:
    both = ((ONE, 0.0), (TWO, 0.0))

    assert set(where(Condition('m{line="1"} == 0'), 0, *both)) == {ONE}
    assert set(where(Condition('m{line!="1"} == 0'), 0, *both)) == {TWO}
    assert set(where(Condition('m{line="1", route!="private"} == 0'), 0, *both)) == {ONE}


def test_a_metric_that_is_not_there_holds_nothing() -> None:
    assert Condition("absent < 1").where(by_name([Sample("m", (), 0)]), 0) == {}


def test_increase_counts_what_has_come_within_the_span_only() -> None:
    condition = Condition("increase(m[1m]) > 0")

    assert where(condition, 0, ((), 5.0)) == {}  # what was there at the beginning is no increase
    assert where(condition, 10, ((), 7.0)) == {(): 2.0}
    assert where(condition, 69, ((), 7.0)) == {(): 2.0}
    assert where(condition, 71, ((), 7.0)) == {}
    assert where(condition, 80, ((), 8.0)) == {(): 1.0}


def test_a_series_that_appears_later_has_grown_from_nothing() -> None:
    condition = Condition("increase(m[1m]) > 0")
    where(condition, 0)

    assert where(condition, 10, (ONE, 3.0)) == {ONE: 3.0}


def test_a_counter_that_begins_anew_has_grown_by_what_it_has() -> None:
    condition = Condition("increase(m[1m]) > 0")
    where(condition, 0, ((), 100.0))

    assert where(condition, 10, ((), 2.0)) == {(): 2.0}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=60))
def test_increase_is_the_sum_of_the_steps_within_the_span(steps: list[tuple[int, int]]) -> None:
    condition, at_s, value = Condition("increase(m[1m]) >= 0"), 0, 0
    grown: list[tuple[int, int]] = []
    where(condition, 0, ((), 0.0))
    for pause_s, step in steps:
        at_s += pause_s
        value += step
        grown.append((at_s, step))
        found = where(condition, at_s, ((), float(value)))[()]

        assert found == sum(step for when, step in grown if when > at_s - 60)


def test_both_sides_of_an_and_must_hold_and_the_first_names_the_labels() -> None:
    condition = Condition("m > 0 and on() level < 2")
    named = by_name([Sample("m", ONE, 1), Sample("level", (), 1)])

    assert condition.where(named, 0) == {ONE: 1}
    named["level"] = [Sample("level", (), 2)]
    assert condition.where(named, 0) == {}
    assert condition.metrics == ["m", "level"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "m >",
        "rate(m[5m]) > 0",
        "increase(m) > 0",
        "m[5m] > 0",
        "m{line=1} > 0",
        'm{line=~"1|2"} > 0',
        "m > 0 or on() n > 0",
        "M > 0",
        "increase(m[5 minutes]) > 0",
    ],
)
def test_what_is_not_understood_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(BadExpression):
        Condition(text)


def test_times_are_read_with_their_unit() -> None:
    assert [duration_ns(text) for text in ("0s", "5m", "2h")] == [0, 300 * S, 7200 * S]
    with pytest.raises(BadExpression, match="write 30s"):
        duration_ns("5")
