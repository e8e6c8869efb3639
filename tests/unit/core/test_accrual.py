from __future__ import annotations

import pytest

from leadline.core.accrual import EDGES_S, MEMORY_S, Accrual

ONCE_IN_S = 1000.0


def steady(interval_s: float, messages: int = 500) -> Accrual:
    """A stream of even intervals."""
    accrual = Accrual()
    for _ in range(messages):
        accrual.heard(1, interval_s)
        accrual.lasted(interval_s, ended=True)
    return accrual


def test_nothing_is_learned_before_two_messages() -> None:
    accrual = Accrual()
    assert not accrual.learned

    accrual.heard(1, 0.3)
    assert accrual.learned


def test_the_period_grows_with_the_silence() -> None:
    accrual = steady(3.0)
    periods_s = [accrual.period_s(silent_s / 10) for silent_s in range(1000)]

    assert periods_s == sorted(periods_s)
    assert periods_s[0] == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize("interval_s", [0.1, 1.5, 3.0, 10.0])
def test_length_and_period_are_the_same_statement(interval_s: float) -> None:
    accrual = steady(interval_s)
    length_s = accrual.length_s(ONCE_IN_S)

    assert accrual.period_s(length_s) >= ONCE_IN_S * 0.999
    if length_s > EDGES_S[0]:
        assert accrual.period_s(length_s) == pytest.approx(ONCE_IN_S)


def test_silences_that_come_are_expected_to_come() -> None:
    often = steady(0.2, 3000)
    before_s = often.length_s(ONCE_IN_S)
    for _ in range(5):
        often.heard(1, 20)
        often.lasted(20, ended=True)

    assert before_s < 2
    assert 20 < often.length_s(ONCE_IN_S) < 48


def test_little_evidence_means_long_silences() -> None:
    assert steady(0.5, 2).length_s(ONCE_IN_S) > 1.5 * steady(0.5).length_s(ONCE_IN_S)


def test_a_silence_seen_half_way_counts_without_an_end() -> None:
    ended, running = steady(0.5), steady(0.5)
    ended.lasted(10, ended=True)
    running.lasted(10, ended=False)

    assert running.period_s(15) < ended.period_s(15)


def test_a_silence_vouched_for_again_and_again_stays_expected() -> None:
    accrual = steady(60.0, 10)
    for _ in range(200):
        accrual.heard(0, 58.0)
        accrual.lasted(58.0, ended=False)

    assert accrual.length_s(ONCE_IN_S) == EDGES_S[-1]


def test_long_silences_are_forgotten_when_they_come_no_more() -> None:
    accrual = steady(30.0, 100)
    at_night_s = accrual.length_s(ONCE_IN_S)
    for _ in range(round(6 * MEMORY_S)):
        accrual.heard(5, 1.0)

    assert at_night_s > 30
    assert accrual.length_s(ONCE_IN_S) < 3


def test_a_rhythm_long_forgotten_is_no_error() -> None:
    accrual = steady(1.0)
    for _ in range(10):
        accrual.heard(0, 1000 * MEMORY_S)
        accrual.lasted(1000 * MEMORY_S, ended=False)

    assert accrual.length_s(ONCE_IN_S) >= EDGES_S[0]
    assert accrual.period_s(1e6) > accrual.period_s(1)


def test_a_rhythm_as_regular_as_a_clock_makes_long_silences_rare_without_end() -> None:
    accrual = steady(0.5)
    for _ in range(100_000):
        accrual.lasted(1.0001, ended=True)

    assert accrual.period_s(60.0) > 1e100
