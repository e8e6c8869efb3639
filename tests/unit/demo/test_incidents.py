from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from leadline.app.system import System
from leadline.core.level import PROVING_S
from leadline.core.session import LineDown
from leadline.demo.incidents import NOT_NOTICED, UNDONE, Incident, Incidents
from leadline.demo.run import calm
from leadline.demo.script import (
    CLOSE,
    CORRUPT,
    DROP,
    DUP,
    FIRST,
    REFUSE,
    SECOND,
    STALL,
    STATUS,
    Cue,
    Planned,
    Step,
)
from leadline.engine.events import StreamDead
from leadline.model.market import BookDropped, Channel, Gap, GapCause, Subscription
from stage import Stage, play
from staged_demo import StagedVenue

S = 10**9
BTC_BOOK = Subscription(Channel.BOOK, "BTC/USD", 10)
ETH_BOOK = Subscription(Channel.BOOK, "ETH/USD", 10)
STALL_OF_BTC = replace(
    STALL,
    fault=STALL.fault | {"symbol": "BTC/USD"},
    affects=(BTC_BOOK,),
    notice=lambda event: isinstance(event, StreamDead),
    until=lambda event: isinstance(event, StreamDead),
)
CORRUPT_OF_ETH = replace(
    CORRUPT, fault=CORRUPT.fault | {"symbol": "ETH/USD"}, affects=(ETH_BOOK,), aimed_at=ETH_BOOK
)


class Harmless(StagedVenue):
    """A venue on which faults pass without any effect."""

    async def inject(self, fault: dict[str, Any]) -> int:
        return 99


def played(
    steps: Sequence[Step], seconds: float, venue_kind: type[StagedVenue] = StagedVenue, lines: int = 1
) -> list[Incident]:
    """What became of some steps, a second apart, within that time."""
    kept: list[Incident] = []

    async def scene(stage: Stage) -> None:
        venue = venue_kind(stage)
        async with stage.system([BTC_BOOK, ETH_BOOK], lines=lines) as system:
            await calm(system)
            for book in (BTC_BOOK, ETH_BOOK):
                system.feed.on_book(book.symbol, lambda reading: None, 10)
            incidents = Incidents({FIRST: system}, venue, stage.clock, lambda incident: None)
            listening = asyncio.create_task(_listen(system, incidents))
            try:
                async with asyncio.timeout(seconds):
                    await incidents.play([Planned(at_s, step) for at_s, step in enumerate(steps, 1)])
            except TimeoutError:
                pass
            kept.extend(incidents.all)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    play(scene)
    return kept


async def _listen(system: System, incidents: Incidents) -> None:
    async for event in system.feed.events():
        incidents.event(event, FIRST)


def test_an_altered_book_is_noticed_and_live_again() -> None:
    (incident,) = played([CORRUPT], 30)

    assert incident.detected_ms is not None and incident.recovered_ms is not None
    assert 0 < incident.detected_ms < incident.recovered_ms < 5000
    assert (incident.reason, incident.without_effect) == ("", False)


def test_a_fault_of_one_line_hits_the_one_that_readers_are_served_from() -> None:
    faults: list[dict[str, Any]] = []

    class Noted(StagedVenue):
        async def inject(self, fault: dict[str, Any]) -> int:
            faults.append(fault)
            return await super().inject(fault)

    corrupt, close = played([CORRUPT, CLOSE], 30, Noted, lines=2)

    assert [fault["only"] in ("oldest", "newest") for fault in faults] == [True, True]
    assert corrupt.detected_ms is not None and close.detected_ms is not None
    assert corrupt.recovered_ms is not None and close.recovered_ms is not None


def test_a_step_may_run_beside_another_and_the_last_one_waits_for_all() -> None:
    stall, corrupt, outage = played([STALL_OF_BTC, CORRUPT_OF_ETH, REFUSE], 60, lines=2)

    assert stall.recovered_ns is not None and outage.recovered_ns is not None
    assert corrupt.since_ns < stall.recovered_ns <= outage.since_ns


