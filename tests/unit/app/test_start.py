from __future__ import annotations

from leadline.app.start import Phase, Start
from leadline.clock import ManualClock


def test_each_phase_is_told_once_with_its_time_from_the_beginning() -> None:
    clock, told = ManualClock(), []
    start = Start(clock, lambda phase, after_s: told.append((phase, after_s)))

    clock.advance(1.5)
    start.reached(Phase.REFERENCE)
    clock.advance(1)
    start.reached(Phase.REFERENCE)
    start.reached(Phase.STATE)

    assert told == [(Phase.REFERENCE, 1.5), (Phase.STATE, 2.5)]
    assert dict(start.after_s) == dict(told)


def test_it_is_ready_with_the_last_phase() -> None:
    start = Start(ManualClock())

    start.reached(Phase.MONITORING)
    assert not start.ready
    start.reached(Phase.READY)
    assert start.ready
