from __future__ import annotations

import pytest

from leadline.clock import NS_PER_S
from leadline.core.breaker import KEPT_TRIPS, Breaker, BreakerState
from leadline.errors import BreakerOpen

S = NS_PER_S
WALL_NS = 1_790_000_000 * S


def passes(breaker: Breaker, now_s: float, *, essential: bool = False, harmless: bool = True) -> bool:
    try:
        breaker.check(essential, round(now_s * S), harmless=harmless)
    except BreakerOpen:
        return False
    return True


def tripped() -> Breaker:
    """Open from 2 s to 302 s."""
    breaker = Breaker()
    for second in range(3):
        breaker.failed(f"HTTP 502 number {second}", second * S)
    return breaker


def restarted(breaker: Breaker, at_s: float, *, mono_s: float, wall_s: float) -> Breaker:
    """What a later process makes of it: written at one moment, read at others of both clocks."""
    kept = breaker.dump(round(at_s * S), WALL_NS + round(at_s * S))
    again = Breaker()
    again.load(kept, round(mono_s * S), WALL_NS + round(wall_s * S))
    return again


def test_one_or_two_failures_open_nothing() -> None:
    breaker = Breaker()
    breaker.failed("HTTP 502", 0)
    breaker.failed("HTTP 502", 1 * S)

    assert breaker.state(1 * S) is BreakerState.CLOSED
    assert not breaker.trips


def test_three_failures_count_only_within_thirty_seconds() -> None:
    breaker = Breaker()
    for second in (0, 20, 30, 51):
        breaker.failed("HTTP 502", second * S)
        assert passes(breaker, second)
    breaker.failed("HTTP 502", 59 * S)

    assert not passes(breaker, 59)


def test_an_open_breaker_says_when_the_venue_is_tried_again() -> None:
    with pytest.raises(BreakerOpen, match="3 failures within 30 s") as refused:
        tripped().check(essential=False, now_ns=102 * S)

    assert refused.value.retry_s == 200


def test_what_is_essential_always_passes() -> None:
    breaker = tripped()

    assert passes(breaker, 3, essential=True)
    breaker.force(BreakerState.OPEN, "maintenance")
    assert passes(breaker, 3, essential=True)


def test_every_trip_keeps_its_reason_and_its_evidence() -> None:
    (trip,) = tripped().trips

    assert (trip.at_ns, trip.span_s, trip.reason) == (2 * S, 300, "3 failures within 30 s")
    assert trip.evidence == ("HTTP 502 number 0", "HTTP 502 number 1", "HTTP 502 number 2")


def test_half_open_lets_exactly_one_probe_pass() -> None:
    breaker = tripped()

    assert not passes(breaker, 301.999)
    assert passes(breaker, 302)
    assert not passes(breaker, 302)
    assert not passes(breaker, 310)


def test_a_request_that_moves_money_is_never_the_probe() -> None:
    breaker = tripped()

    assert not passes(breaker, 302, harmless=False)
    assert passes(breaker, 302)


def test_a_probe_that_succeeds_closes_it_and_old_failures_are_forgotten() -> None:
    breaker = tripped()
    assert passes(breaker, 302)
    breaker.succeeded(303 * S)
    breaker.failed("HTTP 502", 303 * S)

    assert passes(breaker, 303)
    assert passes(breaker, 303)


def test_a_probe_that_fails_opens_it_for_another_span() -> None:
    breaker = tripped()
    assert passes(breaker, 302)
    breaker.failed("HTTP 503", 305 * S)

    assert not passes(breaker, 604)
    assert passes(breaker, 605)
    assert (breaker.trips[-1].reason, breaker.trips[-1].evidence) == ("the probe failed", ("HTTP 503",))


def test_a_probe_of_which_nothing_is_heard_is_followed_by_another() -> None:
    breaker = tripped()

    assert passes(breaker, 302)
    assert not passes(breaker, 331)
    assert passes(breaker, 332)


def test_a_success_while_it_is_open_closes_nothing() -> None:
    breaker = tripped()
    breaker.succeeded(100 * S)

    assert not passes(breaker, 100)


def test_failures_while_it_is_open_do_not_prolong_it() -> None:
    breaker = tripped()
    for second in range(100, 110):
        breaker.failed("HTTP 502", second * S)

    assert breaker.state(302 * S) is BreakerState.HALF_OPEN
    assert len(breaker.trips) == 1


