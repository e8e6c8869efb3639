"""Binance's public market data behind the ports the engine knows: stream sessions, and REST by purpose."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar
from weakref import WeakSet

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.core.reach import Reach
from leadline.core.session import Emit, MarketSession
from leadline.errors import CheckFailed, Error, Throttled
from leadline.model.market import (
    Bar,
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
from leadline.net.departures import Priority
from leadline.net.http import Http, Purpose
from leadline.venues.binance import rest, stream_names
from leadline.venues.binance.limits import AddressLimits
from leadline.venues.binance.session import PROMPT, BinanceSession
from leadline.venues.binance.snapshots import Snapshots, Wish
from leadline.venues.binance.stream_names import BOOK_DEPTHS, INTERVALS, TOP_DEPTHS
from leadline.venues.binance.symbols import VENUE, SymbolTable
from leadline.venues.ports import Limits, Reference

T = TypeVar("T")

REFERENCE_TTL_S = 3600
TIME_EVERY_S = 60
"""How often the venue's clock is measured; it runs away from ours by at most 12 ms in between."""
NEWS_PAUSE_S = 5
"""News of contracts come in swarms: so long after one, exchangeInfo is not fetched again."""
RETRY_S = 10
ROOM_S = 0.1
"""A snapshot that found no room in our own budget is asked for again no sooner."""

DOWN_AFTER = 3
"""So many failures of requests in a row, whatever they asked, and REST counts as down."""
PROBE_NS = 2 * NS_PER_S
"""How often then a snapshot is asked for: one for all who wait, not one for each (dossier §2.6)."""

TRADES_KEPT_NS = 48 * 3600 * NS_PER_S
"""How far back trades are served (dossier §5.5)."""

MOST_BEST_PRICES, MOST_MARKS, MOST_STATS = 2, 10, 40
"""Above so many symbols one request for all of them weighs less (dossier §3.4)."""

_PRIORITIES = {
    Purpose.FALLBACK: Priority.FALLBACK,
    Purpose.BACKFILL: Priority.BACKGROUND,
    Purpose.HISTORY: Priority.BACKGROUND,
    Purpose.CROSS_CHECK: Priority.BACKGROUND,
}

_IN_ITS_PLACE = frozenset({Purpose.SNAPSHOT, Purpose.FALLBACK})
"""What is asked for because the stream has nothing to tell (yet)."""

_STREAMED = frozenset(
    {
        *(Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS),
        *(Channel.TOP, Channel.MARK, Channel.STATS, Channel.LIQUIDATIONS),
    }
)

LIMITS = Limits(
    book_depths=BOOK_DEPTHS,
    bar_intervals_s=tuple(INTERVALS),
    rest_book_depth=max(rest.BOOK_WEIGHTS),
    rest_bars=sys.maxsize,
    rest_trades=rest.TRADES_A_PAGE,
    channels=_STREAMED,
    rest_channels=_STREAMED - {Channel.LIQUIDATIONS},
    top_depths=TOP_DEPTHS,
    prompt_channels=PROMPT,
    heartbeats=False,
    one_by_one={
        Channel.TICKER: MOST_BEST_PRICES,
        Channel.MARK: MOST_MARKS,
        Channel.STATS: MOST_STATS,
    },
)
"""Dossier §5 and §10.3."""


