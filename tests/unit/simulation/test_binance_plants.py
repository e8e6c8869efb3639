from __future__ import annotations

from leadline.simulation.binance_plants import BINANCE_NOTHING, BINANCE_PLANTS
from leadline.simulation.plants import PLANTS


def test_every_plant_changes_something_and_no_name_is_taken_twice() -> None:
    assert [name for name, plant in BINANCE_PLANTS.items() if plant == BINANCE_NOTHING] == []
    assert not BINANCE_PLANTS.keys() & PLANTS.keys()
