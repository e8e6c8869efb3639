from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from msgspec.structs import replace

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.level import AccountView, Deed, Observation
from leadline.core.session import LineDown, LineUp
from leadline.engine.account_events import AccountEvent
from leadline.engine.events import Event, LevelChanged, ReaderFailed, ReaderSlow
from leadline.engine.journal import MemoryJournal
from leadline.engine.levels import BUSY_S, CALM_S, KEPT_CHANGES, LONGEST_PROBE_S, LevelWatch
from leadline.engine.records import LevelForced, LevelReleased
from leadline.errors import CheckFailed, ConnectFailed, Held
from leadline.model.level import Level
from leadline.model.market import BookCrossed, VenueMode
from orderrig import settle

WELL = Observation(required=4, live=4, account=AccountView.READY)
ONE_MISSING = replace(WELL, live=3)
BLIND = replace(WELL, live=0)
CUT_OFF = replace(BLIND, lines_down_s=1.0, public_failures=2, private_failures=2, account=AccountView.UNKNOWN)


class Scripted:
    """Shows what the test says; `failing` is what the next probes meet."""

    def __init__(self) -> None:
        self.shown = WELL
        self.looks = self.probes = 0
        self.heard: list[Event | AccountEvent] = []
        self.failing = True

    def hear(self, event: Event | AccountEvent) -> None:
        self.heard.append(event)

    def observe(self) -> Observation:
        self.looks += 1
        return self.shown

    async def probe(self) -> None:
        self.probes += 1
        if self.failing:
            raise ConnectFailed("no way there")


class Rig:
    def __init__(self, journal: MemoryJournal | None = None) -> None:
        self.clock = ManualClock(mono_ns=1000 * NS_PER_S)
        self.journal = journal
        self.scene = Scripted()
        self.told: list[Event] = []
        self.levels = self.make()

    def make(self) -> LevelWatch:
        return LevelWatch(self.scene, self.clock, self.told.append, journal=self.journal)

    async def passes(self, seconds: float) -> None:
        for _ in range(round(seconds * 4)):
            self.clock.advance(0.25)
            await settle()

    async def show(self, seen: Observation, for_s: float = 1.0) -> None:
        self.scene.shown = seen
        await self.passes(for_s)

    def changes(self) -> list[tuple[str, bool]]:
        return [(event.level.name, event.forced) for event in self.told if isinstance(event, LevelChanged)]


@asynccontextmanager
async def watching(rig: Rig | None = None) -> AsyncIterator[Rig]:
    rig = rig or Rig()
    async with rig.levels:
        await settle()
        yield rig


async def test_each_change_is_told_once_with_its_reasons() -> None:
    async with watching() as rig:
        await rig.show(ONE_MISSING)
        await rig.show(BLIND)
        await rig.show(WELL, 12)

        assert rig.told == [
            LevelChanged(
                Level.DEGRADED, Level.FULL, ("1 of 4 required streams not live (0 served by REST)",)
            ),
            LevelChanged(
                Level.EMERGENCY_ONLY,
                Level.DEGRADED,
                ("none of 4 required streams is live (0 served by REST)",),
            ),
            LevelChanged(Level.FULL, Level.EMERGENCY_ONLY, ()),
        ]
        assert rig.levels.level is Level.FULL
        assert rig.levels.reasons == ()
        assert [passage.change for passage in rig.levels.history] == rig.told


async def test_it_looks_once_a_second_while_all_is_well_and_four_times_while_not() -> None:
    async with watching() as rig:
        await rig.passes(1)
        before = rig.scene.looks
        await rig.passes(8)
        assert rig.scene.looks - before == round(8 / CALM_S)
        await rig.show(ONE_MISSING, 1)
        before = rig.scene.looks
        await rig.passes(8)
        assert rig.scene.looks - before == round(8 / BUSY_S)


async def test_what_bears_on_the_level_is_looked_at_without_time_passing() -> None:
    async with watching() as rig:
        rig.scene.shown = BLIND
        rig.levels.hear(BookCrossed("BTC/USD", Decimal(2), Decimal(1)))
        await settle()
        assert rig.levels.level is Level.FULL
        rig.levels.hear(LineDown("cut"))
        await settle()

        assert rig.levels.level is Level.EMERGENCY_ONLY
        assert len(rig.scene.heard) == 2


async def test_a_deed_is_judged_by_how_things_stand_at_that_moment() -> None:
    async with watching() as rig:
        rig.scene.shown = BLIND
        rig.levels.hear(LineDown("cut"))
        assert not rig.levels.permits(Deed.INCREASE)

        rig.scene.shown = WELL
        rig.clock.advance(10.25)
        assert not rig.levels.permits(Deed.INCREASE)
        rig.clock.advance(10.25)
        assert rig.levels.permits(Deed.INCREASE)


