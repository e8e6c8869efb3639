from __future__ import annotations

import pytest

from leadline.simulation.run import LEAST_MINUTES, command, run_seed, run_seeds


def test_the_command_of_a_seed_names_all_that_decides_it() -> None:
    assert command(7, 5.0, None) == "leadline simulate --seeds 1 --first-seed 7 --minutes 5"
    assert command(7, 2.5, "no-backfill").endswith("--minutes 2.5 --plant no-backfill")
    there = command(7, 5.0, "pu-unchecked", "binance")
    assert there.endswith("--minutes 5 --venue binance --plant pu-unchecked")


@pytest.mark.parametrize("jobs", [1, 2])
def test_seeds_come_in_order_whatever_the_number_of_processes(jobs: int) -> None:
    reports = list(run_seeds(3, 2, LEAST_MINUTES, jobs=jobs))

    assert [report.trace for report in reports] == [run_seed(seed, LEAST_MINUTES).trace for seed in (3, 4)]
    assert all(report.clean for report in reports)


def test_a_seed_in_both_worlds_is_one_seed_and_all_else_is_summed() -> None:
    (both,) = run_seeds(3, 1, LEAST_MINUTES, venues=("kraken", "binance"))
    apart = [run_seed(3, LEAST_MINUTES, venue=venue) for venue in ("kraken", "binance")]

    assert both.seeds == 1
    assert both.virtual_s == 2 * 60 * LEAST_MINUTES
    assert both.faults == sum(report.faults for report in apart)
    assert both.books_compared == sum(report.books_compared for report in apart)
    assert both.orders == sum(report.orders for report in apart)
    assert both.clean


def test_a_bug_is_planted_where_there_is_one_of_that_name() -> None:
    (report,) = run_seeds(3, 1, LEAST_MINUTES, plant="stale-as-fresh", venues=("kraken", "binance"))

    assert report.kinds["stale_as_fresh"] > 0
    assert all("--venue" not in violation.command for violation in report.violations)
