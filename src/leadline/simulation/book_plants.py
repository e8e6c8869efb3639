"""Planted bugs of books at Binance: how a chain of changes can be joined or followed wrongly.

Each is a book that goes by one wrong rule; the product knows nothing of it.
"""

from __future__ import annotations

from collections import deque

from leadline.core.session import Emit, MarketSession
from leadline.model.market import Subscription
from leadline.venues.binance.books import BookStream, Verdict
from leadline.venues.binance.listeners import Depth, Listener
from leadline.venues.binance.session import BinanceSession
from leadline.venues.binance.snapshots import DepthSnapshot
from leadline.venues.binance.venue import Binance
from leadline.venues.binance.wire import WireDepth


class BridgeOffByOne(BookStream):
    """The message that joins a snapshot to the stream is taken for one that the snapshot holds already."""

    def _fill(self, snapshot: DepthSnapshot, kept: deque[tuple[int, int, bytes]]) -> bool:
        return super()._fill(snapshot, deque(list(kept)[1:]))


class PuUnchecked(BookStream):
    """Whatever message a message says it follows, it is the last one that came."""

    def receive(self, message: WireDepth, frame: bytes) -> Verdict:
        if self.last_id is not None:
            message.previous_id = self.last_id
        return super().receive(message, frame)


class _PlantedSession(BinanceSession):
    """A session whose books are of another make."""

    make: type[BookStream] = BookStream

    def _listener(self, subscription: Subscription, name: str) -> Listener:
        listener = super()._listener(subscription, name)
        if isinstance(listener, Depth):
            instrument = self._symbols.instrument(subscription.symbol)
            listener.stream = self.make(instrument, subscription.param)
        return listener


class _PlantedBinance(Binance):
    """The venue with sessions of another make."""

    make: type[BinanceSession] = BinanceSession

    def session(self, emit: Emit, route: str) -> MarketSession:
        session = self.make(
            emit, route, self.symbols, self.snapshots, self._depth_ms, contract_news=self._news.set
        )
        self._sessions.add(session)
        return session


def binance_with(book: type[BookStream]) -> type[Binance]:
    """The venue whose books are of this make."""
    session = type(f"{book.__name__}Session", (_PlantedSession,), {"make": book})
    return type(f"{book.__name__}Binance", (_PlantedBinance,), {"make": session})