@pytest.mark.parametrize(("told_s", "span_s"), [(40.0, 40), (None, 300)])
def test_a_rate_limit_opens_it_at_once_for_what_the_venue_said(told_s: float | None, span_s: int) -> None:
    breaker = Breaker()
    breaker.limited(told_s, "EAPI:Rate limit exceeded", 0)

    assert not passes(breaker, span_s - 0.001)
    assert passes(breaker, span_s)
    assert breaker.trips[0].evidence == ("EAPI:Rate limit exceeded",)


def test_a_rate_limit_never_shortens_a_longer_trip() -> None:
    breaker = tripped()
    breaker.limited(1.0, "EService: Throttled", 10 * S)

    assert not passes(breaker, 300)


def test_it_can_be_held_open_and_closed_and_let_go() -> None:
    breaker = tripped()
    breaker.force(BreakerState.CLOSED, "we know better")
    assert passes(breaker, 3)

    breaker.force(BreakerState.OPEN, "we stop here")
    with pytest.raises(BreakerOpen, match="held open: we stop here"):
        breaker.check(essential=False, now_ns=400 * S)

    breaker.force(None, "")
    assert not passes(breaker, 3)
    assert passes(breaker, 400)


def test_it_cannot_be_held_half_open() -> None:
    with pytest.raises(ValueError, match="open or closed"):
        Breaker().force(BreakerState.HALF_OPEN, "")


def test_it_survives_a_restart_with_its_trips() -> None:
    again = restarted(tripped(), 10, mono_s=50, wall_s=50)

    assert not passes(again, 301)
    assert passes(again, 302)
    assert again.trips[0].reason == "3 failures within 30 s"


def test_being_held_open_survives_a_restart() -> None:
    breaker = Breaker()
    breaker.force(BreakerState.OPEN, "until Monday")

    again = restarted(breaker, 0, mono_s=10_000, wall_s=10_000)
    with pytest.raises(BreakerOpen, match="until Monday"):
        again.check(essential=False, now_ns=10_000 * S)


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_stepped_clock_neither_extends_nor_forgets_it(step_s: int) -> None:
    again = restarted(tripped(), 10, mono_s=50, wall_s=50 + step_s)

    assert not passes(again, 301)
    assert passes(again, 302)


def test_after_a_restart_of_the_machine_unix_time_counts() -> None:
    breaker = Breaker()
    breaker.limited(None, "limit", 5_000 * S)

    early = restarted(breaker, 5_010, mono_s=20, wall_s=5_110)
    assert not passes(early, 20 + 189)
    assert passes(early, 20 + 190)

    assert passes(restarted(breaker, 5_010, mono_s=20, wall_s=9_000), 20)


def test_after_a_restart_of_the_machine_a_clock_gone_back_cannot_extend_it() -> None:
    breaker = Breaker()
    breaker.limited(None, "limit", 5_000 * S)

    again = restarted(breaker, 5_000, mono_s=20, wall_s=1_000)
    assert not passes(again, 20)
    assert passes(again, 20 + 280)


def test_what_is_not_its_state_is_refused() -> None:
    with pytest.raises(ValueError, match="not the state of a breaker"):
        Breaker().load(b"{}", 0, 0)


def test_it_says_when_something_must_be_stored() -> None:
    breaker = Breaker()
    breaker.failed("HTTP 502", 0)
    assert not breaker.changed

    breaker.limited(1.0, "limit", 0)
    assert breaker.changed
    breaker.changed = False
    breaker.succeeded(1 * S)
    assert breaker.changed


def test_its_memory_of_trips_is_bounded() -> None:
    breaker = Breaker()
    for number in range(100):
        breaker.limited(1.0, str(number), number * 2 * S)

    assert len(breaker.trips) == KEPT_TRIPS
    assert breaker.trips[-1].evidence == ("99",)


def test_failures_count_in_a_row_until_an_answer_or_half_a_minute() -> None:
    breaker = Breaker()
    breaker.failed("HTTP 502", 0)
    breaker.failed("HTTP 502", 10 * S)
    assert breaker.failing(11 * S) == 2
    assert breaker.failing(31 * S) == 1
    breaker.succeeded(32 * S)
    assert breaker.failing(33 * S) == 0
    breaker.failed("HTTP 502", 34 * S)
    assert breaker.failing(35 * S) == 1
