from __future__ import annotations

from leadline.simulation.plants import Plant
from leadline.simulation.worlds import WORLDS, every_plant, venues_of
from leadline.venues.catalogue import VENUES


def test_there_is_a_world_for_every_venue() -> None:
    assert set(WORLDS) == set(VENUES)


def test_the_name_of_a_planted_bug_says_where_it_is_planted() -> None:
    assert venues_of("no-truncation") == ["kraken"]
    assert venues_of("pu-unchecked") == ["binance"]
    assert venues_of("nothing") == []
    assert len(every_plant()) == len(set(every_plant()))


def test_every_plant_changes_something() -> None:
    for worlds in WORLDS.values():
        assert isinstance(worlds.nothing, Plant)
        assert [name for name, plant in worlds.plants.items() if plant == worlds.nothing] == []
