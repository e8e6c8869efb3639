"""Readers of single orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from leadline.clock import ManualClock
from leadline.core.level3 import Level3Book, OrderChange, OrderEvent
from leadline.core.session import FrameSkipped, LineDown, SubscriptionRefused
from leadline.engine.level3 import Level3Feed
from leadline.errors import AuthError
from leadline.model.market import BookDropped, Channel, Gap, GapCause, Level3, Subscription
from leadline.model.reading import Reading, Source

Books = AsyncGenerator[Reading[Level3] | Gap, None]


class Rig:
    """A feed and what it asked of its session."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.asked: list[tuple[str, int]] = []
        self.feed = Level3Feed(
            self.clock,
            lambda symbol, depth: self.asked.append((symbol, depth)),
            lambda symbol: self.asked.append((symbol, 0)),
        )

    def tell(self, *ids: str) -> Level3Book:
        book = Level3Book("BTC/USD", 10, 2, 4)
        book.apply([OrderChange(OrderEvent.ADD, one, 1000, 10_000, "T") for one in ids], [])
        self.feed.receive(book, self.clock.mono_ns())
        return book


async def started(rig: Rig) -> tuple[Books, asyncio.Task[Reading[Level3] | Gap]]:
    books = rig.feed.books("BTC/USD")
    waiting = asyncio.ensure_future(anext(books))
    await asyncio.sleep(0)
    return books, waiting


async def test_a_reader_gets_the_newest_proven_book_as_a_value() -> None:
    rig = Rig()
    books, waiting = await started(rig)
    rig.tell("A")
    rig.tell("A", "B")
    reading = await waiting
    assert isinstance(reading, Reading)
    assert [order.order_id for order in reading.value.bids] == ["A", "B"]
    assert (reading.source, reading.verified) == (Source.STREAM, True)
    await books.aclose()
    assert rig.asked == [("BTC/USD", 10), ("BTC/USD", 0)]


@pytest.mark.parametrize(
    ("news", "cause"),
    [
        (BookDropped("BTC/USD", "the checksum differs"), GapCause.DROPPED),
        (LineDown("cut"), GapCause.DISCONNECTED),
    ],
)
async def test_a_lost_book_is_a_gap_even_when_it_is_back_before_the_reader_looks(
    news: BookDropped | LineDown, cause: GapCause
) -> None:
    rig = Rig()
    books, waiting = await started(rig)
    rig.tell("A")
    await waiting
    rig.feed.receive(news, 1)
    rig.tell("B")
    gap = await anext(books)
    assert isinstance(gap, Gap)
    assert (gap.channel, gap.cause) == (Channel.LEVEL3, cause)
    reading = await anext(books)
    assert isinstance(reading, Reading)
    assert [order.order_id for order in reading.value.bids] == ["B"]
    await books.aclose()


async def test_a_refusal_reaches_the_reader() -> None:
    rig = Rig()
    _, waiting = await started(rig)
    refused = SubscriptionRefused(
        Subscription(Channel.LEVEL3, "BTC/USD", 10), AuthError("EGeneral:Permission denied")
    )
    rig.feed.receive(refused, 1)
    with pytest.raises(AuthError, match="Permission denied"):
        await waiting


async def test_skipped_frames_are_counted() -> None:
    rig = Rig()
    rig.feed.receive(FrameSkipped(b"{}", "why"), 1)
    assert rig.feed.skipped == 1


async def test_the_last_reader_ends_the_stream_not_the_first() -> None:
    rig = Rig()
    first, waiting = await started(rig)
    second, other = await started(rig)
    rig.tell("A")
    await waiting
    await other
    await first.aclose()
    assert ("BTC/USD", 0) not in rig.asked
    await second.aclose()
    assert rig.asked[-1] == ("BTC/USD", 0)
