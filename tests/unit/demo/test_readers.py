from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from feedrig import BTC, Rig, running, settle
from leadline.demo.observed import Seen, SeenBar, SeenBook, SeenTicker, SeenTrade
from leadline.demo.readers import CountedSocket, FrameCount, Readers
from leadline.errors import ConnectionLost
from leadline.net.websocket import memory_pair


async def reading(
    scene: Callable[[Rig, Readers], Awaitable[None]], *, connected: bool = True
) -> tuple[Readers, list[Seen]]:
    """Everything that the readers of one instrument hand to the referee in a scene."""
    seen: list[Seen] = []
    async with running(connected=connected) as rig:
        rig.market.failing = None if connected else ConnectionLost("the network is down")
        readers = Readers(rig.feed, rig.clock, [BTC], seen.append)
        async with asyncio.TaskGroup() as tasks:
            begun = readers.start(tasks)
            await settle()
            await scene(rig, readers)
            await settle()
            for task in begun:
                task.cancel()
    return readers, seen


def of_kind(kind: type[Seen], seen: list[Seen]) -> int:
    return sum(isinstance(one, kind) for one in seen)


async def test_every_reader_hands_on_a_verified_book() -> None:
    async def scene(rig: Rig, readers: Readers) -> None:
        rig.say_book()

    readers, seen = await reading(scene)

    assert of_kind(SeenBook, seen) >= 3  # callback, conflated, lossless
    assert {(one.bids, one.depth) for one in seen if isinstance(one, SeenBook)} == {
        (((99, 1),), 10)  # type: ignore[comparison-overlap]
    }
    assert len(readers.latencies_ns) == 1
    assert readers.rows[BTC].book is not None


async def test_a_book_that_rest_answers_is_shown_but_not_taken_for_proven() -> None:
    async def scene(rig: Rig, readers: Readers) -> None:
        rig.market.books[BTC] = rig.rest_book()
        rig.say_book()
        await settle()
        rig.cut()
        await rig.passes(3, alive=False)

    readers, seen = await reading(scene)

    book = readers.rows[BTC].book
    assert book is not None and not book.verified
    assert all(one.bids == ((99, 1),) for one in seen if isinstance(one, SeenBook))  # type: ignore[comparison-overlap]
    assert len(readers.latencies_ns) == 1, "a latency is the stream's"


async def test_tickers_trades_and_bars_are_handed_on_too() -> None:
    async def scene(rig: Rig, readers: Readers) -> None:
        rig.say(rig.ticker())
        rig.say(rig.trades(1, 2))
        rig.say(rig.bars(rig.bar(0)))

    readers, seen = await reading(scene)
    row = readers.rows[BTC]

    assert of_kind(SeenTicker, seen) >= 2 and of_kind(SeenBar, seen) >= 1
    assert of_kind(SeenTrade, seen) == 4, "two readers, two trades"
    assert (row.trades, row.bars, readers.trades_twice) == (2, 1, 0)


async def test_an_awaited_read_without_any_source_is_counted_and_tried_again() -> None:
    async def scene(rig: Rig, readers: Readers) -> None:
        await rig.passes(3, alive=False)

    readers, seen = await reading(scene, connected=False)

    assert readers.stale_refusals > 2
    assert seen == []


async def test_frames_are_counted_over_all_sockets() -> None:
    frames = FrameCount()
    for _ in range(2):
        ours, theirs = memory_pair()
        counted = CountedSocket(ours, frames)
        await theirs.send("hello")
        assert await counted.receive() == b"hello"
        await theirs.close()
        with pytest.raises(ConnectionLost):
            await counted.receive()

    assert frames.total == 2
