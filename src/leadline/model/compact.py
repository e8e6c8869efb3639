"""The small form of a book, for keeping and sending: integers of stated precisions, best level first."""

from __future__ import annotations

from msgspec import Struct

from leadline.model.instrument import from_units
from leadline.model.market import FrozenBook, Level, VenueTime, parse_time_ns

Units = tuple[int, int]
"""Price and quantity of one level, in units of the book's precisions."""


class CompactBook(Struct, frozen=True, array_like=True, gc=False):
    """The top of a book in integers; about a third of the size of the same levels as texts.

    A price is `units / 10 ** price_precision`, a quantity likewise; `expand` gives exact decimals back.
    """

    symbol: str
    price_precision: int
    qty_precision: int
    bids: tuple[Units, ...]
    asks: tuple[Units, ...]
    venue_time: VenueTime = None

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self.venue_time)

    def expand(self) -> FrozenBook:
        """The same levels as decimals."""
        return FrozenBook(self.symbol, self._levels(self.bids), self._levels(self.asks), self.venue_time)

    def _levels(self, side: tuple[Units, ...]) -> tuple[Level, ...]:
        prices, qtys = self.price_precision, self.qty_precision
        return tuple(Level(from_units(price, prices), from_units(qty, qtys)) for price, qty in side)
