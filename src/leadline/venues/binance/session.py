"""Binance's public streams, without the socket: what to send, what was said, and when to give up.

An acknowledgement proves nothing (dossier §10.2): a stream counts once its data has come, in time or anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from leadline.clock import NS_PER_S
from leadline.core.book import BookCounts, sum_of
from leadline.core.connection_life import ConnectionLife
from leadline.core.session import (
    Confirmed,
    Coverage,
    Emit,
    LineDown,
    LineUp,
    SubscriptionRefused,
)
from leadline.core.subscriptions import FIRST_DATA_TIMEOUT_NS, Ask, Subscriptions, Verb, by_priority
from leadline.errors import CheckFailed, RateLimited, Rejected, UnknownSymbol
from leadline.model.instrument import Instrument
from leadline.model.market import Channel, InstrumentsChanged, Subscription
from leadline.venues.binance import requests
from leadline.venues.binance.books import BookStream, ChainCounts
from leadline.venues.binance.listeners import Contracts, Depth, Listener, Symbols, Values
from leadline.venues.binance.snapshots import DepthSnapshot, Snapshots
from leadline.venues.binance.stream_names import ALL, INSTRUMENTS, MARKET, stream_name
from leadline.venues.binance.wire import MOST_TEXT, NOT_UNDERSTOOD

QUIET_NS = 2 * NS_PER_S
"""There are no heartbeats: after so long without a frame the connection is asked whether it lives."""

PROMPT = frozenset({Channel.MARK, Channel.STATS})
"""assumed: these are told every few seconds whatever happens. Silence on the others can be the market's: to
ask for them anew would make a hole in what need not be one."""

_HEAD = b'{"stream":"'
_HEAD_LENGTH = len(_HEAD)


def patience_ns(subscription: Subscription) -> int | None:
    """How long a stream may be silent once it is acknowledged; None where silence proves nothing."""
    return FIRST_DATA_TIMEOUT_NS if subscription.channel in PROMPT else None


class BinanceSession(ConnectionLife):
    """One connection on one route ("public" or "market"); a `MarketSession`, and a `Taker` of snapshots.

    `contract_news` is called when the venue tells of a contract: what it is now, exchangeInfo says. A symbol
    has one book: a new depth replaces the old one. `LineDown` says that every book is empty; only a book
    lost on a connection that stands is a `BookDropped`.
    """

    ping_every_ns = QUIET_NS

    def __init__(
        self,
        emit: Emit,
        route: str,
        symbols: Symbols,
        snapshots: Snapshots,
        depth_ms: int = 100,
        contract_news: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(emit)
        self._emit = emit
        self._symbols = symbols
        self._snapshots = snapshots
        self._depth_ms = depth_ms
        self._contract_news = contract_news
        self._subscriptions = Subscriptions(requests.PACE, patience_ns)
        self._names: dict[Subscription, str] = {}
        """Of everything ever wanted: what is wanted no longer is named once more to be ended."""
        self._listeners: dict[Subscription, Listener] = {}
        self._by_name: dict[bytes, Listener] = {}
        self._books: dict[str, Depth] = {}
        self._past_books = BookCounts()
        self._own = (INSTRUMENTS,) if route == MARKET else ()
        """Wanted whether anybody asks or not."""
        for subscription in self._own:
            self._want(subscription, 0)

    # What is wanted

    def want(self, subscription: Subscription, now_ns: int) -> None:
        try:
            self._want(subscription, now_ns)
        except (CheckFailed, UnknownSymbol) as why:
            self._subscriptions.want(subscription, now_ns)
            self._subscriptions.refused(subscription)
            self._emit(SubscriptionRefused(subscription, Rejected(str(why))), now_ns)
        self._ask(now_ns)

    def _want(self, subscription: Subscription, now_ns: int) -> None:
        """Raises CheckFailed and UnknownSymbol for what has no stream."""
        if subscription in self._listeners:
            self._subscriptions.want(subscription, now_ns)  # anew, should it have been refused
            return
        wire_symbol = ALL if subscription.symbol == ALL else self._symbols.wire(subscription.symbol)
        name = stream_name(subscription, wire_symbol, self._depth_ms)
        if len(self._listeners) >= requests.MOST_STREAMS:
            raise CheckFailed(f"a connection carries {requests.MOST_STREAMS} streams, and so many are wanted")
        if subscription.channel is Channel.BOOK and (other := self._books.get(subscription.symbol)):
            self._unwant(other.subscription)
        listener = self._listeners[subscription] = self._listener(subscription, name)
        self._names[subscription] = name
        for spelling in _spellings(name):
            self._by_name[spelling] = listener
        self._subscriptions.want(subscription, now_ns)

    def _listener(self, subscription: Subscription, name: str) -> Listener:
        match subscription.channel:
            case Channel.INSTRUMENTS:
                return Contracts(subscription, name, self._contract_news)
            case Channel.BOOK:
                instrument = self._symbols.instrument(subscription.symbol)
                depth = Depth(subscription, name, instrument, self._emit, self._snapshots, self)
                self._books[subscription.symbol] = depth
                return depth
        return Values(subscription, name, self._emit, self._symbols)

    def unwant(self, subscription: Subscription, now_ns: int) -> None:
        if subscription not in self._own:
            self._unwant(subscription)
            self._ask(now_ns)

    def _unwant(self, subscription: Subscription) -> None:
        self._subscriptions.unwant(subscription)
        listener = self._listeners.pop(subscription, None)
        if listener is None:
            return
        for spelling in _spellings(listener.name):
            del self._by_name[spelling]
        if isinstance(listener, Depth):
            del self._books[subscription.symbol]
            self._past_books = sum_of((self._past_books, listener.stream.counts))
            listener.closed()

    def renew(self, subscription: Subscription, reason: str, now_ns: int) -> None:
        self._subscriptions.renew(subscription, now_ns)
        self._ask(now_ns)
        listener = self._listeners.get(subscription)
        if isinstance(listener, Depth):
            listener.drop(reason, now_ns)

    def coverage(self, subscription: Subscription) -> Coverage | None:
        entry = self._subscriptions.entries.get(subscription)
        return entry.state if entry else None

    def wanted(self) -> list[Subscription]:
        return by_priority(self._subscriptions.entries)

    def chains(self) -> dict[str, ChainCounts]:
        """What became of the messages of every book, by symbol."""
        return {symbol: depth.stream.chain for symbol, depth in self._books.items()}

    @property
    def book_messages(self) -> BookCounts:
        return sum_of([self._past_books, *(depth.stream.counts for depth in self._books.values())])

    def book(self, symbol: str) -> BookStream | None:
        """The stream of a symbol, whatever its state."""
        depth = self._books.get(symbol)
        return None if depth is None else depth.stream

    # The connection

    def opened(self, now_ns: int) -> None:
        self._begin(now_ns)
        self._subscriptions.opened(now_ns)
        self._emit(LineUp(), now_ns)
        self._ask(now_ns)

    def closed(self, reason: str, now_ns: int) -> None:
        self._end()
        self._subscriptions.closed()
        for listener in self._listeners.values():
            listener.closed()
        self._emit(LineDown(reason), now_ns)

    def woke(self, now_ns: int) -> None:
        self._look(now_ns)
        self._ask(now_ns)

    def wake_at(self) -> int | None:
        return self._look_at(self._subscriptions.wake_at())

    def _ping_due_ns(self) -> int:
        """There are no heartbeats: after so long without a frame it is asked."""
        return max(self.last_frame_ns, self._pinged_ns) + QUIET_NS

    def _ping_text(self, now_ns: int) -> str:
        return requests.PING

    # What the venue says

    def received(self, frame: bytes, now_ns: int) -> None:
        self.last_frame_ns = now_ns
        listener = None
        if frame.startswith(_HEAD):
            listener = self._by_name.get(frame[_HEAD_LENGTH : frame.find(b'"', _HEAD_LENGTH)])
        if listener is None:
            self._beside(frame, now_ns)
            return
        self.last_data_ns = now_ns
        if not listener.heard:
            self._subscriptions.data(listener.subscription, now_ns)
            listener.heard = self.coverage(listener.subscription) is Coverage.RECEIVING
        try:
            listener.take(frame, now_ns, self._echo.behind_ns or now_ns)
        except (*NOT_UNDERSTOOD, ValueError) as why:
            self._skip(frame, str(why), now_ns)

    def _beside(self, frame: bytes, now_ns: int) -> None:
        """What no listener waits for: an answer, the rest of a stream just left, or nothing known."""
        try:
            reply = requests.decode_reply(frame)
        except NOT_UNDERSTOOD as why:
            self._skip(frame, str(why), now_ns)
            return
        if reply.stream:
            self.last_data_ns = now_ns
        elif not reply.understood:
            self._skip(frame, "neither a stream's nor an answer", now_ns)
        elif reply.request_id == requests.PING_ID:
            self._ponged(now_ns)
        elif reply.error is not None:
            self._refused(reply.request_id, reply.error, frame, now_ns)
        elif (ask := self._subscriptions.request(reply.request_id)) and ask.verb is Verb.SUBSCRIBE:
            for subscription in self._subscriptions.unanswered(ask):
                if self._subscriptions.confirmed(subscription, now_ns):
                    self._emit(Confirmed(subscription), now_ns)
                    if isinstance(listener := self._listeners.get(subscription), Depth):
                        listener.confirmed(now_ns)
            self.changed = True

    def _refused(self, request_id: int | None, why: requests.WireRefusal, frame: bytes, now_ns: int) -> None:
        """assumed: only a request as a whole is refused, for names are never looked at (dossier §10.2)."""
        ask = self._subscriptions.request(request_id)
        if ask is None or ask.verb is Verb.UNSUBSCRIBE:
            self._skip(frame, f"a refusal of nothing we need: {why.msg}"[:MOST_TEXT], now_ns)
            return
        asked = self._subscriptions.unanswered(ask)
        for subscription in asked:
            self._subscriptions.refused(subscription)
        text = f"{why.msg} (code {why.code})"[:MOST_TEXT]
        error = RateLimited(text) if why.code == requests.TOO_MANY_STREAMS else Rejected(text)
        for subscription in asked:  # afterwards, because whoever hears it may change what is wanted
            self._emit(SubscriptionRefused(subscription, error), now_ns)

    # What REST says

    def snapshot(self, symbol: str, snapshot: DepthSnapshot, now_ns: int) -> None:
        """A snapshot has come for a book of this connection."""
        if depth := self._books.get(symbol):
            depth.snapshot(snapshot, now_ns, self._echo.behind_ns or now_ns)

    def learned(self, instruments: Sequence[Instrument], now_ns: int) -> None:
        """exchangeInfo has come anew: books of other decimals begin anew, and what changed is told."""
        for instrument in instruments:
            if depth := self._books.get(instrument.symbol):
                depth.fit(instrument, now_ns)
        self._emit(InstrumentsChanged(tuple(instruments)), now_ns)

    # Book-keeping

    def _ask(self, now_ns: int) -> None:
        self.changed = True
        for ask in self._subscriptions.due(now_ns):
            self._send(requests.encode(ask.verb, self._named(ask), ask.request_id))

    def _named(self, ask: Ask) -> list[str]:
        names = []
        for subscription in ask.subscriptions:
            names.append(self._names[subscription])
            if listener := self._listeners.get(subscription):
                listener.heard = False
        return names


def _spellings(name: str) -> set[bytes]:
    """The bytes by which a stream's name may be told: as it is, and with what is not ASCII escaped."""
    return {name.encode(), json.dumps(name)[1:-1].encode()}