async def test_nothing_is_refused_by_how_things_stood_a_moment_ago() -> None:
    async with watching() as rig:
        await rig.show(replace(WELL, mode=VenueMode.CANCEL_ONLY))
        assert not rig.levels.permits(Deed.INCREASE)
        rig.scene.shown = WELL
        assert rig.levels.permits(Deed.INCREASE)
        assert rig.levels.level is Level.FULL


async def test_what_is_not_permitted_is_held_with_level_and_reason() -> None:
    async with watching() as rig:
        await rig.show(BLIND)
        rig.levels.require(Deed.CANCEL)
        with pytest.raises(Held, match=r"EMERGENCY_ONLY \(none of 4 .*\): no background now"):
            rig.levels.require(Deed.BACKGROUND)


async def test_callbacks_of_both_kinds_hear_every_change_in_order() -> None:
    async with watching() as rig:
        heard: list[Level] = []
        later: list[Level] = []

        async def take(change: LevelChanged) -> None:
            await asyncio.sleep(0)
            later.append(change.level)

        stop = rig.levels.on(lambda change: heard.append(change.level))
        rig.levels.on(take)
        await rig.show(ONE_MISSING)
        await rig.show(BLIND)
        stop()
        await rig.show(WELL, 12)

        assert heard == [Level.DEGRADED, Level.EMERGENCY_ONLY]
        assert later == [Level.DEGRADED, Level.EMERGENCY_ONLY, Level.FULL]


async def test_a_callback_given_before_the_start_hears_the_first_change() -> None:
    rig = Rig()
    heard: list[Level] = []
    rig.scene.shown = BLIND
    rig.levels.on(lambda change: heard.append(change.level))
    async with watching(rig):
        assert heard == [Level.EMERGENCY_ONLY]


async def test_a_callback_that_fails_is_named_and_called_again() -> None:
    async with watching() as rig:
        calls: list[Level] = []

        def fails(change: LevelChanged) -> None:
            calls.append(change.level)
            raise ValueError("no")

        rig.levels.on(fails)
        await rig.show(ONE_MISSING)
        await rig.show(BLIND)

        assert calls == [Level.DEGRADED, Level.EMERGENCY_ONLY]
        [failed, *_] = [event for event in rig.told if isinstance(event, ReaderFailed)]
        assert failed.reader.endswith("fails")
        assert failed.error == "ValueError: no"


async def test_a_callback_that_hangs_holds_up_neither_the_level_nor_the_others() -> None:
    async with watching() as rig:
        heard: list[Level] = []

        async def hangs(change: LevelChanged) -> None:
            await rig.clock.sleep(0.5)

        rig.levels.on(hangs)
        rig.levels.on(lambda change: heard.append(change.level))
        await rig.show(ONE_MISSING, 2)

        assert heard == [Level.DEGRADED]
        assert [event for event in rig.told if isinstance(event, ReaderSlow)]


async def test_a_worse_level_can_be_forced_and_ends_at_its_time() -> None:
    async with watching() as rig:
        rig.levels.force(Level.EMERGENCY_ONLY, 30.0, "I change the fuse")
        assert rig.levels.level is Level.EMERGENCY_ONLY
        assert rig.levels.reasons == ("forced by an operator: I change the fuse",)
        assert not rig.levels.permits(Deed.INCREASE)
        assert not rig.levels.permits(Deed.REDUCE)
        await rig.passes(29.75)
        assert rig.levels.level is Level.EMERGENCY_ONLY
        await rig.passes(0.5)

        assert rig.levels.level is Level.FULL
        assert rig.changes() == [("EMERGENCY_ONLY", True), ("FULL", False)]


async def test_a_better_level_can_be_forced_but_adds_no_risk_to_what_is_seen() -> None:
    async with watching() as rig:
        await rig.show(BLIND)
        rig.levels.force(Level.FULL, 60.0)

        assert rig.levels.level is Level.FULL
        assert rig.levels.observed.level is Level.EMERGENCY_ONLY
        assert rig.levels.permits(Deed.REDUCE)
        assert rig.levels.permits(Deed.CHANGE)
        assert not rig.levels.permits(Deed.INCREASE)
        assert rig.levels.standing(Deed.INCREASE).level is Level.EMERGENCY_ONLY


async def test_no_better_level_is_forced_through_an_outage() -> None:
    async with watching() as rig:
        rig.levels.force(Level.FULL, 60.0)
        await rig.show(CUT_OFF)
        assert rig.levels.level is Level.OUTAGE
        assert not rig.levels.permits(Deed.REDUCE)

        await rig.show(BLIND, 4)
        assert rig.levels.level is Level.FULL
        assert rig.levels.permits(Deed.REDUCE)
        assert rig.changes() == [("OUTAGE", False), ("FULL", True)]


