"""Recorded Kraken frames through the same session that live ones take; v1 frames through their own decoder.

Requests and their answers are read for the depth of books only.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Raw, Struct

from leadline.core.book import Book, BookCounts
from leadline.core.session import FrameSkipped, News
from leadline.errors import ProtocolError
from leadline.model.instrument import Instrument
from leadline.model.market import BarBatch, BookDropped, Channel, Subscription, Ticker, TradeBatch
from leadline.net.capture import Precision, Record, Recording
from leadline.venues.kraken import legacy, wire
from leadline.venues.kraken.session import KrakenSession
from leadline.venues.kraken.venue import LIMITS
from leadline.venues.players import Player, Precisions, Tally, known


class ChecksumReport(Struct, frozen=True):
    """The messages of one book by verdict; updates = ok + bad + unsynced + unchecked, snapshots included."""

    updates: int
    checksum_ok: int
    checksum_bad: int
    unsynced: int
    unchecked: int
    first_bad_n: int | None
    state_hash: str

    @property
    def proof(self) -> str:
        return "checksum"

    @property
    def proven(self) -> int:
        return self.checksum_ok

    @property
    def wrong(self) -> int:
        return self.checksum_bad


def _report(tally: Tally, symbol: str, counts: BookCounts, state_hash: str) -> ChecksumReport:
    """What became of one book."""
    return ChecksumReport(
        updates=counts.updates,
        checksum_ok=counts.proven,
        checksum_bad=counts.wrong,
        unsynced=counts.unsynced,
        unchecked=counts.unchecked,
        first_bad_n=tally.first_bad_n.get(symbol),
        state_hash=state_hash,
    )


class _Params(Struct):
    channel: str = ""
    symbol: tuple[str, ...] | str | None = None
    depth: int | None = None


class _Request(Struct):
    """A request or the answer to one, as far as it tells the depth of a book."""

    method: str
    params: _Params | None = None
    result: _Params | None = None
    success: bool = True


class _Head(Struct):
    """The outside of a frame."""

    channel: str = ""
    type: str = ""
    method: str = ""
    data: Raw = Raw(b"null")


class _BookHead(Struct):
    symbol: str
    bids: list[Raw] = []
    asks: list[Raw] = []
    timestamp: str | None = None


_heads = msgspec.json.Decoder(_Head)
_book_heads = msgspec.json.Decoder(list[_BookHead])
_requests = msgspec.json.Decoder(_Request)


class StreamPlayer:
    """Frames of WebSocket v2 through a KrakenSession that has no connection."""

    def __init__(self, tally: Tally, precisions: Precisions, depth: int | None) -> None:
        self._tally = tally
        self._precisions = precisions
        self._depth = depth
        self._session = KrakenSession(self._take, self._instrument)
        self._record: Record | None = None
        self._told: dict[str, int] = {}
        self._wanted: dict[str, Subscription] = {}
        self._rootless: dict[str, BookCounts] = {}
        """Updates without a snapshot, of books of unknown decimals: there is nothing to apply them to."""
        self._stands = False

    def connected(self, record: Record) -> None:
        self._connected()

    def _connected(self) -> None:
        if self._stands:
            self._tally.disconnects += 1
            self._session.closed("the recording shows a new connection", 0)
        self._stands = True
        self._session.opened(0)
        self._session.outputs()

    def answered(self, record: Record) -> None:
        """Nothing is learned from REST: the streams carry all of their books."""

    def sent(self, record: Record) -> None:
        self._learn_depth(record.raw)

    def received(self, record: Record) -> None:
        if not self._stands:
            self._connected()
        self._record = record
        try:
            head = _heads.decode(record.raw)
            if head.method:
                self._learn_depth(record.raw)
                return
            if head.channel == "book":
                self._expect(_book_heads.decode(head.data), head.type == "snapshot")
        except msgspec.MsgspecError:
            pass  # the session says what is wrong with it, as it would on a live connection
        self._session.received(record.raw, record.t_ns or 0)
        self._session.outputs()

    def books(self) -> dict[str, ChecksumReport]:
        reports = {
            symbol: _report(self._tally, symbol, counts, Book(symbol, 0, 0, 0).state_hash())
            for symbol, counts in self._rootless.items()
        }
        for symbol, counts in self._session.book_counts().items():
            stream = self._session.book(symbol)
            assert stream is not None
            reports[symbol] = _report(self._tally, symbol, counts, stream.view.state_hash())
        return reports

    def _take(self, news: News, now_ns: int) -> None:
        tally, record = self._tally, self._record
        match news:
            case Ticker():
                tally.tickers += 1
                tally.saw(news.venue_time)
            case TradeBatch():
                tally.trade_batch(news)
                tally.saw(news.trades[-1].venue_time)
            case BarBatch():
                tally.bars += len(news.bars)
            case BookDropped(symbol):
                stream = self._session.book(symbol)
                if record is not None and stream is not None and stream.counts.wrong:
                    tally.first_bad_n.setdefault(symbol, record.n)
            case FrameSkipped(_, why) if record is not None:
                tally.skip(record.line, why)

    def _learn_depth(self, raw: bytes) -> None:
        """Depths of books as asked for and as acknowledged, whichever came last before the book."""
        try:
            request = _requests.decode(raw)
        except msgspec.MsgspecError:
            return
        told = request.params or request.result
        agreed = request.method == "subscribe" and request.success
        if agreed and told and told.depth and told.channel == "book":
            symbols = (told.symbol,) if isinstance(told.symbol, str) else told.symbol or ()
            self._told.update(dict.fromkeys(symbols, told.depth))

    def _expect(self, heads: list[_BookHead], snapshot: bool) -> None:
        for head in heads:
            self._tally.saw(head.timestamp)
            if head.symbol in self._wanted:
                continue
            if not snapshot and self._precisions(head.symbol) is None:
                self._rootless.setdefault(head.symbol, BookCounts()).unsynced += 1
            else:
                depth = self._told.get(head.symbol) or self._depth or _least_depth(head)
                wanted = Subscription(Channel.BOOK, head.symbol, depth)
                self._wanted[head.symbol] = wanted
                self._session.want(wanted, 0)

    def _instrument(self, symbol: str) -> Instrument:
        return _instrument(symbol, known(symbol, self._precisions(symbol)))


def _least_depth(head: _BookHead) -> int:
    """assumed: where nothing tells the depth of a book, it is the least its first message fits in."""
    levels = max(len(head.bids), len(head.asks))
    return next((depth for depth in LIMITS.book_depths if depth >= levels), LIMITS.book_depths[-1])


def _instrument(symbol: str, precision: Precision) -> Instrument:
    base, _, quote = symbol.partition("/")
    prices, qtys = precision.price_precision, precision.qty_precision
    tick, lot = Decimal(1).scaleb(-prices), Decimal(1).scaleb(-qtys)
    return Instrument("kraken", symbol, base, quote, prices, qtys, tick, lot, Decimal(0), Decimal(0))


class _LegacyStream:
    """One book of WebSocket v1; its snapshots carry no checksum."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.counts = BookCounts()
        self.synced = False

    def receive(self, message: legacy.LegacyBook) -> bool:
        """Apply one message; False when it proves the book wrong, which empties it."""
        counts, book = self.counts, self.book
        if not (self.synced or message.snapshot):
            counts.unsynced += 1
            return True
        try:
            bids, asks = message.changes(book.price_precision, book.qty_precision)
        except ProtocolError:
            return self._wrong()
        if message.snapshot:
            book.clear()
            self.synced = True
        checksum = book.apply(bids, asks)
        if message.checksum is None:
            counts.unchecked += 1
        elif message.checksum == checksum:
            counts.proven += 1
        else:
            return self._wrong()
        return True

    def drop(self) -> None:
        self.book.clear()
        self.synced = False

    def _wrong(self) -> bool:
        self.drop()
        self.counts.wrong += 1
        return False


