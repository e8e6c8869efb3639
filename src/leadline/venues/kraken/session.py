"""Kraken's public WebSocket v2, without the socket: what to send, what was said, and when to give up.

A frame that is not understood is counted, kept and skipped; a subscription that is refused harms no other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from leadline.clock import NS_PER_S
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
from leadline.core.subscriptions import Pace, Subscriptions
from leadline.errors import RateLimited, Rejected, VenueDown, VenueError
from leadline.model.instrument import Instrument
from leadline.model.market import (
    BookCrossed,
    BookDropped,
    Channel,
    InstrumentsChanged,
    Subscription,
    VenueMode,
    VenueStatus,
)
from leadline.venues.kraken import wire
from leadline.venues.kraken.books import BookCounts, BookStream, Verdict
from leadline.venues.kraken.wire import decode

SILENCE_NS = 5 * NS_PER_S
"""Heartbeats come every second once something is subscribed (dossier §3.2), so five without a frame is death."""

PACE = Pace(per_s=10.0, burst=8, batch=50)
"""assumed: Kraken publishes no message-rate number; another client lives with 20 a second, burst 10 (§3.5)."""

AFTER_MAINTENANCE_S = 5.0
"""Reconnects after maintenance must be at least this far apart (dossier §3.5)."""

INSTRUMENTS = Subscription(Channel.INSTRUMENTS, "*")
"""Always wanted: it tells when a tick changes, and keeps heartbeats coming while nothing else is wanted."""

_KEPT_FRAMES = 100
_PROVEN = Verdict.PROVEN


class KrakenSession:
    """One public connection. `instrument` finds reference data loaded elsewhere; the stream's own overrides it."""

    def __init__(self, emit: Emit, instrument: Callable[[str], Instrument | None]) -> None:
        self.last_frame_ns = 0
        self.last_data_ns: int | None = None
        self.retry_floor_s = 0.0
        self.skipped: deque[FrameSkipped] = deque(maxlen=_KEPT_FRAMES)
        self.skipped_count = 0
        self._emit = emit
        self._reference = instrument
        self._told: dict[str, Instrument] = {}
        self._open = False
        self._outputs: list[Output] = []
        self._subscriptions = Subscriptions(PACE)
        self._books: dict[str, BookStream] = {}
        self._receivers: dict[type, Callable[[wire.Frame, bytes, int], None]] = {
            wire.BookFrame: self._book,  # type: ignore[dict-item]
            wire.TickerFrame: self._ticker,  # type: ignore[dict-item]
            wire.TradeFrame: self._trades,  # type: ignore[dict-item]
            wire.OhlcFrame: self._bars,  # type: ignore[dict-item]
            wire.InstrumentFrame: self._instruments,  # type: ignore[dict-item]
            wire.StatusFrame: self._status,  # type: ignore[dict-item]
            wire.HeartbeatFrame: self._heartbeat,
        }
        self._subscriptions.want(INSTRUMENTS, 0)

    def up(self, now_ns: int) -> bool:
        return self._open and now_ns - self.last_frame_ns <= SILENCE_NS

    def want(self, subscription: Subscription, now_ns: int) -> None:
        self._subscriptions.want(subscription, now_ns)
        self._ask(now_ns)

    def unwant(self, subscription: Subscription, now_ns: int) -> None:
        self._subscriptions.unwant(subscription)
        if subscription.channel is Channel.BOOK and (stream := self._books.get(subscription.symbol)):
            if stream.book.depth == subscription.param:
                del self._books[subscription.symbol]
                stream.drop()
        self._ask(now_ns)

    def renew(self, subscription: Subscription, reason: str, now_ns: int) -> None:
        if subscription.channel is Channel.BOOK:
            self._drop(subscription.symbol, reason, now_ns)
        self._subscriptions.renew(subscription, now_ns)
        self._ask(now_ns)

    def coverage(self, subscription: Subscription) -> Coverage | None:
        entry = self._subscriptions.entries.get(subscription)
        return entry.state if entry else None

    def wanted(self) -> list[Subscription]:
        return list(self._subscriptions.entries)

    def book_counts(self) -> dict[str, BookCounts]:
        """Messages by verdict, by symbol."""
        return {symbol: stream.counts for symbol, stream in self._books.items()}

    def book(self, symbol: str) -> BookStream | None:
        """The stream of a symbol, whatever its state."""
        return self._books.get(symbol)

    def opened(self, now_ns: int) -> None:
        self._open = True
        self.last_frame_ns = now_ns
        self.last_data_ns = None
        self._outputs.clear()
        self._subscriptions.opened(now_ns)
        self._emit(LineUp(), now_ns)
        self._ask(now_ns)

    def closed(self, reason: str, now_ns: int) -> None:
        self._open = False
        self._outputs.clear()
        self._subscriptions.closed(now_ns)
        for symbol in self._books:
            self._drop(symbol, reason, now_ns)
        self._emit(LineDown(reason), now_ns)

    def woke(self, now_ns: int) -> None:
        silent_ns = now_ns - self.last_frame_ns
        if self._open and silent_ns >= SILENCE_NS:
            self._outputs.append(Reconnect(f"no frame for {silent_ns / NS_PER_S:.1f} s"))
            return
        self._ask(now_ns)

    def wake_at(self) -> int | None:
        if not self._open:
            return None
        silence = self.last_frame_ns + SILENCE_NS
        asking = self._subscriptions.wake_at()
        return silence if asking is None else min(silence, asking)

    def outputs(self) -> list[Output]:
        outputs, self._outputs = self._outputs, []
        return outputs

    def received(self, frame: bytes, now_ns: int) -> None:
        self.last_frame_ns = now_ns
        try:
            message = decode(frame)
        except msgspec.MsgspecError as why:
            self._no_channel_frame(frame, str(why), now_ns)
            return
        self._receivers[type(message)](message, frame, now_ns)

    # The venue's channels

    def _book(self, message: wire.BookFrame, frame: bytes, now_ns: int) -> None:
        self.last_data_ns = now_ns
        data = message.data[0]
        stream = self._books.get(data.symbol)
        if stream is None:
            stream = self._new_stream(data.symbol)
            if stream is None:
                return
        snapshot = message.type == "snapshot"
        verdict = stream.receive(data, snapshot, frame)
        if verdict is _PROVEN:
            if snapshot:
                self._subscriptions.data(Subscription(Channel.BOOK, data.symbol, stream.book.depth), now_ns)
            if stream.book.crossed is not stream.crossed:
                self._cross(stream, now_ns)
            self._emit(stream.view, now_ns)
        elif verdict is Verdict.WRONG:
            self._resync(stream, now_ns)

    def _ticker(self, message: wire.TickerFrame, frame: bytes, now_ns: int) -> None:
        self.last_data_ns = now_ns
        for data in message.data:
            if self._subscriptions.restless:
                self._subscriptions.data(Subscription(Channel.TICKER, data.symbol), now_ns)
            self._emit(wire.ticker(data), now_ns)

    def _trades(self, message: wire.TradeFrame, frame: bytes, now_ns: int) -> None:
        self.last_data_ns = now_ns
        for batch in wire.trade_batches(message):
            if self._subscriptions.restless:
                self._subscriptions.data(Subscription(Channel.TRADES, batch.symbol), now_ns)
            self._emit(batch, now_ns)

    def _bars(self, message: wire.OhlcFrame, frame: bytes, now_ns: int) -> None:
        self.last_data_ns = now_ns
        try:
            batches = wire.bar_batches(message)
        except ValueError as why:
            self._skip(frame, str(why), now_ns)
            return
        for batch in batches:
            if self._subscriptions.restless:
                self._subscriptions.data(Subscription(Channel.BARS, batch.symbol, batch.interval_s), now_ns)
            self._emit(batch, now_ns)

    def _instruments(self, message: wire.InstrumentFrame, frame: bytes, now_ns: int) -> None:
        changed = wire.instruments(message)
        self._subscriptions.data(INSTRUMENTS, now_ns)
        for instrument in changed:
            self._told[instrument.symbol] = instrument
            stream = self._books.get(instrument.symbol)
            if stream and not stream.fits(instrument):
                self._rescale(instrument, stream, now_ns)
        self._emit(InstrumentsChanged(changed, message.type == "snapshot"), now_ns)

    def _status(self, message: wire.StatusFrame, frame: bytes, now_ns: int) -> None:
        for status in message.data:
            mode = wire.venue_mode(status.system)
            if mode is VenueMode.MAINTENANCE:
                self.retry_floor_s = AFTER_MAINTENANCE_S
            elif mode is VenueMode.ONLINE:
                self.retry_floor_s = 0.0
            # assumed: any element is worth a warning; no recording shows one (dossier §3.1)
            notices = [bytes(notice).decode() for notice in (*status.upcoming_maintenance, *status.emergency)]
            self._emit(VenueStatus(mode, "; ".join([status.system, *notices])), now_ns)

    def _heartbeat(self, message: wire.Frame, frame: bytes, now_ns: int) -> None:
        pass  # a heartbeat proves the line, and `last_frame_ns` has noted that already

    # Answers to our requests

    def _no_channel_frame(self, frame: bytes, why: str, now_ns: int) -> None:
        try:
            reply = wire.decode_reply(frame)
        except msgspec.MsgspecError:
            self._skip(frame, why, now_ns)
            return
        if reply.method == "pong":
            return
        asked = self._subscriptions.asked_in(reply.req_id) if reply.req_id is not None else []
        if reply.success is True:
            if reply.method == "subscribe" and (subscription := wire.acknowledged(reply, asked)):
                self._acknowledge(subscription, now_ns)
            return
        # A missing or non-boolean `success` is a failure too (dossier §2).
        about = wire.acknowledged(reply, asked)
        if not asked:
            self._skip(frame, f"a refusal of nothing we asked for: {reply.error}", now_ns)
        self._refuse([about] if about else asked, _error(reply.error or "no reason given"), now_ns)

    def _acknowledge(self, subscription: Subscription, now_ns: int) -> None:
        if self._subscriptions.confirmed(subscription, now_ns):
            self._emit(Confirmed(subscription), now_ns)

    def _refuse(self, subscriptions: list[Subscription], error: VenueError, now_ns: int) -> None:
        for subscription in subscriptions:
            if not isinstance(error, Rejected):
                self._subscriptions.try_later(subscription, now_ns)
            elif error.text.startswith("Already subscribed"):
                self._acknowledge(subscription, now_ns)
            elif self._subscriptions.refused(subscription, error):
                self._emit(SubscriptionRefused(subscription, error), now_ns)

    # Books and their proof

    def _new_stream(self, symbol: str) -> BookStream | None:
        """A stream for a wanted book whose instrument is known; without decimals nothing can be proven."""
        instrument = self._told.get(symbol) or self._reference(symbol)
        wanted = self._wanted_book(symbol)
        if instrument is None or wanted is None:
            return None
        stream = self._books[symbol] = BookStream(instrument, wanted.param)
        return stream

    def _wanted_book(self, symbol: str) -> Subscription | None:
        books = (s for s in self._subscriptions.entries if s.channel is Channel.BOOK and s.symbol == symbol)
        return next(books, None)

    def _resync(self, stream: BookStream, now_ns: int) -> None:
        book = stream.book
        self._emit(BookDropped(book.symbol, "the checksum does not match"), now_ns)
        self._subscriptions.renew(Subscription(Channel.BOOK, book.symbol, book.depth), now_ns)
        self._ask(now_ns)

    def _rescale(self, instrument: Instrument, stream: BookStream, now_ns: int) -> None:
        self._drop(instrument.symbol, "the instrument's decimals changed", now_ns)
        rescaled = self._books[instrument.symbol] = BookStream(instrument, stream.book.depth)
        rescaled.counts = stream.counts
        self._subscriptions.renew(Subscription(Channel.BOOK, instrument.symbol, stream.book.depth), now_ns)
        self._ask(now_ns)

    def _drop(self, symbol: str, reason: str, now_ns: int) -> None:
        stream = self._books.get(symbol)
        if stream and stream.drop():
            self._emit(BookDropped(symbol, reason), now_ns)

    def _cross(self, stream: BookStream, now_ns: int) -> None:
        stream.crossed = not stream.crossed
        bid, ask = stream.view.best_bid, stream.view.best_ask
        if stream.crossed and bid and ask:
            self._emit(BookCrossed(stream.book.symbol, bid.price, ask.price), now_ns)

    # Book-keeping

    def _ask(self, now_ns: int) -> None:
        for ask in self._subscriptions.due(now_ns):
            self._outputs.append(Send(wire.encode(ask)))

    def _skip(self, frame: bytes, why: str, now_ns: int) -> None:
        self.skipped_count += 1
        news = FrameSkipped(frame[:4096], why)
        self.skipped.append(news)
        self._emit(news, now_ns)


def _error(text: str) -> VenueError:
    """A refusal on the stream as a type: RateLimited and VenueDown pass, Rejected stays (dossier §11)."""
    if text.startswith("Exceeded msg rate"):
        return RateLimited(text)
    if text.startswith("EService"):
        return VenueDown(text)
    return Rejected(text)
