"""What the market of the emulated Binance really was: books by update id, aggregate trades, marks.

Nothing of the client is used here: prices are the emulator's own integers, times are the venue's nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.binance.marks import MarkState
from leadline.emulator.binance.ports import MARK_DECIMALS
from leadline.emulator.market import Batch, Listing
from leadline.emulator.matching import BID
from leadline.emulator.tape import Trade
from leadline.simulation.truth import BookState, History, Print, SymbolTruth, Truth, scaled


class Mark(NamedTuple):
    """What positions of one contract were valued at."""

    mark: Decimal
    underlying: Decimal
    rate: Decimal


class BinanceTruth(Truth):
    """Listens to the market, and to the marks; symbols are the unified ones."""

    def __init__(self, exchange: BinanceExchange, depths: Mapping[str, int], now_ns: int) -> None:
        names = {symbol: one.unified for symbol, one in exchange.listed.contracts.items()}
        self._exchange = exchange
        self.by_id: dict[str, dict[int, BookState]] = {name: {} for name in names.values()}
        """Every state of every book, by the id of the last change in it."""
        self.marks: dict[str, History[Mark]] = {name: History() for name in names.values()}
        super().__init__(exchange.market, depths, now_ns, names)
        self._marked(now_ns)
        exchange.marks.tellers.append(self._marked)

    def absorb(self, symbol: str) -> None:
        """Take in the aggregate trades that REST already tells and that no stream has told yet."""
        wire = next(wire for wire, name in self.names.items() if name == symbol)
        listing, prints = self._market.listings[wire], self.symbols[symbol].prints
        for one in reversed(self._exchange.aggs.of[wire].kept):
            if one.agg_id in prints:
                break
            pair = listing.pair
            prints[one.agg_id] = Print(
                one.agg_id,
                one.time_ns,
                scaled(one.price, pair.price_precision),
                scaled(one.qty, pair.qty_precision),
                one.taker_side == BID,
            )

    def _happened(self, batch: Batch) -> None:
        super()._happened(batch)
        self.absorb(self.names[batch.symbol])

    def _book(self, truth: SymbolTruth, listing: Listing, time_ns: int) -> None:
        super()._book(truth, listing, time_ns)
        wire = listing.pair.symbol
        self.by_id[self.names[wire]][self._exchange.ids.last(wire)] = truth.books.states[-1]

    def _print(self, truth: SymbolTruth, listing: Listing, trade: Trade) -> None:
        pass  # single trades are told to nobody here, aggregates are

    def _marked(self, now_ns: int) -> None:
        for wire, state in self._exchange.marks.states.items():
            self.marks[self.names[wire]].add(now_ns, _mark(state))


def _mark(state: MarkState) -> Mark:
    return Mark(*(scaled(units, MARK_DECIMALS) for units in (state.mark, state.index, state.rate)))
