from __future__ import annotations

import asyncio
import time

from feedrig import settle
from leadline.clock import NS_PER_S, ManualClock, SystemClock
from leadline.engine.events import EventLog, LoopBlocked, ReaderSlow
from leadline.engine.loop_watch import LoopWatch
from leadline.simulation.life import Life
from leadline.simulation.loop import VirtualLoop


def blocked(events: EventLog) -> list[LoopBlocked]:
    return [event for event in events.recent if isinstance(event, LoopBlocked)]


async def waited(watch: LoopWatch, count: int) -> None:
    async with asyncio.timeout(5):
        while watch.count < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_block_is_told_with_its_length_and_the_reader_that_was_slow() -> None:
    events = EventLog()
    watch = LoopWatch(SystemClock(), events)
    watch.start()
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251
    events.add(ReaderSlow("small", took_ms=1.0))
    events.add(ReaderSlow("culprit", took_ms=300.0))
    await waited(watch, 1)
    watch.stop()

    [told] = blocked(events)
    assert told.culprit == "culprit"
    assert 240 <= told.blocked_ms < 2_000


async def test_a_block_by_nobody_known_names_nobody() -> None:
    events, orders = EventLog(), EventLog()
    watch = LoopWatch(SystemClock(), events)
    watch.listen(orders)
    events.add(ReaderSlow("long ago", took_ms=110.0))
    orders.add(ReaderSlow("overflowed", dropped=3))
    watch.start()
    await asyncio.sleep(0)
    time.sleep(0.4)  # noqa: ASYNC251
    await waited(watch, 1)
    watch.stop()

    assert [event.culprit for event in blocked(events)] == [""]


async def test_readers_of_another_log_are_suspects_once_it_is_listened_to() -> None:
    events, orders = EventLog(), EventLog()
    watch = LoopWatch(SystemClock(), events)
    watch.listen(orders)
    watch.start()
    await asyncio.sleep(0)
    time.sleep(0.25)  # noqa: ASYNC251
    orders.add(ReaderSlow("on_fill", took_ms=250.0))
    await waited(watch, 1)
    watch.stop()

    assert [event.culprit for event in blocked(events)] == ["on_fill"]


async def test_blocks_in_one_second_are_counted_and_told_once() -> None:
    events, clock = EventLog(), ManualClock(mono_ns=5 * NS_PER_S)
    watch = LoopWatch(clock, events)
    watch.start()
    for count in (1, 2):
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251
        await waited(watch, count)
    first = len(blocked(events))
    clock.advance(1)
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251
    await waited(watch, 3)
    watch.stop()

    assert (first, len(blocked(events))) == (1, 2)


def test_hours_of_virtual_time_are_no_block() -> None:
    loop, events = VirtualLoop(), EventLog()

    async def hours() -> None:
        watch = LoopWatch(ManualClock(), events)
        watch.start()
        for _ in range(100):
            await asyncio.sleep(3.7)
        await settle()
        watch.stop()

    loop.run_until_complete(hours())
    loop.close()

    assert list(events.recent) == []


def test_what_is_handed_on_after_a_block_may_have_come_before_it() -> None:
    loop = VirtualLoop()

    async def work() -> list[float]:
        watch = LoopWatch(ManualClock(), EventLog())
        watch.start()
        await asyncio.sleep(1.0)
        free = watch.received_ns(50 * NS_PER_S)
        loop.block(5.0)
        held_up = watch.received_ns(50 * NS_PER_S)
        await asyncio.sleep(0.2)
        again = watch.received_ns(50 * NS_PER_S)
        watch.stop()
        return [received_ns / NS_PER_S for received_ns in (free, held_up, again)]

    async def program() -> None:
        seen.extend(await work())

    seen: list[float] = []
    loop.run_until_complete(Life().start(loop, program(), "program"))
    loop.close()
    free, held_up, again = seen
    assert free == again == 50.0
    assert 44.9 <= held_up <= 45.0
