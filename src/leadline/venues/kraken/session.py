"""Kraken's public WebSocket v2, without the socket: what to send, what was said, and when to give up.

A frame that is not understood is counted, kept and skipped; a subscription that is refused harms no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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
from leadline.core.subscriptions import Ask, Pace, Subscriptions, Verb, by_priority
from leadline.errors import RateLimited, VenueDown, VenueError
from leadline.model.instrument import Instrument
from leadline.model.market import (
    BarBatch,
    BookCrossed,
    BookDropped,
    Channel,
    InstrumentsChanged,
    Subscription,
    Ticker,
    TradeBatch,
    VenueMode,
)
from leadline.venues.kraken import requests, wire
from leadline.venues.kraken.books import BookStream, Verdict
from leadline.venues.kraken.refusals import refusal
from leadline.venues.kraken.requests import Reply
from leadline.venues.kraken.wire import MOST_TEXT, NOT_UNDERSTOOD, BookFrame, decode

PING_NS = 30 * NS_PER_S
"""assumed: Kraken closes a connection that has not sent anything for a minute, subscribed or not (§3.4)."""

PACE = Pace(per_s=10.0, burst=8, batch=50)
"""assumed: Kraken publishes no message rate; another client lives with 20 a second, burst 10 (§3.5)."""

AFTER_MAINTENANCE_S = 5.0
"""Reconnects after maintenance must be at least this far apart (dossier §3.5)."""

INSTRUMENTS = Subscription(Channel.INSTRUMENTS, "*")
"""Always wanted: it tells when a tick changes, and keeps heartbeats coming while nothing else is wanted."""


def floor_after(mode: VenueMode, floor_s: float) -> float:
    """The least time between two tries to connect, once the venue has told this mode."""
    if mode is VenueMode.MAINTENANCE:
        return AFTER_MAINTENANCE_S
    return 0.0 if mode is VenueMode.ONLINE else floor_s


_PROVEN = Verdict.PROVEN


class KrakenSession(ConnectionLife):
    """One public connection; `instrument` finds reference data loaded elsewhere, the stream's overrides it.

    `learn` is told of instruments before `emit` is.

    A symbol has one book: frames do not say which depth they belong to, so a new depth replaces the old one.
    `LineDown` says that every book is empty; only a book lost on a connection that stands is a `BookDropped`.
    """

    ping_every_ns = PING_NS

    def __init__(
        self,
        emit: Emit,
        instrument: Callable[[str], Instrument | None],
        learn: Callable[[Sequence[Instrument]], None] | None = None,
    ) -> None:
        super().__init__(emit)
        self._emit = emit
        self._reference = instrument
        self._learn = learn
        self._told: dict[str, Instrument] = {}
        self._subscriptions = Subscriptions(PACE)
        self._wanted_books: dict[str, Subscription] = {}
        self._books: dict[str, BookStream] = {}
        self._past_books = BookCounts()
        self._changing: set[str] = set()
        """Symbols whose book was given up: what comes before a new one is confirmed is of the old depth."""
        self._receivers: dict[type, Callable[[wire.Frame, bytes, int], None]] = {
            wire.TickerFrame: self._values,
            wire.TradeFrame: self._values,
            wire.OhlcFrame: self._values,
            wire.InstrumentFrame: self._instruments,  # type: ignore[dict-item]
            wire.StatusFrame: self._status,  # type: ignore[dict-item]
            wire.HeartbeatFrame: self._heartbeat,
        }
        self._subscriptions.want(INSTRUMENTS, 0)

    def want(self, subscription: Subscription, now_ns: int) -> None:
        if subscription.channel is Channel.BOOK:
            other = self._wanted_books.get(subscription.symbol)
            if other is not None and other != subscription:
                self._unwant(other)
            self._wanted_books[subscription.symbol] = subscription
        self._subscriptions.want(subscription, now_ns)
        self._ask(now_ns)

    def unwant(self, subscription: Subscription, now_ns: int) -> None:
        if subscription != INSTRUMENTS:
            self._unwant(subscription)
            self._ask(now_ns)

    def _unwant(self, subscription: Subscription) -> None:
        self._subscriptions.unwant(subscription)
        if self._wanted_books.get(subscription.symbol) == subscription:
            del self._wanted_books[subscription.symbol]
            if self._open:
                self._changing.add(subscription.symbol)
            if stream := self._books.pop(subscription.symbol, None):
                stream.drop()
                self._past_books = sum_of((self._past_books, stream.counts))

    def renew(self, subscription: Subscription, reason: str, now_ns: int) -> None:
        stream = self._books.get(subscription.symbol)
        self._subscriptions.renew(subscription, now_ns)
        self._ask(now_ns)
        if stream and self._wanted_books[subscription.symbol] == subscription and stream.drop():
            self._emit(BookDropped(subscription.symbol, reason), now_ns)

    def coverage(self, subscription: Subscription) -> Coverage | None:
        entry = self._subscriptions.entries.get(subscription)
        return entry.state if entry else None

    def wanted(self) -> list[Subscription]:
        return by_priority(self._subscriptions.entries)

    def book_counts(self) -> dict[str, BookCounts]:
        """Messages by verdict, by symbol."""
        return {symbol: stream.counts for symbol, stream in self._books.items()}

    @property
    def book_messages(self) -> BookCounts:
        return sum_of([self._past_books, *(stream.counts for stream in self._books.values())])

    def book(self, symbol: str) -> BookStream | None:
        """The stream of a symbol, whatever its state."""
        return self._books.get(symbol)

    def opened(self, now_ns: int) -> None:
        self._begin(now_ns)
        self._subscriptions.want(INSTRUMENTS, now_ns)  # anew, should it have been refused
        self._subscriptions.opened(now_ns)
        self._emit(LineUp(), now_ns)
        self._ask(now_ns)

    def closed(self, reason: str, now_ns: int) -> None:
        self._end()
        self._subscriptions.closed()
        self._changing.clear()
        for stream in self._books.values():
            stream.drop()
        self._emit(LineDown(reason), now_ns)

    def woke(self, now_ns: int) -> None:
        self._look(now_ns)
        self._ask(now_ns)

    def wake_at(self) -> int | None:
        return self._look_at(self._subscriptions.wake_at())

    def _ping_text(self, now_ns: int) -> str:
        return requests.PING

    def received(self, frame: bytes, now_ns: int) -> None:
        self.last_frame_ns = now_ns
        try:
            message = decode(frame)
        except NOT_UNDERSTOOD as why:
            self._no_channel_frame(frame, str(why), now_ns)
            return
        if type(message) is not BookFrame:
            self._receivers[type(message)](message, frame, now_ns)
            return
        # A book: nearly every frame is one, so it is spared every call that can be.
        self.last_data_ns = now_ns
        data = message.data[0]
        if self._changing and data.symbol in self._changing:
            return
        stream = self._books.get(data.symbol) or self._new_stream(data.symbol)
        if stream is None:
            return
        was_proven = stream.proven
        verdict = stream.receive(data, message.type == "snapshot", frame)
        if verdict is not _PROVEN:
            self._not_proven(stream, verdict, was_proven, now_ns)
            return
        if not was_proven:
            self._subscriptions.data(self._wanted_books[data.symbol], now_ns)
        book = stream.book
        if book.crossed is not stream.crossed:
            self._cross(stream, now_ns)
        self._emit(book.view, self._echo.behind_ns or now_ns)

    # The venue's channels

    def _values(self, message: wire.Frame, frame: bytes, now_ns: int) -> None:
        self.last_data_ns = now_ns
        channel, values_of = _VALUES[type(message)]
        try:
            values = values_of(message)
        except ValueError as why:
            self._skip(frame, str(why), now_ns)
            return
        stamp_ns = self._echo.behind_ns or now_ns
        for value in values:
            if self._subscriptions.restless:
                param = value.interval_s if type(value) is BarBatch else 0
                self._subscriptions.data(Subscription(channel, value.symbol, param), now_ns)
            self._emit(value, stamp_ns)

    def _instruments(self, message: wire.InstrumentFrame, frame: bytes, now_ns: int) -> None:
        changed = wire.instruments(message)
        self._subscriptions.data(INSTRUMENTS, now_ns)
        for instrument in changed:
            self._told[instrument.symbol] = instrument
            stream = self._books.get(instrument.symbol)
            if stream and not stream.fits(instrument):
                self._rescale(instrument, stream, now_ns)
        if self._learn:
            self._learn(changed)
        self._emit(InstrumentsChanged(changed, message.type == "snapshot"), now_ns)

    def _status(self, message: wire.StatusFrame, frame: bytes, now_ns: int) -> None:
        for status in wire.venue_statuses(message):
            self.retry_floor_s = floor_after(status.mode, self.retry_floor_s)
            self._emit(status, now_ns)

    def _heartbeat(self, message: wire.Frame, frame: bytes, now_ns: int) -> None:
        pass  # a heartbeat proves the line, and `last_frame_ns` has noted that already

    # Answers to our requests

    def _no_channel_frame(self, frame: bytes, why: str, now_ns: int) -> None:
        try:
            reply = requests.decode_reply(frame)
        except NOT_UNDERSTOOD:
            self._skip(frame, why, now_ns)
            for symbol in wire.book_symbols(frame):
                if stream := self._books.get(symbol):
                    self._resync(stream, "a message was not understood", now_ns)
            return
        if reply.method == "pong":
            self._ponged(now_ns)
        elif reply.success is not True:
            self._refuse(reply, frame, now_ns)
        elif (ask := self._subscriptions.request(reply.req_id)) and ask.verb is Verb.SUBSCRIBE:
            confirmed = requests.about(reply, self._subscriptions.unanswered(ask))
            if len(confirmed) == 1:
                self._confirmed(confirmed[0], now_ns)

    def _confirmed(self, subscription: Subscription, now_ns: int) -> None:
        if self._wanted_books.get(subscription.symbol) == subscription:
            self._changing.discard(subscription.symbol)
        if self._subscriptions.confirmed(subscription, now_ns):
            self._emit(Confirmed(subscription), now_ns)

    def _refuse(self, reply: Reply, frame: bytes, now_ns: int) -> None:
        text = (reply.error or "no reason given")[:MOST_TEXT]
        meaning = refusal(text)
        ask = self._subscriptions.request(reply.req_id)
        if meaning.error is RateLimited:
            self._subscriptions.pause(now_ns)
        elif ask is None:
            self._skip(frame, f"a refusal of nothing we asked for: {text}", now_ns)
        if ask and ask.verb is Verb.SUBSCRIBE:
            self._not_subscribed(reply, ask, meaning.error(text), now_ns)
        elif ask and issubclass(meaning.error, RateLimited | VenueDown):  # else it was not streamed anyway
            self._subscriptions.not_left(ask.subscriptions, now_ns)
        self._ask(now_ns)

    def _not_subscribed(self, reply: Reply, ask: Ask, error: VenueError, now_ns: int) -> None:
        asked = requests.about(reply, self._subscriptions.unanswered(ask))
        if isinstance(error, RateLimited | VenueDown):
            for subscription in asked:
                self._subscriptions.try_later(subscription, now_ns)
        elif error.text.startswith("Already subscribed"):
            for subscription in asked:
                self._already_subscribed(subscription, now_ns)
        else:
            for subscription in asked:
                self._subscriptions.refused(subscription)
            for subscription in asked:  # afterwards, because whoever hears it may change what is wanted
                self._emit(SubscriptionRefused(subscription, error), now_ns)

    def _already_subscribed(self, subscription: Subscription, now_ns: int) -> None:
        """A cancellation was lost on the way: without another one there is no new snapshot."""
        if self.coverage(subscription) is Coverage.WANTED:
            self._subscriptions.renew(subscription, now_ns)
        else:
            self._subscriptions.confirmed(subscription, now_ns)

    # Books and their proof

    def _new_stream(self, symbol: str) -> BookStream | None:
        """A stream for a wanted book whose instrument is known; without decimals nothing can be proven."""
        wanted = self._wanted_books.get(symbol)
        instrument = wanted and (self._told.get(symbol) or self._reference(symbol))
        if not wanted or not instrument:
            return None
        stream = self._books[symbol] = BookStream(instrument, wanted.param)
        return stream

    def _not_proven(self, stream: BookStream, verdict: Verdict, was_proven: bool, now_ns: int) -> None:
        if verdict is Verdict.WRONG:
            self._resync(stream, "the checksum does not match", now_ns)
        elif was_proven:
            self._emit(BookDropped(stream.book.symbol, "a message came without a checksum"), now_ns)

    def _resync(self, stream: BookStream, reason: str, now_ns: int) -> None:
        symbol = stream.book.symbol
        stream.drop()
        self._subscriptions.renew(self._wanted_books[symbol], now_ns)
        self._ask(now_ns)
        self._emit(BookDropped(symbol, reason), now_ns)

    def _rescale(self, instrument: Instrument, stream: BookStream, now_ns: int) -> None:
        """assumed: the book goes on in the old decimals until a new snapshot, so one is asked for at once."""
        rescaled = self._books[instrument.symbol] = BookStream(instrument, stream.book.depth)
        rescaled.counts = stream.counts
        self._resync(stream, "the instrument's decimals changed", now_ns)

    def _cross(self, stream: BookStream, now_ns: int) -> None:
        stream.crossed = not stream.crossed
        bid, ask = stream.view.best_bid, stream.view.best_ask
        if stream.crossed and bid and ask:
            self._emit(BookCrossed(stream.book.symbol, bid.price, ask.price), now_ns)

    # Book-keeping

    def _ask(self, now_ns: int) -> None:
        self.changed = True
        for ask in self._subscriptions.due(now_ns):
            self._send(requests.encode(ask))


_VALUES: dict[type, tuple[Channel, Callable[[Any], Sequence[Ticker | TradeBatch | BarBatch]]]] = {
    wire.TickerFrame: (Channel.TICKER, wire.tickers),
    wire.TradeFrame: (Channel.TRADES, wire.trade_batches),
    wire.OhlcFrame: (Channel.BARS, wire.bar_batches),
}
"""What a frame of values holds, and on which channel."""