async def test_released_it_is_what_is_observed() -> None:
    async with watching() as rig:
        rig.levels.release("nothing to end")
        rig.levels.force(Level.OUTAGE, 60.0)
        rig.levels.release("done")

        assert rig.levels.level is Level.FULL
        assert rig.levels.forced is None
        assert rig.changes() == [("OUTAGE", True), ("FULL", False)]


@pytest.mark.parametrize("for_s", [0.0, -1.0, 86_401.0, float("nan")])
async def test_a_level_is_not_forced_for_a_time_that_is_none(for_s: float) -> None:
    async with watching() as rig:
        with pytest.raises(CheckFailed, match="more than 0 and at most 86400 s"):
            rig.levels.force(Level.DEGRADED, for_s)
        assert rig.levels.forced is None


async def test_a_forced_level_outlasts_a_restart_for_the_rest_of_its_time() -> None:
    journal = MemoryJournal()
    rig = Rig(journal)
    async with watching(rig):
        rig.levels.force(Level.EMERGENCY_ONLY, 100.0, "over night")
        await rig.passes(60)

    again = Rig(journal)
    again.clock = rig.clock
    again.levels = again.make()
    async with watching(again):
        assert again.levels.level is Level.EMERGENCY_ONLY
        assert again.levels.reasons == ("forced by an operator: over night",)
        await again.passes(39)
        assert again.levels.level is Level.EMERGENCY_ONLY
        await again.passes(2)
        assert again.levels.level is Level.FULL
    assert isinstance(journal.kept[0], LevelForced)


@pytest.mark.parametrize("spoil", ["released", "over", "clock stepped back"])
async def test_after_a_restart_nothing_is_forced_longer_than_it_was_said(spoil: str) -> None:
    rig = Rig(MemoryJournal())
    async with watching(rig):
        rig.levels.force(Level.OUTAGE, 100.0)
        if spoil == "released":
            rig.levels.release("done")
            assert isinstance(rig.journal.kept[-1], LevelReleased)  # type: ignore[union-attr]
    after: dict[str, Callable[[], None]] = {
        "released": lambda: None,
        "over": lambda: rig.clock.advance(101),
        "clock stepped back": lambda: rig.clock.step_wall(-3600),
    }
    after[spoil]()
    rig.levels = rig.make()
    async with watching(rig):
        await rig.passes(100.5)
        assert rig.levels.level is Level.FULL


async def test_while_no_line_stands_rest_is_asked_less_and_less_often() -> None:
    async with watching() as rig:
        await rig.show(WELL, 60)
        assert rig.scene.probes == 0
        await rig.show(CUT_OFF, 60)
        assert 5 <= rig.scene.probes <= 7
        before = rig.scene.probes
        await rig.passes(600)
        assert rig.scene.probes - before == pytest.approx(600 / LONGEST_PROBE_S, abs=2)


async def test_rest_that_fails_while_lines_stand_is_asked_until_it_answers() -> None:
    async with watching() as rig:
        await rig.show(replace(WELL, public_failures=2), 3)
        assert rig.scene.probes >= 2
        rig.scene.failing = False
        await rig.show(WELL, 30)
        before = rig.scene.probes
        await rig.passes(60)
        assert rig.scene.probes == before


async def test_recoveries_are_counted_and_timed() -> None:
    async with watching() as rig:
        await rig.show(BLIND, 5)
        await rig.show(WELL, 5)
        await rig.show(BLIND, 5)
        await rig.show(WELL, 12)
        counts = rig.levels.recoveries

        assert (counts.begun, counts.ended) == (1, 1)
        assert (counts.attempts, counts.succeeded, counts.failed) == (2, 1, 1)
        assert counts.success_rate == 0.5
        assert counts.max_s == pytest.approx(25, abs=1)
        assert rig.levels.recovery_times.count == 1


async def test_history_is_bounded_and_since_says_when_it_last_changed() -> None:
    async with watching() as rig:
        for _ in range(600):
            rig.levels.force(Level.OUTAGE, 60.0)
            rig.levels.release()
        assert len(rig.levels.history) == 1000
        rig.clock.advance(5)
        rig.levels.hear(LineUp())
        assert rig.clock.wall_ns() - rig.levels.since_ns == 5 * NS_PER_S
        assert repr(rig.levels) == "LevelWatch(FULL)"


async def test_a_callback_that_lags_too_far_is_named_and_goes_on_with_what_is_left() -> None:
    async with watching() as rig:
        heard: list[LevelChanged] = []
        rig.levels.on(heard.append)
        for _ in range(KEPT_CHANGES):
            rig.levels.force(Level.DEGRADED, 60.0)
            rig.levels.force(Level.EMERGENCY_ONLY, 60.0)
        await settle()
        await rig.passes(1)
        rig.levels.release()
        await rig.passes(1)

        assert heard[-1].level is Level.FULL
        assert sum(event.dropped for event in rig.told if isinstance(event, ReaderSlow)) == KEPT_CHANGES
