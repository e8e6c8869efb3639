from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.engine.delivery import batched
from leadline.engine.events import EventLog, ReaderFailed, ReaderSlow
from leadline.engine.order_news import (
    BACKLOG,
    Cause,
    NewsGap,
    NewsSummed,
    OrderEvent,
    OrderNews,
    OrderWire,
)
from leadline.errors import Error
from leadline.model.market import Side
from leadline.model.order import Fill, Order, OrderKind, OrderState
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


def fill(exec_id: str) -> Fill:
    one = Decimal(1)
    return Fill(
        exec_id=exec_id, order_id="O", symbol="BTC/USD", side=Side.BUY, qty=one, price=one, cost=one, fees=()
    )


def event(client_id: str, state: OrderState = OrderState.WORKING, fills: int = 0) -> OrderEvent:
    made = tuple(fill(str(number)) for number in range(fills))
    order = Order(
        client_id=client_id, symbol="BTC/USD", side=Side.BUY, kind=OrderKind.LIMIT, state=state, fills=made
    )
    return OrderEvent(order=order, cause=Cause.REPORTED, at_ns=0)


async def test_a_reader_beyond_the_bound_is_told_and_gets_the_latest_of_every_order() -> None:
    async with asyncio.TaskGroup() as group:
        wire = OrderWire(ManualClock(), EventLog(), group.create_task)
        lagging, quick = wire.events(), wire.events()
        first, other = group.create_task(anext(lagging)), group.create_task(anext(quick))
        await settle()
        for number in range(BACKLOG):
            wire.publish(NewsGap(number))
        wire.publish(event("a", fills=1))
        wire.publish(event("b"))
        wire.publish(event("a", OrderState.FILLED, fills=2))
        await first
        for number in range(1, BACKLOG):
            assert await anext(lagging) == NewsGap(number)

        assert await anext(lagging) == NewsSummed(missed=3)
        assert await anext(lagging) == event("b")
        assert await anext(lagging) == event("a", OrderState.FILLED, fills=2)
        wire.publish(event("b", OrderState.CANCELED))
        assert await anext(lagging) == event("b", OrderState.CANCELED)
        assert await other == NewsGap(0)


async def test_batches_of_order_events_that_are_cancelled_at_any_moment_lose_none() -> None:
    async with asyncio.TaskGroup() as group:
        wire = OrderWire(ManualClock(), EventLog(), group.create_task)
        batches = batched(wire.events(), wait_s=0)
        heard: list[OrderNews] = []
        for number in range(20):
            waiting = group.create_task(anext(batches))
            await settle()
            wire.publish(NewsGap(number))
            waiting.cancel()  # in the same turn: the event is under way
            await settle()
            heard += [] if waiting.cancelled() else waiting.result()
        heard += await anext(batches)

        assert heard == [NewsGap(number) for number in range(20)]


async def test_a_reader_beyond_the_bound_of_orders_is_ended_and_told_so() -> None:
    async with asyncio.TaskGroup() as group:
        wire = OrderWire(ManualClock(), EventLog(), group.create_task)
        events = wire.events()
        first = group.create_task(anext(events))
        await settle()
        for number in range(BACKLOG):
            wire.publish(NewsGap(number))
        for number in range(BACKLOG):
            wire.publish(event(f"order {number}"))
        await first
        for _ in range(1, BACKLOG):
            await anext(events)
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
        for number in range(BACKLOG):
            wire.publish(NewsGap(number))
        for number in range(BACKLOG):
            wire.publish(event(f"order {number}"))

    failed = [event for event in log.recent if isinstance(event, ReaderFailed)]
    assert failed and "lagged" in failed[0].error
