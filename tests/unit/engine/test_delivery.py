from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from feedrig import BTC, Collected, running, settle
from leadline.engine.delivery import Stream, batched, only
from leadline.errors import Rejected
from leadline.model.market import Gap, Side
from leadline.model.reading import Reading


class Tap:
    """A stream by hand: what is put comes out, `stops` counts how often it was let go."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.begun = self.stops = 0

    def stream(self) -> Stream[Any]:
        def begin() -> Any:
            self.begun += 1
            return self._next, self._stop

        return Stream(begin)

    async def _next(self) -> Any:
        item = await self.queue.get()
        if isinstance(item, Exception):
            raise item
        return item

    def _stop(self) -> None:
        self.stops += 1

    def put(self, *items: Any) -> None:
        for item in items:
            self.queue.put_nowait(item)


async def test_a_stream_begins_with_its_first_wait_and_is_let_go_once() -> None:
    tap = Tap()
    stream = tap.stream()
    begun = tap.begun
    tap.put(1)
    assert await anext(stream) == 1
    await stream.aclose()
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)

    assert (begun, tap.begun, tap.stops) == (0, 1, 1)


async def test_a_stream_that_is_forgotten_or_never_begun_is_let_go() -> None:
    tap = Tap()
    tap.stream()
    never = tap.stops
    stream = tap.stream()
    tap.put(1)
    await anext(stream)
    del stream

    assert (never, tap.stops) == (0, 1)


async def test_a_cancelled_reader_lets_its_stream_go() -> None:
    tap = Tap()
    stream = tap.stream()
    waiting = asyncio.ensure_future(anext(stream))
    await settle()
    waiting.cancel()
    await settle()

    assert waiting.cancelled()
    assert tap.stops == 1


async def test_an_error_ends_a_stream() -> None:
    tap = Tap()
    stream = tap.stream()
    tap.put(Rejected("no"))
    with pytest.raises(Rejected):
        await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)

    assert tap.stops == 1


async def test_two_readers_of_one_iterator_are_refused() -> None:
    stream = Tap().stream()
    first = asyncio.ensure_future(anext(stream))
    await settle()
    with pytest.raises(RuntimeError, match="somebody else"):
        await anext(stream)
    first.cancel()


async def test_a_batch_is_full_or_has_waited_long_enough() -> None:
    tap = Tap()
    tap.put(*range(7))
    batches = batched(tap.stream(), size=3, wait_s=0.01)

    assert [await anext(batches) for _ in range(3)] == [[0, 1, 2], [3, 4, 5], [6]]


async def test_a_batch_waits_for_its_first_value_however_long_that_takes() -> None:
    tap = Tap()
    waiting = asyncio.ensure_future(anext(batched(tap.stream(), size=3, wait_s=0)))
    await settle()
    still = waiting.done()
    tap.put(1)

    assert not still
    assert await waiting == [1]


async def test_the_error_of_a_stream_comes_after_the_values_before_it() -> None:
    tap = Tap()
    tap.put(1, 2, Rejected("no"))
    batches = batched(tap.stream(), size=10, wait_s=1.0)

    assert await anext(batches) == [1, 2]
    with pytest.raises(Rejected):
        await anext(batches)
    with pytest.raises(StopAsyncIteration):
        await anext(batches)


async def test_a_batch_that_is_closed_lets_its_stream_go() -> None:
    tap = Tap()
    batches = batched(tap.stream(), wait_s=0)
    tap.put(1)
    await anext(batches)
    await batches.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(batches)

    assert tap.stops == 1


async def test_batches_of_any_iterator_end_with_it() -> None:
    async def three() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    assert [batch async for batch in batched(three(), size=2, wait_s=1.0)] == [[0, 1], [2]]


def test_a_batch_holds_something() -> None:
    with pytest.raises(ValueError, match="at least one"):
        batched(Tap().stream(), size=0)


async def test_no_trade_is_lost_by_batches_that_are_cancelled_at_any_moment() -> None:
    async with running() as rig:
        batches = batched(rig.feed.every_trade(BTC), size=4, wait_s=0.0005)
        seen: list[int] = []
        for number in range(1, 200):
            waiting = asyncio.ensure_future(anext(batches))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            rig.say(rig.trades(number))
            for _ in range(number % 3):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            if not waiting.cancelled():
                seen += [item.value.trade_id for item in waiting.result() if isinstance(item, Reading)]
        while len(seen) < 199:
            async with asyncio.timeout(1):
                seen += [item.value.trade_id for item in await anext(batches) if isinstance(item, Reading)]

        assert seen == list(range(1, 200))


async def test_a_filter_hands_out_only_what_is_wanted() -> None:
    async with running() as rig:

        def wanted(item: Any) -> bool:
            return isinstance(item, Gap) or (item.value.side is Side.BUY and item.value.trade_id % 2 == 0)

        seen = Collected(only(rig.feed.every_trade(BTC), wanted))
        await settle()
        rig.say(rig.trades(1, 2, 3, 4))
        await settle()
        await seen.stop()

        assert [item.value.trade_id for item in seen.items] == [2, 4]


async def test_a_filter_that_is_cancelled_lets_the_stream_beneath_go() -> None:
    tap = Tap()
    waiting = asyncio.ensure_future(anext(only(tap.stream(), lambda item: False)))
    tap.put(1)
    await settle()
    waiting.cancel()
    await settle()

    assert tap.stops == 1
