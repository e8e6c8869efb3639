from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.engine.recoveries import Recoveries
from leadline.model.level import Level

FULL, DEGRADED, EMERGENCY, OUTAGE = Level


def looked(*looks: tuple[Level, Level]) -> Recoveries:
    """So many looks, a second apart: what was seen, and the level made of it."""
    recoveries = Recoveries()
    for number, (observed, level) in enumerate(looks):
        recoveries.look(observed, level, number * NS_PER_S)
    return recoveries


def test_a_start_is_no_recovery() -> None:
    counts = looked((EMERGENCY, EMERGENCY), (FULL, FULL)).counts

    assert (counts.begun, counts.ended, counts.attempts) == (0, 0, 0)
    assert counts.success_rate is None


def test_a_recovery_lasts_from_leaving_full_to_being_there_again() -> None:
    counts = looked((FULL, FULL), (OUTAGE, OUTAGE), (FULL, OUTAGE), (FULL, DEGRADED), (FULL, FULL)).counts

    assert (counts.begun, counts.ended) == (1, 1)
    assert counts.p50_s == counts.max_s == 3.0


def test_each_proof_is_an_attempt_that_succeeds_or_falls_back() -> None:
    counts = looked(
        (FULL, FULL), (OUTAGE, OUTAGE), (FULL, OUTAGE), (OUTAGE, OUTAGE), (FULL, OUTAGE), (FULL, FULL)
    ).counts

    assert (counts.attempts, counts.succeeded, counts.failed) == (2, 1, 1)
    assert counts.success_rate == 0.5


def test_what_is_believed_at_once_is_an_attempt_too() -> None:
    counts = looked((FULL, FULL), (DEGRADED, DEGRADED), (FULL, FULL)).counts

    assert (counts.attempts, counts.succeeded, counts.failed) == (1, 1, 0)


def test_what_is_still_going_on_has_not_ended() -> None:
    counts = looked((FULL, FULL), (DEGRADED, DEGRADED), (FULL, DEGRADED)).counts

    assert (counts.begun, counts.ended, counts.attempts, counts.succeeded) == (1, 0, 1, 0)


def test_the_time_at_each_level_is_counted_from_look_to_look() -> None:
    found = looked((FULL, FULL), (FULL, FULL), (OUTAGE, OUTAGE), (FULL, OUTAGE), (FULL, DEGRADED))

    assert found.spent_ns == {FULL: 2 * NS_PER_S, DEGRADED: 0, EMERGENCY: 0, OUTAGE: 2 * NS_PER_S}
