"""Kraken's public market data behind the ports the engine knows: stream sessions, and REST by purpose."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from leadline.clock import NS_PER_S, Clock
from leadline.core.reach import Reach
from leadline.core.session import Emit, MarketSession
from leadline.errors import CheckFailed, RateLimited, Rejected, UnknownSymbol
from leadline.model.market import (
    Bar,
    DayStats,
    FrozenBook,
    FundingRate,
    MarkPrice,
    Subscription,
    Ticker,
    Trade,
    VenueStatus,
)
from leadline.net.departures import Priority
from leadline.net.http import Http, Purpose
from leadline.venues.kraken import rest
from leadline.venues.kraken.session import KrakenSession
from leadline.venues.kraken.symbols import VENUE, Names, SymbolTable
from leadline.venues.ports import Limits, Reference

T = TypeVar("T")

REFERENCE_TTL_NS = 3600 * NS_PER_S

MOST_NAMED_PAIRS = 100
"""assumed: a Ticker request that names more pairs is better replaced by one that names none and means all."""

_KEPT_WARNINGS = 32

_PRIORITIES = {
    Purpose.FALLBACK: Priority.FALLBACK,
    Purpose.BACKFILL: Priority.BACKGROUND,
    Purpose.HISTORY: Priority.BACKGROUND,
    Purpose.CROSS_CHECK: Priority.BACKGROUND,
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where Kraken listens (dossier §1, §13)."""

    ws_public: str = "wss://ws.kraken.com/v2"
    ws_private: str = "wss://ws-auth.kraken.com/v2"
    ws_level3: str = "wss://ws-l3.kraken.com/v2"
    rest: str = "https://api.kraken.com"


LIMITS = Limits(
    book_depths=(10, 25, 100, 500, 1000),
    bar_intervals_s=tuple(60 * minutes for minutes in (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)),
    rest_book_depth=500,
    rest_bars=720,
    rest_trades=rest.TRADES_A_PAGE,
)
"""Dossier §5.2, §5.4 and §14.1."""


PUBLIC = "public"
"""The one route of public streams: one address has them all (dossier §1)."""


class Kraken:
    """Implements `MarketData` over an Http port that already knows Kraken's REST address."""

    name = VENUE
    routes: tuple[str, ...] = (PUBLIC,)

    def __init__(self, http: Http, clock: Clock) -> None:
        self.limits = LIMITS
        self.urgent: Callable[[str], bool] = lambda symbol: False
        self.warnings: deque[str] = deque(maxlen=_KEPT_WARNINGS)
        """The newest `W…` entries that came with answers."""
        self._http = http
        self._clock = clock
        self.symbols = SymbolTable()
        """What the names mean; the account's side reads the same table."""
        self._loaded_ns: int | None = None
        self.reference: Reference = self.symbols

    @property
    def reach(self) -> Reach:
        """Whether what is asked by REST gets through."""
        return self._http.reach

    async def load(self) -> None:
        """Fetch the reference data, unless it is less than an hour old."""
        now_ns = self._clock.mono_ns()
        if self._loaded_ns is not None and now_ns - self._loaded_ns < REFERENCE_TTL_NS:
            return
        self.symbols.load(await self._ask(rest.asset_pairs(), Purpose.REFERENCE))
        self._loaded_ns = now_ns

    def route_of(self, subscription: Subscription) -> str:
        """Everything public comes by one route."""
        return PUBLIC

    def session(self, emit: Emit, route: str) -> MarketSession:
        """A new stream session, not connected yet; `reference` learns of instruments before `emit` does."""
        return KrakenSession(emit, self.symbols.get, self.symbols.update)

    async def run(self) -> None:
        """Nothing is done beside the sessions: a book's snapshot comes on its stream."""

    async def fetch_status(self, purpose: Purpose) -> VenueStatus:
        """The venue's mode."""
        return await self._ask(rest.system_status(), purpose)

    async def fetch_time_ns(self, purpose: Purpose) -> int:
        """Kraken's clock in Unix nanoseconds, to the second."""
        return await self._ask(rest.time(), purpose)

    async def fetch_assets(self, purpose: Purpose) -> dict[str, rest.Asset]:
        """All assets by REST id."""
        return await self._ask(rest.assets(), purpose)

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        """Tickers by symbol in one request; what REST has no ticker for is absent.

        assumed: Kraken refuses the whole request for one delisted pair; a second one that names none answers
        the rest.
        """
        pairs = [names for symbol in symbols if (names := self.symbols.names(symbol))]
        if not pairs:
            return {}
        if len(pairs) <= MOST_NAMED_PAIRS:
            try:
                return await self._ask(rest.tickers(pairs), purpose)
            except Rejected:
                if len(pairs) == 1:
                    raise
        return await self._ask(rest.tickers(pairs, everything=True), purpose)

    async def fetch_book(self, symbol: str, depth: int, purpose: Purpose) -> FrozenBook:
        """The top of one book, at most 500 levels a side; raises CheckFailed for a depth below one."""
        if depth < 1:
            raise CheckFailed(f"a book has at least one level a side, not {depth}")
        return await self._ask(rest.book(self._pair(symbol), min(depth, LIMITS.rest_book_depth)), purpose)

    async def fetch_trades(self, symbol: str, since_ns: int, purpose: Purpose) -> list[Trade]:
        """Up to 1 000 trades after a Unix time, oldest first."""
        return await self._ask(rest.trades(self._pair(symbol), since_ns), purpose)

    async def fetch_bars(self, symbol: str, interval_s: int, since_ns: int, purpose: Purpose) -> list[Bar]:
        """Candles from a Unix time on, of the newest 720; raises CheckFailed for an interval Kraken lacks."""
        if interval_s not in LIMITS.bar_intervals_s:
            minutes = ", ".join(str(valid // 60) for valid in LIMITS.bar_intervals_s)
            raise CheckFailed(f"Kraken has no candles of {interval_s} s; it has those of {minutes} minutes")
        return await self._ask(rest.bars(self._pair(symbol), interval_s, since_ns), purpose)

    async def fetch_marks(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, MarkPrice]:
        """Raises CheckFailed: what is traded on the spot has no mark price."""
        raise CheckFailed(f"{', '.join(symbols)}: Kraken trades on the spot, where there is no mark price")

    async def fetch_stats(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, DayStats]:
        """Raises CheckFailed: Kraken tells the last 24 hours in the ticker."""
        raise CheckFailed(f"{', '.join(symbols)}: Kraken tells the last 24 hours in the ticker; read that")

    async def fetch_funding(self, symbol: str, since_ns: int, purpose: Purpose) -> list[FundingRate]:
        """Raises CheckFailed: what is traded on the spot has no funding."""
        raise CheckFailed(f"{symbol}: Kraken trades on the spot, where there is no funding")

    def venue_ns(self, mono_ns: int) -> int | None:
        """None: the clock is measured by the account's side alone."""
        return None

    def _pair(self, symbol: str) -> Names:
        names = self.symbols.names(symbol)
        if names is None:  # the stream has listed it since the last load, and told no REST name
            raise UnknownSymbol(symbol)
        return names

    async def _ask(self, endpoint: rest.Endpoint[T], purpose: Purpose) -> T:
        response = await self._http.send(endpoint.request, purpose, _PRIORITIES.get(purpose, Priority.NORMAL))
        try:
            answer = endpoint.answer(response, self._clock.wall_ns())
        except RateLimited:
            self._http.exceeded()  # Kraken says so with status 200 (dossier §13)
            raise
        self.warnings.extend(answer.warnings)
        return answer.value
