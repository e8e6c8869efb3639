"""Planted bugs: the judge is judged by whether it finds them.

Each is a venue whose sessions or answers have one fault that a client could well have; nothing of the product
knows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leadline.app.account import LiveAccount
from leadline.app.system import System
from leadline.core.book import Book, BookView
from leadline.core.session import Confirmed, Emit, MarketSession, News
from leadline.model.instrument import Instrument
from leadline.model.market import Channel, Ticker, Trade, TradeBatch
from leadline.net.http import Purpose
from leadline.net.key_state import MemoryKeyState
from leadline.simulation import order_plants, service_plants
from leadline.simulation.journal import SimulatedJournal
from leadline.venues.kraken.account import KrakenAccount
from leadline.venues.kraken.books import BookStream, Verdict
from leadline.venues.kraken.session import KrakenSession
from leadline.venues.kraken.venue import Kraken

_HEARTBEAT = b'{"channel":"heartbeat"}'


class _PlantedBooks(KrakenSession):
    """Sessions whose books are of another make."""

    make: type[BookStream] = BookStream

    def _new_stream(self, symbol: str) -> BookStream | None:
        stream = super()._new_stream(symbol)
        instrument = self._told.get(symbol) or self._reference(symbol)
        if stream is None or instrument is None:
            return None
        planted = self._books[symbol] = self.make(instrument, stream.book.depth)
        return planted


class _Unchecked(BookStream):
    def _fail(self) -> Verdict:
        self.counts.wrong += 1
        self.proven = True
        return Verdict.PROVEN


class ServeBeforeCheck(_PlantedBooks):
    """A book is handed out whatever its checksum says."""

    make = _Unchecked


class _Endless(Book):
    def __init__(self, symbol: str, depth: int, price_precision: int, qty_precision: int) -> None:
        super().__init__(symbol, depth, price_precision, qty_precision)
        self._bids.depth = self._asks.depth = 1 << 30


class _Untruncated(BookStream):
    def __init__(self, instrument: Instrument, depth: int) -> None:
        super().__init__(instrument, depth)
        self.book = _Endless(instrument.symbol, depth, instrument.price_precision, instrument.qty_precision)
        self.view = self.book.view


class NoTruncation(_PlantedBooks):
    """Levels that have fallen out of the subscribed depth stay in the book."""

    make = _Untruncated


class _Repeating(KrakenSession):
    """Sessions that remember what they have last told of each stream."""

    def __init__(
        self,
        emit: Emit,
        instrument: Callable[[str], Instrument | None],
        learn: Callable[[Sequence[Instrument]], None] | None = None,
    ) -> None:
        super().__init__(self._remember, instrument, learn)
        self._last: dict[tuple[Channel, str], News] = {}
        self._pass_on = emit

    def _remember(self, news: News, now_ns: int) -> None:
        match news:
            case Ticker(symbol=symbol):
                self._last[Channel.TICKER, symbol] = news
            case TradeBatch(symbol=symbol):
                self._last[Channel.TRADES, symbol] = news
            case BookView():
                self._last[Channel.BOOK, news.symbol] = news
        self._pass_on(news, now_ns)


class AckIsLive(_Repeating):
    """An acknowledged subscription counts as receiving, and what was last known as its data."""

    def _remember(self, news: News, now_ns: int) -> None:
        super()._remember(news, now_ns)
        if isinstance(news, Confirmed):
            self._subscriptions.data(news.subscription, now_ns)
            known = self._last.get((news.subscription.channel, news.subscription.symbol))
            if known is not None:
                self._pass_on(known, now_ns)


class StaleAsFresh(_Repeating):
    """A heartbeat of the connection counts as news of every stream on it."""

    def received(self, frame: bytes, now_ns: int) -> None:
        super().received(frame, now_ns)
        if frame != _HEARTBEAT:
            return
        for (channel, symbol), known in list(self._last.items()):
            stream = self._books.get(symbol)
            if channel is not Channel.BOOK or (stream is not None and stream.proven):
                self._pass_on(known, now_ns)


class LostSubscription(KrakenSession):
    """After a reconnect the subscription made last is not asked for again."""

    def opened(self, now_ns: int) -> None:
        wanted = self.wanted()
        if self.last_frame_ns and len(wanted) > 1:
            self._subscriptions.unwant(wanted[-1])
        super().opened(now_ns)


class PlantedKraken(Kraken):
    """The venue with sessions of another make."""

    make: type[KrakenSession] = KrakenSession

    def session(self, emit: Emit, route: str) -> MarketSession:
        return self.make(emit, self.symbols.get, self.symbols.update)


class NoBackfill(Kraken):
    """What the stream has skipped is not fetched: of REST's trades only those already streamed are kept."""

    def session(self, emit: Emit, route: str) -> MarketSession:
        self._streamed: set[int | None] = set()

        def note(news: News, now_ns: int) -> None:
            if isinstance(news, TradeBatch):
                self._streamed.update(trade.trade_id for trade in news.trades)
            emit(news, now_ns)

        return super().session(note, route)

    async def fetch_trades(self, symbol: str, since_ns: int, purpose: Purpose) -> list[Trade]:
        trades = await super().fetch_trades(symbol, since_ns, purpose)
        return [trade for trade in trades if trade.trade_id in self._streamed]


def _with(session: type[KrakenSession]) -> type[Kraken]:
    return type(f"{session.__name__}Kraken", (PlantedKraken,), {"make": session})


@dataclass(frozen=True, slots=True)
class Plant:
    """What the parts of a client are made of; without a plant all of them are the product's own."""

    account: type[LiveAccount] = LiveAccount
    journal: type[SimulatedJournal] = SimulatedJournal
    state: type[MemoryKeyState] = MemoryKeyState
    system: type[System] = System


@dataclass(frozen=True, slots=True)
class KrakenPlant(Plant):
    """The same of a client of Kraken."""

    venue: type[Kraken] = Kraken
    ports: type[KrakenAccount] = KrakenAccount


NOTHING = KrakenPlant()

PLANTS: dict[str, KrakenPlant] = {
    "serve-before-check": KrakenPlant(venue=_with(ServeBeforeCheck)),
    "no-truncation": KrakenPlant(venue=_with(NoTruncation)),
    "ack-is-live": KrakenPlant(venue=_with(AckIsLive)),
    "stale-as-fresh": KrakenPlant(venue=_with(StaleAsFresh)),
    "no-backfill": KrakenPlant(venue=NoBackfill),
    "lost-subscription": KrakenPlant(venue=_with(LostSubscription)),
    "journal-after-send": KrakenPlant(journal=order_plants.JournalAfterSend),
    "retry-on-timeout": KrakenPlant(ports=order_plants.RetryOnTimeout),
    "no-fill-dedupe": KrakenPlant(ports=order_plants.NoFillDedupe),
    "clock-nonce": KrakenPlant(state=order_plants.ClockNonce),
    "sequence-gap-ignored": KrakenPlant(account=order_plants.SequenceGapIgnored),
    "cancel-error-as-verdict": KrakenPlant(ports=order_plants.CancelErrorAsVerdict),
    "unknown-by-timer": KrakenPlant(ports=order_plants.UnknownByTimer),
    "no-hysteresis": KrakenPlant(system=service_plants.NoHysteresis),
    "rest-as-stream": KrakenPlant(venue=service_plants.RestAsStream),
    "duplicate-across-lines": KrakenPlant(system=service_plants.DuplicateAcrossLines),
    "replay-blindly": KrakenPlant(ports=order_plants.ReplayBlindly),
    "checkpoint-trusted": KrakenPlant(system=service_plants.CheckpointTrusted),
}
