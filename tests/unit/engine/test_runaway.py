from __future__ import annotations

import pytest

from leadline.clock import ManualClock
from leadline.engine.order_news import OrderNews, RateAllowed, RateExceeded
from leadline.engine.records import AnyRecord, RateReset, RateTripped
from leadline.engine.runaway import EVIDENCE, Runaway
from leadline.errors import CheckFailed
from orderrig import buy


class Rig:
    def __init__(self, per_s: float | None) -> None:
        self.clock = ManualClock()
        self.noted: list[AnyRecord] = []
        self.news: list[OrderNews] = []
        self.per_s = per_s
        self.runaway = self.make()

    def make(self) -> Runaway:
        return Runaway(self.per_s, self.clock, self.noted.append, self.news.append)

    def asks(self, times: int, every_s: float) -> int:
        """How many of so many orders pass."""
        passed = 0
        for _ in range(times):
            try:
                self.runaway.check()
                self.runaway.count(buy())
            except CheckFailed:
                pass
            else:
                passed += 1
            self.clock.advance(every_s)
        return passed


@pytest.mark.parametrize(("per_s", "passes"), [(10, 10), (1, 1), (49.5, 50), (0.5, 1)])
def test_a_strategy_that_runs_wild_is_stopped_at_the_rate(per_s: float, passes: int) -> None:
    assert Rig(per_s).asks(200, 0.001) == passes


@pytest.mark.parametrize(("per_s", "every_s"), [(10, 0.1), (1, 1.0), (0.5, 2.0)])
def test_a_strategy_at_its_rate_is_left_alone(per_s: float, every_s: float) -> None:
    rig = Rig(per_s)
    assert rig.asks(100, every_s) == 100
    assert (rig.noted, rig.news) == ([], [])


def test_without_a_rate_nothing_is_counted() -> None:
    assert Rig(None).asks(1000, 0.0) == 1000


def test_what_led_to_it_is_told_and_written_down_once() -> None:
    rig = Rig(10)
    rig.asks(50, 0.02)

    [record] = rig.noted
    assert isinstance(record, RateTripped)
    assert len(record.evidence) == EVIDENCE
    assert record.evidence[0] == "0.140 s before: buy 1 BTC/USD"
    assert rig.news == [RateExceeded(10, record.evidence)]


def test_only_a_person_ends_it_and_a_restart_is_none() -> None:
    rig = Rig(10)
    rig.asks(50, 0.02)
    rig.clock.advance(24 * 3600)
    with pytest.raises(CheckFailed, match=r"more than 10 orders a second .* orders\.reset_rate"):
        rig.runaway.check()
    again = rig.make()
    again.replay(rig.noted)
    with pytest.raises(CheckFailed, match="until a person has looked"):
        again.check()

    again.reset("the loop is gone")
    again.reset("told twice")
    again.check()
    assert isinstance(rig.noted[-1], RateReset)
    assert rig.news[-1] == RateAllowed("the loop is gone")
    third = rig.make()
    third.replay(rig.noted)
    third.check()


def test_after_a_reset_the_count_begins_anew() -> None:
    rig = Rig(10)
    assert rig.asks(50, 0.02) == 10
    rig.runaway.reset("looked at")
    assert rig.asks(50, 0.02) == 10


@pytest.mark.parametrize("per_s", [0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(per_s: float) -> None:
    with pytest.raises(CheckFailed, match="orders_per_s is"):
        Rig(per_s)
