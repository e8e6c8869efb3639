from __future__ import annotations

import io

from rich.console import Console, RenderableType

from leadline.demo.incidents import Incident
from leadline.demo.readers import FrameCount
from leadline.demo.run import Demo, calm
from leadline.demo.screen import Screen, faults, picture
from leadline.demo.script import CLOSE, CORRUPT, DROP, DUP, FALSIFIED, SYMBOLS
from leadline.model.market import Channel, Subscription
from stage import Stage, play
from staged_demo import StagedVenue

S = 10**9
MS = 10**6
BOOKS = [Subscription(Channel.BOOK, symbol, 10) for symbol in SYMBOLS]


def drawn(picture: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(picture)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def line_of(text: str, what: str) -> str:
    return next(line for line in text.splitlines() if what in line)


def test_a_fault_shows_how_long_it_took_to_be_noticed_and_to_be_over() -> None:
    incident = Incident(CORRUPT, S, detected_ns=S + 12 * MS, recovered_ns=S + 1500 * MS)

    line = line_of(drawn(faults([incident], 5, 9 * S)), CORRUPT.what)

    assert line.split()[0] == "CORRUPT"
    assert line.split()[-5:] == ["12", "ms", "✓", "1.5", "s"]


def test_a_fault_that_is_not_over_shows_the_time_that_passes() -> None:
    text = drawn(faults([Incident(DROP, S, detected_ns=S + 5 * MS)], 5, 3 * S))

    assert line_of(text, DROP.what).split()[-3:] == ["…", "2.0", "s"]


def test_in_the_summary_it_is_not_over_yet() -> None:
    text = drawn(faults([Incident(CLOSE, S)], 5))

    assert line_of(text, CLOSE.what).split()[-2:] == ["not", "yet"]


def test_what_can_do_no_harm_is_called_harmless() -> None:
    assert "harmless" in drawn(faults([Incident(DUP, S, recovered_ns=2 * S)], 5, 2 * S))


def test_where_there_is_no_room_the_latest_faults_are_shown() -> None:
    text = drawn(faults([Incident(CORRUPT, S), Incident(DROP, S), Incident(CLOSE, S)], 2, 2 * S))

    assert CORRUPT.what not in text and DROP.what in text and CLOSE.what in text


def test_the_screen_tells_a_proven_book_from_a_lost_one() -> None:
    pictures: list[str] = []

    async def scene(stage: Stage) -> None:
        venue = StagedVenue(stage)
        async with stage.system(BOOKS) as system:
            await system.ready()
            demo = Demo(system, venue, FrameCount(), 60, 1, Screen(Console(file=io.StringIO())))
            for row in demo.readers.rows.values():
                system.feed.on_book(row.symbol, demo.readers._measured(row), 10)
            await stage.clock.sleep(2)
            pictures.append(drawn(picture(demo, 118, 40)))
            await venue.inject({"kind": "REFUSE", "route": "all"})
            await venue.inject({"kind": "CLOSE"})
            await stage.clock.sleep(2)
            pictures.append(drawn(picture(demo, 118, 40)))

    play(scene)

    calm, lost = pictures
    assert "● 1 of 1 lines" in calm and "FULL  all as wanted" in calm and calm.count("✓ 10 levels") == 8
    assert "none yet" in calm
    assert "● 0 of 1 lines, closed by" in lost and "OUTAGE" in lost
    assert lost.count("✗ lost") == 8 and "✓ 10 levels" not in lost


def test_a_narrow_terminal_shows_whole_prices_and_no_half_words() -> None:
    pictures: list[str] = []

    async def scene(stage: Stage) -> None:
        async with stage.system(BOOKS) as system:
            await system.ready()
            demo = Demo(system, StagedVenue(stage), FrameCount(), 60, 1, Screen(Console(file=io.StringIO())))
            for row in demo.readers.rows.values():
                system.feed.on_book(row.symbol, demo.readers._measured(row), 10)
            await stage.clock.sleep(2)
            pictures.append(drawn(picture(demo, 80, 24)))

    play(scene)

    market = pictures[0].splitlines()[3:12]
    assert len(market) == 9 and not any("…" in line for line in market)
    assert len(pictures[0].splitlines()) <= 24
    assert all(len(line.rstrip()) <= 80 for line in pictures[0].splitlines())


def test_the_screen_names_what_differs_and_whose_level_it_is() -> None:
    pictures: list[str] = []

    async def scene(stage: Stage) -> None:
        venue = StagedVenue(stage)
        tickers = [Subscription(Channel.TICKER, symbol) for symbol in SYMBOLS]
        async with stage.system([*BOOKS, *tickers]) as system:
            await calm(system)
            demo = Demo(system, venue, FrameCount(), 60, 1, Screen(Console(file=io.StringIO())))
            await venue.inject({"kind": "SKEW", "factor": "10", "channel": "ticker", "symbol": FALSIFIED})
            while not system.feed.validator.open:
                await stage.clock.sleep(1)
            pictures.append(drawn(picture(demo, 118, 40)))

    play(scene)

    [text] = pictures
    assert "DEGRADED  something is replaced or in doubt" in text
    assert f"{FALSIFIED}: bid " in text and " by REST" in text
    assert "DEGRADED" in line_of(text, f"{FALSIFIED} ") and "FULL" in line_of(text, "BTC/USD")
