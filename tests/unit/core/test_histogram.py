from __future__ import annotations

import pytest

from leadline.core.histogram import LARGEST, RELATIVE_ERROR, Histogram

MS = 1_000_000


def observed(*values: int) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    return histogram


def test_an_empty_histogram_has_nothing_and_says_zero() -> None:
    empty = Histogram()

    assert (empty.count, empty.sum, empty.max) == (0, 0, 0)
    assert empty.quantile(0.5) == 0
    assert empty.buckets([1, 10]) == [(1, 0), (10, 0)]


def test_count_sum_and_largest_are_exact() -> None:
    histogram = observed(1234567, 7, 1234567, 99999999999)

    assert histogram.count == 4
    assert histogram.sum == 2 * 1234567 + 7 + 99999999999
    assert histogram.max == 99999999999
    assert histogram.quantile(1) == 99999999999


def test_small_values_are_told_as_they_are() -> None:
    histogram = observed(*range(64))

    assert [histogram.quantile((n + 1) / 64) for n in range(64)] == list(range(64))


def test_quantiles_of_milliseconds_are_within_the_stated_error() -> None:
    histogram = observed(*(n * MS for n in range(1, 1001)))

    for q in (0.5, 0.9, 0.99, 0.999):
        assert histogram.quantile(q) == pytest.approx(q * 1000 * MS, rel=RELATIVE_ERROR)


def test_a_negative_duration_counts_as_none() -> None:
    histogram = observed(-5)

    assert (histogram.count, histogram.sum, histogram.max, histogram.quantile(0.5)) == (1, 0, 0, 0)


def test_beyond_the_largest_only_quantiles_are_cut() -> None:
    histogram = observed(1, 2, LARGEST * 1000, LARGEST * 1000, LARGEST * 1000)

    assert histogram.max == LARGEST * 1000
    assert histogram.quantile(0.6) == pytest.approx(LARGEST, rel=RELATIVE_ERROR)


def test_a_share_outside_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1, not 99"):
        Histogram().quantile(99)


def test_buckets_are_cumulative_and_end_with_the_count() -> None:
    histogram = observed(1, 5, 63, 64, 1 << 20)

    assert histogram.buckets([0, 1, 63, 127, 1 << 30]) == [(0, 0), (1, 1), (63, 3), (127, 4), (1 << 30, 5)]


def test_a_bound_at_the_largest_counts_everything() -> None:
    assert observed(1001, 1001).buckets([1000, 1001]) == [(1000, 0), (1001, 2)]


def test_merged_histograms_are_one_of_both() -> None:
    ours, theirs = observed(1, 1000, 5 * MS), observed(3, 70 * MS)
    both = observed(1, 1000, 5 * MS, 3, 70 * MS)

    merged = Histogram().merge(ours).merge(theirs)

    assert (merged.count, merged.sum, merged.max) == (both.count, both.sum, both.max)
    assert [merged.quantile(n / 5) for n in range(6)] == [both.quantile(n / 5) for n in range(6)]
    assert ours.count == 3


def test_it_tells_of_itself_in_one_line() -> None:
    assert repr(observed(7)) == "Histogram(1 observed, p50 7, max 7)"
