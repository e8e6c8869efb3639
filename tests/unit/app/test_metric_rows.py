from __future__ import annotations

import pytest

from leadline.app.metric_rows import one, timed, told
from leadline.core.histogram import Histogram


def test_a_gauge_has_a_sample_for_each_row() -> None:
    family = told("leadline_streams", [(("live",), 3), (("lost",), 0)])

    assert family.type == "gauge"
    assert [(sample.name, sample.labels, sample.value) for sample in family.samples] == [
        ("leadline_streams", {"state": "live"}, 3.0),
        ("leadline_streams", {"state": "lost"}, 0.0),
    ]


def test_a_counter_is_named_as_a_total() -> None:
    (sample,) = one("leadline_gaps", 7).samples

    assert (sample.name, sample.labels, sample.value) == ("leadline_gaps_total", {}, 7.0)


def test_durations_are_told_in_seconds_in_growing_buckets_that_hold_all() -> None:
    observed = Histogram()
    for took_ms in (1, 30, 200_000):
        observed.observe(took_ms * 1_000_000)
    samples = timed("leadline_round_trip_seconds", [((), observed)]).samples

    by_bound = {sample.labels["le"]: sample.value for sample in samples if "le" in sample.labels}
    assert (by_bound["0.0005"], by_bound["0.0025"], by_bound["0.05"]) == (0.0, 1.0, 2.0)
    assert (by_bound["50"], by_bound["+Inf"]) == (2.0, 3.0)
    values = list(by_bound.values())
    assert values == sorted(values)
    rest = {sample.name: sample.value for sample in samples if "le" not in sample.labels}
    assert rest["leadline_round_trip_seconds_count"] == 3
    assert rest["leadline_round_trip_seconds_sum"] == pytest.approx(200.031)


def test_what_is_not_declared_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        one("leadline_made_up", 1)
    with pytest.raises(AssertionError, match=r"leadline_streams has the labels \('state',\)"):
        one("leadline_streams", 1)
