"""A venue that says what a test or an example tells it to.

It keeps the ports' contracts and nothing more: no wire format, no checks, no timing of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches

from msgspec import Struct

from leadline.core.book import BookCounts, BookView
from leadline.core.reach import Reach
from leadline.core.session import (
    Confirmed,
    Coverage,
    Emit,
    LineDown,
    LineUp,
    News,
    Output,
    SubscriptionRefused,
)
from leadline.errors import CheckFailed, Error, UnknownSymbol, VenueError
from leadline.model.instrument import Instrument
from leadline.model.market import (
    Bar,
    BookDropped,
    Channel,
    DayStats,
    FrozenBook,
    FundingRate,
    MarkPrice,
    Subscription,
    Ticker,
    Trade,
    VenueMode,
    VenueStatus,
)
from leadline.net.http import Purpose
from leadline.venues.ports import Limits, Reference

_SILENT_NS = 5_000_000_000

LIMITS = Limits(
    book_depths=(10, 25, 100), bar_intervals_s=(60, 300), rest_book_depth=100, rest_bars=720, rest_trades=1000
)

CONTRACTS = replace(
    LIMITS,
    channels=frozenset(Channel) - {Channel.INSTRUMENTS, Channel.LEVEL3},
    rest_channels=frozenset(Channel) - {Channel.INSTRUMENTS, Channel.LEVEL3, Channel.LIQUIDATIONS},
    top_depths=(5, 20),
    prompt_channels=frozenset({Channel.MARK, Channel.STATS}),
    heartbeats=False,
)
"""Of a venue of contracts that sends nothing unless something happens, but for mark prices and statistics."""


def instrument(symbol: str) -> Instrument:
    """An instrument with two decimals of price and four of quantity."""
    base, _, rest = symbol.partition("/")
    quote, _, settle = rest.partition(":")
    cent, lot = Decimal("0.01"), Decimal("0.0001")
    return Instrument(
        "memory", symbol, base, quote, 2, 4, cent, lot, lot, Decimal("0.5"), settle=settle or None
    )


class MemoryReference:
    """A fixed list of instruments; a symbol has one spelling."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._instruments = {symbol: instrument(symbol) for symbol in symbols}

    def instrument(self, symbol: str) -> Instrument:
        found = self._instruments.get(symbol)
        if found is None:
            raise UnknownSymbol(symbol, get_close_matches(symbol, self._instruments, n=2))
        return found

    def instruments(self) -> Sequence[Instrument]:
        return [self._instruments[symbol] for symbol in sorted(self._instruments)]


class Asked(Struct, frozen=True):
    """One REST request that was made."""

    channel: Channel
    symbols: tuple[str, ...]
    purpose: Purpose


class MemorySession:
    """A session whose venue acknowledges at once while the connection stands, and speaks when told to."""

    def __init__(self, emit: Emit, *, acknowledges: bool = True) -> None:
        self._emit = emit
        self._acknowledges = acknowledges
        self._coverage: dict[Subscription, Coverage] = {}
        self._standing = False
        self.last_frame_ns = 0
        self.last_data_ns: int | None = None
        self.retry_floor_s = 0.0
        self.poke: Callable[[], None] = lambda: None
        self.renewed: list[Subscription] = []
        self.book_messages = BookCounts()

    # --- the contract of a session ---

    def opened(self, now_ns: int) -> None:
        self._standing = True
        self.last_frame_ns = now_ns
        self._emit(LineUp(), now_ns)
        for subscription in self.wanted():
            self._acknowledge(subscription, now_ns)

    def received(self, frame: bytes, now_ns: int) -> None:
        """Any frame is a sign of life and says nothing; news comes by `say`."""
        self.last_frame_ns = now_ns

    def held_up(self, since_ns: int, now_ns: int) -> None:
        """What is said here is heard at once."""

    def woke(self, now_ns: int) -> None:
        """Nothing is ever waited for."""

    def closed(self, reason: str, now_ns: int) -> None:
        self._standing = False
        self._coverage = dict.fromkeys(self._coverage, Coverage.WANTED)
        self._emit(LineDown(reason), now_ns)

    changed = False  # it never has anything to send, nor a time to wake

    def outputs(self) -> list[Output]:
        return []

    def wake_at(self) -> int | None:
        return None

    def up(self, now_ns: int) -> bool:
        return self._standing and now_ns - self.last_frame_ns <= _SILENT_NS

    def want(self, subscription: Subscription, now_ns: int) -> None:
        self._coverage.setdefault(subscription, Coverage.WANTED)
        if self._standing:
            self._acknowledge(subscription, now_ns)

    def unwant(self, subscription: Subscription, now_ns: int) -> None:
        self._coverage.pop(subscription, None)

    def renew(self, subscription: Subscription, reason: str, now_ns: int) -> None:
        self.renewed.append(subscription)
        self._coverage[subscription] = Coverage.WANTED
        self._acknowledge(subscription, now_ns)

    def coverage(self, subscription: Subscription) -> Coverage | None:
        return self._coverage.get(subscription)

    def wanted(self) -> list[Subscription]:
        return list(self._coverage)

    # --- the venue's voice ---

    def say(self, news: News, now_ns: int) -> None:
        """The venue says this on the stream."""
        self.last_frame_ns = self.last_data_ns = now_ns
        self.book_messages.proven += isinstance(news, BookView)
        self.book_messages.wrong += isinstance(news, BookDropped)
        self._emit(news, now_ns)

    def refuse(self, subscription: Subscription, error: VenueError, now_ns: int) -> None:
        """The venue will not stream this."""
        self._coverage[subscription] = Coverage.REFUSED
        self.say(SubscriptionRefused(subscription, error), now_ns)

    def _acknowledge(self, subscription: Subscription, now_ns: int) -> None:
        if self._acknowledges:
            self._coverage[subscription] = Coverage.CONFIRMED
            self._emit(Confirmed(subscription), now_ns)


