"""Binance's market data under faults on virtual time, and its judge under planted bugs."""

from __future__ import annotations

import os

import pytest

from leadline.simulation.report import Report
from leadline.simulation.run import run_seed, run_seeds

FIRST, SEEDS = 101, 12
MINUTES = 3.0
MOST_SEEDS_TO_FIND = 10
BINANCE = ("binance",)

PLANTS = ("bridge-off-by-one", "pu-unchecked")


@pytest.mark.timeout(900)
def test_faults_leave_nothing_wrong_nothing_stale_as_fresh_and_no_gap_unexplained() -> None:
    total = Report()
    for report in run_seeds(FIRST, SEEDS, MINUTES, jobs=os.cpu_count() or 1, venues=BINANCE):
        total.add(report)

    assert total.violations == []
    assert total.faults > 8 * SEEDS
    assert total.books_compared > 300 * SEEDS
    assert total.trades > 100 * SEEDS
    assert total.levels_seen[:3] == ["FULL", "DEGRADED", "EMERGENCY_ONLY"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", PLANTS)
def test_the_judge_of_books_finds_a_planted_bug(plant: str) -> None:
    found: set[str] = set()
    for report in run_seeds(1, MOST_SEEDS_TO_FIND, plant=plant, venues=BINANCE):
        found |= set(report.kinds)
        assert all(f"--plant {plant}" in violation.command for violation in report.violations)
        if "served_wrong" in found:
            break

    assert "served_wrong" in found


def test_a_seed_gives_the_same_run_each_time() -> None:
    assert run_seed(5, MINUTES, venue="binance").trace == run_seed(5, MINUTES, venue="binance").trace
