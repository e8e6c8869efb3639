from __future__ import annotations

import asyncio
from typing import Any

import pytest

from feedrig import BTC, running, settle
from leadline.engine.events import ReaderFailed, ReaderLags, ReaderSlow
from leadline.errors import ConnectionLost, Rejected
from leadline.model.market import FrozenBook
from leadline.model.reading import Reading


async def test_a_function_has_every_reading_and_a_coroutine_function_the_newest() -> None:
    async with running() as rig:
        every: list[Any] = []
        newest: list[Any] = []

        async def slowly(reading: Reading[Any]) -> None:
            newest.append(reading.value.last)
            await asyncio.sleep(0)

        stops = [
            rig.feed.on_ticker(BTC, lambda reading: every.append(reading.value.last)),
            rig.feed.on_ticker(BTC, slowly),
        ]
        await settle()
        for last in ("1", "2", "3"):
            rig.say(rig.ticker(last))
        await settle()
        for stop in stops:
            stop()
        rig.say(rig.ticker("4"))
        await settle()

        assert every == [1, 2, 3]
        assert newest == [3]


async def test_a_coroutine_function_has_every_trade() -> None:
    async with running() as rig:
        seen: list[int] = []

        async def take(reading: Reading[Any]) -> None:
            seen.append(reading.value.trade_id)

        stop = rig.feed.on_trade(BTC, take)
        rig.say(rig.trades(1, 2, 3))
        await settle()
        stop()

        assert seen == [1, 2, 3]


async def test_readers_are_named_for_what_they_do_when_they_fail_or_lag() -> None:
    async with running() as rig:

        def fails(reading: Reading[Any]) -> None:
            raise ValueError("no")

        rig.feed.on_ticker(BTC, fails)
        stream = rig.feed.every_ticker(BTC)
        waiting = asyncio.ensure_future(anext(stream))
        await settle()
        rig.say(rig.ticker("1"))
        rig.say(rig.ticker("2"))
        await waiting
        rig.clock.advance(0.4)
        await anext(stream)

        failed = [event for event in rig.feed.recent_events if isinstance(event, ReaderFailed)]
        assert [event.reader.rsplit(".", 1)[-1] for event in failed] == ["fails (ticker BTC/USD)"]
        lags = [event for event in rig.feed.recent_events if isinstance(event, ReaderLags)]
        assert lags == [ReaderLags("every ticker BTC/USD", lag_ms=400.0)]


async def test_every_book_is_frozen_at_the_depth_asked_for() -> None:
    async with running() as rig:
        stream = rig.feed.every_book(BTC, 25)
        waiting = asyncio.ensure_future(anext(stream))
        await settle()
        rig.say_book()
        item = await waiting

        assert isinstance(item, Reading) and isinstance(item.value, FrozenBook)
        assert rig.session.wanted()[0].param == 25


async def test_a_line_that_will_never_come_back_is_told_to_old_and_new_readers() -> None:
    async with running() as rig:
        old = asyncio.ensure_future(anext(rig.feed.tickers(BTC)))
        await settle()
        rig.feed.fail(ConnectionLost("for good"))
        with pytest.raises(ConnectionLost):
            await old
        with pytest.raises(ConnectionLost):
            await anext(rig.feed.books(BTC))


async def test_a_callback_on_a_refused_stream_harms_nobody() -> None:
    async with running() as rig:

        async def take(reading: Reading[Any]) -> None:
            raise AssertionError

        stop = rig.feed.on_ticker(BTC, take)
        await settle()
        rig.session.refuse(rig.session.wanted()[0], Rejected("no"), rig.now)
        await settle()
        stop()

        assert not [event for event in rig.feed.recent_events if isinstance(event, ReaderSlow)]
