from __future__ import annotations

import asyncio

import msgspec
import pytest

from leadline.demo.incidents import Incident
from leadline.demo.lines import Lines
from leadline.demo.run import Demo
from leadline.demo.script import FALSIFIED, SYMBOLS, WHOLE_SCRIPT_S
from leadline.demo.words import summary
from leadline.errors import Error
from leadline.model.level import Level
from leadline.model.market import GapCause
from stage import play
from staged_demo import BothVenues, StagedVenue, staged_demo

EVERY_KIND = {
    "CLOSE", "REFUSE", "STALL", "HALF_OPEN", "ACK_NO_DATA", "DROP", "DUP", "REORDER", "CORRUPT", "SUB_REJECT",
    "SUB_RATE", "REPLY", "STATUS", "SKEW",
}  # fmt: skip


def performed(seconds: float) -> tuple[Demo, StagedVenue, list[str]]:
    """A whole demo on virtual time."""
    kept: list[tuple[Demo, StagedVenue]] = []
    lines: list[str] = []

    async def scene(stage: BothVenues) -> None:
        view = Lines(lines.append)
        async with staged_demo(stage, view, seconds) as (demo, venue):
            view.opened(demo)
            await demo.run()
            kept.append((demo, venue))

    play(scene, BothVenues)
    return (*kept[0], lines)


@pytest.fixture(scope="module")
def whole() -> tuple[Demo, StagedVenue, list[str]]:
    return performed(WHOLE_SCRIPT_S)


def rows(demo: Demo) -> list[Incident]:
    return demo.incidents.all


def test_a_minute_has_every_kind_of_fault(whole: tuple[Demo, StagedVenue, list[str]]) -> None:
    assert {one.step.kind for one in rows(whole[0])} == EVERY_KIND


def test_every_fault_that_can_be_noticed_is_noticed_and_ends(
    whole: tuple[Demo, StagedVenue, list[str]],
) -> None:
    for one in rows(whole[0]):
        assert one.without_effect == (one.detected_ms is None), one
        assert one.recovered_ms is not None, one
        assert one.detected_ms is None or 0 <= one.detected_ms <= one.recovered_ms, one


def test_nothing_is_served_wrong_and_every_book_is_live_at_the_end(
    whole: tuple[Demo, StagedVenue, list[str]],
) -> None:
    demo, venue, _ = whole

    assert demo.books_live and not demo.interrupted
    assert demo.final is not None and demo.final.books.served_wrong == 0
    assert (
        1000 < venue.verdicts.compared <= len(venue.seen) < venue.verdicts.compared + 50
    )  # some while closing
    assert {type(seen).__name__ for seen in venue.seen} == {"SeenBook", "SeenTicker", "SeenTrade", "SeenBar"}


def test_the_result_adds_up(whole: tuple[Demo, StagedVenue, list[str]]) -> None:
    result = whole[0].final
    assert result is not None
    books = result.books

    assert books.checksum_bad >= 3 and books.resyncs >= 3
    assert books.checksum_ok + books.checksum_bad <= books.updates
    assert result.readings.stream > 0 and result.readings.rest > 0
    assert result.failover.count > 0 and result.gaps > 0
    assert set(msgspec.to_builtins(result)) == {
        "seconds", "frames", "books", "faults", "failover", "readings", "gaps", "latency_us", "levels_seen",
        "switches", "symbols", "divergences", "venues", "between",
    }  # fmt: skip


def test_the_whole_walk_leads_through_all_four_levels_and_back(
    whole: tuple[Demo, StagedVenue, list[str]],
) -> None:
    demo, _, lines = whole
    assert demo.final is not None

    assert demo.first.began_at is Level.FULL
    assert demo.final.levels_seen == ("FULL", "DEGRADED", "EMERGENCY_ONLY", "OUTAGE")
    assert demo.first.changes[-1][1].level is Level.FULL
    assert all(any(f"{change.level.name}, was" in line for line in lines) for _, change in demo.first.changes)
    assert any("All four service levels" in line for line in summary(demo, demo.final))


