from __future__ import annotations

from typing import Any

import pytest

from leadline.clock import NS_PER_S
from leadline.engine.events import Diverged, Reconverged
from leadline.model.market import Channel
from leadline.model.reading import Source
from leadline.simulation.alarms import Alarms
from leadline.simulation.difference_judge import CLEARING_S, SLACK_S, DifferenceJudge
from leadline.simulation.report import Findings
from leadline.simulation.strikes import Strike
from leadline.simulation.untruths import Untruths
from simrig import BTC, stopwatch

INTERVAL_S = 20.0


def diverged(channel: str = "ticker", blamed: Source | None = None, symbol: str = BTC) -> Diverged:
    return Diverged(channel, symbol, "bid", "100", "101", "", blamed)


class Rig:
    def __init__(self) -> None:
        self.loop = stopwatch()
        self.findings = Findings(1, "again")
        self.untruths = Untruths(NS_PER_S)
        self.alarms = Alarms(self.loop, self.findings)
        self.judge = DifferenceJudge(self.untruths, self.alarms, self.loop, self.findings)
        self.announced_s: float | None = INTERVAL_S

    def skew(self, factor: str = "1.01", lasts_s: float = 200.0, **more: Any) -> None:
        fields = {
            "kind": "SKEW",
            "channel": "ticker",
            "route": "rest",
            "symbol": BTC,
            "factor": factor,
        } | more
        self.untruths.begin(Strike(0.0, lasts_s, fields=fields), self.loop.now_ns)

    def watch(self, for_s: float) -> None:
        """Look once a second."""
        for _ in range(round(for_s)):
            self.judge.look(lambda symbol, channel: self.announced_s)
            self.loop.block(1.0)

    @property
    def kinds(self) -> dict[str, int]:
        return dict(self.findings.kinds)


def test_a_difference_that_is_not_told_within_the_announced_interval_is_missed() -> None:
    rig = Rig()
    rig.skew()
    rig.watch(INTERVAL_S + SLACK_S)
    assert rig.kinds == {}
    rig.watch(5)

    assert rig.kinds == {"missed_divergences": 1}
    assert rig.judge.differences == 1


def test_one_that_is_told_is_found() -> None:
    rig = Rig()
    rig.skew()
    rig.watch(10)
    rig.judge.heard(diverged())
    rig.watch(40)

    assert rig.kinds == {}
    assert rig.judge.differences == 1


def test_one_that_is_taken_back_while_it_stands_is_missed() -> None:
    rig = Rig()
    rig.skew()
    rig.watch(10)
    rig.judge.heard(diverged())
    rig.judge.heard(Reconverged("ticker", BTC, 5.0))
    rig.watch(40)

    assert rig.kinds == {"missed_divergences": 1}


@pytest.mark.parametrize("factor", ["1.0005", ""])
def test_what_lies_within_the_tolerance_or_is_only_late_need_not_be_told(factor: str) -> None:
    rig = Rig()
    rig.skew(factor)
    rig.watch(60)

    assert (rig.kinds, rig.judge.differences) == ({}, 0)


def test_the_interval_counts_from_when_the_client_could_look() -> None:
    rig = Rig()
    rig.skew()
    rig.announced_s = None
    rig.watch(30)
    rig.announced_s = INTERVAL_S
    rig.watch(10)
    rig.judge.struck(Strike(0.0, 5.0, fields={"kind": "REPLY", "path": "Ticker", "status": 503}))
    rig.watch(5 + CLEARING_S + INTERVAL_S)
    assert rig.kinds == {}
    rig.judge.born()
    rig.watch(INTERVAL_S)
    assert rig.kinds == {}
    rig.watch(10)

    assert rig.kinds == {"missed_divergences": 1}


def test_a_difference_that_nobody_planted_is_a_false_alarm() -> None:
    rig = Rig()
    rig.skew()
    rig.judge.heard(diverged("book"))
    rig.judge.heard(diverged(symbol="ETH/USD"))
    rig.judge.heard(diverged("balance"))

    assert rig.kinds == {"false_alarms": 2}


def test_a_stream_that_was_held_back_may_differ() -> None:
    rig = Rig()
    rig.alarms.struck(Strike(0.0, 5.0, fields={"kind": "STALL", "channel": "ticker", "symbol": BTC}))
    rig.judge.heard(diverged())

    assert rig.kinds == {}


@pytest.mark.parametrize(
    ("route", "blamed", "false"),
    [
        ("rest", Source.REST, 0),
        ("rest", None, 0),
        ("rest", Source.STREAM, 1),
        ("ws", Source.STREAM, 0),
    ],
)
def test_blaming_the_innocent_is_a_false_alarm(route: str, blamed: Source | None, false: int) -> None:
    rig = Rig()
    rig.skew(route=route)
    rig.judge.heard(diverged(blamed=blamed))

    assert rig.findings.kinds["false_alarms"] == false
    assert Channel.TICKER.value == "ticker"
