from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.level import Deed
from leadline.engine.deferred import LONGEST_WAIT_S, MOST_WAITING, Deferred, Expiry, Wish
from leadline.engine.tasks import Tasks
from leadline.errors import CheckFailed, Held, Refused
from leadline.model.order import Order, OrderState
from orderrig import buy, settle


def order(name: str) -> Order:
    wanted = buy()
    return Order(
        client_id=name,
        symbol=wanted.symbol,
        side=wanted.side,
        kind=wanted.kind,
        state=OrderState.UNKNOWN,
    )


class Rig:
    """Wishes that all wait for one door, or for nothing that is named in `free`."""

    def __init__(self, tasks: Tasks) -> None:
        self.clock = ManualClock(mono_ns=1000 * NS_PER_S)
        self.open = False
        self.free: set[str] = set()
        self.left: list[str] = []
        self._tasks = tasks
        self.deferred = Deferred(self.clock, self.spawn)
        self.asked = 0

    def spawn(self, work: object) -> asyncio.Task[None]:
        task = self._tasks.spawn(work)  # type: ignore[arg-type]
        assert task is not None
        return task

    def blocked(self, name: str) -> Refused | None:
        self.asked += 1
        return None if self.open or name in self.free else Held("the door is shut")

    def wish(self, name: str, deed: Deed = Deed.INCREASE, wait_s: float = 60.0) -> asyncio.Task[None]:
        async def wants() -> None:
            orders = {name: order(name)}
            wish = Wish(deed, Expiry(self.clock, wait_s), lambda: self.blocked(name), orders)
            await self.deferred.turn(wish)
            self.left.append(name if orders else f"{name} taken out")

        return asyncio.ensure_future(wants())

    async def passes(self, seconds: float) -> None:
        for _ in range(round(seconds * 20)):
            self.clock.advance(0.05)
            await settle()


@asynccontextmanager
async def waiting() -> AsyncIterator[Rig]:
    tasks = Tasks()
    await tasks.enter()
    try:
        yield Rig(tasks)
    finally:
        await tasks.leave(None, None, None)


async def test_what_waits_leaves_when_it_may_and_not_before() -> None:
    async with waiting() as rig:
        task = rig.wish("a")
        await rig.passes(5)
        assert rig.left == []
        assert [one.client_id for one in rig.deferred.waiting()] == ["a"]
        rig.open = True
        await rig.passes(0.15)

        assert rig.left == ["a"]
        assert rig.deferred.waiting() == []
        await task


async def test_what_reduces_goes_first_then_changes_then_the_rest_each_in_order_of_arrival() -> None:
    async with waiting() as rig:
        for number, deed in enumerate((Deed.INCREASE, Deed.CHANGE, Deed.REDUCE) * 2):
            rig.wish(f"{deed.value} {number}", deed)
        await settle()
        rig.open = True
        rig.deferred.look_again()
        await settle()

        assert rig.left == [
            *("reduce 2", "reduce 5"),
            *("change 1", "change 4"),
            *("increase 0", "increase 3"),
        ]


async def test_each_is_judged_after_the_one_before_it_has_left() -> None:
    async with waiting() as rig:
        first = rig.wish("first")
        rig.wish("second")
        await settle()
        rig.free = {"first"}
        first.add_done_callback(lambda task: rig.free.clear())
        rig.deferred.look_again()
        await rig.passes(1)

        assert rig.left == ["first"]


async def test_nobody_waits_behind_what_is_still_kept() -> None:
    async with waiting() as rig:
        rig.wish("kept", Deed.REDUCE)
        rig.wish("free")
        await settle()
        rig.free = {"free"}
        await rig.passes(0.2)

        assert rig.left == ["free"]


async def test_at_its_deadline_it_is_refused_with_what_kept_it() -> None:
    async with waiting() as rig:
        task = rig.wish("a", wait_s=2.5)
        await settle()
        await rig.passes(2.4)
        assert not task.done()
        await rig.passes(0.1)

        with pytest.raises(Held, match=r"not let go within 2\.5 s: the door is shut; nothing was sent"):
            await task
        assert rig.deferred.waiting() == []


