"""Runs seeds, each in a loop of its own, one after another or in several processes."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from leadline.simulation.life import Life
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import ESCAPED, Findings, Report
from leadline.simulation.scene import Seed
from leadline.simulation.worlds import KRAKEN, WORLDS

_SILENT = logging.CRITICAL + 1
_log = logging.getLogger("leadline")

DEFAULT_VENUE = KRAKEN
DEFAULT_MINUTES = 5.0
LEAST_MINUTES = 2.0
"""A run needs its calm beginning and end, and something between."""


def run_seed(
    seed: int, minutes: float = DEFAULT_MINUTES, plant: str | None = None, venue: str = DEFAULT_VENUE
) -> Report:
    """Run one seed in the world of one venue; `plant` names a bug to plant there."""
    findings = Findings(seed, command(seed, minutes, plant, venue))
    loop = VirtualLoop()
    worlds = WORLDS[venue]
    planted = worlds.nothing if plant is None else worlds.plants[plant]
    with TemporaryDirectory(prefix="leadline-") as folder:
        world = worlds.make(Seed(seed, minutes, planted), loop, findings, Path(folder))
        try:
            loop.run_until_complete(world.run())
        except Exception as error:  # that something escapes is what a run looks for
            findings.add(ESCAPED, "", repr(error), "nothing escapes", loop.now_ns)
        finally:
            _end(loop, world.lives)
    return world.report()


def run_venues(seed: int, minutes: float, plant: str | None, venues: Sequence[str]) -> Report:
    """Run one seed in the world of each venue: one report of both, for one seed.

    A bug is planted where there is one of that name.
    """
    total = Report()
    for venue in venues:
        planted = plant if plant in WORLDS[venue].plants else None
        total.add(run_seed(seed, minutes, planted, venue))
    total.seeds = 1
    return total


def _end(loop: VirtualLoop, lives: Sequence[Life]) -> None:
    """Close the loop, then take apart whom it would have waited for."""
    for life in lives:
        life.kill()
    loop.set_exception_handler(lambda loop, context: None)
    loop.close()
    for life in lives:
        life.bury()


def run_seeds(
    first: int,
    count: int,
    minutes: float = DEFAULT_MINUTES,
    plant: str | None = None,
    jobs: int = 1,
    venues: Sequence[str] = (DEFAULT_VENUE,),
) -> Iterator[Report]:
    """The reports of `count` seeds from `first` on, in order, each as soon as it is there."""
    if len(venues) == 1:
        one = partial(run_seed, minutes=minutes, plant=plant, venue=venues[0])
    else:
        one = partial(run_venues, minutes=minutes, plant=plant, venues=venues)
    seeds = range(first, first + count)
    if jobs == 1:
        with _unlogged():
            yield from map(one, seeds)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin_worker) as pool:
        try:
            yield from pool.map(one, seeds)
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep the warnings of a client under faults, which are meant for its operator, out of a report."""
    level = _log.level
    _log.setLevel(_SILENT)
    try:
        yield
    finally:
        _log.setLevel(level)


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _log.setLevel(_SILENT)


def command(seed: int, minutes: float, plant: str | None, venue: str = DEFAULT_VENUE) -> str:
    """The command that runs this seed again."""
    there = "" if venue == DEFAULT_VENUE else f" --venue {venue}"
    planted = f" --plant {plant}" if plant else ""
    return f"leadline simulate --seeds 1 --first-seed {seed} --minutes {minutes:g}{there}{planted}"
