"""Ten virtual hours of the whole client under faults, and the judge under planted bugs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from leadline.model.level import Level
from leadline.simulation.plants import PLANTS
from leadline.simulation.report import Report
from leadline.simulation.run import run_seed, run_seeds

SEEDS = 200
MINUTES = 3.0
MOST_SEEDS_TO_FIND = 10
LOSSES = 600
HANDED_OVER_MS = 100
"""Within which time after a loss is noticed readers are served from elsewhere."""

KINDS = {
    "serve-before-check": "served_wrong",
    "no-truncation": "served_wrong",
    "ack-is-live": "stale_as_fresh",
    "stale-as-fresh": "stale_as_fresh",
    "no-backfill": "gap_unexplained",
    "lost-subscription": "not_live",
    "journal-after-send": "lost",
    "retry-on-timeout": "replayed",
    "no-fill-dedupe": "fills_doubled",
    "clock-nonce": "nonce_refused",
    "sequence-gap-ignored": "fills_missed",
    "cancel-error-as-verdict": "misjudged",
    "unknown-by-timer": "misjudged",
    "no-hysteresis": "flapping",
    "rest-as-stream": "stale_as_fresh",
    "duplicate-across-lines": "served_wrong",
    "replay-blindly": "replayed",
    "checkpoint-trusted": "served_wrong",
}


@pytest.mark.timeout(1200)
def test_ten_virtual_hours_of_faults_leave_nothing_wrong_and_no_order_lost_doubled_or_misjudged() -> None:
    total = Report()
    for report in run_seeds(1, SEEDS, MINUTES, jobs=os.cpu_count() or 1):
        total.add(report)

    assert total.violations == []
    assert total.virtual_s >= 10 * 3600
    assert total.faults > 8 * SEEDS
    assert total.books_compared > 300 * SEEDS
    assert total.orders > 30 * SEEDS
    assert total.fills > 8 * SEEDS
    assert total.restarts > SEEDS // 2
    assert total.levels_seen == [level.name for level in Level]
    assert total.failover_ms.total() >= LOSSES
    assert max(total.failover_ms) < HANDED_OVER_MS
    assert total.differences > SEEDS // 50


@pytest.mark.parametrize("plant", PLANTS)
def test_the_judge_finds_a_planted_bug(plant: str) -> None:
    found: set[str] = set()
    for report in run_seeds(1, MOST_SEEDS_TO_FIND, plant=plant):
        found |= set(report.kinds)
        assert all(f"--plant {plant}" in violation.command for violation in report.violations)
        if KINDS[plant] in found:
            break

    assert KINDS[plant] in found


def test_a_seed_gives_the_same_run_in_every_process() -> None:
    here = run_seed(5)
    assert run_seed(5).trace == here.trace

    program = "from leadline.simulation.run import run_seed; print(run_seed(5).trace)"
    for hashing in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hashing},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here.trace
