"""Recorded Binance frames through the same listeners that live ones take, joined to recorded snapshots.

Rule: a snapshot is used once, when a book waits for one; best prices are compared where both tell one id.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct

from leadline.core.range_book import TextLevel
from leadline.core.session import News
from leadline.model.instrument import Instrument
from leadline.model.market import BarBatch, Channel, Subscription, Ticker, TradeBatch
from leadline.net.capture import Direction, Precision, Record, Recording
from leadline.venues.binance import requests, wire
from leadline.venues.binance.listeners import Depth, Listener, Values
from leadline.venues.binance.snapshots import DEEP, DepthSnapshot, Snapshots, decode_depth
from leadline.venues.binance.stream_names import INTERVALS, MARKET, PUBLIC, route_of
from leadline.venues.binance.symbols import VENUE
from leadline.venues.binance.wire import NOT_UNDERSTOOD
from leadline.venues.players import Player, Precisions, Tally, known

_MOST_TICKERS = (
    10_000  # best prices kept for the message of the book that tells the same id; then the oldest go
)

_ENDLESS = 1 << 30
"""Levels asked for, as far as a replay goes: there is no other snapshot to be had when prices leave this one,
so what is told beyond it is taken for all there is."""

_NAME = re.compile(r"(?P<symbol>[^@]+)@(?P<what>\w+?)(?P<param>_\w+)?(@\w+)?")
_SECONDS = {word: seconds for seconds, word in INTERVALS.items()}
_CHANNELS = {
    "bookTicker": Channel.TICKER,
    "depth": Channel.BOOK,
    "aggTrade": Channel.TRADES,
    "kline": Channel.BARS,
    "markPrice": Channel.MARK,
    "ticker": Channel.STATS,
    "forceOrder": Channel.LIQUIDATIONS,
}


class ChainReport(Struct, frozen=True):
    """What became of one book's messages, and how often its best prices were those told at the same id."""

    updates: int
    applied: int
    stale: int
    bridges: int
    breaks: int
    first_break_n: int | None
    bbo_compared: int
    bbo_equal: int
    state_hash: str

    @property
    def proof(self) -> str:
        return "update"

    @property
    def proven(self) -> int:
        return self.applied

    @property
    def wrong(self) -> int:
        """Breaks of the chain, and best prices that were others."""
        return self.breaks + self.bbo_compared - self.bbo_equal


class _Head(Struct):
    """The outside of a frame."""

    stream: str


_heads = msgspec.json.Decoder(_Head)


class _Names:
    """Contracts as a recording knows them: by the venue's names, which here are ours as well."""

    def __init__(self, precisions: Precisions) -> None:
        self._precisions = precisions

    def instrument(self, symbol: str) -> Instrument:
        precision = known(symbol, self._precisions(symbol))
        prices, qtys = precision.price_precision, precision.qty_precision
        tick, lot = Decimal(1).scaleb(-prices), Decimal(1).scaleb(-qtys)
        return Instrument(VENUE, symbol, symbol, "", prices, qtys, tick, lot, Decimal(0), Decimal(0))

    def wire(self, symbol: str) -> str:
        return symbol

    def of_wire(self, name: str) -> Instrument | None:
        """Of forced orders the name is all that is told, so the decimals do not matter."""
        return Instrument(VENUE, name, name, "", 0, 0, Decimal(1), Decimal(1), Decimal(0), Decimal(0))


class _Watch:
    """One book beside the best prices that are told of the same symbol."""

    def __init__(self, depth: Depth) -> None:
        self.depth = depth
        self.compared = 0
        self.equal = 0

    def compare(self, told: wire.WireBookTicker) -> None:
        """Compare best prices told for the id that the book has just reached."""
        bid, ask = self.depth.stream.view.best_bid, self.depth.stream.view.best_ask
        if bid and ask:
            self.compared += 1
            here = (bid.price, bid.qty, ask.price, ask.qty)
            self.equal += here == (told.bid, told.bid_qty, told.ask, told.ask_qty)


