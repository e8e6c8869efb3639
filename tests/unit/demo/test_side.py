from __future__ import annotations

from leadline.demo.lines import Lines
from leadline.demo.result import VenueReport
from leadline.demo.script import PERPETUALS, SYMBOLS
from leadline.demo.side import Side
from leadline.engine.events import LevelChanged
from leadline.model.level import Level
from stage import play
from staged_demo import BothVenues, staged_demo


def reports(*changes: LevelChanged) -> tuple[VenueReport, VenueReport]:
    """What both venues report a moment after the levels of the first have changed like this."""
    kept: list[tuple[Side, Side]] = []
    told: list[VenueReport] = []

    async def scene(stage: BothVenues) -> None:
        async with staged_demo(stage, Lines(lambda line: None)) as (demo, _):
            await stage.clock.sleep(2)
            demo.first.changes += [(1.0, change) for change in changes]
            kept.append(demo.sides)
            told.extend(side.report(3) for side in demo.sides)

    play(scene, BothVenues)

    [(first, second)] = kept
    assert [one.symbol for one in first.standings()] == [*SYMBOLS]
    assert [(one.symbol, one.venue) for one in second.standings()] == [
        (name, "binance") for name in PERPETUALS
    ]
    return told[0], told[1]


def test_each_venue_reports_its_own_books_proven_in_its_own_way() -> None:
    first, second = reports()

    assert (first.venue, second.venue) == ("kraken", "binance")
    for one in (first, second):
        assert one.books.updates > 20 and one.books.proven > 0 and one.books.wrong == 0
        assert one.books.rebuilt == 3
        assert (one.level, one.levels_seen) == ("FULL", ("FULL",))


def test_the_levels_seen_are_told_best_first_and_the_last_is_that_at_the_end() -> None:
    first, second = reports(
        LevelChanged(Level.OUTAGE, Level.FULL, ("cut",)), LevelChanged(Level.DEGRADED, Level.OUTAGE, ())
    )

    assert first.levels_seen == ("FULL", "DEGRADED", "OUTAGE") and first.level == "DEGRADED"
    assert second.levels_seen == ("FULL",)
