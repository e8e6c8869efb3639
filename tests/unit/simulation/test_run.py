from __future__ import annotations

import pytest

from leadline.simulation.run import LEAST_MINUTES, command, run_seed, run_seeds


def test_the_command_of_a_seed_names_all_that_decides_it() -> None:
    assert command(7, 5.0, None) == "leadline simulate --seeds 1 --first-seed 7 --minutes 5"
    assert command(7, 2.5, "no-backfill").endswith("--minutes 2.5 --plant no-backfill")


@pytest.mark.parametrize("jobs", [1, 2])
def test_seeds_come_in_order_whatever_the_number_of_processes(jobs: int) -> None:
    reports = list(run_seeds(3, 2, LEAST_MINUTES, jobs=jobs))

    assert [report.trace for report in reports] == [run_seed(seed, LEAST_MINUTES).trace for seed in (3, 4)]
    assert all(report.clean for report in reports)
