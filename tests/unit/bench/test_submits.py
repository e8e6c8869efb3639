"""What is measured of a submit is the way a trading program's order takes, its journal included."""

from __future__ import annotations

import random
from pathlib import Path

from leadline.bench.submits import ORDERS_PER_S, SECONDS, SUBMITTERS, fsyncs_us, moments_s, submitting
from leadline.clock import SystemClock
from leadline.engine.records import Intent


async def test_every_measured_order_is_on_disk_and_took_the_time_until_it_was_handed_over(
    tmp_path: Path,
) -> None:
    clock = SystemClock()
    began_ns = clock.mono_ns()

    async with submitting(tmp_path, clock) as bench:
        await bench.alone(2)
        await bench.together([[0.0, 0.01], [0.005]])
        await bench.burst(3)
        intents = [record for record in bench.journal.records() if isinstance(record, Intent)]

    assert len(intents) == len(bench.took_us) == 8
    most_us = (clock.mono_ns() - began_ns) / 1000
    assert all(0 < us < most_us for us in bench.took_us)


def test_the_submitters_make_five_hundred_orders_a_second_together() -> None:
    rows = moments_s(random.Random(1))

    assert len(rows) == SUBMITTERS
    assert sum(map(len, rows)) == SECONDS * ORDERS_PER_S
    assert all(row == sorted(row) and row[0] >= 0 and row[-1] <= SECONDS for row in rows)


def test_an_fsync_takes_some_time(tmp_path: Path) -> None:
    took_us = fsyncs_us(tmp_path, SystemClock())

    assert all(us > 0 for us in took_us)
    assert list(tmp_path.iterdir()) == []
