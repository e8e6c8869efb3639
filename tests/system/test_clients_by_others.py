"""Clients written by others hold the emulator's books: a second opinion on its wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from apart import emulator_apart
from leadline.emulator.serve import Endpoints

pytestmark = pytest.mark.outside

SYMBOLS = ("BTC/USD", "ETH/USD", "DOGE/USD", "EURQ/USD")
UPDATES = 60


@pytest.fixture
def endpoints() -> Iterator[Endpoints]:
    with emulator_apart(SYMBOLS, rate=400) as found:
        yield found


class Truth:
    """The emulator's control address."""

    def __init__(self, control: str, session: aiohttp.ClientSession) -> None:
        self._control = control
        self._session = session

    async def halt(self) -> None:
        """Let the market stand, so that client and truth can be compared at leisure."""
        fault = {"venue": "kraken", "kind": "STATUS", "mode": "maintenance"}
        async with self._session.post(f"{self._control}/faults", json=fault) as answer:
            assert answer.status == 200

    async def book(self, symbol: str) -> dict[str, list[list[Decimal]]]:
        params = {"symbol": symbol, "depth": "10"}
        async with self._session.get(f"{self._control}/truth/book", params=params) as answer:
            found = await answer.json()
        return {side: [[Decimal(text) for text in row] for row in found[side]] for side in ("bids", "asks")}


@asynccontextmanager
async def truth_of(endpoints: Endpoints) -> AsyncIterator[Truth]:
    async with aiohttp.ClientSession() as session:
        yield Truth(endpoints.control, session)


async def test_python_kraken_sdk_holds_books_equal_to_the_truth(endpoints: Endpoints) -> None:
    from kraken.spot import Market, SpotOrderBookClient

    class Books(SpotOrderBookClient):  # type: ignore[misc]
        WS_URL = f"ws://{endpoints.base}"

        def __init__(self) -> None:
            super().__init__(depth=10)
            # Its constructor takes no address for REST; this is the attribute it keeps the client under.
            self._SpotOrderBookClient__market = Market(url=f"http://{endpoints.base}")
            self.updates = dict.fromkeys(SYMBOLS, 0)
            self.errors: list[str] = []
            self.news = asyncio.Event()

        async def on_book_update(self, pair: str, message: dict[str, Any]) -> None:
            if "error" in message:
                self.errors.append(message["error"])
            self.updates[pair] += 1
            self.news.set()

        def holds(self, symbol: str, expected: dict[str, list[list[Decimal]]]) -> bool:
            book = self.get(pair=symbol)
            sides = {"bids": book["bid"], "asks": book["ask"]}
            return all(
                [[Decimal(price), Decimal(qty)] for price, (qty, _) in sides[name].items()] == expected[name]
                for name in sides
            )

    books = Books()
    await books.start()
    async with truth_of(endpoints) as truth, asyncio.timeout(40):
        await books.add_book(pairs=list(SYMBOLS))
        await until(books.news, lambda: min(books.updates.values()) >= UPDATES // 6)
        await until(books.news, lambda: max(books.updates.values()) >= UPDATES)
        await truth.halt()
        expected = {symbol: await truth.book(symbol) for symbol in SYMBOLS}
        await until(books.news, lambda: all(books.holds(symbol, expected[symbol]) for symbol in SYMBOLS))
        assert books.errors == []
    await books.close()


async def test_ccxt_pro_holds_books_equal_to_the_truth(endpoints: Endpoints) -> None:
    import ccxt.pro

    client = ccxt.pro.kraken({"enableRateLimit": False})
    client.urls["api"]["public"] = f"http://{endpoints.base}"
    client.urls["api"]["ws"]["publicV2"] = f"ws://{endpoints.base}/v2"
    try:
        async with truth_of(endpoints) as truth, asyncio.timeout(40):
            for symbol in SYMBOLS:
                for _ in range(UPDATES // 6):
                    await client.watch_order_book(symbol)
            await truth.halt()
            for symbol in SYMBOLS:
                expected = await truth.book(symbol)
                await ccxt_holds(client, symbol, expected)
    finally:
        await client.close()


async def ccxt_holds(client: Any, symbol: str, expected: dict[str, list[list[Decimal]]]) -> None:
    """The last frames before the halt may still be under way; ccxt keeps numbers as doubles."""
    wanted = {side: [[float(one) for one in row] for row in rows] for side, rows in expected.items()}
    while any([list(row) for row in client.orderbooks[symbol][side]] != wanted[side] for side in wanted):
        await client.watch_order_book(symbol)


async def until(news: asyncio.Event, reached: Any) -> None:
    while not reached():
        news.clear()
        await news.wait()