def test_a_step_from_full_waits_for_the_level() -> None:
    outage, status = played([replace(REFUSE, cue=Cue.ALONE), STATUS], 60)

    assert outage.recovered_ns is not None
    assert status.since_ns > outage.recovered_ns + round(PROVING_S / 2 * S)


def test_a_closed_connection_is_noticed_at_once() -> None:
    (incident,) = played([CLOSE], 30)

    assert incident.detected_ms is not None and incident.detected_ms < 10
    assert incident.recovered_ms is not None


def test_maintenance_is_over_when_the_venue_says_so() -> None:
    (incident,) = played([STATUS], 30)

    assert incident.recovered_ms is not None
    assert 3000 <= incident.recovered_ms < 3100


def test_a_step_waits_for_the_one_before_it() -> None:
    close, corrupt = played([CLOSE, CORRUPT], 30)

    assert close.recovered_ns is not None
    assert corrupt.since_ns >= close.recovered_ns


def test_what_undoes_itself_is_said_to_and_is_tried_again() -> None:
    first, second, *_ = played([DROP], 10, Harmless)

    assert first.undone and first.reason == UNDONE
    assert first.detected_ms is None and first.recovered_ms is not None and first.recovered_ms > 3000
    assert second.step is first.step
    assert second.since_ns >= (first.recovered_ns or 0)


def test_what_should_be_noticed_and_is_not_is_never_over() -> None:
    (incident,) = played([CLOSE], 10, Harmless)

    assert (incident.detected_ms, incident.recovered_ms) == (None, None)
    assert incident.reason == NOT_NOTICED
    assert not incident.without_effect


def test_what_can_do_no_harm_is_over_once_it_has_acted() -> None:
    subscription = Subscription(Channel.TRADES, "XRP/USD")
    kept: list[Incident] = []

    async def scene(stage: Stage) -> None:
        venue = StagedVenue(stage)
        async with stage.system([subscription]) as system:
            await system.ready()
            incidents = Incidents({FIRST: system}, venue, stage.clock, lambda incident: None)
            await incidents.play([Planned(1, DUP)])
            kept.extend(incidents.all)

    play(scene)

    (incident,) = kept
    assert incident.detected_ms is None and incident.recovered_ms is not None
    assert incident.reason == DUP.harmless


def test_only_books_that_came_back_count_as_rebuilt() -> None:
    counts: list[dict[str, int]] = []

    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            incidents = Incidents(
                {FIRST: system, SECOND: system}, StagedVenue(stage), stage.clock, lambda incident: None
            )
            incidents.event(BookDropped("BTC/USD", "the checksum does not match"), FIRST)
            incidents.event(LineDown("gone"), FIRST)
            incidents.event(Gap(Channel.BOOK, "BTC/USD", GapCause.DROPPED, S), FIRST)
            incidents.event(Gap(Channel.TICKER, "BTC/USD", GapCause.DISCONNECTED, S, 2 * S), FIRST)
            counts.append(dict(incidents.resyncs))
            incidents.event(Gap(Channel.BOOK, "BTC/USD", GapCause.DROPPED, S, 2 * S), FIRST)
            counts.append(dict(incidents.resyncs))

    play(scene)

    assert counts == [{FIRST: 0, SECOND: 0}, {FIRST: 1, SECOND: 0}]


def test_what_one_venue_does_is_no_sign_of_a_fault_at_another() -> None:
    kept: list[Incident] = []

    async def scene(stage: Stage) -> None:
        async with stage.system([BTC_BOOK]) as system:
            await calm(system)
            incidents = Incidents(
                {FIRST: system, SECOND: system}, Harmless(stage), stage.clock, lambda incident: None
            )
            playing = asyncio.create_task(incidents.play([Planned(0, CLOSE)]))
            await stage.clock.sleep(0.5)
            incidents.event(LineDown("gone"), SECOND)
            kept.append(replace(incidents.all[0]))
            incidents.event(LineDown("gone"), FIRST)
            kept.append(incidents.all[0])
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    play(scene)

    elsewhere, here = kept
    assert elsewhere.detected_ns is None and here.detected_ns is not None
