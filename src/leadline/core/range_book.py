"""One L2 book of which only a range of prices is known: what a snapshot showed, and every change since.

Rule: a level outside that range is never held, because nothing is known of its neighbours.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from leadline.core.book import BookCopy, BookView, Change, state_hash
from leadline.model.compact import CompactBook
from leadline.model.instrument import to_units
from leadline.model.market import VenueTime

TextLevel = tuple[str, str]
"""Price and quantity as the venue spells them; a quantity of zero removes the level."""

MOST_LEVELS = 5_000
"""Levels a side that are held; beyond, the range is cut to the best `KEPT_LEVELS`."""

KEPT_LEVELS = 4_000

MOST_MEANINGS = 16_384
"""Texts of one precision whose meaning is remembered; beyond, all are forgotten."""

_HIGHEST = ":"  # above every digit


class _Units(dict[str, int]):
    """What texts mean in units of one precision: a look-up where the text has come before."""

    def __init__(self, precision: int) -> None:
        super().__init__()
        self._precision = precision

    def __missing__(self, text: str) -> int:
        if len(self) >= MOST_MEANINGS:
            self.clear()
        meaning = self[text] = units(text, self._precision)
        return meaning


class _PlainUnits(_Units):
    """The same of texts with all decimals and no leading zeros; any other means -1."""

    def __init__(self, precision: int) -> None:
        super().__init__(precision)
        decimals = rf"\.[0-9]{{{precision}}}" if precision else ""
        self._plain = re.compile(rf"(?:0|[1-9][0-9]*){decimals}").fullmatch

    def __missing__(self, text: str) -> int:
        if not self._plain(text):
            return -1
        if len(self) >= MOST_MEANINGS:
            self.clear()
        meaning = self[text] = int(text.replace(".", ""))
        return meaning


_quantities: dict[int, _Units] = {}
_prices: dict[int, _PlainUnits] = {}
"""By precision, shared by all books: most of what is said has been said before."""


class _Side:
    """One side: `keys` ascend to the best level (an ask's key is its negated price), `qtys` go by price text.

    Most changes are of a level that is held, or of one outside the range: both are told by the text as it is,
    for texts of one length and as many decimals are ordered as the numbers are.
    """

    __slots__ = (
        "_dot", "_high", "_low", "_precision", "_prices", "_quantities", "_sign", "_width", "bound", "keys",
        "qtys",
    )  # fmt: skip

    def __init__(self, sign: int, price_precision: int, qty_precision: int) -> None:
        self._sign = sign
        self._precision = price_precision
        self._quantities = _quantities.setdefault(qty_precision, _Units(qty_precision))
        self._prices = _prices.setdefault(price_precision, _PlainUnits(price_precision))
        self._dot = -price_precision - 1
        self.keys: list[int] = []
        self.qtys: dict[str, int] = {}
        self.bound: int | None = None
        """The worst key of which anything is known; None where every level there is, is known."""
        self.clear()

    def clear(self) -> None:
        self.keys.clear()
        self.qtys.clear()
        self._end_at(None)

    def _end_at(self, bound: int | None) -> None:
        self.bound = bound
        self._width, self._low, self._high = 0, "", ""
        if bound is not None and self._precision:
            text = self._text(bound)
            self._width = len(text)
            self._low, self._high = (text, _HIGHEST) if self._sign > 0 else ("", text)

    def load(self, levels: Sequence[TextLevel], whole: bool) -> None:
        """Replace everything; the range ends with the worst level unless these are all there are."""
        self.clear()
        if not self._filled(levels):
            self.clear()
            self.apply(levels)
        if not whole and self.keys:
            self._end_at(self.keys[0])

    def _filled(self, levels: Sequence[TextLevel]) -> bool:
        """Take levels that are each told once and plainly all together; False where one is not."""
        qtys, quantities, prices = self.qtys, self._quantities, self._prices
        sign = self._sign
        keys = [sign * prices[text] for text, _ in levels]
        for text, qty_text in levels:
            qtys[text] = quantities[qty_text]
        keys.sort()
        self.keys = keys
        if not keys:
            return True
        plain = sign * keys[0] > 0 and sign * keys[-1] > 0 and min(qtys.values()) > 0
        return plain and len(qtys) == len(keys)

    def apply(self, changes: Sequence[TextLevel]) -> None:
        """Apply changes; raises ValueError for what is no level, and leaves the rest undone."""
        keys, qtys, quantities, prices = self.keys, self.qtys, self._quantities, self._prices
        sign, bound = self._sign, self.bound
        width, low, high, dot = self._width, self._low, self._high, self._dot
        for text, qty_text in changes:
            if text in qtys:
                qty = quantities[qty_text]
                if qty > 0:
                    qtys[text] = qty
                elif not qty:
                    del qtys[text]
                    del keys[bisect_left(keys, sign * prices[text])]
                else:
                    raise ValueError(f"a level of {qty_text} at {text}")
            elif len(text) != width or low <= text <= high or text[dot] != ".":
                price, qty = prices[text], quantities[qty_text]
                if price <= 0 or qty < 0:
                    self._reshape(text, qty)
                elif qty and (bound is None or sign * price >= bound):
                    insort(keys, sign * price)
                    qtys[text] = qty

    def _remove(self, text: str) -> None:
        """A level that is held goes."""
        del self.qtys[text]
        keys = self.keys
        del keys[bisect_left(keys, self._sign * self._prices[text])]

    def _reshape(self, text: str, qty: int) -> None:
        """A level is told of by a spelling that is not the one it is held by."""
        price = self._prices[text]
        if price < 0:
            price = units(text, self._precision)
            text = self._text(price * self._sign)
        if price <= 0 or qty < 0:
            raise ValueError(f"a level of {qty} units at {text}")
        key = price * self._sign
        if self.bound is not None and key < self.bound:
            return
        if text in self.qtys:
            self._remove(text)
        if qty:
            insort(self.keys, key)
            self.qtys[text] = qty

    def trim(self) -> None:
        """Cut the range where too much has gathered in it."""
        surplus = len(self.keys) - KEPT_LEVELS
        for key in self.keys[:surplus]:
            del self.qtys[self._text(key)]
        del self.keys[:surplus]
        self._end_at(self.keys[0])

    def levels(self, count: int) -> list[Change]:
        """The best levels, best first."""
        sign, qtys, text = self._sign, self.qtys, self._text
        return [(key * sign, qtys[text(key)]) for key in self.keys[: -count - 1 : -1]]

    def _text(self, key: int) -> str:
        """The one spelling a level is held by: all decimals, no leading zeros."""
        digits = str(key * self._sign)
        precision = self._precision
        if not precision:
            return digits
        digits = digits.zfill(precision + 1)
        return f"{digits[:-precision]}.{digits[-precision:]}"


def units(text: str, precision: int) -> int:
    """The exact integer `text` × 10^precision; raises ValueError for what is none or not a number."""
    if not precision:
        digits = text
    elif text[-precision - 1 : -precision] == ".":
        digits = text.replace(".", "", 1)
    else:
        digits = ""
    if digits.isdecimal():
        return int(digits)
    try:
        return to_units(Decimal(text), precision)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number") from None


class RangeBook:
    """The mutable book behind a view; prices and quantities are integers of the given precisions.

    `depth` is how many levels a side are handed out at most.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_loaded",
        "depth",
        "price_precision",
        "qty_precision",
        "symbol",
        "venue_time",
        "view",
    )

    def __init__(self, symbol: str, depth: int, price_precision: int, qty_precision: int) -> None:
        self.symbol = symbol
        self.depth = depth
        self.price_precision = price_precision
        self.qty_precision = qty_precision
        self.venue_time: VenueTime = None
        self._bids = _Side(1, price_precision, qty_precision)
        self._asks = _Side(-1, price_precision, qty_precision)
        self._loaded = False
        self.view = BookView(self)

    def clear(self) -> None:
        """Hold no levels: nothing that was here may be served any more."""
        self._bids.clear()
        self._asks.clear()
        self._loaded = False
        self.venue_time = None

    def load(self, bids: Sequence[TextLevel], asks: Sequence[TextLevel], limit: int = 0) -> None:
        """Replace everything by a snapshot; a side of fewer than `limit` levels is all there is.

        Raises ValueError for what is no level.
        """
        self._bids.load(bids, len(bids) < limit)
        self._asks.load(asks, len(asks) < limit)
        self._loaded = True

    def apply(self, bids: Sequence[TextLevel], asks: Sequence[TextLevel]) -> None:
        """Apply one message; raises ValueError for what is no level: the book is not to be used then."""
        self._bids.apply(bids)
        self._asks.apply(asks)
        if len(self._bids.keys) > MOST_LEVELS:
            self._bids.trim()
        if len(self._asks.keys) > MOST_LEVELS:
            self._asks.trim()

    @property
    def servable(self) -> bool:
        """Whether the best bid is below the best ask, and no side has run out of what is known of it."""
        bids, asks = self._bids, self._asks
        if bids.keys and asks.keys:
            return bids.keys[-1] < -asks.keys[-1]
        return all(side.keys or side.bound is None for side in (bids, asks))

    @property
    def certain_depth(self) -> int:
        """Levels a side, up to `depth`, between which certainly no other lies."""
        if not self._loaded:
            return 0
        return min(
            [self.depth, *(len(side.keys) for side in (self._bids, self._asks) if side.bound is not None)]
        )

    @property
    def verified_depth(self) -> int:
        """Levels a side that the chain of updates proves: all that are certain."""
        return self.certain_depth

    def bids(self, count: int) -> list[Change]:
        """The best `count` bids as integers, best first."""
        return self._bids.levels(min(count, self.depth))

    def asks(self, count: int) -> list[Change]:
        """The best `count` asks as integers, best first."""
        return self._asks.levels(min(count, self.depth))

    def copy(self, count: int) -> RangeCopy:
        """The top `count` levels a side as they are now."""
        return RangeCopy(self, count)

    def state_hash(self) -> str:
        """A digest of symbol, precisions and levels; two books of equal content have equal digests."""
        return state_hash(self)

    def __len__(self) -> int:
        return len(self._bids.keys) + len(self._asks.keys)


class RangeCopy(BookCopy):
    """The top of a `RangeBook` at one moment."""

    __slots__ = ("_asks", "_bids")

    def __init__(self, book: RangeBook, count: int) -> None:
        super().__init__(book)
        self._bids, self._asks = tuple(book.bids(count)), tuple(book.asks(count))

    def compact(self) -> CompactBook:
        return CompactBook(
            self.symbol, self.price_precision, self.qty_precision, self._bids, self._asks, self.venue_time
        )
