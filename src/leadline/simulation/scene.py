"""What a run begins with: its seed, its venue, the client's side of it, and who trades there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from leadline.app.account import MakePorts
from leadline.emulator.limits import ConnectBudget
from leadline.emulator.surface import EmulatedVenue
from leadline.simulation.evidence import Evidence
from leadline.simulation.order_texts import OrderTexts
from leadline.simulation.plants import Plant
from leadline.simulation.truth import Truth
from leadline.venues.ports import MarketData


@dataclass(frozen=True, slots=True)
class Seed:
    """What decides a run: its number, how long it is, and the bug that is planted."""

    number: int
    minutes: float
    plant: Plant


@dataclass(frozen=True, slots=True)
class Scene:
    """A venue as it is at the beginning of a run, and what others than the client know of its market."""

    exchange: EmulatedVenue
    connects: ConnectBudget
    """How the venue counts connects."""
    truth: Truth
    evidence: Evidence
    texts: OrderTexts
    """How its requests about orders look."""
    resting: Callable[[], bool]
    """Whether it has an open order that REST could keep silent about."""


@dataclass(frozen=True, slots=True)
class Side:
    """The client's side of the venue, made anew for each of its lives."""

    market: MarketData
    ports: MakePorts


class Trading(Protocol):
    """A program that trades at random."""

    async def run(self) -> None:
        """Trade until cancelled."""

    def rest(self, for_s: float) -> None:
        """Begin nothing for so long."""
