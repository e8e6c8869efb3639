"""Every venue that the contract suite runs on; a new one is entered in `WIRED`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from leadline.venues.ports import Path
from venue_bench import Bench, WireBench, play
from venue_bench_binance import BinanceBench
from venue_bench_kraken import KrakenBench
from venue_bench_memory import MemoryBench

WIRED: tuple[WireBench, ...] = (KrakenBench(), BinanceBench())
WITH_CONTRACTS = tuple(bench for bench in WIRED if bench.kit.contracts)
ALL: tuple[Bench, ...] = (*WIRED, MemoryBench())
"""The venue in memory has no wire: of faults on it, and of what leaves, it keeps no promise."""

Scene = Callable[[Any], Awaitable[None]]
SceneOfPath = Callable[[Any, Path], Awaitable[None]]


def on_every_venue(
    rate: float = 0.0, venues: Sequence[Bench] = WIRED
) -> Callable[[Scene], Callable[[Bench], None]]:
    """A test of the suite: its scene is played on each venue, whose crowd does `rate` things a second."""

    def made(scene: Scene) -> Callable[[Bench], None]:
        @pytest.mark.parametrize("bench", venues, ids=lambda bench: bench.name)
        def test(bench: Bench) -> None:
            play(bench, scene, rate)

        return test

    return made


def on_every_path(venues: Sequence[Bench] = WIRED) -> Callable[[SceneOfPath], Callable[[Bench, Path], None]]:
    """The same for a scene of requests, played on either path of each venue."""

    def made(scene: SceneOfPath) -> Callable[[Bench, Path], None]:
        @pytest.mark.parametrize("path", list(Path), ids=lambda path: path.value)
        @pytest.mark.parametrize("bench", venues, ids=lambda bench: bench.name)
        def test(bench: Bench, path: Path) -> None:
            play(bench, lambda world: scene(world, path))

        return test

    return made
