from __future__ import annotations

from typing import Any

from floor import Floor
from leadline.engine.account_crosscheck import DOUBTED_S, SETTLE_S, Kind
from leadline.engine.events import Diverged
from leadline.simulation.account_difference_judge import SLACK_S, AccountDifferenceJudge
from leadline.simulation.report import Findings
from leadline.simulation.strikes import Event, Strike
from simrig import stopwatch

OFF = {"kind": "MISSTATE", "asset": "BTC", "amount": "0.5"}
HIDDEN = {"kind": "MISSTATE", "hide_order": "oldest"}
TOLD = Diverged("balance", "BTC", "spot", "1", "1.5", "", None)
ENOUGH_S = 30.0 + DOUBTED_S + 4 * SETTLE_S + SLACK_S


class Rig:
    def __init__(self) -> None:
        self.loop = stopwatch()
        self.findings = Findings(1, "again")
        self.account = Floor().account
        self.judge = AccountDifferenceJudge(lambda: bool(self.account.open_orders), self.loop, self.findings)
        self.happened_ns = 0
        self.judge.born()

    def misstate(self, fields: dict[str, Any]) -> None:
        self.judge.struck(Strike(0.0, 300.0, fields=fields))

    def watch(self, for_s: float) -> None:
        for _ in range(round(for_s)):
            self.judge.look(lambda kind: 30.0, self.happened_ns)
            self.loop.block(1.0)

    @property
    def kinds(self) -> dict[str, int]:
        return dict(self.findings.kinds)


def test_a_balance_told_wrongly_must_be_found() -> None:
    rig = Rig()
    rig.misstate(OFF)
    rig.watch(ENOUGH_S)
    assert rig.kinds == {}
    rig.watch(3)

    assert (rig.kinds, rig.judge.differences) == ({"missed_divergences": 1}, 1)


def test_one_that_is_told_is_found() -> None:
    rig = Rig()
    rig.misstate(OFF)
    rig.judge.heard(TOLD)
    rig.watch(ENOUGH_S + 3)

    assert (rig.kinds, rig.judge.differences) == ({}, 1)


def test_news_other_faults_and_a_restart_begin_the_time_anew() -> None:
    rig = Rig()
    rig.misstate(OFF)
    rig.watch(50)
    rig.happened_ns = rig.loop.now_ns
    rig.watch(50)
    rig.judge.struck(Strike(0.0, 5.0, Event.CUT))
    rig.watch(50)
    rig.judge.born()
    rig.watch(50)

    assert (rig.kinds, rig.judge.differences) == ({}, 0)


def test_an_order_can_only_be_missed_where_there_is_one() -> None:
    rig = Rig()
    rig.misstate(HIDDEN)
    rig.watch(2 * ENOUGH_S)

    assert not rig.account.open_orders
    assert rig.judge.differences == 0


def test_a_difference_that_nobody_planted_is_a_false_alarm() -> None:
    rig = Rig()
    rig.watch(1)
    rig.judge.heard(TOLD)
    rig.judge.struck(Strike(0.0, 5.0, fields={"kind": "STALL", "channel": "balances"}))
    rig.judge.heard(TOLD)
    rig.misstate(HIDDEN)
    rig.judge.heard(Diverged("orders", "BTC/USD", "open orders", "one", "none", "", None))
    rig.judge.heard("something else")

    assert rig.kinds == {"false_alarms": 1}
    assert Kind.ORDERS.value == "orders"
