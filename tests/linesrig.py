"""Lines of a route over in-memory sessions that a test opens, cuts and speaks for, and what comes of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from feedrig import settle
from leadline.clock import NS_PER_S, Clock, ManualClock
from leadline.core.book import Book
from leadline.core.retry import Backoff, ConnectBudget
from leadline.core.session import Emit, MarketSession
from leadline.engine.carriers import Carriers
from leadline.engine.events import LineEvent
from leadline.engine.lanes import Lane
from leadline.engine.lines import Lines
from leadline.errors import ConnectFailed
from leadline.model.market import Bar, BarBatch, Channel, Side, Subscription, Ticker, Trade, TradeBatch
from leadline.net.connection import Line
from leadline.net.websocket import MemorySocket, Socket, memory_pair
from leadline.venues.memory import MemorySession

BTC = "BTC/USD"
ETH = "ETH/USD"
TICKER = Subscription(Channel.TICKER, BTC)
BOOK = Subscription(Channel.BOOK, BTC, 10)
TRADES = Subscription(Channel.TRADES, BTC)
BARS = Subscription(Channel.BARS, BTC, 60)

E = TypeVar("E")


class LinesRig:
    """Lines whose sessions stand in `sessions`, in the order in which they were made."""

    def __init__(
        self, count: int = 2, *, acknowledges: bool = True, clock: Clock | None = None, **settings: Any
    ) -> None:
        self.clock = ManualClock(mono_ns=1000 * NS_PER_S)
        self._lived = clock or self.clock
        self.sessions: list[MemorySession] = []
        self.news: list[Any] = []
        self.events: list[LineEvent] = []
        self.far: list[MemorySocket] = []
        self.refusals: list[ConnectFailed] = []
        """Laid ready for the next connects, the first one first."""
        self._acknowledges = acknowledges
        self.budget = ConnectBudget()
        self.lines = Lines(
            self._session,
            lambda session: Line(session, self._connect, self._lived, Backoff(random.Random(1)), self.budget),
            lambda news, now_ns: self.news.append(news),
            self.events.append,
            self._lived,
            count=count,
            **settings,
        )
        self._books: dict[tuple[int, str], Book] = {}

    def _session(self, emit: Emit) -> MarketSession:
        session = MemorySession(emit, acknowledges=self._acknowledges)
        self.sessions.append(session)
        return session

    async def _connect(self) -> Socket:
        if self.refusals:
            raise self.refusals.pop(0)
        near, far = memory_pair()
        self.far.append(far)
        return near

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[NoReturn]]:
        """The lines run, and have connected."""
        task = asyncio.create_task(self.lines.run())
        await settle()
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def pass_by(self, seconds: float) -> None:
        """Let time pass for lines that run; heartbeats come on what stands."""
        for _ in range(round(seconds * 2)):
            self.clock.advance(0.5)
            for session in self.sessions:
                session.received(b"heartbeat", self.now)
            await settle()

    @property
    def now(self) -> int:
        return self._lived.mono_ns()

    @property
    def parts(self) -> tuple[Carriers, tuple[Lane, ...]]:
        """What decides, and the lanes it decides on."""
        carriers = self.lines.carriers
        return carriers, tuple(carriers.lanes)

    def want(self, *subscriptions: Subscription) -> None:
        for subscription in subscriptions:
            self.lines.want(subscription, self.now)

    def open(self, *numbers: int) -> None:
        for number in numbers:
            self.sessions[number - 1].opened(self.now)

    def cut(self, number: int, reason: str = "cut") -> None:
        """The connection ends, and with it every book that was on it."""
        for (line, _), book in self._books.items():
            if line == number:
                book.clear()
        self.sessions[number - 1].closed(reason, self.now)

    def say(self, number: int, news: Any) -> None:
        self.sessions[number - 1].say(news, self.now)

    def say_book(self, number: int, bid: int = 9900, symbol: str = BTC) -> None:
        """A whole verified book of one level a side, in cents, that came with the bid's price as its time."""
        book = self.book(number, symbol)
        book.load([(bid, 10_000)], [(bid + 200, 20_000)])
        book.venue_time = time_of(bid)
        self.say(number, book.view)

    def book(self, number: int, symbol: str = BTC) -> Book:
        return self._books.setdefault((number, symbol), Book(symbol, 10, 2, 4))

    def pass_s(self, seconds: float) -> None:
        """Let time pass in steps of half a second; heartbeats come on what stands, and the lines look."""
        for _ in range(round(seconds * 2)):
            self.clock.advance(0.5)
            for session in self.sessions:
                session.received(b"heartbeat", self.now)
            self.look()

    def look(self) -> None:
        self.lines.look(self.now)

    def told(self, kind: type[E]) -> list[E]:
        """The news of a kind so far."""
        return [news for news in self.news if isinstance(news, kind)]

    def happened(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


def time_of(second: int) -> str:
    return datetime.fromtimestamp(1_790_000_000 + second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def ticker(at: int, symbol: str = BTC) -> Ticker:
    """The ticker of a second of the rig's history."""
    price = Decimal(100 + at)
    return Ticker(symbol, price - 1, *[Decimal(1)] * 3, price, *[Decimal(5)] * 4, venue_time=time_of(at))


def trades(*numbers: int, snapshot: bool = False) -> TradeBatch:
    """Trades whose ids are seconds of the rig's history."""
    made = (Trade(BTC, Side.BUY, Decimal(100), Decimal(1), number, time_of(number)) for number in numbers)
    return TradeBatch(BTC, tuple(made), snapshot)


def bars(minute: int, count: int, *, snapshot: bool = False) -> BarBatch:
    """The bar of a minute after so many trades."""
    price = Decimal(100 + count)
    begin_ns = (1_790_000_040 + 60 * minute) * NS_PER_S
    return BarBatch(BTC, 60, (Bar(BTC, 60, begin_ns, *[price] * 4, Decimal(count), price, count),), snapshot)
