from __future__ import annotations

import io

from rich.console import Console, RenderableType

from leadline.demo.incidents import Incident
from leadline.demo.run import Demo
from leadline.demo.screen import Screen, faults, picture
from leadline.demo.script import CLOSE, CORRUPT, DROP, DUP, FALSIFIED
from stage import play
from staged_demo import BothVenues, staged_demo

S = 10**9
MS = 10**6


def drawn(picture: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(picture)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def screen() -> Screen:
    return Screen(Console(file=io.StringIO()))


def read_books(demo: Demo) -> None:
    """Begin to read every book, as the demo's own readers do."""
    for side in demo.sides:
        for row in side.readers.rows.values():
            side.system.feed.on_book(row.symbol, side.readers._measured(row), 10)


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

    async def scene(stage: BothVenues) -> None:
        async with staged_demo(stage, screen(), lines=1) as (demo, venue):
            read_books(demo)
            await stage.clock.sleep(2)
            pictures.append(drawn(picture(demo, 118, 40)))
            await venue.inject({"kind": "REFUSE", "route": "all"})
            await venue.inject({"kind": "CLOSE"})
            await stage.clock.sleep(2)
            pictures.append(drawn(picture(demo, 118, 40)))

    play(scene, BothVenues)

    calm, lost = pictures
    assert "● 1 of 1 lines" in calm and "FULL  all as wanted" in calm and calm.count("✓ 10 levels") == 12
    assert "none yet" in calm
    assert line_of(calm, "binance ").count("● 2 of 2 lines  FULL") == 1
    assert "BTC/USD 63" in calm and " bp (" in calm
    assert "nothing to compare" in lost
    ours, why = (line_of(lost, "● 0 of 1 lines"), line_of(lost, "closed by"))
    assert "OUTAGE" in ours and ours in lost.split(why)[0]
    assert lost.count("✗ lost") == 8 and lost.count("✓ 10 levels") == 4


def test_a_narrow_terminal_shows_whole_prices_and_no_half_words() -> None:
    pictures: list[str] = []

    async def scene(stage: BothVenues) -> None:
        async with staged_demo(stage, screen(), lines=1) as (demo, _):
            read_books(demo)
            await stage.clock.sleep(2)
            pictures.append(drawn(picture(demo, 80, 24)))

    play(scene, BothVenues)

    market = pictures[0].splitlines()[3:17]
    assert market[0].split()[0] == "bid" and market[-1].startswith("BTC/USD 63")
    assert not any("…" in line for line in market)
    assert len(pictures[0].splitlines()) <= 24
    assert all(len(line.rstrip()) <= 80 for line in pictures[0].splitlines())


def test_the_screen_names_what_differs_and_whose_level_it_is() -> None:
    pictures: list[str] = []

    async def scene(stage: BothVenues) -> None:
        async with staged_demo(stage, screen(), lines=1) as (demo, venue):
            await venue.inject({"kind": "SKEW", "factor": "10", "channel": "ticker", "symbol": FALSIFIED})
            while not demo.first.system.feed.validator.open:
                await stage.clock.sleep(1)
            pictures.append(drawn(picture(demo, 118, 40)))

    play(scene, BothVenues)

    [text] = pictures
    assert "DEGRADED  something is replaced or in doubt" in text
    assert f"{FALSIFIED}: bid " in text and " by REST" in text
    assert "DEGRADED" in line_of(text, f"{FALSIFIED} ") and "FULL" in line_of(text, "BTC/USD")


def test_the_rows_of_one_thing_stand_beneath_each_other() -> None:
    pictures: list[str] = []

    async def scene(stage: BothVenues) -> None:
        async with staged_demo(stage, screen(), lines=1) as (demo, _):
            read_books(demo)
            await stage.clock.sleep(2)
            pictures.append(drawn(picture(demo, 118, 40)))

    play(scene, BothVenues)

    rows = [line.split()[:2] for line in pictures[0].splitlines() if "✓ 10 levels" in line]
    assert rows[:4] == [
        ["kraken", "BTC/USD"],
        ["binance", "BTC/USDT:USDT"],
        ["kraken", "ETH/USD"],
        ["binance", "ETH/USDT:USDT"],
    ]
    assert rows[-1] == ["kraken", "DOT/USD"]