class Binance:
    """Implements `MarketData` over an Http port that already knows Binance's REST address.

    `limits` are those of that address, the same that the Http port goes by; `depth_ms` is how often depth is
    streamed.
    """

    name = VENUE
    routes: tuple[str, ...] = stream_names.ROUTES

    def __init__(
        self, http: Http, clock: Clock, depth_ms: int = 100, limits: AddressLimits | None = None
    ) -> None:
        self.limits = LIMITS
        self.urgent: Callable[[str], bool] = lambda symbol: False
        self._http = http
        self._clock = clock
        self._depth_ms = depth_ms
        self.address = limits or AddressLimits(clock)
        """What the venue counts for our address; the account's side counts on."""
        self.venue_time = self.address.venue_time
        """The venue's clock; the account's side reads the same."""
        self.symbols = SymbolTable()
        """What the names mean; the account's side reads the same table."""
        self.reference: Reference = self.symbols
        self.snapshots = Snapshots()
        """What the books of all sessions wait for; `run` serves it."""
        self._sessions: WeakSet[BinanceSession] = WeakSet()
        self._loaded_ns: int | None = None
        self._fetching = 0
        self._news = asyncio.Event()

    @property
    def reach(self) -> Reach:
        """Whether what is asked by REST gets through."""
        return self._http.reach

    async def load(self) -> None:
        """Measure the venue's clock and fetch the reference data, unless it is less than an hour old."""
        if not self.venue_time.known:
            await self.fetch_time_ns(Purpose.REFERENCE)
        now_ns = self._clock.mono_ns()
        if self._loaded_ns is None or now_ns - self._loaded_ns >= REFERENCE_TTL_S * NS_PER_S:
            await self._reload()

    def route_of(self, subscription: Subscription) -> str:
        """The route that serves a subscription; raises CheckFailed for a channel this venue has not."""
        return stream_names.route_of(subscription)

    def session(self, emit: Emit, route: str) -> MarketSession:
        """A new stream session of a route, not connected yet; `run` gives its books what they start from."""
        session = BinanceSession(
            emit, route, self.symbols, self.snapshots, self._depth_ms, contract_news=self._news.set
        )
        self._sessions.add(session)
        return session

    async def run(self) -> None:
        """Serve the snapshots that books wait for, and keep the venue's clock and contracts known."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_time())
            group.create_task(self._keep_reference())
            await self._serve(group)

    async def fetch_status(self, purpose: Purpose) -> VenueStatus:
        """The venue's mode: it tells none, so it is online where it answers."""
        await self._ask(rest.ping(), purpose)
        return VenueStatus(VenueMode.ONLINE, VenueMode.ONLINE.value)

    async def fetch_time_ns(self, purpose: Purpose) -> int:
        """The venue's clock in Unix nanoseconds, to the millisecond; `venue_time` learns of it."""
        return await rest.measure_time(self._http, self.venue_time, purpose)

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        """Best prices by symbol; what REST has none for is absent, and the day's figures are in the stats."""
        return await self._of_each_or_all(rest.tickers, symbols, MOST_BEST_PRICES, purpose)

    async def fetch_marks(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, MarkPrice]:
        """Mark prices and fundings to come, by symbol."""
        return await self._of_each_or_all(rest.marks, symbols, MOST_MARKS, purpose)

    async def fetch_stats(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, DayStats]:
        """The last 24 hours by symbol; what does not trade is absent where all are asked for at once."""
        return await self._of_each_or_all(rest.day_stats, symbols, MOST_STATS, purpose)

    async def fetch_book(self, symbol: str, depth: int, purpose: Purpose) -> FrozenBook:
        """The top of one book, at most 1 000 levels a side; raises CheckFailed for a depth below one.

        What stands in for a stream shares the request for the snapshot that its book waits for.
        """
        if depth < 1:
            raise CheckFailed(f"a book has at least one level a side, not {depth}")
        unified, wire = self._names(symbol)
        levels = min(depth, LIMITS.rest_book_depth)
        if purpose in _IN_ITS_PLACE:
            wish = self.snapshots.under_way(unified)
            if wish is not None and wish.limit >= levels:  # requests that are alike are one
                told = await self._ask(rest.depth(wire, wish.limit), purpose)
                return rest.top_of(unified, told, levels)
        return await self._ask(rest.book(unified, wire, levels), purpose)

    async def fetch_trades(self, symbol: str, since_ns: int, purpose: Purpose) -> list[Trade]:
        """Up to 1 000 trades of the millisecond of a Unix time and after, oldest first.

        What is older than 48 hours is gone: the page begins with the oldest that there is.
        """
        kept_ns = self._venue_ns() - TRADES_KEPT_NS + NS_PER_S
        return await self._ask(rest.trades_since(*self._names(symbol), max(since_ns, kept_ns)), purpose)

    async def fetch_bars(self, symbol: str, interval_s: int, since_ns: int, purpose: Purpose) -> list[Bar]:
        """Up to 1 500 candles from a Unix time on; raises CheckFailed for an interval Binance lacks."""
        word = INTERVALS.get(interval_s)
        if word is None:
            valid = ", ".join(INTERVALS.values())
            raise CheckFailed(f"Binance has no candles of {interval_s} s; it has those of {valid}")
        venue_ns = self._venue_ns()
        missing = (venue_ns - since_ns) // (interval_s * NS_PER_S) + 2
        count = max(1, min(missing, rest.BARS_A_PAGE))
        span = rest.BarSpan(interval_s, word, since_ns, count)
        return await self._ask(rest.bars(*self._names(symbol), span, venue_ns // NS_PER_MS), purpose)

    async def fetch_funding(self, symbol: str, since_ns: int, purpose: Purpose) -> list[FundingRate]:
        """Up to 1 000 fundings settled since a Unix time, oldest first; raises Throttled as they have a pool
        of their own."""
        delay_s = self.address.fundings.take(1.0, self._clock.mono_ns())
        if delay_s > 0:
            raise Throttled(f"the pool of fundings has no room for another {delay_s:.1f} s", delay_s)
        return await self._ask(rest.fundings(*self._names(symbol), since_ns), purpose)

    def venue_ns(self, mono_ns: int) -> int | None:
        """What the venue's clock had certainly not passed then; None while it is not measured."""
        bounds = self.venue_time.bounds_ns(mono_ns)
        return None if bounds is None else bounds[1]

    async def _of_each_or_all(
        self,
        endpoint: Callable[[SymbolTable, str | None], rest.Endpoint[dict[str, T]]],
        symbols: Sequence[str],
        most: int,
        purpose: Purpose,
    ) -> dict[str, T]:
        wanted = {self.symbols.resolve(symbol) for symbol in symbols}
        if len(wanted) > most:
            told = await self._ask(endpoint(self.symbols, None), purpose)
            return {symbol: value for symbol, value in told.items() if symbol in wanted}
        found: dict[str, T] = {}
        for symbol in sorted(wanted):
            one = await self._ask(endpoint(self.symbols, self.symbols.wire(symbol)), purpose)
            found.update(one)
        return found

    def _names(self, symbol: str) -> tuple[str, str]:
        """The symbol as it is called here, and as the venue calls it; raises UnknownSymbol."""
        unified = self.symbols.resolve(symbol)
        return unified, self.symbols.wire(unified)

    def _venue_ns(self) -> int:
        """What the venue's clock has certainly reached, in Unix nanoseconds."""
        return self.address.venue_bounds_ns(self._clock.mono_ns())[0]

    async def _ask(self, endpoint: rest.Endpoint[T], purpose: Purpose) -> T:
        return await self._ask_at(endpoint, purpose, _PRIORITIES.get(purpose, Priority.NORMAL))

    async def _ask_at(self, endpoint: rest.Endpoint[T], purpose: Purpose, priority: Priority) -> T:
        response = await self._http.send(endpoint.request, purpose, priority)
        return endpoint.answer(response, self._venue_ns() // NS_PER_MS)

    async def _reload(self) -> None:
        told = await self._ask(rest.exchange_info(), Purpose.REFERENCE)
        self.symbols.load(told)
        self.address.learned(told.rate_limits)
        self._loaded_ns = self._clock.mono_ns()
        for session in list(self._sessions):
            session.learned(self.symbols.instruments(), self._loaded_ns)
            session.poke()

    async def _keep_time(self) -> None:
        while True:
            try:
                await self.fetch_time_ns(Purpose.REFERENCE)
            except Error:
                await self._clock.sleep(RETRY_S)
            else:
                await self._clock.sleep(TIME_EVERY_S)

    async def _keep_reference(self) -> None:
        while True:
            loaded_ns = self._loaded_ns or self._clock.mono_ns()
            await self._event(self._news, loaded_ns + REFERENCE_TTL_S * NS_PER_S)
            self._news.clear()
            try:
                await self._reload()
            except Error:
                self._news.set()
                await self._clock.sleep(RETRY_S)
            else:
                await self._clock.sleep(NEWS_PAUSE_S)

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        changed = asyncio.Event()
        self.snapshots.changed = changed.set
        while True:
            changed.clear()
            while not self._held_ns() and (wish := self._next_wish()) is not None:
                self._fetching += 1
                fetching = group.create_task(self._fetch_snapshot(wish))
                fetching.add_done_callback(lambda task: self._fetched(changed))
            due_ns = self.snapshots.wake_at()
            if due_ns is not None:
                due_ns = max(due_ns, self._held_ns())
            await self._event(changed, due_ns)

    def _next_wish(self) -> Wish | None:
        return self.snapshots.next(self._clock.mono_ns(), self.urgent)

    def _fetched(self, changed: asyncio.Event) -> None:
        self._fetching -= 1
        changed.set()

    def _held_ns(self) -> int:
        """Until when no snapshot is asked for, because REST is down; 0 where one may be."""
        reach, now_ns = self.reach, self._clock.mono_ns()
        if reach.failures < DOWN_AFTER:
            return 0
        if self._fetching:
            return now_ns + PROBE_NS
        probe_ns = (reach.heard_ns or now_ns) + PROBE_NS
        return probe_ns if probe_ns > now_ns else 0

    async def _fetch_snapshot(self, wish: Wish) -> None:
        """Fetch one snapshot; where none comes the wish is due again later."""
        priority = Priority.FALLBACK if self.urgent(wish.symbol) else Priority.BACKGROUND
        snapshot, due_ns = None, None
        with suppress(Error):
            try:
                asked = rest.depth(self.symbols.wire(wish.symbol), wish.limit)
                snapshot = await self._ask_at(asked, Purpose.SNAPSHOT, priority)
            except Throttled as error:  # the urgent wait less, and must not be the last for it
                due_ns = self._clock.mono_ns() + round(max(error.delay_s, ROOM_S) * NS_PER_S)
            finally:
                if snapshot is None:
                    self.snapshots.failed(wish, self._clock.mono_ns(), due_ns)
        if snapshot is not None:
            self.snapshots.fetched(wish, snapshot, self._clock.mono_ns())

    async def _event(self, event: asyncio.Event, until_ns: int | None) -> None:
        """Return when it is set, or at a monotonic moment."""
        delay_s = None if until_ns is None else max(0.0, (until_ns - self._clock.mono_ns()) / NS_PER_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await event.wait()
