"""What an earlier run last knew, for who asks for it by name: never verified, never fresh, never preferred.

Rule: a restored value is dropped the moment the venue has said anything newer about the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.clock import Clock
from leadline.core.book import Book, BookView
from leadline.engine.checkpoint import AccountCheckpoint, MarketCheckpoint
from leadline.model.account import Balance
from leadline.model.compact import CompactBook
from leadline.model.market import BarBatch, Channel, Subscription
from leadline.model.order import Order
from leadline.model.reading import Reading, Source

_NO_BOUND_S = 0.0
"""A restored value is fresh for no time at all."""


class RestoredMarket:
    """Tickers, books and newest bars of an earlier run, by subscription."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: dict[tuple[Channel, str, int], Reading[Any]] = {}

    def take_up(self, checkpoint: MarketCheckpoint) -> None:
        """Hold what a checkpoint says; what was held before is forgotten."""
        self._values = {}
        for ticker in checkpoint.tickers:
            self._put(Channel.TICKER, ticker.ticker.symbol, 0, ticker.ticker, ticker.at_ns)
        for book in checkpoint.books:
            self._put(Channel.BOOK, book.book.symbol, 0, _view(book.book), book.at_ns)
        for bar in checkpoint.bars:
            batch = BarBatch(bar.bar.symbol, bar.bar.interval_s, (bar.bar,))
            self._put(Channel.BARS, batch.symbol, batch.interval_s, batch, bar.at_ns)

    def get(self, subscription: Subscription) -> Reading[Any] | None:
        """The last value of an earlier run; None where there is none, or the venue has spoken since."""
        return self._values.get(_key(subscription))

    def confirmed(self, subscription: Subscription) -> None:
        """The venue has told this anew: the old value is not needed any more."""
        if self._values:
            self._values.pop(_key(subscription), None)

    def __len__(self) -> int:
        return len(self._values)

    def _put(self, channel: Channel, symbol: str, param: int, value: Any, at_ns: int) -> None:
        self._values[channel, symbol, param] = restored(value, at_ns, self._clock)


class RestoredAccount:
    """Live orders and balances of an earlier run, until the account has been reconciled with the venue."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.orders: tuple[Order, ...] = ()
        self.balances: Reading[Mapping[str, Balance]] | None = None

    def take_up(self, checkpoint: AccountCheckpoint) -> None:
        """Hold what a checkpoint says; what was held before is forgotten."""
        self.orders = checkpoint.orders
        self.balances = None
        if checkpoint.balances_at_ns is not None:
            owned: Mapping[str, Balance] = {balance.asset: balance for balance in checkpoint.balances}
            self.balances = restored(owned, checkpoint.balances_at_ns, self._clock)

    def confirmed(self) -> None:
        """The venue has told orders and balances anew."""
        self.orders, self.balances = (), None


def restored(value: Any, at_ns: int, clock: Clock) -> Reading[Any]:
    """A value received at this Unix time, by another process: as old as the wall clock says.

    Where the wall clock has been set back since, its age cannot be known; it counts from the epoch then.
    """
    age_ns = clock.wall_ns() - at_ns
    if age_ns < 0:
        age_ns = clock.wall_ns()
    return Reading(value, Source.CHECKPOINT, clock.mono_ns() - age_ns, clock, False, _NO_BOUND_S)


def _key(subscription: Subscription) -> tuple[Channel, str, int]:
    """A book is restored whatever the depth it was kept at."""
    param = 0 if subscription.channel is Channel.BOOK else subscription.param
    return subscription.channel, subscription.symbol, param


def _view(kept: CompactBook) -> BookView:
    depth = max(len(kept.bids), len(kept.asks), 1)
    book = Book(kept.symbol, depth, kept.price_precision, kept.qty_precision)
    book.load(kept.bids, kept.asks)
    book.venue_time = kept.venue_time
    return book.view
