"""What crosses the pipe between the demo and the venue's process: values that readers got, and the verdicts.

Every value travels as it was handed out: the referee on the other side has nothing but the venue's own
history to hold it against.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.model.market import Bar, FrozenBook, Side, Ticker, Trade

Pairs = tuple[tuple[Decimal, Decimal], ...]


class SeenBook(Struct, frozen=True, tag="book", array_like=True):
    """A book a reader got as verified; `at_ns` is monotonic, `bound_s` the age up to which it was fresh."""

    symbol: str
    at_ns: int
    bound_s: float
    depth: int
    bids: Pairs
    asks: Pairs


class SeenTicker(Struct, frozen=True, tag="ticker", array_like=True):
    """A ticker a reader got."""

    symbol: str
    at_ns: int
    bound_s: float
    bid: Decimal
    ask: Decimal
    last: Decimal | None


class SeenTrade(Struct, frozen=True, tag="trade", array_like=True):
    """A trade a reader got."""

    symbol: str
    trade_id: int
    price: Decimal
    qty: Decimal
    bought: bool


class SeenBar(Struct, frozen=True, tag="bar", array_like=True):
    """A one-minute bar a reader got."""

    symbol: str
    begin_s: int
    trades: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


Seen = SeenBook | SeenTicker | SeenTrade | SeenBar


class Started(Struct, frozen=True):
    """The first line of the venues' process: where each of them listens, by its name."""

    endpoints: dict[str, dict[str, str]]
    control: str


class Verdicts(Struct, frozen=True):
    """How many values have been held against the venue's history, how many were wrong, and the first such."""

    compared: int = 0
    wrong: int = 0
    first_wrong: str = ""


def of_book(book: FrozenBook, depth: int, at_ns: int, bound_s: float) -> SeenBook:
    """What a reader saw of a verified book."""
    bids = tuple((level.price, level.qty) for level in book.bids)
    asks = tuple((level.price, level.qty) for level in book.asks)
    return SeenBook(book.symbol, at_ns, bound_s, depth, bids, asks)


def of_ticker(ticker: Ticker, at_ns: int, bound_s: float) -> SeenTicker:
    """What a reader saw of a ticker."""
    return SeenTicker(ticker.symbol, at_ns, bound_s, ticker.bid, ticker.ask, ticker.last)


def of_trade(trade: Trade) -> SeenTrade:
    """What a reader saw of a trade."""
    bought = trade.side is Side.BUY
    return SeenTrade(trade.symbol, trade.trade_id or 0, trade.price, trade.qty, bought)


def of_bar(bar: Bar) -> SeenBar:
    """What a reader saw of a bar."""
    begin_s = bar.begin_ns // NS_PER_S
    return SeenBar(bar.symbol, begin_s, bar.trades, bar.open, bar.high, bar.low, bar.close, bar.volume)
