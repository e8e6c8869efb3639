from __future__ import annotations

from leadline.demo.script import SYMBOLS
from leadline.demo.standing import Standing, standings
from leadline.model.level import Level
from leadline.model.market import Channel, Subscription
from leadline.model.reading import UNVALIDATED, Source
from stage import Stage, play
from staged_demo import StagedVenue

BOOKS = [Subscription(Channel.BOOK, symbol, 10) for symbol in SYMBOLS]


def seen_at(*faults: dict[str, object], after_s: float) -> dict[str, Standing]:
    """How the eight stand so long after the faults were put on, all of them read."""
    kept: list[Standing] = []

    async def scene(stage: Stage) -> None:
        venue = StagedVenue(stage)
        async with stage.system(BOOKS) as system:
            await system.ready()
            for symbol in SYMBOLS:
                system.feed.on_book(symbol, lambda reading: None, 10)
            await stage.clock.sleep(1)
            for fault in faults:
                await venue.inject(dict(fault))
            await stage.clock.sleep(after_s)
            kept.extend(standings(system, SYMBOLS))

    play(scene)
    assert [one.symbol for one in kept] == [*SYMBOLS]
    return {one.symbol: one for one in kept}


def test_what_streams_is_at_its_best() -> None:
    found = seen_at(after_s=2)

    assert set(found.values()) == {
        Standing(symbol, Source.STREAM, UNVALIDATED, Level.FULL, "kraken") for symbol in SYMBOLS
    }


def test_a_book_that_fell_silent_degrades_its_symbol_alone() -> None:
    found = seen_at({"kind": "STALL", "channel": "book", "symbol": "LTC/USD"}, after_s=25)

    assert {symbol for symbol, one in found.items() if one.level is Level.DEGRADED} == {"LTC/USD"}
    assert found["LTC/USD"].source is Source.REST


def test_from_emergency_on_it_is_everybodys_level() -> None:
    found = seen_at({"kind": "STATUS", "mode": "maintenance"}, after_s=2)

    assert {one.level for one in found.values()} == {Level.EMERGENCY_ONLY}
    assert {one.source for one in found.values()} == {Source.STREAM}
