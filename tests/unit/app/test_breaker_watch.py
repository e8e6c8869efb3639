"""The breaker's trips are journalled, and a read finds out whether the venue is well again."""

from __future__ import annotations

import asyncio

from leadline.app.breaker_watch import BreakerWatch
from leadline.clock import ManualClock
from leadline.core.breaker import OPEN_S, Breaker, BreakerState
from leadline.engine.journal import MemoryJournal
from leadline.engine.records import Tripped
from leadline.errors import ConfigError, VenueDown
from leadline.model.account import BalancesSnapshot
from leadline.net.http import Purpose
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.venues.memory_account import MemoryAccount


class Probed(MemoryAccount):
    """A venue whose answers the breaker hears of."""

    def __init__(self, clock: ManualClock, breaker: Breaker) -> None:
        super().__init__(clock, ["BTC/USD"])
        self._ticks = clock
        self._breaker = breaker
        self.probes = 0

    async def fetch_balances(self, purpose: Purpose) -> BalancesSnapshot:
        self._breaker.check(False, self._ticks.mono_ns())
        self.probes += 1
        if self.failing is not None:
            self._breaker.failed("still down", self._ticks.mono_ns())
        else:
            self._breaker.succeeded(self._ticks.mono_ns())
        return await super().fetch_balances(purpose)


class Rig:
    def __init__(self) -> None:
        self.clock = ManualClock(mono_ns=1)
        self.breaker = Breaker()
        self.venue = Probed(self.clock, self.breaker)
        self.journal = MemoryJournal()
        self.key = MemoryKey()
        self.watch = self.new_watch()

    def new_watch(self) -> BreakerWatch:
        return BreakerWatch(self.breaker, MemoryKeyState(self.key), self.venue, self.journal, self.clock)

    def trip(self) -> None:
        for number in range(3):
            self.breaker.failed(f"HTTP 50{number}", self.clock.mono_ns())

    async def passing(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1)
            for _ in range(5):
                await asyncio.sleep(0)

    def told(self) -> list[Tripped]:
        return [record for record in self.journal.kept if isinstance(record, Tripped)]


async def test_a_trip_is_journalled_once_with_its_reason_and_evidence() -> None:
    rig = Rig()
    rig.trip()
    rig.watch.look()
    rig.watch.look()
    (record,) = rig.told()
    assert (record.state, record.retry_s) == ("open", OPEN_S)
    assert "3 failures within 30 s" in record.reason
    assert "HTTP 502" in record.reason


async def test_half_open_one_read_closes_it_and_that_is_journalled_too() -> None:
    rig = Rig()
    task = asyncio.ensure_future(rig.watch.run())
    rig.trip()
    await rig.passing(OPEN_S - 2)
    assert rig.venue.probes == 0
    await rig.passing(5)
    assert rig.venue.probes == 1
    assert rig.breaker.state(rig.clock.mono_ns()) is BreakerState.CLOSED
    assert [record.state for record in rig.told()] == ["open", "closed"]
    task.cancel()


async def test_a_failed_probe_opens_it_again_and_hammers_nothing() -> None:
    rig = Rig()
    task = asyncio.ensure_future(rig.watch.run())
    rig.trip()
    rig.venue.failing = VenueDown("EService:Unavailable")
    await rig.passing(2 * OPEN_S + 10)
    assert rig.venue.probes == 2
    assert [record.state for record in rig.told()] == ["open", "open", "open"]
    task.cancel()


async def test_what_an_operator_forces_is_journalled() -> None:
    rig = Rig()
    rig.breaker.force(BreakerState.OPEN, "maintenance of our own")
    rig.watch.look()
    (record,) = rig.told()
    assert (record.state, record.reason) == ("open", "held so by an operator")


async def test_what_an_operator_forces_outlives_a_death_a_second_later() -> None:
    rig = Rig()
    task = asyncio.ensure_future(rig.watch.run())
    rig.breaker.force(BreakerState.OPEN, "maintenance of our own")
    await rig.passing(1)
    task.cancel()
    again = Breaker()
    assert rig.key.breaker is not None
    again.load(rig.key.breaker, rig.clock.mono_ns(), rig.clock.wall_ns())
    assert again.forced is BreakerState.OPEN


async def test_trips_of_before_the_restart_are_not_journalled_again() -> None:
    rig = Rig()
    rig.trip()
    rig.new_watch().look()
    assert rig.told() == []


class _FullDisk(MemoryKeyState):
    """Keeps nothing while `full`."""

    full = True

    async def save_breaker(self, kept: bytes) -> None:
        if self.full:
            raise ConfigError("the disk is full")
        await super().save_breaker(kept)


async def test_a_full_disk_does_not_end_the_watch_and_the_breaker_is_kept_once_there_is_room() -> None:
    rig = Rig()
    state = _FullDisk(rig.key)
    watch = BreakerWatch(rig.breaker, state, rig.venue, rig.journal, rig.clock)
    task = asyncio.ensure_future(watch.run())
    rig.breaker.force(BreakerState.OPEN, "by hand")
    await rig.passing(2)
    assert not task.done()
    assert rig.key.breaker is None

    state.full = False
    await rig.passing(2)
    assert rig.key.breaker is not None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
