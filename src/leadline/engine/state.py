"""Everything known at one moment, as one value that does not change; and the last changes, in order.

Rule: nothing here counts as a read, moves a stream, or asks the venue anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from msgspec import Struct

from leadline.clock import Clock
from leadline.core.book import BookCopy, BookView
from leadline.core.history import History
from leadline.engine.account_events import AccountEvent, Reconciled
from leadline.engine.desk import Desk as AccountDesk
from leadline.engine.events import Event
from leadline.engine.order_news import OrderNews
from leadline.engine.restored import RestoredAccount
from leadline.engine.shelf import Shelf
from leadline.engine.topics import Desk, Topic
from leadline.model.account import Balance
from leadline.model.market import Bar, DayStats, FrozenBook, Liquidation, MarkPrice, Ticker, Trade
from leadline.model.order import Order
from leadline.model.reading import Reading

SAMPLE_S = 1.0
"""A market value enters the history at most once in this time, so that seconds do not fill the ring."""

KEPT_LEVELS = 10
"""Levels a side of the books in snapshots and checkpoints: as many as the venue's proof covers."""

_TOP = 1  # levels a side in the history

T = TypeVar("T")


Value = Ticker | BookCopy | Trade | Bar | MarkPrice | DayStats | FrozenBook | Liquidation


class MarketChange(Struct, frozen=True):
    """A value of the market that is not what it was; `at_ns` is Unix time by our clock."""

    at_ns: int
    value: Value | Event


class AccountChange(Struct, frozen=True):
    """Something that happened to the account; `at_ns` is Unix time by our clock."""

    at_ns: int
    value: OrderNews | AccountEvent


class Snapshot(Struct, frozen=True, kw_only=True):
    """All that is known at `at_ns` (Unix), from one turn of the event loop: no part is newer than another.

    Values that are stale are here too, with their age: compare `age_s` with `bound_s`. `orders` are those not
    known to be finished; without an account there are none and `balances` is None.
    """

    at_ns: int
    tickers: Mapping[str, Reading[Ticker]]
    books: Mapping[str, Reading[BookCopy]]
    last_trades: Mapping[str, Reading[Trade]]
    bars: Mapping[tuple[str, int], Reading[Bar]]
    marks: Mapping[str, Reading[MarkPrice]] = MappingProxyType({})
    orders: tuple[Order, ...] = ()
    balances: Reading[Mapping[str, Balance]] | None = None


class State:
    """The state of one feed and, once given, of one account."""

    def __init__(self, shelf: Shelf, desk: Desk, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock
        self._account: AccountDesk | None = None
        self.restored_market = desk.restored
        """What an earlier run knew of the market, as far as the venue has told nothing newer."""
        self.restored_account = RestoredAccount(clock)
        """What an earlier run knew of the account, until the venue has confirmed or corrected it."""
        self.market: History[MarketChange] = History()
        """The newest 10 000 changes of the market, one a second of each value, and the feed's events."""
        self.account: History[AccountChange] = History()
        """The newest 10 000 changes of orders and balances; no market data pushes them out."""
        self.reconciled = False
        """Whether the account has been held against the venue in this run."""
        self.account_changed: Callable[[], None] = lambda: None
        """Called after each of them."""
        self._sampled: dict[Topic[Any], int] = {}
        desk.events.listen(self._event)

    def follow(self, account: AccountDesk) -> None:
        """Take the changes of this account in from now on."""
        self._account = account
        account.log.listen(self._account_event)
        account.orders.tell(self._order_news)

    # --- at one moment ---

    def snapshot(self) -> Snapshot:
        """All that is known now."""
        shelf = self._shelf
        bars = {key: self._of(topic, topic.newest_bar()) for key, topic in shelf.bars.items()}
        trades = {symbol: self._of(topic, topic.log.last) for symbol, topic in shelf.trades.items()}
        account = self._account
        return Snapshot(
            at_ns=self._clock.wall_ns(),
            tickers=_known({symbol: self._newest(topic) for symbol, topic in shelf.tickers.items()}),
            books=_known({symbol: self._book(topic) for symbol, topic in shelf.books.items()}),
            last_trades=_known(trades),
            bars=_known(bars),
            marks=_known({symbol: self._newest(topic) for symbol, topic in shelf.marks.items()}),
            orders=() if account is None else tuple(account.orders.live()),
            balances=None if account is None else account.balances.known(),
        )

    def _of(self, topic: Topic[Any], value: T | None) -> Reading[T] | None:
        return topic.told(value)

    def _newest(self, topic: Topic[T]) -> Reading[T] | None:
        """The stream's value, REST's where that is newer, else that of an earlier run."""
        told, answer = topic.told(topic.value), topic.answer
        if told is None or (answer is not None and answer.received_mono_ns > told.received_mono_ns):
            told = answer
        return told or self.restored_market.get(topic.subscription)

    def _book(self, topic: Topic[BookView]) -> Reading[BookCopy] | None:
        newest = self._newest(topic)
        return None if newest is None else newest.of(newest.value.copy(KEPT_LEVELS))

    # --- the last changes ---

    async def run(self) -> NoReturn:
        """Enter what has changed in the market every `SAMPLE_S`, until cancelled."""
        while True:
            await self._clock.sleep(SAMPLE_S)
            self.sample()

    def sample(self) -> None:
        """Enter the market values that have changed since the last call."""
        at_ns = self._clock.wall_ns()
        seen, self._sampled = self._sampled, {}
        for topic in self._shelf:
            count = self._sampled[topic] = topic.cadence.count
            if count != seen.get(topic, 0):
                value = self._sample(topic)
                if value is not None:
                    self.market.add(MarketChange(at_ns, value))

    def _sample(self, topic: Topic[Any]) -> Value | None:
        symbol = topic.symbol
        if topic is self._shelf.books.get(symbol):
            return None if topic.value is None else topic.value.copy(_TOP)
        if topic is self._shelf.trades.get(symbol):
            return self._shelf.trades[symbol].log.last
        bars = self._shelf.bars.get((symbol, topic.subscription.param))
        return bars.newest_bar() if bars is topic else topic.value

    def _event(self, event: Event) -> None:
        self.market.add(MarketChange(self._clock.wall_ns(), event))

    def _account_event(self, event: AccountEvent) -> None:
        if isinstance(event, Reconciled):
            self.reconciled = True
            self.restored_account.confirmed()
        self._changed(event)

    def _order_news(self, news: OrderNews) -> None:
        self._changed(news)

    def _changed(self, value: AccountEvent | OrderNews) -> None:
        self.account.add(AccountChange(self._clock.wall_ns(), value))
        self.account_changed()


K = TypeVar("K")


def _known(readings: Mapping[K, Reading[T] | None]) -> Mapping[K, Reading[T]]:
    return MappingProxyType({key: each for key, each in readings.items() if each is not None})