class LegacyPlayer:
    """Frames of WebSocket v1; where nothing says the decimals, its number texts do."""

    def __init__(self, tally: Tally, precisions: Precisions) -> None:
        self._tally = tally
        self._precisions = precisions
        self._streams: dict[str, _LegacyStream] = {}
        self._stands = False

    def connected(self, record: Record) -> None:
        if self._stands:
            self._tally.disconnects += 1
        self._stands = True
        for stream in self._streams.values():
            stream.drop()

    def answered(self, record: Record) -> None:
        """Nothing is learned from REST: the streams carry all of their books."""

    def sent(self, record: Record) -> None:
        """Nothing is learned from requests: v1 book frames name their depth."""

    def received(self, record: Record) -> None:
        self._stands = True
        try:
            news = legacy.decode(record.raw)
        except ProtocolError as why:
            self._tally.skip(record.line, str(why))
            return
        match news:
            case legacy.LegacyBook():
                self._tally.saw(news.venue_time)
                if not self._stream(news).receive(news):
                    self._tally.first_bad_n.setdefault(news.symbol, record.n)
            case TradeBatch():
                self._tally.trade_batch(news)
            case Ticker():
                self._tally.tickers += 1

    def books(self) -> dict[str, ChecksumReport]:
        return {
            symbol: _report(self._tally, symbol, stream.counts, stream.book.state_hash())
            for symbol, stream in self._streams.items()
        }

    def _stream(self, message: legacy.LegacyBook) -> _LegacyStream:
        stream = self._streams.get(message.symbol)
        if stream is None:
            precision = self._precisions(message.symbol)
            if precision is None and (decimals := message.precisions()):
                precision = Precision(*decimals)
            precision = known(message.symbol, precision)
            book = Book(message.symbol, message.depth, precision.price_precision, precision.qty_precision)
            stream = self._streams[message.symbol] = _LegacyStream(book)
        return stream


def player(recording: Recording, first: Record, tally: Tally, precisions: Precisions) -> Player:
    """The player of a recording, by what it says of itself or else by its first frame."""
    meta = recording.meta
    if meta.api.startswith("ws v1") or (not meta.api and legacy.is_legacy(first.raw)):
        return LegacyPlayer(tally, precisions)
    return StreamPlayer(tally, precisions, meta.depth)


def decimals(recording: Recording) -> dict[str, Precision]:
    """The decimals that instrument frames tell, wherever in the recording they are."""
    found: dict[str, Precision] = {}
    for record in recording:
        if isinstance(record, Record) and b'"instrument"' in record.raw[:99]:
            try:
                frame = wire.decode(record.raw)
            except msgspec.MsgspecError:
                continue
            if isinstance(frame, wire.InstrumentFrame):
                for pair in frame.data.pairs:
                    found.setdefault(pair.symbol, Precision(pair.price_precision, pair.qty_precision))
    return found
