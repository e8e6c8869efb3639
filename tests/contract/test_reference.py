"""What every venue's `Reference` promises: names resolve by the venue's tables, and steps are exact."""

from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.errors import UnknownSymbol
from venue_bench import WireWorld, World
from venue_benches import ALL, on_every_venue


@on_every_venue()
async def test_every_spelling_is_the_one_instrument(world: WireWorld) -> None:
    await world.market.load()
    meant = world.market.reference.instrument(world.bench.symbol)

    assert meant.symbol == world.bench.symbol
    for spelling in world.bench.spellings:
        assert world.market.reference.instrument(spelling) == meant


@on_every_venue(venues=ALL)
async def test_an_unknown_symbol_is_answered_with_the_nearest_ones(world: World) -> None:
    await world.market.load()

    with pytest.raises(UnknownSymbol) as caught:
        world.market.reference.instrument(world.bench.misspelt)

    assert world.bench.symbol in caught.value.nearest
    assert world.bench.symbol in str(caught.value)


@on_every_venue(venues=ALL)
async def test_what_names_nothing_is_an_unknown_symbol(world: World) -> None:
    await world.market.load()

    for name in ("", " ", "/", "💰/💰", "../../etc", "x" * 10_000):
        with pytest.raises(UnknownSymbol):
            world.market.reference.instrument(name)


@on_every_venue(venues=ALL)
async def test_instruments_are_listed_by_symbol_and_found_by_it(world: World) -> None:
    await world.market.load()
    listed = world.market.reference.instruments()

    assert [one.symbol for one in listed] == sorted(one.symbol for one in listed)
    assert {world.bench.symbol, world.bench.other} <= {one.symbol for one in listed}
    for one in listed:
        assert world.market.reference.instrument(one.symbol) == one
        assert one.venue == world.bench.name


@on_every_venue(venues=ALL)
async def test_steps_are_exact_numbers_that_the_decimals_hold(world: World) -> None:
    await world.market.load()

    for one in world.market.reference.instruments():
        assert one.price_units(one.tick) > 0
        assert one.qty_units(one.lot) > 0
        for number in (one.tick, one.lot, one.qty_min, one.cost_min):
            assert type(number) is Decimal
        with pytest.raises(ValueError, match="more than"):
            one.price_units(one.tick / 7)
