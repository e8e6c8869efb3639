"""An account at Binance under faults on virtual time, and its judge under planted bugs."""

from __future__ import annotations

import os

import pytest

from leadline.simulation.report import ACCOUNT_KINDS, FORBIDDEN, LATE, REPLAYED, Report
from leadline.simulation.run import run_seeds

SEEDS = 14
MINUTES = 5.0
MOST_SEEDS_TO_FIND = 10
BINANCE = ("binance",)

HARM = {*ACCOUNT_KINDS, FORBIDDEN, LATE, REPLAYED}

KINDS = {
    "ack-as-final": "misjudged",
    "trade-lite-counted": "fills_doubled",
    "algo-orders-forgotten": "misjudged",
    "listenkey-not-renewed": "fills_missed",
}


@pytest.mark.timeout(1200)
def test_no_order_is_lost_doubled_or_misjudged_and_every_position_and_wallet_is_exact() -> None:
    total = Report()
    for report in run_seeds(1, SEEDS, MINUTES, jobs=os.cpu_count() or 1, venues=BINANCE):
        total.add(report)

    assert [violation for violation in total.violations if violation.kind in HARM] == []
    assert not HARM & total.kinds.keys()
    assert total.orders > 35 * SEEDS
    assert total.fills > 10 * SEEDS
    assert total.restarts > SEEDS // 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", KINDS)
def test_the_judge_of_the_account_finds_a_planted_bug(plant: str) -> None:
    found: set[str] = set()
    for report in run_seeds(1, MOST_SEEDS_TO_FIND, plant=plant, venues=BINANCE):
        found |= set(report.kinds)
        assert all(f"--plant {plant}" in violation.command for violation in report.violations)
        if KINDS[plant] in found:
            break

    assert KINDS[plant] in found
