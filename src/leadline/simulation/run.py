"""Runs seeds, each in a loop of its own, one after another or in several processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from leadline.simulation.loop import VirtualLoop
from leadline.simulation.plants import PLANTS
from leadline.simulation.report import ESCAPED, Findings, Report
from leadline.simulation.world import World
from leadline.venues.kraken.venue import Kraken

DEFAULT_MINUTES = 5.0
LEAST_MINUTES = 2.0
"""A run needs its calm beginning and end, and something between."""


def run_seed(seed: int, minutes: float = DEFAULT_MINUTES, plant: str | None = None) -> Report:
    """Run one seed; `plant` names a bug to plant."""
    findings = Findings(seed, command(seed, minutes, plant))
    venue = Kraken if plant is None else PLANTS[plant]
    loop = VirtualLoop()
    world = World(seed, minutes, venue, loop, findings)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            runner.run(world.run())
        except Exception as error:  # that something escapes is what a run looks for
            findings.add(ESCAPED, "", repr(error), "nothing escapes", loop.now_ns)
    return world.report()


def run_seeds(
    first: int, count: int, minutes: float = DEFAULT_MINUTES, plant: str | None = None, jobs: int = 1
) -> Iterator[Report]:
    """The reports of `count` seeds from `first` on, in order, each as soon as it is there."""
    one = partial(run_seed, minutes=minutes, plant=plant)
    seeds = range(first, first + count)
    if jobs == 1:
        yield from map(one, seeds)
        return
    with ProcessPoolExecutor(
        jobs, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        try:
            yield from pool.map(one, seeds)
        finally:
            pool.shutdown(cancel_futures=True)


def command(seed: int, minutes: float, plant: str | None) -> str:
    """The command that runs this seed again."""
    planted = f" --plant {plant}" if plant else ""
    return f"leadline simulate --seeds 1 --first-seed {seed} --minutes {minutes:g}{planted}"
