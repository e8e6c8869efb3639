"""A feed on a standing-still clock, its in-memory venue, and short ways to make values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.book import Book
from leadline.engine.feed import Feed
from leadline.model.market import (
    Bar,
    BarBatch,
    DayStats,
    FrozenBook,
    Level,
    Liquidation,
    MarkPrice,
    Side,
    Ticker,
    Trade,
    TradeBatch,
)
from leadline.venues.memory import LIMITS, MemoryMarket, MemorySession
from leadline.venues.ports import Limits

T = TypeVar("T")

BTC = "BTC/USD"
ETH = "ETH/USD"


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(30):
        await asyncio.sleep(0)


class Rig:
    """One feed under test."""

    def __init__(self, symbols: Sequence[str] = (BTC, ETH), limits: Limits = LIMITS) -> None:
        self.clock = ManualClock(mono_ns=1000 * NS_PER_S)
        self.market = MemoryMarket(symbols, limits=limits)
        self.feed = Feed(self.market, self.clock)
        self.session: MemorySession = self.market.session(self.feed.receive, "public")
        self.books: dict[str, Book] = {}

    @property
    def now(self) -> int:
        return self.clock.mono_ns()

    def connect(self) -> None:
        self.session.opened(self.now)

    def cut(self, reason: str = "cut") -> None:
        for book in self.books.values():
            book.clear()
        self.session.closed(reason, self.now)

    def say(self, news: Any) -> None:
        self.session.say(news, self.now)

    def told(self, kind: type[T]) -> list[T]:
        """The events of a kind so far, oldest first."""
        return [event for event in self.feed.recent_events if isinstance(event, kind)]

    async def passes(self, seconds: float, *, alive: bool = True) -> None:
        """Let time pass second by second; heartbeats arrive while `alive`."""
        left = seconds
        while left > 0:
            step = min(1.0, left)
            self.clock.advance(step)
            left -= step
            if alive:
                self.session.received(b"heartbeat", self.now)
            await settle()

    # --- values ---

    def ticker(self, last: str = "100", symbol: str = BTC) -> Ticker:
        price = Decimal(last)
        return Ticker(symbol, price - 1, Decimal(1), price + 1, Decimal(2), price, *[Decimal(5)] * 4)

    def say_book(self, bid: int = 9900, ask: int = 10100, symbol: str = BTC) -> None:
        """A whole verified book of one level a side, in cents and ten-thousandths."""
        book = self.books.setdefault(symbol, Book(symbol, 10, 2, 4))
        book.load([(bid, 10000)], [(ask, 20000)])
        self.say(book.view)

    def rest_book(self, bid: str = "99", ask: str = "101", symbol: str = BTC) -> FrozenBook:
        return FrozenBook(
            symbol,
            (Level(Decimal(bid), Decimal("1.000")),),
            (Level(Decimal(ask), Decimal("2.000")),),
        )

    def trade(self, number: int, price: str = "100", symbol: str = BTC) -> Trade:
        """Trade ids are seconds of the rig's history, so that times and ids agree."""
        when = datetime.fromtimestamp(1_790_000_000 + number, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        return Trade(symbol, Side.BUY, Decimal(price), Decimal(1), number, when)

    def trades(self, *numbers: int) -> TradeBatch:
        return TradeBatch(BTC, tuple(self.trade(number) for number in numbers))

    def mark(self, price: str = "100", at_ms: int = 1_790_000_000_000, symbol: str = BTC) -> MarkPrice:
        """Mark price, index a little below, and the funding to come."""
        mark = Decimal(price)
        return MarkPrice(symbol, mark, mark - 1, Decimal("0.0001"), 1_790_006_400_000_000_000, None, at_ms)

    def day(self, trades: int = 7, at_ms: int = 1_790_000_000_000, symbol: str = BTC) -> DayStats:
        """The last 24 hours, of which the trades are counted."""
        one = Decimal(1)
        return DayStats(symbol, one, one, one, one, one, one, one, one, one, trades, at_ms)

    def liquidation(self, price: str = "100", at_ms: int = 1_790_000_000_000) -> Liquidation:
        """Somebody's long position, sold."""
        return Liquidation(BTC, Side.SELL, Decimal(1), Decimal(price), Decimal(price), at_ms)

    def bar(self, minute: int, close: str = "100", *, complete: bool = False) -> Bar:
        """The bar of a minute counted from the rig's first full one."""
        begin_ns = (1_790_000_040 + 60 * minute) * NS_PER_S
        price = Decimal(close)
        return Bar(BTC, 60, begin_ns, price, price, price, price, Decimal(1), price, 1, complete)

    def bars(self, *bars: Bar) -> BarBatch:
        return BarBatch(BTC, 60, bars)


@asynccontextmanager
async def running(
    *, connected: bool = True, symbols: Sequence[str] = (BTC, ETH), limits: Limits = LIMITS
) -> AsyncIterator[Rig]:
    """A rig whose feed runs and whose line stands."""
    rig = Rig(symbols, limits)
    async with rig.feed:
        rig.feed.attach(rig.session, lambda: None)
        if connected:
            rig.connect()
        await settle()
        yield rig


class Collected:
    """What an iterator has yielded so far, drained by a task of the test."""

    def __init__(self, stream: AsyncIterator[Any]) -> None:
        self.items: list[Any] = []
        self.error: Exception | None = None
        self._task = asyncio.ensure_future(self._drain(stream))

    async def _drain(self, stream: AsyncIterator[Any]) -> None:
        try:
            async for item in stream:
                self.items.append(item)
        except Exception as error:  # what the reader was told is what the test looks at
            self.error = error

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
