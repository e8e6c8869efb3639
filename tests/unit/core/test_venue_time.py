from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.core.venue_time import DRIFT_PPM, VenueTime

EPOCH_NS = 1_790_000_000 * NS_PER_S


def exchange(time: VenueTime, sent_ns: int, offset_ns: int, out_ms: int, stay_ms: int, back_ms: int) -> int:
    """Learn from an exchange with a clock that is `offset_ns` ahead of ours; returns when it was over."""
    in_ns = sent_ns + out_ms * NS_PER_MS
    out_ns = in_ns + stay_ms * NS_PER_MS
    received_ns = out_ns + back_ms * NS_PER_MS
    time.sample(sent_ns, received_ns, _cut(in_ns + offset_ns), _cut(out_ns + offset_ns))
    return received_ns


def _cut(venue_ns: int) -> int:
    return venue_ns // 1_000 * 1_000


def test_nothing_is_known_before_the_first_sample() -> None:
    time = VenueTime()
    assert not time.known
    assert time.now_ns(5) is time.at_least_ns(5) is time.at_most_ns(5) is None


def test_one_exchange_bounds_the_clock_by_its_own_length() -> None:
    time = VenueTime()
    over_ns = exchange(time, NS_PER_S, EPOCH_NS, 20, 2, 30)
    low, high = time.at_least_ns(over_ns), time.at_most_ns(over_ns)
    assert low is not None and high is not None
    assert low <= over_ns + EPOCH_NS <= high
    assert high - low <= 51 * NS_PER_MS
    assert time.now_ns(over_ns) == (low + high) // 2


def test_bounds_widen_by_the_drift_while_nothing_is_heard() -> None:
    time = VenueTime()
    over_ns = exchange(time, 0, EPOCH_NS, 10, 0, 10)
    later_ns = over_ns + 1000 * NS_PER_S
    first, then = time.bounds_ns(over_ns), time.bounds_ns(later_ns)
    assert first is not None and then is not None
    widened_ns = (then[1] - then[0]) - (first[1] - first[0])
    assert widened_ns == 2 * 1000 * NS_PER_S * DRIFT_PPM // 1_000_000


def test_a_clock_told_in_seconds_bounds_it_to_a_second_and_the_way() -> None:
    time = VenueTime()
    time.sample(0, 100 * NS_PER_MS, EPOCH_NS, EPOCH_NS, NS_PER_S)
    bounds = time.bounds_ns(100 * NS_PER_MS)
    assert bounds is not None
    assert bounds[0] == EPOCH_NS
    assert bounds[1] >= EPOCH_NS + NS_PER_S + 100 * NS_PER_MS


def test_a_sample_that_contradicts_all_before_it_starts_anew() -> None:
    time = VenueTime()
    over_ns = exchange(time, 0, EPOCH_NS, 10, 0, 10)
    over_ns = exchange(time, over_ns, EPOCH_NS - 60 * NS_PER_S, 10, 0, 10)
    low, high = time.at_least_ns(over_ns), time.at_most_ns(over_ns)
    assert low is not None and high is not None
    assert low <= over_ns + EPOCH_NS - 60 * NS_PER_S <= high
    assert time.resets == 1


def test_an_answer_that_took_longer_there_than_here_teaches_nothing() -> None:
    time = VenueTime()
    time.sample(0, NS_PER_MS, EPOCH_NS, EPOCH_NS + NS_PER_S)
    time.sample(0, NS_PER_S, EPOCH_NS + NS_PER_MS, EPOCH_NS)
    assert not time.known


def test_an_answer_read_late_does_not_undo_a_later_one() -> None:
    time = VenueTime()
    exchange(time, 10 * NS_PER_S, EPOCH_NS, 1, 0, 1)
    best = time.bounds_ns(20 * NS_PER_S)
    exchange(time, 0, EPOCH_NS, 500, 0, 500)
    after = time.bounds_ns(20 * NS_PER_S)
    assert best is not None and after is not None
    assert best[0] <= after[0] <= 20 * NS_PER_S + EPOCH_NS <= after[1] <= best[1]


delays_ms = st.integers(0, 60_000)


@given(
    st.lists(st.tuples(delays_ms, delays_ms, delays_ms, delays_ms), min_size=1, max_size=20),
    st.integers(-DRIFT_PPM, DRIFT_PPM),
    st.integers(0, 3_600_000),
)
def test_the_true_time_lies_within_the_bounds_whatever_the_delays(
    exchanges: list[tuple[int, int, int, int]], drift_ppm: int, ahead_ms: int
) -> None:
    def venue_ns(mono_ns: int) -> int:
        return EPOCH_NS + mono_ns + mono_ns * drift_ppm // 1_000_000

    time = VenueTime()
    now_ns = 0
    for pause_ms, out_ms, stay_ms, back_ms in exchanges:
        sent_ns = now_ns + pause_ms * NS_PER_MS
        in_ns = sent_ns + out_ms * NS_PER_MS
        out_ns = in_ns + stay_ms * NS_PER_MS
        now_ns = out_ns + back_ms * NS_PER_MS
        if stay_ms * NS_PER_MS * DRIFT_PPM // 1_000_000 <= (out_ms + back_ms) * NS_PER_MS:
            time.sample(sent_ns, now_ns, _cut(venue_ns(in_ns)), _cut(venue_ns(out_ns)))
        later_ns = now_ns + ahead_ms * NS_PER_MS
        if (bounds := time.bounds_ns(later_ns)) is not None:
            assert bounds[0] <= venue_ns(later_ns) <= bounds[1]
    assert time.resets == 0
