"""The worlds that a run can be in, by the name of their venue, and what can be planted in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from leadline.simulation.binance_plants import BINANCE_NOTHING, BINANCE_PLANTS
from leadline.simulation.binance_world import BinanceWorld
from leadline.simulation.kraken_world import KrakenWorld
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.plants import NOTHING, PLANTS, Plant
from leadline.simulation.report import Findings
from leadline.simulation.scene import Seed
from leadline.simulation.world import World


@dataclass(frozen=True, slots=True)
class Worlds:
    """One venue: how its world is made, without a bug or with one of these."""

    make: Callable[[Seed, VirtualLoop, Findings, Path], World]
    nothing: Plant
    plants: Mapping[str, Plant]


WORLDS: Mapping[str, Worlds] = {
    "kraken": Worlds(KrakenWorld, NOTHING, PLANTS),
    "binance": Worlds(BinanceWorld, BINANCE_NOTHING, BINANCE_PLANTS),
}

KRAKEN = "kraken"
"""The venue of a run unless said."""


def venues_of(plant: str) -> list[str]:
    """The venues in whose world a bug can be planted."""
    return [venue for venue, worlds in WORLDS.items() if plant in worlds.plants]


def every_plant() -> list[str]:
    """The names of all bugs that can be planted."""
    return [plant for worlds in WORLDS.values() for plant in worlds.plants]
