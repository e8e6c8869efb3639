"""Streams made of other streams: bars of trades, a throttled top of book, its imbalance.

What is derived carries the provenance of what it was derived from, holes included.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from decimal import Decimal
from typing import Any, Generic, TypeVar

from leadline.clock import NS_PER_S, Clock
from leadline.core.aggregate import BarMaker, TopOfBook, imbalance
from leadline.core.book import BookView
from leadline.engine.delivery import Begun, Stream
from leadline.engine.events import EventLog
from leadline.engine.lag import Lag
from leadline.engine.readers import Conflated, Lossless
from leadline.engine.subscribers import Subscribers
from leadline.engine.topics import Desk, Topic
from leadline.engine.trades import TradeTopic
from leadline.engine.wants import Wants
from leadline.errors import CheckFailed
from leadline.model.market import Bar, Channel, Gap, Trade
from leadline.model.reading import Reading

T = TypeVar("T")
U = TypeVar("U")


class BuiltBars(Lossless[Bar]):
    """Bars built in the very call that hands the trades out: no queue between them can lose a trade."""

    def __init__(
        self,
        topic: TradeTopic,
        interval_s: int,
        events: EventLog,
        record: Callable[[Gap], object],
        lag: Lag,
    ) -> None:
        name = f"bars of {interval_s} s from trades {topic.symbol}"
        super().__init__(Channel.BARS, topic.symbol, name, events, record, lag)
        self._maker = BarMaker(topic.symbol, interval_s)
        self._latest: Reading[Any] | None = None
        holes = [(hole.after.venue_ns, hole.before.venue_ns) for hole in topic.log.holes]
        known = [(begin, end) for begin, end in holes if begin is not None and end is not None]
        self._maker.begin(topic.log.recent(), known)

    def take(self, reading: Reading[Any]) -> None:
        trade: Trade = reading.value
        self._latest = reading
        for bar in self._maker.take(trade):
            super().take(reading.of(bar))

    def gap(self, gap: Gap) -> None:
        super().gap(gap)
        for bar in self._maker.gap(gap):
            if self._latest is not None:
                super().take(self._latest.of(bar))


class Throttled(Generic[T, U]):
    """The newest of a conflated reader in another form, where it has changed, at most once in a while."""

    def __init__(
        self, reader: Conflated[T], make: Callable[[T], U | None], every_s: float, clock: Clock
    ) -> None:
        self._reader = reader
        self._make = make
        self._every_ns = round(every_s * NS_PER_S)
        self._clock = clock
        self._due_ns = clock.mono_ns()
        self._last: U | None = None

    async def next(self) -> Reading[U] | Gap:
        """The next changed value, or a hole; raises the stream's refusal."""
        while True:
            wait_ns = self._due_ns - self._clock.mono_ns()
            if wait_ns > 0:
                await self._clock.sleep(wait_ns / NS_PER_S)
            item = await self._reader.next()
            if isinstance(item, Gap):
                return item
            value = self._make(item.value)
            if value is None or value == self._last:
                continue
            self._last = value
            self._due_ns = self._clock.mono_ns() + self._every_ns
            return item.of(value)


class Derived:
    """The derived streams of one feed; each yields a Gap for every hole of what it is made of."""

    def __init__(self, desk: Desk, wants: Wants, subscribers: Subscribers) -> None:
        self._desk = desk
        self._wants = wants
        self._subscribers = subscribers

    def bars(self, symbol: str, interval_s: int) -> AsyncGenerator[Reading[Bar] | Gap, None]:
        """Candles of any whole number of seconds, from trades: every change of the running one.

        A bar comes once more when it has ended and lacks nothing (`complete`); one with a hole in its trades
        stays incomplete until the hole has been filled, and is told again then. The bar in which reading
        began is never complete. Raises CheckFailed, UnknownSymbol, and the venue's refusal.
        """
        if interval_s < 1:
            raise CheckFailed(f"a bar of {interval_s} s is too short; from 1 s on, in whole seconds")
        wanted = self._wants.subscription(Channel.TRADES, symbol)

        def built(topic: Topic[Any]) -> BuiltBars:
            assert isinstance(topic, TradeTopic)
            lag = self._subscribers.lag(topic, f"bars of {interval_s} s from trades {topic.symbol}")
            return BuiltBars(topic, interval_s, self._desk.events, self._desk.ledger.open, lag)

        return Stream(lambda: self._subscribers.begin(wanted, built))

    def tops(self, symbol: str, every_s: float = 0.25) -> AsyncGenerator[Reading[TopOfBook] | Gap, None]:
        """The best bid and ask of the live book where they have changed, the newest, at most so often."""
        return self._throttled(symbol, 10, every_s, "top of", _top)

    def imbalances(
        self, symbol: str, levels: int = 10, every_s: float = 0.25
    ) -> AsyncGenerator[Reading[Decimal] | Gap, None]:
        """How much more the best levels hold on the bid than on the ask, by their sum: -1 to 1.

        The newest where it has changed, at most so often. Raises CheckFailed for levels no book has.
        """
        depths = self._wants.book_depths
        if not 1 <= levels <= max(depths):
            raise CheckFailed(f"{levels} levels are not in any book; from 1 to {max(depths)}")
        depth = min(each for each in depths if each >= levels)

        def of(view: BookView) -> Decimal | None:
            return imbalance(view.bids(levels), view.asks(levels))

        return self._throttled(symbol, depth, every_s, f"imbalance of {levels} levels of", of)

    def _throttled(
        self, symbol: str, depth: int, every_s: float, what: str, make: Callable[[BookView], U | None]
    ) -> Stream[Any]:
        wanted = self._wants.subscription(Channel.BOOK, symbol, depth)

        def begin() -> Begun[Any]:
            topic = self._wants.topic(wanted)
            reader = self._subscribers.conflated(topic, f"{what} {wanted}")
            self._subscribers.add(topic, reader)
            return Throttled(reader, make, every_s, self._desk.clock).next, lambda: topic.remove(reader)

        return Stream(begin)


def _top(view: BookView) -> TopOfBook:
    return TopOfBook(view.symbol, view.best_bid, view.best_ask)
