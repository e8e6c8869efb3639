"""Single orders over a real socket: proven, resynchronised alone, and streamed only while somebody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

import leadline
from leadline.app.account_settings import AccountSettings
from leadline.app.opening import open_system
from leadline.app.system import System
from leadline.emulator.numbers import fixed
from leadline.errors import CheckFailed, ConfigError
from leadline.model.market import GapCause
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey
from served import Served, served


@asynccontextmanager
async def opened(folder: Path, rate: float = 200.0) -> AsyncIterator[tuple[Served, System]]:
    async with served(rate=rate) as venue:
        demo = venue.exchange.trading.demo
        account = AccountSettings("main", KrakenKey(Credentials(demo.api_key, demo.secret)))
        settings = msgspec.structs.replace(venue.settings, accounts=(account,), state_dir=folder)
        async with open_system(settings, account="main") as system:
            yield venue, system


async def test_every_reading_is_proven_and_the_last_one_is_the_venues_own_book(tmp_path: Path) -> None:
    async with opened(tmp_path) as (venue, system):
        books = system.level3("BTC/USD", 10)
        for _ in range(30):
            reading = await anext(books)
            assert isinstance(reading, leadline.Reading)
            assert reading.verified
        venue.inject(kind="STATUS", mode="maintenance")  # the market stands
        await asyncio.sleep(0)
        listing = venue.exchange.market.listings["BTC/USD"]
        pair = listing.pair
        expected = [
            (fixed(price, pair.price_precision), fixed(order.qty, pair.qty_precision))
            for price, _ in listing.book.bids.top(10)
            for order in listing.book.bids.levels[-price].orders.values()
        ]
        async with asyncio.timeout(5):
            while True:
                shown = [(str(order.price), str(order.qty)) for order in reading.value.bids]
                if shown == expected:
                    break
                reading = await anext(books)
                assert isinstance(reading, leadline.Reading)
        await books.aclose()


async def test_a_corrupt_message_is_a_gap_and_the_stream_comes_back_by_itself(tmp_path: Path) -> None:
    async with opened(tmp_path) as (venue, system):
        books = system.level3("BTC/USD", 10)
        assert isinstance(await anext(books), leadline.Reading)
        venue.inject(kind="DROP", channel="level3", symbol="BTC/USD", count=1)
        async with asyncio.timeout(10):
            while isinstance(gap := await anext(books), leadline.Reading):
                pass
            assert gap.cause is GapCause.DROPPED
            assert isinstance(await anext(books), leadline.Reading)
        await books.aclose()


async def test_nobody_reading_means_no_connection(tmp_path: Path) -> None:
    async with opened(tmp_path) as (served_venue, system):
        assert system.account is not None
        line = system.account.level3.line
        assert not line.connected
        books = system.level3("BTC/USD", 10)
        await anext(books)
        assert line.connected
        await books.aclose()
        async with asyncio.timeout(5):
            while line.connected:
                await served_venue.clock.sleep(0)
        again = system.level3("ETH/USD", 100)
        assert isinstance(await anext(again), leadline.Reading)
        assert line.connects == 2
        await again.aclose()


async def test_wrong_use_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    async with opened(tmp_path) as (venue, system):
        with pytest.raises(CheckFailed, match="10, 100, 1000"):
            await anext(system.level3("BTC/USD", 25))
        async with open_system(venue.settings) as without:
            with pytest.raises(ConfigError, match="no account"):
                without.level3("BTC/USD")