class MemoryMarket:
    """Market data from what lies in its attributes; `failing` is raised by every request while set.

    `homes` gives channels a route of their own; the others come by "public".
    """

    name = "memory"

    def __init__(
        self,
        symbols: Sequence[str],
        homes: Mapping[Channel, str] | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self.limits = limits
        self._homes = homes or {}
        self.routes: tuple[str, ...] = tuple(dict.fromkeys(("public", *self._homes.values())))
        self.urgent: Callable[[str], bool] = lambda symbol: False
        self.reference: Reference = MemoryReference(symbols)
        self.reach = Reach()
        self.tickers: dict[str, Ticker] = {}
        self.books: dict[str, FrozenBook] = {}
        self.trades: dict[str, list[Trade]] = {}
        self.bars: dict[tuple[str, int], list[Bar]] = {}
        self.marks: dict[str, MarkPrice] = {}
        self.stats: dict[str, DayStats] = {}
        self.failing: Error | None = None
        self.asked: list[Asked] = []
        self.clock_ahead_ns: int | None = None
        """Of monotonic time; None while nobody measures it."""

    async def load(self) -> None:
        """Everything is here already."""

    def route_of(self, subscription: Subscription) -> str:
        return self._homes.get(subscription.channel, "public")

    def session(self, emit: Emit, route: str) -> MemorySession:
        return MemorySession(emit)

    async def run(self) -> None:
        """Nothing is done beside the sessions."""

    async def fetch_status(self, purpose: Purpose) -> VenueStatus:
        self._raise_failure()
        return VenueStatus(VenueMode.ONLINE)

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        self._ask(Channel.TICKER, tuple(symbols), purpose)
        return {symbol: self.tickers[symbol] for symbol in symbols if symbol in self.tickers}

    async def fetch_book(self, symbol: str, depth: int, purpose: Purpose) -> FrozenBook:
        self._ask(Channel.BOOK, (symbol,), purpose)
        book = self.books.get(symbol, FrozenBook(symbol, (), ()))
        return FrozenBook(symbol, book.bids[:depth], book.asks[:depth], book.venue_time)

    async def fetch_trades(self, symbol: str, since_ns: int, purpose: Purpose) -> list[Trade]:
        self._ask(Channel.TRADES, (symbol,), purpose)
        known = self.trades.get(symbol, [])
        return [trade for trade in known if (trade.venue_ns or 0) > since_ns][: self.limits.rest_trades]

    async def fetch_bars(self, symbol: str, interval_s: int, since_ns: int, purpose: Purpose) -> list[Bar]:
        self._ask(Channel.BARS, (symbol,), purpose)
        return [bar for bar in self.bars.get((symbol, interval_s), []) if bar.begin_ns >= since_ns]

    async def fetch_marks(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, MarkPrice]:
        self._ask(Channel.MARK, tuple(symbols), purpose)
        return {symbol: self.marks[symbol] for symbol in symbols if symbol in self.marks}

    async def fetch_stats(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, DayStats]:
        self._ask(Channel.STATS, tuple(symbols), purpose)
        return {symbol: self.stats[symbol] for symbol in symbols if symbol in self.stats}

    async def fetch_funding(self, symbol: str, since_ns: int, purpose: Purpose) -> list[FundingRate]:
        raise CheckFailed(f"{symbol}: this venue has no funding")

    def venue_ns(self, mono_ns: int) -> int | None:
        return None if self.clock_ahead_ns is None else mono_ns + self.clock_ahead_ns

    def _ask(self, channel: Channel, symbols: tuple[str, ...], purpose: Purpose) -> None:
        self.asked.append(Asked(channel, symbols, purpose))
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self.failing is not None:
            raise self.failing
