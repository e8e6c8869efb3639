"""Who hears the streams of one connection: one listener for each name, from a frame to news.

Rule: a listener raises what it does not understand; the connection counts it, keeps it and goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from leadline.clock import NS_PER_S
from leadline.core.session import Emit, News
from leadline.model.instrument import Instrument
from leadline.model.market import BookDropped, Subscription
from leadline.venues.binance import wire
from leadline.venues.binance.books import BookStream, Fit, Verdict
from leadline.venues.binance.snapshots import BACKOFF_S, DepthSnapshot, Snapshots, Taker
from leadline.venues.binance.stream_names import ALL
from leadline.venues.binance.wire import NOT_UNDERSTOOD, decode_depth_frame

REFILL_NS = 30 * NS_PER_S
"""How long a book that has grown shallow keeps a snapshot at least; one that broke is not so patient."""

STEADY_NS = 30 * NS_PER_S
"""A book that has held for so long is given its next snapshot at once when it breaks."""

_APPLIED = Verdict.APPLIED


class Symbols(Protocol):
    """Names of contracts, ours and the venue's."""

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol; raises UnknownSymbol."""

    def wire(self, symbol: str) -> str:
        """What the venue calls the contract, in capitals; raises UnknownSymbol."""

    def of_wire(self, name: str) -> Instrument | None:
        """The instrument of a venue's name; None for what is not listed."""


class Listener(Protocol):
    """Hears one stream."""

    subscription: Subscription
    name: str
    heard: bool
    """Whether data has come since it was last asked for."""

    def take(self, frame: bytes, now_ns: int, stamp_ns: int) -> None:
        """One frame; `stamp_ns` is how old it may be. Raises one of `NOT_UNDERSTOOD`, or ValueError."""

    def closed(self) -> None:
        """The connection is gone: nothing that another says follows from what it said."""


class Contracts:
    """Hears that something about a contract has changed; what it is now, exchangeInfo says."""

    def __init__(self, subscription: Subscription, name: str, news: Callable[[], None]) -> None:
        self.subscription = subscription
        self.name = name
        self.heard = False
        self._news = news

    def take(self, frame: bytes, now_ns: int, stamp_ns: int) -> None:
        self._news()

    def closed(self) -> None:
        pass  # every frame stands for itself


class Values:
    """Hears a stream whose frames are values, each for itself."""

    def __init__(self, subscription: Subscription, name: str, emit: Emit, symbols: Symbols) -> None:
        self.subscription = subscription
        self.name = name
        self.heard = False
        self._emit = emit
        self._symbols = symbols
        self._newest_id = 0

    def take(self, frame: bytes, now_ns: int, stamp_ns: int) -> None:
        news = self._news(wire.decode(frame).data)
        if news is not None:
            self._emit(news, stamp_ns)

    def _news(self, event: wire.Event) -> News | None:
        """What an event says, None where it is nothing new; raises ValueError where a number is no amount."""
        symbol = self.subscription.symbol
        match event:
            case wire.WireBookTicker(last_id=last_id):
                if last_id < self._newest_id:  # sent late, and newer prices are told already (dossier §17)
                    return None
                self._newest_id = last_id
            case wire.WireForceOrder(order=order) if symbol == ALL:
                instrument = self._symbols.of_wire(order.symbol)
                return wire.liquidation(instrument.symbol, event) if instrument else None
        return _TOLD[type(event)](symbol, event)

    def closed(self) -> None:
        self._newest_id = 0