class StreamPlayer:
    """Frames of combined connections; all books of a recording are held as deep as a snapshot can be."""

    poke: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, tally: Tally, precisions: Precisions, symbols: tuple[str, ...]) -> None:
        self._tally = tally
        self._symbols = symbols
        self._names = _Names(precisions)
        self._snapshots = Snapshots()
        self._listeners: dict[str, Listener | None] = {}
        self._books: dict[str, _Watch] = {}
        self._held: dict[str, DepthSnapshot] = {}
        """The newest snapshot of a symbol, while none waits for it."""
        self._tickers: dict[str, deque[wire.WireBookTicker]] = {}
        self._stood: set[str] = set()

    def sent(self, record: Record) -> None:
        """Nothing is learned from requests: the names of streams tell all."""

    def connected(self, record: Record) -> None:
        path = urlsplit(record.url).path
        routes = {route for route in (PUBLIC, MARKET) if f"/{route}/" in path} or {PUBLIC, MARKET}
        if routes & self._stood:
            self._tally.disconnects += 1
            for listener in self._listeners.values():
                if listener is not None and route_of(listener.subscription) in routes:
                    listener.closed()
        self._stood |= routes

    def received(self, record: Record) -> None:
        try:
            stream = _heads.decode(record.raw).stream
        except NOT_UNDERSTOOD as why:
            self._beside(record, str(why))
            return
        if stream not in self._listeners:
            self._listeners[stream] = self._listener(stream)
        listener = self._listeners[stream]
        if listener is None:
            return  # a stream that is not ours to ask for
        self._stood.add(route_of(listener.subscription))
        breaks = self._breaks(listener)
        try:
            listener.take(record.raw, 0, 0)
            self._compare(listener, record.raw)
        except (*NOT_UNDERSTOOD, ValueError) as why:
            self._tally.skip(record.line, str(why))
        self._after(listener, breaks, record)

    def answered(self, record: Record) -> None:
        symbol = _asked_for(record, self._symbols)
        try:
            snapshot = decode_depth(record.raw, _ENDLESS)
        except NOT_UNDERSTOOD:
            return  # an answer of another kind
        self._tally.saw(snapshot.venue_ms)
        self._held[symbol] = snapshot
        if symbol in self._books:
            depth = self._books[symbol].depth
            self._after(depth, self._breaks(depth), record)

    def books(self) -> dict[str, ChainReport]:
        return {symbol: self._report(symbol, watch) for symbol, watch in self._books.items()}

    def snapshot(self, symbol: str, snapshot: DepthSnapshot, now_ns: int) -> None:
        """A `Taker` of its own snapshots."""
        self._books[symbol].depth.snapshot(snapshot, now_ns, now_ns)

    def _beside(self, record: Record, why: str) -> None:
        try:
            understood = requests.decode_reply(record.raw).understood
        except NOT_UNDERSTOOD:
            understood = False
        if not understood:
            self._tally.skip(record.line, why)

    def _listener(self, stream: str) -> Listener | None:
        """Who hears a stream of this name; None where it is none of those we ask for."""
        match = _NAME.fullmatch(stream)
        channel = _CHANNELS.get(match["what"]) if match else None
        if stream == "!forceOrder@arr":
            return Values(Subscription(Channel.LIQUIDATIONS, "*"), stream, self._take, self._names)
        if match is None or channel is None:
            return None
        symbol = match["symbol"].upper()
        seconds = _SECONDS.get((match["param"] or "")[1:], 0)
        if channel is Channel.BARS and not seconds:
            return None
        if channel is Channel.BOOK:
            return self._depth(symbol, stream)
        return Values(Subscription(channel, symbol, seconds), stream, self._take, self._names)

    def _depth(self, symbol: str, stream: str) -> Depth | None:
        """One speed of a book is followed, the first that comes: each is a chain of its own."""
        if symbol in self._books:
            return None
        wanted = Subscription(Channel.BOOK, symbol, DEEP)
        instrument = self._names.instrument(symbol)
        depth = Depth(wanted, stream, instrument, self._take, self._snapshots, self)
        self._books[symbol] = _Watch(depth)
        return depth

    def _breaks(self, listener: Listener) -> int:
        return listener.stream.chain.breaks if isinstance(listener, Depth) else 0

    def _after(self, listener: Listener, breaks: int, record: Record) -> None:
        """Give a book the snapshot it waits for, and note where it broke first."""
        if not isinstance(listener, Depth):
            return
        symbol = listener.subscription.symbol
        if symbol in self._held and self._snapshots.wanted(symbol):
            self._snapshots.unwant(symbol, self)
            self.snapshot(symbol, self._held.pop(symbol), 0)
        if self._breaks(listener) > breaks:
            self._tally.first_bad_n.setdefault(symbol, record.n)

    def _compare(self, listener: Listener, frame: bytes) -> None:
        symbol, channel = listener.subscription.symbol, listener.subscription.channel
        watch = self._books.get(symbol)
        if channel is Channel.TICKER:
            event = wire.decode(frame).data
            if isinstance(event, wire.WireBookTicker):
                stream = watch and watch.depth.stream
                if watch and stream and stream.live and stream.last_id == event.last_id:
                    watch.compare(event)
                else:
                    self._tickers.setdefault(symbol, deque(maxlen=_MOST_TICKERS)).append(event)
        elif channel is Channel.BOOK and watch and watch.depth.stream.live:
            self._compare_kept(symbol, watch)

    def _compare_kept(self, symbol: str, watch: _Watch) -> None:
        """Compare the best prices that came before the book's message; older ones are not needed any more."""
        reached = watch.depth.stream.last_id or 0
        kept = self._tickers.get(symbol)
        while kept and kept[0].last_id <= reached:
            event = kept.popleft()
            if event.last_id == reached:
                watch.compare(event)

    def _take(self, news: News, now_ns: int) -> None:
        tally = self._tally
        match news:
            case Ticker():
                tally.tickers += 1
                tally.saw(news.venue_time)
            case TradeBatch():
                tally.trade_batch(news)
                tally.saw(news.trades[-1].venue_time)
            case BarBatch():
                tally.bars += len(news.bars)

    def _report(self, symbol: str, watch: _Watch) -> ChainReport:
        chain = watch.depth.stream.chain
        return ChainReport(
            updates=chain.updates,
            applied=chain.applied,
            stale=chain.stale,
            bridges=chain.bridges,
            breaks=chain.breaks,
            first_break_n=self._tally.first_bad_n.get(symbol),
            bbo_compared=watch.compared,
            bbo_equal=watch.equal,
            state_hash=watch.depth.stream.view.state_hash(),
        )


