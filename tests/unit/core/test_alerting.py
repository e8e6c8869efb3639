from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.alert_expression import BadExpression
from leadline.core.alerting import MOST_ALERTS, Alerting, Change, Rule
from leadline.core.samples import Sample, labelled

S = 1_000_000_000


def rule(condition: str = "m > 0", for_s: int = 0, keep_s: int = 0) -> Rule:
    return Rule("Broken", condition, "warning", "it is broken", "mend it", for_s * S, keep_s * S)


def step(alerting: Alerting, at_s: int, *values: float) -> list[Change]:
    samples = [Sample("m", labelled(line=str(number)), value) for number, value in enumerate(values, 1)]
    return alerting.step(samples, at_s * S)


def test_an_alert_fires_once_and_its_end_is_told_once() -> None:
    alerting = Alerting([rule()])
    changes = [
        change for at_s, value in enumerate((0, 1, 1, 1, 0, 0)) for change in step(alerting, at_s, value)
    ]

    assert [(change.firing, change.alert, change.lasted_s) for change in changes] == [
        (True, "Broken (line 1)", 0.0),
        (False, "Broken (line 1)", 3.0),
    ]
    assert [change.number for change in changes] == [1, 2]


def test_a_condition_must_hold_for_its_time_without_a_break() -> None:
    alerting = Alerting([rule(for_s=3)])

    assert [bool(step(alerting, at_s, value)) for at_s, value in enumerate((1, 1, 0, 1, 1, 1, 1))] == [
        *(False, False, False),
        *(False, False, False),
        True,
    ]


def test_an_alert_that_flickers_is_one_alert() -> None:
    alerting = Alerting([rule(keep_s=5)])
    told = [step(alerting, at_s, value) for at_s, value in enumerate((1, 0, 0, 1, 0, 0, 0, 0, 0, 0))]

    assert [at_s for at_s, changes in enumerate(told) if changes] == [0, 8]


def test_each_set_of_labels_is_an_alert_of_its_own() -> None:
    alerting = Alerting([rule()])
    step(alerting, 0, 1, 0)
    changes = step(alerting, 1, 0, 1)

    assert [(change.alert, change.firing) for change in changes] == [
        ("Broken (line 2)", True),
        ("Broken (line 1)", False),
    ]
    assert alerting.firing() == ["Broken (line 2)"]


def test_a_series_that_vanishes_ends_its_alert() -> None:
    alerting = Alerting([rule()])
    step(alerting, 0, 1)

    assert [change.firing for change in step(alerting, 1)] == [False]


def test_alerts_of_one_rule_are_bounded() -> None:
    alerting = Alerting([rule()])

    assert len(step(alerting, 0, *[1.0] * (MOST_ALERTS + 50))) == MOST_ALERTS


def test_a_bad_rule_is_refused_at_once() -> None:
    with pytest.raises(BadExpression):
        Alerting([rule("m >")])


@given(
    st.lists(st.tuples(st.integers(1, 10), st.booleans()), max_size=80),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_firing_and_ending_take_turns_whatever_the_metric_does(
    course: list[tuple[int, bool]], for_s: int, keep_s: int
) -> None:
    alerting, at_s, told = Alerting([rule(for_s=for_s, keep_s=keep_s)]), 0, []
    for pause_s, broken in course:
        at_s += pause_s
        told += [change.firing for change in step(alerting, at_s, float(broken))]

    assert told == [place % 2 == 0 for place in range(len(told))]
    assert bool(alerting.firing()) is (len(told) % 2 == 1)