class Depth:
    """Hears the changes of one book, and sees to the snapshots it needs; `taker` is who gets them."""

    def __init__(
        self,
        subscription: Subscription,
        name: str,
        instrument: Instrument,
        emit: Emit,
        snapshots: Snapshots,
        taker: Taker,
    ) -> None:
        self.subscription = subscription
        self.name = name
        self.heard = False
        self.stream = BookStream(instrument, subscription.param)
        self._emit = emit
        self._snapshots = snapshots
        self._taker = taker
        self._bridged_ns: int | None = None
        self._failures = 0
        """Snapshots that did not fit and breaks, since the book last held for a while."""
        self._early = True
        """Whether the acknowledgement is taken at its word; not again before it has proved true."""

    def confirmed(self, now_ns: int) -> None:
        """The venue says that it streams the book: its snapshot is wished for before the first change."""
        if self._early:
            self._early = False
            self.stream.begin()
            if self.stream.needs_snapshot:
                self._wish(False, now_ns)

    def take(self, frame: bytes, now_ns: int, stamp_ns: int) -> None:
        stream = self.stream
        was_live = stream.live
        try:
            verdict = stream.receive(decode_depth_frame(frame).data, frame)
        except NOT_UNDERSTOOD:
            self.drop("a message was not understood", now_ns)
            raise
        if stream.needs_snapshot:
            self._wish(verdict is Verdict.BROKEN, now_ns)
        if verdict is _APPLIED:
            if not was_live:
                self._bridged_ns, self._early = now_ns, True
            self._emit(stream.view, stamp_ns)
        elif was_live:
            self._tell_dropped("a message is missing, or what it says cannot be", now_ns)

    def snapshot(self, snapshot: DepthSnapshot, now_ns: int, stamp_ns: int) -> None:
        """Join a snapshot to what was heard, or wish for another."""
        stream = self.stream
        was_live = stream.live
        fit = stream.load(snapshot)
        if stream.needs_snapshot:
            self._wish(True, now_ns)
        if fit is Fit.BRIDGED:
            self._bridged_ns, self._early = now_ns, True
            self._emit(stream.view, stamp_ns)
        elif was_live and not stream.live:
            self._tell_dropped("the snapshot and what followed make no book", now_ns)

    def drop(self, reason: str, now_ns: int) -> None:
        """Begin anew, and say so where there was a book."""
        self._snapshots.unwant(self.subscription.symbol, self._taker)
        if self.stream.drop():
            self._tell_dropped(reason, now_ns)

    def closed(self) -> None:
        """Forget the book without a word: that every book is empty has been told."""
        self._snapshots.unwant(self.subscription.symbol, self._taker)
        self._bridged_ns = None
        self.stream.drop()

    def fit(self, instrument: Instrument, now_ns: int) -> None:
        """Count in the instrument's decimals from now on, beginning anew where they are others."""
        if not self.stream.fits(instrument):
            old, self.stream = self.stream, BookStream(instrument, self.subscription.param)
            self.stream.counts, self.stream.chain = old.counts, old.chain
            self._snapshots.unwant(self.subscription.symbol, self._taker)
            if old.drop():
                self._tell_dropped("the instrument's decimals changed", now_ns)

    def _wish(self, failed: bool, now_ns: int) -> None:
        """Wish for a snapshot: at once the first time, later the more often it was in vain."""
        held_ns = None if self._bridged_ns is None else now_ns - self._bridged_ns
        due_ns = now_ns
        if held_ns is not None and held_ns >= STEADY_NS:
            self._failures = 0
        elif failed:
            due_ns += round(BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)] * NS_PER_S)
            self._failures += 1
        if self.stream.live and self._bridged_ns is not None:
            due_ns = max(due_ns, self._bridged_ns + REFILL_NS)
        self.stream.wished()
        self._snapshots.want(self.subscription.symbol, self.subscription.param, self._taker, due_ns)

    def _tell_dropped(self, reason: str, now_ns: int) -> None:
        self._emit(BookDropped(self.subscription.symbol, reason), now_ns)


_TOLD: dict[type, Callable[[str, Any], News]] = {
    wire.WireBookTicker: wire.ticker,
    wire.WireDepth: wire.top,
    wire.WireAggTrade: wire.trade_batch,
    wire.WireKline: wire.bar_batch,
    wire.WireMark: wire.mark_price,
    wire.WireStats: wire.day_stats,
    wire.WireForceOrder: wire.liquidation,
}
"""How an event of one symbol is told."""
