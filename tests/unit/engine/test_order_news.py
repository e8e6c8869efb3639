from __future__ import annotations

import asyncio

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.engine.events import EventLog, ReaderFailed, ReaderSlow
from leadline.engine.order_news import BACKLOG, NewsGap, OrderNews, OrderWire
from leadline.errors import Error
from orderrig import settle


async def test_two_hundred_events_in_one_read_reach_a_reader_that_was_elsewhere() -> None:
    async with asyncio.TaskGroup() as group:
        wire = OrderWire(ManualClock(), EventLog(), group.create_task)
        events = wire.events()
        first = group.create_task(anext(events))
        await settle()
        for number in range(200):
            wire.publish(NewsGap(number))

        heard = [await first, *[await anext(events) for _ in range(199)]]

        assert heard == [NewsGap(number) for number in range(200)]
        await events.aclose()
        wire.publish(NewsGap(0))


async def test_a_reader_that_lags_too_far_is_ended_and_told_so() -> None:
    async with asyncio.TaskGroup() as group:
        wire = OrderWire(ManualClock(), EventLog(), group.create_task)
        events = wire.events()
        first = group.create_task(anext(events))
        await settle()
        for number in range(BACKLOG + 1):
            wire.publish(NewsGap(number))

        assert await first == NewsGap(0)
        for number in range(1, BACKLOG):
            assert await anext(events) == NewsGap(number)
        with pytest.raises(Error, match="lagged"):
            await anext(events)


async def test_a_failing_callback_is_named_and_harms_nobody() -> None:
    log, clock = EventLog(), ManualClock(mono_ns=NS_PER_S)
    heard: list[OrderNews] = []

    def fails(news: OrderNews) -> None:
        raise ValueError("no")

    async with asyncio.TaskGroup() as group:
        wire = OrderWire(clock, log, group.create_task)
        stops = [wire.on(fails), wire.on(heard.append)]
        wire.publish(NewsGap(1))
        clock.advance(2)
        await settle()
        wire.publish(NewsGap(2))
        await settle()
        for stop in stops:
            stop()

    failed = [event for event in log.recent if isinstance(event, ReaderFailed)]
    assert heard == [NewsGap(1), NewsGap(2)]
    assert failed and "fails" in failed[0].reader and "ValueError: no" in failed[0].error


async def test_a_coroutine_is_awaited_and_a_slow_one_is_named() -> None:
    log, clock = EventLog(), ManualClock(mono_ns=NS_PER_S)
    heard: list[OrderNews] = []

    async def takes_long(news: OrderNews) -> None:
        clock.advance(0.2)
        heard.append(news)

    async with asyncio.TaskGroup() as group:
        wire = OrderWire(clock, log, group.create_task)
        stop = wire.on(takes_long)
        wire.publish(NewsGap(1))
        await settle()
        stop()
        stop()
        wire.publish(NewsGap(2))
        await settle()

    assert heard == [NewsGap(1)]
    assert [event for event in log.recent if isinstance(event, ReaderSlow)]


async def test_a_callback_that_lags_too_far_is_ended_and_named() -> None:
    log = EventLog()
    async with asyncio.TaskGroup() as group:
        wire = OrderWire(ManualClock(mono_ns=NS_PER_S), log, group.create_task)
        wire.on(lambda news: None)
        for number in range(BACKLOG + 1):
            wire.publish(NewsGap(number))

    failed = [event for event in log.recent if isinstance(event, ReaderFailed)]
    assert failed and "lagged" in failed[0].error
