"""What the venue's market really was at every moment of a run, taken from the engine and not from its frames.

Nothing of the client is used here: prices are the emulator's own integers, times are the venue's nanoseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from leadline.clock import NS_PER_S
from leadline.emulator.market import Batch, Listing, Market
from leadline.emulator.matching import BID
from leadline.emulator.tape import Bar, Trade
from leadline.model.market import Channel, Subscription

Levels = list[tuple[int, int]]
MINUTE_S = 60


class BookState(NamedTuple):
    """The best levels a side, best first, as integers of these decimals; fewer where the book is thin."""

    price_precision: int
    qty_precision: int
    bids: Levels
    asks: Levels


class Quote(NamedTuple):
    """Best prices with their quantities, and the last trade's price; None for an empty side."""

    bid: Decimal | None
    bid_qty: Decimal | None
    ask: Decimal | None
    ask_qty: Decimal | None
    last: Decimal


class Print(NamedTuple):
    """One trade."""

    trade_id: int
    time_ns: int
    price: Decimal
    qty: Decimal
    bought: bool


class Candle(NamedTuple):
    """A minute after so many trades."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


S = TypeVar("S")


class History(Generic[S]):
    """States one after another, each from its moment until the next one's."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.states: list[S] = []

    def add(self, time_ns: int, state: S) -> None:
        """The state from now on; two at the same moment both held."""
        self.times.append(time_ns)
        self.states.append(state)

    def within(self, begin_ns: int, end_ns: int) -> Iterator[S]:
        """Every state that held at some moment from begin to end, newest first."""
        for at in range(bisect_right(self.times, end_ns) - 1, -1, -1):
            yield self.states[at]
            if self.times[at] < begin_ns:
                return

    def at(self, time_ns: int) -> S | None:
        """The state that held then."""
        at = bisect_right(self.times, time_ns) - 1
        return self.states[at] if at >= 0 else None


@dataclass
class SymbolTruth:
    """Everything that is true of one symbol."""

    depth: int
    books: History[BookState] = field(default_factory=History)
    quotes: History[Quote] = field(default_factory=History)
    prints: dict[int, Print] = field(default_factory=dict)
    candles: dict[int, dict[int, Candle]] = field(default_factory=dict)
    """By the beginning in Unix seconds, then by how many trades the minute had."""


class Truth:
    """Listens to the market; `depths` says how deep the books of the symbols are read (10 unless named).

    `names` are what programs call the market's symbols, where that is something else.
    """

    def __init__(
        self, market: Market, depths: Mapping[str, int], now_ns: int, names: Mapping[str, str] | None = None
    ) -> None:
        self._market = market
        self.names = names or {symbol: symbol for symbol in market.listings}
        self.symbols: dict[str, SymbolTruth] = {}
        for symbol, listing in market.listings.items():
            name = self.names[symbol]
            truth = self.symbols[name] = SymbolTruth(depths.get(name, 10))
            for trade in listing.tape.trades:
                self._print(truth, listing, trade)
            for minute in listing.tape.minutes:
                self._candle(truth, listing, minute)
            self.note(symbol, now_ns)
        market.listeners.append(self._happened)

    def note(self, symbol: str, now_ns: int) -> None:
        """Record how a symbol stands without an event of its market: at the start, after a change of tick."""
        listing, truth = self._market.listings[symbol], self.symbols[self.names[symbol]]
        self._book(truth, listing, now_ns)
        truth.quotes.add(now_ns, _quote(listing))

    def changed(self, subscription: Subscription, begin_ns: int, end_ns: int) -> bool:
        """Whether what a stream tells was another at the end of a span than at its beginning."""
        truth, depth = self.symbols[subscription.symbol], subscription.param
        match subscription.channel:
            case Channel.TICKER:
                before, after = (truth.quotes.at(at_ns) for at_ns in (begin_ns, end_ns))
                return before is not None and after is not None and before[:4] != after[:4]
            case Channel.BOOK | Channel.TOP:
                sides = [truth.books.at(at_ns) for at_ns in (begin_ns, end_ns)]
                tops = [None if one is None else (one.bids[:depth], one.asks[:depth]) for one in sides]
                return tops[0] != tops[1]
            case Channel.TRADES | Channel.BARS:
                return any(begin_ns < trade.time_ns <= end_ns for trade in truth.prints.values())
        return False

    def _happened(self, batch: Batch) -> None:
        truth, listing = self.symbols[self.names[batch.symbol]], batch.listing
        self._book(truth, listing, batch.time_ns)
        if batch.best_changed or batch.trades:
            truth.quotes.add(batch.time_ns, _quote(listing))
        for trade in batch.trades:
            self._print(truth, listing, trade)
        if batch.trades:
            self._candle(truth, listing, listing.tape.minutes[-1])

    def _book(self, truth: SymbolTruth, listing: Listing, time_ns: int) -> None:
        pair, book = listing.pair, listing.book
        bids, asks = book.bids.top(truth.depth), book.asks.top(truth.depth)
        truth.books.add(time_ns, BookState(pair.price_precision, pair.qty_precision, bids, asks))

    def _print(self, truth: SymbolTruth, listing: Listing, trade: Trade) -> None:
        trade_id, time_ns, price, qty, taker, _ = trade
        pair = listing.pair
        truth.prints[trade_id] = Print(
            trade_id,
            time_ns,
            scaled(price, pair.price_precision),
            scaled(qty, pair.qty_precision),
            taker == BID,
        )

    @staticmethod
    def _candle(truth: SymbolTruth, listing: Listing, minute: Bar) -> None:
        pair = listing.pair
        prices = (minute.open, minute.high, minute.low, minute.close)
        open_, high, low, close = (scaled(price, pair.price_precision) for price in prices)
        volume = scaled(minute.volume, pair.qty_precision)
        candle = Candle(open_, high, low, close, volume)
        truth.candles.setdefault(minute.begin_s, {})[minute.count] = candle


def scaled(units: int, decimals: int) -> Decimal:
    """`units` × 10^-`decimals`, exact."""
    return Decimal(units).scaleb(-decimals)


def _quote(listing: Listing) -> Quote:
    pair = listing.pair
    bid, ask = listing.best
    return Quote(
        *(_level(bid, pair.price_precision, pair.qty_precision)),
        *(_level(ask, pair.price_precision, pair.qty_precision)),
        scaled(listing.tape.last_price, pair.price_precision),
    )


def _level(best: tuple[int, int] | None, prices: int, qtys: int) -> tuple[Decimal | None, Decimal | None]:
    return (None, None) if best is None else (scaled(best[0], prices), scaled(best[1], qtys))


def minute_of(time_ns: int) -> int:
    """The Unix second in which the minute of a moment begins."""
    return time_ns // NS_PER_S // MINUTE_S * MINUTE_S
