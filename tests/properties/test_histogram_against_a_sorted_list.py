"""The histogram beside a list that forgets nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadline.core.histogram import LARGEST, RELATIVE_ERROR, Histogram

_durations = st.lists(
    st.one_of(st.integers(0, 200), st.integers(0, LARGEST), st.integers(0, 50).map(lambda n: 2**n // 2)),
    min_size=1,
    max_size=200,
).map(lambda values: [min(value, LARGEST) for value in values])


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    return histogram


@given(_durations, st.floats(0, 1))
def test_no_quantile_is_off_by_more_than_the_stated_share(values: list[int], q: float) -> None:
    rank = max(1, -int(-q * len(values) // 1))
    exact = sorted(values)[rank - 1]

    assert abs(filled(values).quantile(q) - exact) <= exact * RELATIVE_ERROR


@given(_durations, _durations)
def test_merging_is_observing_both(ours: list[int], theirs: list[int]) -> None:
    merged, both = filled(ours).merge(filled(theirs)), filled(ours + theirs)

    bounds = [10**n for n in range(14)]
    assert (merged.count, merged.sum, merged.max) == (both.count, both.sum, both.max)
    assert merged.buckets(bounds) == both.buckets(bounds)


@given(_durations, st.lists(st.integers(0, 2 * LARGEST), min_size=1, max_size=20).map(sorted))
def test_buckets_rise_and_leave_out_only_what_is_just_below_their_bound(
    values: list[int], bounds: list[int]
) -> None:
    told = filled(values).buckets(bounds)

    assert [bound for bound, _ in told] == bounds
    assert [count for _, count in told] == sorted(count for _, count in told)
    for bound, count in told:
        exact = sum(value <= bound for value in values)
        surely = sum(value <= bound * (1 - 2 * RELATIVE_ERROR) for value in values)
        assert surely <= count <= exact
