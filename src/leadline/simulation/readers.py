"""The readers of a run: conflated and lossless, quick and slow, early and late, and who asks now and then.

Each hands every value it gets to the judge, at once.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any

from leadline.clock import NS_PER_S
from leadline.engine.feed import Feed
from leadline.errors import Stale, VenueError
from leadline.model.market import Channel, Gap
from leadline.model.reading import Reading, Source
from leadline.simulation.audit import BarAudit, TradeAudit
from leadline.simulation.judge import Judge
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.strikes import CALM_START_S

Items = AsyncGenerator[Reading[Any] | Gap, None]
Work = Coroutine[Any, Any, None]
Came = Callable[[Channel, str], None]

MINUTE_S = 60


class Readers(ABC):
    """Makes the readers and keeps what is judged of each at the end."""

    past_first = True
    """Whether a stream of trades begins with those just before: so that none is missed while it is begun."""

    def __init__(
        self,
        feed: Feed,
        judge: Judge,
        loop: VirtualLoop,
        clock: LoopClock,
        seed: str,
        came: Came,
    ) -> None:
        self.trade_audits: list[TradeAudit] = []
        self.bar_audits: list[BarAudit] = []
        self._feed = feed
        self._judge = judge
        self._clock = clock
        self._seed = seed
        self._came = came
        self._loop = loop
        self._block_s = 0.0
        self._hurried = asyncio.Event()
        self._count = 0

    @abstractmethod
    def all(self, total_s: float) -> list[Work]:
        """One coroutine for each reader."""

    def block(self, for_s: float) -> None:
        """Let one reader keep the event loop for so long with its next value."""
        self._block_s = for_s

    def hurry(self) -> None:
        """Slow readers take what is waiting for them without further pauses."""
        self._hurried.set()

    async def _newest(self, symbol: str, items: Items, pause_s: float = 0.8) -> None:
        """A conflated reader that takes its time over each value."""
        luck = self._luck()
        async with aclosing(items) as stream:
            async for item in stream:
                if isinstance(item, Reading):
                    self._judge.reading(symbol, item, current=True)
                await self._clock.sleep(luck.uniform(0.0, pause_s))

    async def _backlog(self, symbol: str, items: Items, depth: int, pause_s: float) -> None:
        """A lossless reader of books or tickers that now and then falls behind."""
        luck = self._luck()
        async with aclosing(items) as stream:
            async for item in stream:
                if isinstance(item, Reading):
                    self._judge.reading(symbol, item, current=False, depth=depth)
                if luck.random() < 0.05:
                    await self._pause(luck, pause_s)

    async def _trades(self, symbol: str, pause_s: float = 0.0) -> None:
        luck = self._luck()
        stormy = not self.past_first or self._loop.now_ns > CALM_START_S * NS_PER_S
        audit = TradeAudit(symbol, self._judge.now_ns, stormy)
        self.trade_audits.append(audit)
        async with aclosing(self._feed.every_trade(symbol)) as stream:
            async for item in stream:
                if isinstance(item, Gap):
                    audit.take(item)
                else:
                    audit.take(item.value)
                    self._judge.reading(symbol, item, current=False)
                await self._pause(luck, pause_s)

    async def _bars(self, symbol: str) -> None:
        audit = BarAudit(symbol, self._judge.now_ns)
        self.bar_audits.append(audit)
        async with aclosing(self._feed.every_bar(symbol, MINUTE_S)) as stream:
            async for item in stream:
                if isinstance(item, Gap):
                    audit.take(item)
                else:
                    audit.take(item.value)
                    self._judge.reading(symbol, item, current=False)

    async def _now_and_then(self, symbols: tuple[str, ...]) -> None:
        """Awaited reads at random moments; that there is no fresh value is a fair answer."""
        luck = self._luck()
        while True:
            await self._clock.sleep(luck.expovariate(0.7))
            symbol = luck.choice(symbols)
            source = luck.choice((None,) * 9 + (Source.REST, Source.CHECKPOINT))
            stale_ok = source is None and luck.random() < 0.1
            reads = (self._feed.book, self._feed.ticker, self._feed.trades, self._feed.bars)
            read: Any = luck.choice(reads[:2] * 3 + reads)
            try:
                reading = await read(symbol, source=source, stale_ok=stale_ok)
            except Stale:
                continue
            current = not stale_ok and source is not Source.CHECKPOINT
            self._judge.reading(symbol, reading, current=current)

    async def _remembering(self, symbols: tuple[str, ...]) -> None:
        """Looks at once at what an earlier run has left behind."""
        snapshot = self._feed.state.snapshot()
        left: list[Reading[Any]] = [*snapshot.tickers.values(), *snapshot.books.values()]
        if snapshot.balances is not None:
            left.append(snapshot.balances)
        for reading in left:
            if reading.source is Source.CHECKPOINT:
                self._judge.reading("", reading, current=False)
        for symbol in symbols:
            for read in (self._feed.ticker, self._feed.book):
                with suppress(Stale):
                    self._judge.reading(symbol, await read(symbol, source=Source.CHECKPOINT), current=False)

    async def _on_and_off(self, symbol: str) -> None:
        """Reads a stream for a while, leaves it, and comes back."""
        luck = self._luck()
        while True:
            await self._clock.sleep(luck.uniform(5.0, 50.0))
            leaves_ns = self._clock.mono_ns() + round(luck.uniform(1.0, 20.0) * NS_PER_S)
            self._came(Channel.TICKER, symbol)
            async with aclosing(self._feed.tickers(symbol)) as stream:
                async for item in stream:
                    if isinstance(item, Reading):
                        self._judge.reading(symbol, item, current=True)
                    if self._clock.mono_ns() > leaves_ns:
                        break

    async def _inconsiderate(self, symbol: str, other: str) -> None:
        """Now and then computes for long within the event loop, here or in a callback of `other`."""

        def take(reading: Reading[Any]) -> None:
            for_s, self._block_s = self._block_s, 0.0
            if for_s:
                begin_ns = self._loop.now_ns
                self._loop.block(for_s)
                self._judge.held_up(begin_ns, self._loop.now_ns)

        stop = self._feed.on_ticker(other, take) if self._luck().random() < 0.5 else None
        try:
            async with aclosing(self._feed.tickers(symbol)) as stream:
                async for item in stream:
                    if isinstance(item, Reading) and stop is None:
                        take(item)
        finally:
            if stop is not None:
                stop()

    async def _later(self, delay_s: float, work: Work) -> None:
        try:
            await self._clock.sleep(delay_s)
        except BaseException:
            work.close()
            raise
        await work

    async def refused(self, symbol: str) -> float | None:
        """How many seconds it took to learn that the venue refuses a stream; None when it was not refused."""
        begun_ns = self._clock.mono_ns()
        try:
            await self._feed.ticker(symbol, source=Source.STREAM)
        except VenueError:
            return (self._clock.mono_ns() - begun_ns) / NS_PER_S
        except Stale:
            return None
        return None

    async def _pause(self, luck: random.Random, longest_s: float) -> None:
        if not longest_s:
            return
        try:
            async with asyncio.timeout(luck.uniform(0.0, longest_s)):
                await self._hurried.wait()
        except TimeoutError:
            pass  # the pause is over

    def _luck(self) -> random.Random:
        self._count += 1
        return random.Random(f"{self._seed}/reader/{self._count}")  # noqa: S311
