"""What the engine knows of a venue: small protocols and a table of limits. Nothing here names a venue.

Private ports (order entry, account) stand beside these when orders arrive; a venue implements each whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from leadline.core.session import Emit, MarketSession
from leadline.model.instrument import Instrument
from leadline.model.market import Bar, FrozenBook, Ticker, Trade, VenueStatus
from leadline.net.http import Purpose


@dataclass(frozen=True, slots=True)
class Limits:
    """What a venue can do and how much of it: facts, each from the venue's dossier."""

    book_depths: tuple[int, ...]
    bar_intervals_s: tuple[int, ...]
    rest_book_depth: int
    rest_bars: int
    """Newest candles REST can still give; older ones are gone."""
    rest_trades: int
    """Trades in one page of REST; a shorter page is the last one."""


class Reference(Protocol):
    """Names and steps of everything tradable."""

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol in any of its spellings; raises UnknownSymbol with the nearest."""

    def instruments(self) -> Sequence[Instrument]:
        """All instruments, by symbol."""


class MarketData(Protocol):
    """Public market data over stream and REST."""

    name: str
    limits: Limits
    reference: Reference

    async def load(self) -> None:
        """Fetch the reference data; must have returned once before anything else is asked."""

    def session(self, emit: Emit) -> MarketSession:
        """A new stream session, not connected yet, that reports to `emit`."""

    async def fetch_status(self, purpose: Purpose) -> VenueStatus:
        """The venue's mode."""

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        """Tickers of all the symbols in one request."""

    async def fetch_book(self, symbol: str, depth: int, purpose: Purpose) -> FrozenBook:
        """The top of one book; REST books carry no proof."""

    async def fetch_trades(self, symbol: str, since_ns: int, purpose: Purpose) -> list[Trade]:
        """One page of trades after a Unix time, oldest first; an empty list when there are none."""

    async def fetch_bars(self, symbol: str, interval_s: int, since_ns: int, purpose: Purpose) -> list[Bar]:
        """Candles from a Unix time on, oldest first, `complete` set on all that have ended."""
