from __future__ import annotations

from leadline.engine.events import LevelChanged
from leadline.model.level import Level
from leadline.simulation.level_judge import MOST_RELAPSES, WINDOW_S, LevelJudge
from leadline.simulation.report import Findings
from simrig import stopwatch

FULL, DEGRADED, EMERGENCY, OUTAGE = Level
LOST = ("1 of 5 required streams not live",)


class Rig:
    def __init__(self) -> None:
        self.loop = stopwatch()
        self.findings = Findings(1, "again")
        self.judge = LevelJudge(self.loop, self.findings)
        self.judge.born()
        self.level = FULL

    def to(self, level: Level, *reasons: str, after_s: float = 1.0) -> None:
        self.loop.block(after_s)
        self.judge.heard(LevelChanged(level, self.level, reasons))
        self.level = level

    @property
    def kinds(self) -> dict[str, int]:
        return dict(self.findings.kinds)


def started() -> Rig:
    """Was FULL once, so that it must prove itself from now on."""
    rig = Rig()
    rig.to(EMERGENCY, "not connected yet")
    rig.to(FULL)
    return rig


def test_a_level_that_goes_to_and_fro_is_flapping() -> None:
    rig = started()
    for _ in range(MOST_RELAPSES + 1):
        rig.to(DEGRADED, *LOST)
        rig.to(FULL, after_s=4.0)
    assert rig.kinds == {}
    rig.to(DEGRADED, *LOST)

    assert rig.kinds == {"flapping": 1}


def test_the_same_spread_over_time_is_none() -> None:
    rig = started()
    for _ in range(4 * MOST_RELAPSES):
        rig.to(DEGRADED, *LOST)
        rig.to(FULL, after_s=WINDOW_S / MOST_RELAPSES)

    assert rig.kinds == {}


def test_what_has_just_got_worse_is_not_well_at_once() -> None:
    rig = started()
    rig.to(DEGRADED, *LOST)
    rig.to(FULL, after_s=2.9)

    assert rig.kinds == {"flapping": 1}


def test_a_reason_is_the_same_whatever_its_numbers() -> None:
    rig = started()
    rig.to(DEGRADED, "1 of 5 required streams not live (0 served by REST)")
    rig.to(
        EMERGENCY, "3 of 5 required streams not live (2 served by REST), such as x", "another", after_s=4.0
    )
    rig.to(DEGRADED, "another; over for 0.5 s", after_s=0.5)

    assert rig.kinds == {}


def test_steps_in_one_direction_and_the_beginning_of_a_life_are_none() -> None:
    rig = Rig()
    for _ in range(10):
        rig.to(EMERGENCY, *LOST, after_s=0.1)
        rig.to(DEGRADED, *LOST, after_s=0.1)
    rig.to(FULL)
    for level in (DEGRADED, EMERGENCY, OUTAGE, EMERGENCY, DEGRADED):
        rig.to(level, *LOST, after_s=0.1)
    rig.to(FULL, after_s=3.0)

    assert rig.kinds == {}


def test_what_somebody_has_ended_needs_no_proof() -> None:
    rig = started()
    for _ in range(10):
        rig.to(DEGRADED, "the venue is in post_only mode")
        rig.to(FULL)

    assert rig.kinds == {}


def test_an_order_that_leaves_at_a_level_that_forbids_it_is_found() -> None:
    rig = started()
    rig.judge.placing("AddOrder")
    rig.to(DEGRADED, *LOST)
    rig.judge.placing("AddOrder")
    assert rig.kinds == {}
    for level in (EMERGENCY, OUTAGE):
        rig.to(level, *LOST)
        rig.judge.placing("AddOrder")
        rig.loop.block(0.000001)
        rig.judge.placing("AddOrder")

    assert rig.kinds == {"forbidden": 2}
    assert "after 0.000001 s of EMERGENCY_ONLY (1 of 5" in rig.findings.violations[0].seen


def test_every_level_is_noted() -> None:
    rig = started()
    rig.to(OUTAGE, *LOST)

    assert rig.judge.seen == {"FULL", "EMERGENCY_ONLY", "OUTAGE"}
