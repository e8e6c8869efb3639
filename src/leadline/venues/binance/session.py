"""Binance's public streams, without the socket: what to send, what was said, and when to give up.

An acknowledgement proves nothing (dossier §10.2): a stream counts once its data has come, in time or anew.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence

from leadline.clock import NS_PER_S
from leadline.core.book import BookCounts, sum_of
from leadline.core.echo import Echo
from leadline.core.session import (
    Confirmed,
    Coverage,
    Emit,
    FrameSkipped,
    LineDown,
    LineUp,
    Output,
    Reconnect,
    Send,
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

SILENCE_NS = 5 * NS_PER_S
"""A connection that is asked and does not answer for so long is dead."""

QUIET_NS = 2 * NS_PER_S
"""There are no heartbeats: after so long without a frame the connection is asked whether it lives."""

_SPEAKING = frozenset({Channel.TICKER, Channel.BOOK, Channel.TOP, Channel.MARK, Channel.STATS})
"""assumed: these have something to tell every few seconds; silence on the others can be the market's."""

_KEPT_FRAMES = 100
_HEAD = b'{"stream":"'
_HEAD_LENGTH = len(_HEAD)


def patience_ns(subscription: Subscription) -> int | None:
    """How long a stream may be silent once it is acknowledged; None where silence proves nothing."""
    return FIRST_DATA_TIMEOUT_NS if subscription.channel in _SPEAKING else None


class BinanceSession:
    """One connection on one route ("public" or "market"); a `MarketSession`, and a `Taker` of snapshots.

    `contract_news` is called when the venue tells of a contract: what it is now, exchangeInfo says. A symbol
    has one book: a new depth replaces the old one. `LineDown` says that every book is empty; only a book
    lost on a connection that stands is a `BookDropped`.
    """

    def __init__(
        self,
        emit: Emit,
        route: str,
        symbols: Symbols,
        snapshots: Snapshots,
        depth_ms: int = 100,
        contract_news: Callable[[], None] = lambda: None,
    ) -> None:
        self.last_frame_ns = 0
        self.last_data_ns: int | None = None
        self.changed = False
        self.retry_floor_s = 0.0
        self.poke: Callable[[], None] = lambda: None
        self.skipped: deque[FrameSkipped] = deque(maxlen=_KEPT_FRAMES)
        self.skipped_count = 0
        self._emit = emit
        self._symbols = symbols
        self._snapshots = snapshots
        self._depth_ms = depth_ms
        self._contract_news = contract_news
        self._open = False
        self._silent = False
        self._asked_ns = 0
        """When the connection was last asked whether it lives."""
        self._echo = Echo()
        self._outputs: list[Output] = []
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

    def up(self, now_ns: int) -> bool:
        return self._open and now_ns - self.last_frame_ns <= SILENCE_NS

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
        self._open = True
        self._silent = False
        self.last_frame_ns = self._asked_ns = now_ns
        self.last_data_ns = None
        self._echo = Echo()
        self._outputs.clear()
        self._subscriptions.opened(now_ns)
        self._emit(LineUp(), now_ns)
        self._ask(now_ns)

    def closed(self, reason: str, now_ns: int) -> None:
        self._open = False
        self._outputs.clear()
        self._subscriptions.closed()
        for listener in self._listeners.values():
            listener.closed()
        self._emit(LineDown(reason), now_ns)

    def woke(self, now_ns: int) -> None:
        silent_ns = now_ns - self.last_frame_ns
        if self._open and not self._silent and silent_ns >= SILENCE_NS:
            self._give_up(f"no frame for {silent_ns / NS_PER_S:.1f} s")
        elif self._open and not self._silent and now_ns >= (self._echo.due_ns() or now_ns + 1):
            self._give_up("behind the venue, and no ping is answered")
        elif self._open and now_ns >= self._ping_due_ns():
            self._ping(now_ns)
        self._ask(now_ns)

    def _give_up(self, why: str) -> None:
        self._silent = True
        self._outputs.append(Reconnect(why))

    def _ping_due_ns(self) -> int:
        return max(self.last_frame_ns, self._asked_ns) + QUIET_NS

    def _ping(self, now_ns: int) -> None:
        """assumed: the answer comes behind whatever the venue had sent before it."""
        self._asked_ns = now_ns
        self._echo.sent(now_ns)
        self._outputs.append(Send(requests.PING))

    def held_up(self, since_ns: int, now_ns: int) -> None:
        if self._open and self._echo.held_up(since_ns):
            self._ping(now_ns)
            self.changed = True

    def wake_at(self) -> int | None:
        if not self._open or self._silent:
            return None
        own_ns = min(self.last_frame_ns + SILENCE_NS, self._ping_due_ns())
        others_ns = (self._echo.due_ns(), self._subscriptions.wake_at())
        return min([own_ns, *(due_ns for due_ns in others_ns if due_ns is not None)])

    def outputs(self) -> list[Output]:
        outputs, self._outputs = self._outputs, []
        self.changed = False
        return outputs

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
            if self._echo.answered(now_ns):
                self._ping(now_ns)
                self.changed = True
        elif reply.error is not None:
            self._refused(reply.request_id, reply.error, frame, now_ns)
        elif (ask := self._subscriptions.request(reply.request_id)) and ask.verb is Verb.SUBSCRIBE:
            for subscription in self._subscriptions.unanswered(ask):
                if self._subscriptions.confirmed(subscription, now_ns):
                    self._emit(Confirmed(subscription), now_ns)
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
            self._outputs.append(Send(requests.encode(ask.verb, self._named(ask), ask.request_id)))

    def _named(self, ask: Ask) -> list[str]:
        names = []
        for subscription in ask.subscriptions:
            names.append(self._names[subscription])
            if listener := self._listeners.get(subscription):
                listener.heard = False
        return names

    def _skip(self, frame: bytes, why: str, now_ns: int) -> None:
        self.skipped_count += 1
        news = FrameSkipped(frame[:MOST_TEXT], why[:MOST_TEXT])
        self.skipped.append(news)
        self._emit(news, now_ns)


def _spellings(name: str) -> set[bytes]:
    """The bytes by which a stream's name may be told: as it is, and with what is not ASCII escaped."""
    return {name.encode(), json.dumps(name)[1:-1].encode()}
