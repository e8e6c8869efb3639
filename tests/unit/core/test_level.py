from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from leadline.core.breaker import BreakerState
from leadline.core.level import (
    FULL,
    PERMITS,
    PROVING_S,
    RULES,
    STARTING_S,
    UNSTEADY_PROVING_S,
    AccountView,
    Deed,
    Hysteresis,
    Observation,
    Verdict,
    judge,
)
from leadline.model.level import Level
from leadline.model.market import VenueMode

S = 1_000_000_000
WELL = Observation(required=4, live=4, account=AccountView.READY)
ONE_BY_REST = replace(WELL, live=3, by_rest=1, missing="ticker BTC/USD (silent)")
BLIND = replace(WELL, live=0, by_rest=4)
CUT_OFF = replace(
    BLIND, by_rest=0, lines_down_s=7.0, public_failures=2, private_failures=2, account=AccountView.UNKNOWN
)

ROWS: dict[str, tuple[Observation, Level, str]] = {
    "unreachable": (CUT_OFF, Level.OUTAGE, "no line has stood for 7.0 s, and the last 2 requests by REST"),
    "blind": (BLIND, Level.EMERGENCY_ONLY, r"none of 4 required streams is live \(4 served by REST\)"),
    "account unknown": (
        replace(WELL, account=AccountView.UNKNOWN, account_lost_s=3.25),
        Level.EMERGENCY_ONLY,
        "the account has been unknown for 3.2 s",
    ),
    "venue rests": (
        replace(WELL, mode=VenueMode.MAINTENANCE),
        Level.EMERGENCY_ONLY,
        "in maintenance mode and takes no new orders",
    ),
    "streams missing": (
        ONE_BY_REST,
        Level.DEGRADED,
        r"1 of 4 required streams not live \(1 served by REST\), such as ticker BTC/USD \(silent\)",
    ),
    "account by REST": (
        replace(WELL, account=AccountView.STREAM_LOST, account_lost_s=2.0),
        Level.DEGRADED,
        "the account has been known by REST only for 2.0 s",
    ),
    "REST fails": (replace(WELL, public_failures=5), Level.DEGRADED, "last 5 public requests by REST"),
    "REST limited": (replace(WELL, public_limited=True), Level.DEGRADED, "limits our requests by REST"),
    "account REST fails": (
        replace(WELL, private_failures=2),
        Level.DEGRADED,
        "last 2 requests of the account by REST failed",
    ),
    "breaker": (replace(WELL, breaker=BreakerState.HALF_OPEN), Level.DEGRADED, "the breaker is half_open"),
    "venue limits": (replace(WELL, mode=VenueMode.POST_ONLY), Level.DEGRADED, "in post_only mode"),
    "divergence": (replace(WELL, divergences=3), Level.DEGRADED, "3 values differ between stream and REST"),
    "clock": (replace(WELL, clock_offset_s=-6.5), Level.DEGRADED, "6.5 s apart"),
}


def test_every_row_of_the_table_is_tried_here() -> None:
    assert set(ROWS) == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", ROWS)
def test_each_row_is_reached_and_says_why_with_its_number(name: str) -> None:
    seen, level, text = ROWS[name]
    verdict = judge(seen)

    assert verdict.level is level
    [reason] = [rule.reason(seen) for rule in RULES if rule.name == name and rule.holds(seen)]
    assert reason in verdict.reasons
    assert re.search(text, reason)


def test_a_reason_is_not_told_beside_one_that_says_more() -> None:
    assert len(judge(BLIND).reasons) == 1
    assert len(judge(replace(WELL, account=AccountView.UNKNOWN)).reasons) == 1


@pytest.mark.parametrize(
    "seen",
    [
        Observation(),
        WELL,
        replace(WELL, public_failures=1, private_failures=1),
        replace(WELL, clock_offset_s=5.0),
        replace(WELL, lines_down_s=3.0),
    ],
)
def test_what_may_happen_by_chance_is_no_reason(seen: Observation) -> None:
    assert judge(seen) == FULL


def test_one_way_that_answers_is_no_outage() -> None:
    assert judge(replace(CUT_OFF, private_failures=0)).level is Level.EMERGENCY_ONLY
    assert judge(replace(CUT_OFF, public_failures=0)).level is Level.EMERGENCY_ONLY
    assert judge(replace(CUT_OFF, lines_down_s=None)).level is Level.EMERGENCY_ONLY
    no_account = replace(CUT_OFF, private_failures=0, account=AccountView.NONE)
    assert judge(no_account).level is Level.OUTAGE


def test_cancels_and_look_ups_leave_at_every_level_and_risk_at_the_better_two() -> None:
    for level in Level:
        assert {Deed.CANCEL, Deed.LOOK_UP} <= PERMITS[level]
        assert (Deed.INCREASE in PERMITS[level]) == (level <= Level.DEGRADED)
        assert (Deed.BACKGROUND in PERMITS[level]) == (level <= Level.DEGRADED)
    for better, worse in zip(Level, list(Level)[1:], strict=False):
        assert PERMITS[worse] <= PERMITS[better]


