from __future__ import annotations

from collections import Counter

import pytest

from leadline.core.liveness import DAMPING_LOSSES
from leadline.demo.script import REFUSE, STATUS, SYMBOLS, WHOLE_SCRIPT_S, plan

LINE = {"HALF_OPEN", "CLOSE", "REFUSE"}


@pytest.mark.parametrize("seconds", [5, 8, 12, 20, 30, 74, 75, 80, 300, 3600])
def test_a_plan_begins_and_ends_within_its_time(seconds: float) -> None:
    planned = plan(seconds)

    assert planned[0].at_s >= 1
    assert [each.at_s for each in planned] == sorted(each.at_s for each in planned)
    assert all(each.at_s + each.step.takes_s <= seconds + 1 for each in planned)


@pytest.mark.parametrize("seconds", [8, 12, 20, 30, 74])
def test_a_short_demo_has_at_least_three_kinds_and_no_two_the_same_step(seconds: float) -> None:
    steps = [each.step for each in plan(seconds)]

    assert len({step.kind for step in steps}) >= 3
    assert len({step.what for step in steps}) == len(steps)


def test_a_longer_demo_has_more_of_them() -> None:
    assert len(plan(8)) < len(plan(20)) < len(plan(80)) == len(plan(600))


@pytest.mark.parametrize("seconds", [8, 30, 80])
def test_no_book_is_lost_so_often_that_it_would_be_held_back(seconds: float) -> None:
    """What follows on one outage before any data has come is no further loss."""
    lost: Counter[str] = Counter()
    for each in plan(seconds):
        if each.step.kind in LINE and each.step.aimed_at is None:
            lost.update(SYMBOLS)
        elif each.step.aimed_at is None and each.step.fault.get("channel") == "book":
            lost[each.step.fault["symbol"]] += 1

    assert max(lost.values(), default=0) < DAMPING_LOSSES


def test_the_whole_script_runs_from_the_length_that_is_said() -> None:
    assert len(plan(WHOLE_SCRIPT_S)) == len(plan(80)) > len(plan(WHOLE_SCRIPT_S - 1))


def test_the_whole_walk_begins_with_the_venue_and_ends_with_its_absence() -> None:
    steps = [each.step for each in plan(WHOLE_SCRIPT_S)]

    assert STATUS in steps[:2] and steps[-1] is REFUSE
    assert {one.kind for one in steps} >= {"SKEW", "STALL", "HALF_OPEN"}