def player(recording: Recording, first: Record, tally: Tally, precisions: Precisions) -> Player:
    """The player of a recording."""
    return StreamPlayer(tally, precisions, recording.meta.symbols)


def decimals(recording: Recording) -> dict[str, Precision]:
    """The most decimals that each symbol's books have, wherever in the recording."""
    found: dict[str, Precision] = {}
    for record in recording:
        if isinstance(record, Record) and (told := _told(record, recording.meta.symbols)):
            symbol, levels = told
            before = found.get(symbol, Precision(0, 0))
            found[symbol] = Precision(
                max([before.price_precision, *(_decimals(price) for price, _ in levels)]),
                max([before.qty_precision, *(_decimals(qty) for _, qty in levels)]),
            )
    return found


def _told(record: Record, symbols: tuple[str, ...]) -> tuple[str, list[TextLevel]] | None:
    """The symbol and the levels that a record tells of a book."""
    try:
        if record.direction is Direction.REST:
            snapshot = decode_depth(record.raw)
            return _asked_for(record, symbols), [*snapshot.bids, *snapshot.asks]
        if record.direction is Direction.RX and b'"depthUpdate"' in record.raw[:200]:
            levels = _depths.decode(record.raw).data
            return levels.symbol, [*levels.bids, *levels.asks]
    except NOT_UNDERSTOOD:
        pass  # another answer, or a frame that the replay will name
    return None


def _asked_for(record: Record, symbols: tuple[str, ...]) -> str:
    """The symbol an answer by REST is about: by its address, else the only one of the recording."""
    return parse_qs(urlsplit(record.url).query).get("symbol", [*symbols, ""])[0].upper()


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


class _Levels(Struct, rename={"symbol": "s", "bids": "b", "asks": "a"}):
    symbol: str
    bids: list[TextLevel]
    asks: list[TextLevel]


class _LevelsFrame(Struct):
    data: _Levels


_depths = msgspec.json.Decoder(_LevelsFrame)
