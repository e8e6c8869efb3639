"""The dead-man switch is refreshed only while the account can be seen."""

from __future__ import annotations

import asyncio

from leadline.clock import ManualClock
from leadline.engine.dead_man import DeadMan, DeadManChanged, OutlivesNot
from leadline.errors import VenueDown
from leadline.model.market import Side, VenueMode
from leadline.model.order import Order, OrderKind, OrderState
from leadline.venues.memory_account import MemoryAccount, Outcome
from leadline.venues.ports import Path


class Rig:
    def __init__(self, surviving: list[Order] | None = None) -> None:
        self.clock = ManualClock(mono_ns=1)
        self.venue = MemoryAccount(self.clock, ["BTC/USD"])
        self.unhealthy: str | None = None
        self.symbols: set[str] = set()
        self.told: list[DeadManChanged | OutlivesNot] = []
        self.switch = DeadMan(
            self.venue,
            self.clock,
            60,
            lambda: self.unhealthy,
            lambda: surviving or [],
            lambda: self.symbols,
            self.told.append,
        )

    async def passing(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            await turns()


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def running(rig: Rig) -> asyncio.Task[None]:
    task = asyncio.ensure_future(rig.switch.run())
    await turns()
    return task


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_is_armed_at_once_and_refreshed_three_times_within_its_time() -> None:
    rig = Rig()
    task = await running(rig)
    assert rig.venue.dead_man_s == 60
    await rig.passing(60)
    assert len(rig.venue.sent) == 4
    assert {sent.path for sent in rig.venue.sent} == {Path.STREAM}
    await ended(task)


async def test_an_account_that_cannot_be_seen_is_not_vouched_for() -> None:
    rig = Rig()
    task = await running(rig)
    rig.unhealthy = "the stream stalls"
    await rig.passing(59)
    assert len(rig.venue.sent) == 1
    assert rig.told[1:] == [
        DeadManChanged(True, "it is not refreshed, and strikes in 59 s: the stream stalls")
    ]
    await rig.passing(2)
    last = rig.told[-1]
    assert isinstance(last, DeadManChanged)
    assert not last.armed
    assert "the stream stalls" in last.why
    await ended(task)


async def test_a_lost_refresh_is_tried_again_within_a_second() -> None:
    rig = Rig()
    task = await running(rig)
    rig.venue.script.extend([Outcome.LOST, Outcome.LOST])
    await rig.passing(22)
    assert len(rig.venue.sent) == 4
    assert rig.switch.armed_until_ns is not None
    await ended(task)


async def test_it_is_disarmed_before_the_venue_rests_and_armed_again_when_it_trades() -> None:
    rig = Rig()
    task = await running(rig)
    await rig.switch.mode_changed(VenueMode.MAINTENANCE)
    assert rig.venue.dead_man_s == 0
    await rig.passing(30)
    assert rig.venue.dead_man_s == 0
    await rig.switch.mode_changed(VenueMode.ONLINE)
    await rig.passing(2)
    assert rig.venue.dead_man_s == 60
    await ended(task)


async def test_a_short_rest_does_not_leave_it_off_until_the_next_refresh_would_have_been() -> None:
    rig = Rig()
    task = await running(rig)
    await rig.switch.mode_changed(VenueMode.CANCEL_ONLY)
    await rig.switch.mode_changed(VenueMode.ONLINE)
    await rig.passing(1)
    assert rig.venue.dead_man_s == 60
    await ended(task)


async def test_an_announced_maintenance_can_be_prepared_for_by_hand() -> None:
    rig = Rig()
    task = await running(rig)
    await rig.switch.pause("maintenance at noon")
    await rig.passing(30)
    assert rig.venue.dead_man_s == 0
    rig.switch.resume()
    await rig.passing(2)
    assert rig.venue.dead_man_s == 60
    await ended(task)


async def test_disarming_goes_by_rest_where_the_stream_fails() -> None:
    rig = Rig()
    task = await running(rig)
    await ended(task)
    rig.venue.script.append(Outcome.UNSENT)
    await rig.switch.disarm("clean shutdown")
    assert rig.venue.dead_man_s == 0
    assert rig.venue.sent[-1].path is Path.REST


async def test_a_switch_that_cannot_be_disarmed_is_still_known_to_be_armed() -> None:
    rig = Rig()
    task = await running(rig)
    await ended(task)
    rig.venue.script.extend([VenueDown("EService:Busy"), VenueDown("EService:Busy")])
    await rig.switch.disarm("clean shutdown")
    assert rig.switch.armed_until_ns is not None


async def test_a_switch_never_armed_is_not_disarmed() -> None:
    rig = Rig()
    await rig.switch.disarm("clean shutdown")
    assert rig.venue.sent == []


async def test_arming_warns_once_of_every_order_that_is_meant_to_survive() -> None:
    order = Order(
        client_id="c1", symbol="BTC/USD", side=Side.BUY, kind=OrderKind.LIMIT, state=OrderState.WORKING
    )
    rig = Rig([order])
    task = await running(rig)
    await rig.passing(45)
    assert [one for one in rig.told if isinstance(one, OutlivesNot)] == [OutlivesNot("c1", "BTC/USD")]
    await ended(task)


async def test_a_switch_whose_arming_was_not_answered_is_disarmed_all_the_same() -> None:
    rig = Rig()
    rig.venue.script.append(Outcome.UNANSWERED)
    task = await running(rig)
    assert rig.venue.dead_man_s == 60
    await ended(task)
    await rig.switch.disarm("clean shutdown")
    assert rig.venue.dead_man_s == 0


async def test_an_arming_that_was_refused_for_certain_leaves_nothing_to_disarm() -> None:
    rig = Rig()
    rig.venue.script.append(Outcome.UNSENT)
    task = await running(rig)
    assert rig.switch.armed_until_ns is None
    await ended(task)


async def test_a_maintenance_during_a_refresh_leaves_the_switch_disarmed() -> None:
    rig = Rig()
    rig.venue.script.append(Outcome.SLOW)
    task = await running(rig)
    await rig.switch.mode_changed(VenueMode.MAINTENANCE)
    rig.venue.release()
    await turns()
    assert rig.venue.dead_man_s == 0
    assert rig.switch.armed_until_ns is None
    assert [one.armed for one in rig.told if isinstance(one, DeadManChanged)] == [False]
    await ended(task)


async def test_where_each_symbol_has_a_switch_a_new_one_is_armed_within_a_second() -> None:
    rig = Rig()
    rig.venue.dead_man_by_symbol = True
    task = await running(rig)
    rig.symbols = {"BTC/USD"}
    await rig.passing(1)
    assert rig.venue.dead_man_symbols == {"BTC/USD"}
    assert len(rig.venue.sent) == 2
    rig.symbols = set()
    await rig.passing(20)
    assert rig.venue.dead_man_symbols == set()
    await ended(task)


async def test_one_switch_for_the_account_is_not_refreshed_for_a_new_symbol() -> None:
    rig = Rig()
    task = await running(rig)
    rig.symbols = {"BTC/USD"}
    await rig.passing(5)
    assert len(rig.venue.sent) == 1
    await ended(task)