def test_a_divergence_is_named_and_its_symbol_alone_is_degraded_by_it(
    whole: tuple[Demo, StagedVenue, list[str]],
) -> None:
    demo, _, lines = whole
    [skew] = [one for one in rows(demo) if one.step.kind == "SKEW"]
    [at] = [number for number, line in enumerate(lines) if "1 value differs between" in line][:1]
    shown = " · ".join(line.strip() for line in lines[at + 1 : at + 3]).split(" · ")

    assert demo.final is not None
    named = [one for one in demo.final.divergences if one.pattern]
    assert [(one.symbol, one.pattern) for one in named] == [(FALSIFIED, "theirs is 10 × ours, 3 times")]
    assert any("on the stream," in line and "by REST: theirs is 10 × ours" in line for line in lines)
    assert any("agree again" in line for line in lines)
    assert skew.to_end and skew.recovered_ms is not None
    assert [one.split()[0] for one in shown if one.endswith("DEGRADED")] == [FALSIFIED]
    assert len(shown) == len(SYMBOLS)


def test_the_loss_of_one_line_is_a_switch_and_no_gap(whole: tuple[Demo, StagedVenue, list[str]]) -> None:
    demo, _, _ = whole
    assert demo.final is not None
    clock = demo.first.system.clock
    [outage] = [one for one in rows(demo) if one.step.kind == "REFUSE"]
    begun_ns = outage.since_ns + clock.wall_ns() - clock.mono_ns()
    ends = [gap.until_ns for gap in demo.first.system.feed.gaps if gap.cause is GapCause.DISCONNECTED]

    assert {one.step.kind for one in rows(demo)} >= {"CLOSE", "HALF_OPEN"}
    assert demo.final.switches.count >= 2
    assert ends and all(until_ns is None or until_ns > begun_ns for until_ns in ends)


def test_no_trade_passes_twice(whole: tuple[Demo, StagedVenue, list[str]]) -> None:
    assert [side.readers.trades_twice for side in whole[0].sides] == [0, 0]


def test_what_happens_is_said_line_by_line(whole: tuple[Demo, StagedVenue, list[str]]) -> None:
    demo, _, lines = whole
    assert demo.final is not None
    said = "\n".join(lines)

    assert all(one.step.what in said for one in rows(demo))
    assert any("not one was wrong" in line for line in summary(demo, demo.final))


def test_eight_seconds_have_three_kinds_and_end_in_good_order() -> None:
    demo, _, _ = performed(8)

    assert len({one.step.kind for one in rows(demo)}) >= 3
    assert all(one.recovered_ms is not None for one in rows(demo))
    assert demo.books_live
    assert demo.final is not None and demo.final.seconds <= 9


def test_a_short_demo_says_which_levels_it_did_not_reach() -> None:
    demo, _, lines = performed(8)
    assert demo.final is not None

    told = next(line for line in summary(demo, demo.final) if line.startswith("Service levels"))
    assert "not seen" in told and "OUTAGE (all of them take 75 s)" in told
    assert any("a part of the walk" in line for line in lines)


def test_an_interrupted_demo_sums_up_what_it_has() -> None:
    kept: list[Demo] = []

    async def scene(stage: BothVenues) -> None:
        view = Lines(lambda line: None)
        async with staged_demo(stage, view) as (demo, _):
            view.opened(demo)
            running = asyncio.create_task(demo.run())
            await stage.clock.sleep(5)
            running.cancel()
            await running
            kept.append(demo)

    play(scene, BothVenues)

    (demo,) = kept
    assert demo.interrupted
    assert demo.final is not None and demo.final.faults and demo.final.seconds < 6
    assert next(summary(demo, demo.final)).startswith("Interrupted after")


def test_a_venue_that_is_gone_is_an_error_and_no_interruption() -> None:
    class Gone(StagedVenue):
        async def submit_for_ever(self) -> None:
            raise Error("the venue is gone")

    async def scene(stage: BothVenues) -> None:
        view = Lines(lambda line: None)
        async with staged_demo(stage, view, venue=Gone(stage)) as (demo, _):
            view.opened(demo)
            with pytest.raises(ExceptionGroup) as caught:
                await demo.run()

        assert "the venue is gone" in str(caught.value.exceptions)

    play(scene, BothVenues)