async def test_a_cancel_takes_it_out() -> None:
    async with waiting() as rig:
        rig.wish("a")
        rig.wish("b")
        await settle()
        removed = rig.deferred.remove("a")
        await settle()

        assert removed is not None and removed.client_id == "a"
        assert rig.deferred.remove("a") is None
        assert rig.left == ["a taken out"]
        assert [one.client_id for one in rig.deferred.waiting()] == ["b"]


async def test_who_no_longer_waits_is_forgotten() -> None:
    async with waiting() as rig:
        task = rig.wish("a")
        await settle()
        task.cancel()
        await settle()

        assert rig.deferred.waiting() == []
        asked = rig.asked
        await rig.passes(1)
        assert rig.asked == asked


async def test_what_is_kept_again_on_its_way_out_keeps_its_place() -> None:
    async with waiting() as rig:
        turns: list[str] = []

        async def wants(name: str) -> None:
            expiry = Expiry(rig.clock, 60.0)
            wish = Wish(Deed.INCREASE, expiry, lambda: rig.blocked(name), {name: order(name)})
            await rig.deferred.turn(wish)
            turns.append(name)
            rig.open = len(turns) > 1  # the first finds the door shut again
            if len(turns) == 1:
                await rig.deferred.turn(wish)
                turns.append(name)

        first = asyncio.ensure_future(wants("first"))
        second = asyncio.ensure_future(wants("second"))
        await settle()
        rig.open = True
        await rig.passes(0.2)
        rig.open = True
        await rig.passes(0.2)

        assert turns == ["first", "first", "second"]
        await asyncio.gather(first, second)


async def test_no_more_than_so_many_wait() -> None:
    async with waiting() as rig:
        tasks = [rig.wish(str(number)) for number in range(MOST_WAITING)]
        await settle()
        with pytest.raises(Held, match=f"{MOST_WAITING} operations wait .* already; cancel some"):
            await rig.wish("one more")
        rig.open = True
        await rig.passes(1)
        await asyncio.gather(*tasks)


@pytest.mark.parametrize("wait_s", [0.0, -1.0, LONGEST_WAIT_S + 1, float("nan")])
def test_a_wait_that_is_none_is_refused(wait_s: float) -> None:
    with pytest.raises(CheckFailed, match="more than 0 and at most 3600 seconds"):
        Expiry(ManualClock(), wait_s)


def test_a_time_to_leave_is_over_when_it_is_over_and_what_does_not_wait_has_none() -> None:
    clock = ManualClock()
    expiry, never = Expiry(clock, 2.0), Expiry(clock, None)
    clock.advance(1.999)
    expiry.check()
    clock.advance(0.001)
    with pytest.raises(Held, match="not let go within 2 s: its turn came too late; nothing was sent"):
        expiry.check()
    clock.advance(1e6)
    never.check()

    assert (expiry.waits, never.waits) == (True, False)


async def test_nothing_is_looked_at_while_nothing_waits() -> None:
    async with waiting() as rig:
        rig.open = True
        await rig.wish("a")
        asked = rig.asked
        await rig.passes(5)
        assert rig.asked == asked


async def test_what_may_leave_only_after_its_deadline_does_not_leave() -> None:
    async with waiting() as rig:
        task = rig.wish("a", wait_s=5.0)
        await settle()
        rig.open = True
        rig.clock.advance(30)  # the program stood still meanwhile
        await settle()

        with pytest.raises(Held, match="not let go within 5 s"):
            await task
        assert rig.left == []


async def test_who_waits_when_the_owner_leaves_is_told_so() -> None:
    async with waiting() as rig:
        task = rig.wish("a")
        await settle()

    with pytest.raises(Held, match="nothing was sent"):
        await asyncio.wait_for(task, 1.0)
    assert rig.left == []


async def test_others_have_their_turn_while_many_wait() -> None:
    async with waiting() as rig:
        tasks = [rig.wish(str(number)) for number in range(100)]
        await settle()
        asked: list[int] = []

        async def other() -> None:
            for _ in range(20):
                asked.append(rig.asked)
                await asyncio.sleep(0)

        rig.deferred.look_again()
        await other()
        assert max(later - before for before, later in pairwise(asked)) <= 20
        rig.open = True
        await rig.passes(1)
        await asyncio.gather(*tasks)