class Run:
    """A hysteresis that is shown something every quarter of a second."""

    def __init__(self, started: bool = True) -> None:
        self.hysteresis = Hysteresis()
        self.now_ns = 1_000 * S
        self.levels: list[Level] = []
        if started:
            self.see(WELL)

    def see(self, seen: Observation, for_s: float = 0.25) -> Verdict:
        for _ in range(round(for_s * 4)):
            verdict = self.hysteresis.judge(seen, self.now_ns)
            if not self.levels or self.levels[-1] is not verdict.level:
                self.levels.append(verdict.level)
            self.now_ns += S // 4
        return verdict


def test_it_worsens_at_once() -> None:
    run = Run()

    assert run.see(ONE_BY_REST).level is Level.DEGRADED
    assert run.see(BLIND).level is Level.EMERGENCY_ONLY
    assert run.see(CUT_OFF).level is Level.OUTAGE


def test_it_improves_only_after_the_better_state_has_held() -> None:
    run = Run()
    run.see(BLIND)

    assert run.see(WELL, PROVING_S).level is Level.EMERGENCY_ONLY
    verdict = run.see(WELL)
    assert verdict == FULL
    assert run.levels == [Level.FULL, Level.EMERGENCY_ONLY, Level.FULL]


def test_a_relapse_begins_the_proof_anew() -> None:
    run = Run()
    run.see(BLIND)
    run.see(WELL, PROVING_S - 1)
    run.see(BLIND)

    assert run.see(WELL, PROVING_S).level is Level.EMERGENCY_ONLY
    assert run.see(WELL).level is Level.FULL


def test_what_is_being_proven_is_said() -> None:
    run = Run()
    run.see(BLIND)
    (reason,) = run.see(WELL, 2.25).reasons

    assert reason.startswith("none of 4 required streams is live")
    assert reason.endswith("; over for 2.0 s, which must prove itself")


def test_an_outage_gives_way_by_a_proof_of_its_own_to_what_is_still_wrong() -> None:
    run = Run()
    run.see(CUT_OFF)

    assert run.see(ONE_BY_REST, 3.0).level is Level.OUTAGE
    assert run.see(ONE_BY_REST).level is Level.EMERGENCY_ONLY
    assert run.see(ONE_BY_REST, PROVING_S).level is Level.DEGRADED


@pytest.mark.parametrize(
    "seen",
    [
        replace(WELL, mode=VenueMode.CANCEL_ONLY),
        replace(WELL, breaker=BreakerState.OPEN),
        replace(WELL, divergences=1),
    ],
)
def test_an_end_that_is_proof_in_itself_is_believed_at_once(seen: Observation) -> None:
    run = Run()

    assert run.see(seen, 5.0).level is not Level.FULL
    assert run.see(WELL).level is Level.FULL


def flapping(every_s: float, down_s: float, for_s: float) -> list[Level]:
    """The levels under a line that dies so often and stays away so long."""
    run = Run()
    while run.now_ns < (1_000 + for_s) * S:
        run.see(BLIND, down_s)
        run.see(WELL, every_s - down_s)
    return run.levels


def test_a_line_that_dies_every_20_s_does_not_make_it_flap() -> None:
    levels = flapping(every_s=20.0, down_s=1.0, for_s=1800.0)

    assert levels == [Level.FULL, *[Level.EMERGENCY_ONLY, Level.FULL] * 2, Level.EMERGENCY_ONLY]


def test_a_line_that_dies_every_five_seconds_is_never_believed() -> None:
    assert flapping(every_s=5.0, down_s=1.0, for_s=600.0) == [Level.FULL, Level.EMERGENCY_ONLY]


def test_a_disturbance_that_flickers_is_one_and_asks_for_no_longer_proof() -> None:
    run = Run()
    for _ in range(20):
        run.see(BLIND, 2.0)
        run.see(WELL, 5.0)

    assert run.see(WELL, PROVING_S - 5).level is Level.EMERGENCY_ONLY
    assert run.see(WELL, 0.25).level is Level.FULL


def test_what_has_become_steady_again_is_believed_after_the_longer_proof() -> None:
    run = Run()
    for _ in range(3):
        run.see(BLIND)
        run.see(WELL, 19.75)

    assert run.see(WELL, UNSTEADY_PROVING_S - 20).level is Level.EMERGENCY_ONLY
    assert run.see(WELL, 1.0).level is Level.FULL
    run.see(WELL, 300)
    run.see(BLIND)
    assert run.see(WELL, PROVING_S + 0.25).level is Level.FULL


def test_a_start_is_not_a_relapse() -> None:
    run = Run(started=False)
    assert run.see(BLIND, 3.0).level is Level.EMERGENCY_ONLY
    assert run.see(ONE_BY_REST, 3.0).level is Level.DEGRADED
    assert run.see(WELL).level is Level.FULL

    run.see(BLIND)
    assert run.see(WELL, 5.0).level is Level.EMERGENCY_ONLY


def test_what_was_missing_at_the_start_is_not_held_against_it_later() -> None:
    run = Run(started=False)
    run.see(BLIND, 3.0)
    for _ in range(2):
        run.see(WELL, 20.0)
        run.see(BLIND)

    assert run.see(WELL, PROVING_S + 0.25).level is Level.FULL


def test_a_start_that_never_ends_well_has_to_prove_itself_after_a_minute() -> None:
    run = Run(started=False)
    run.see(BLIND, STARTING_S)
    run.see(ONE_BY_REST, 0.25)

    assert run.see(ONE_BY_REST, PROVING_S - 0.5).level is Level.EMERGENCY_ONLY
    assert run.see(ONE_BY_REST, 1.0).level is Level.DEGRADED
