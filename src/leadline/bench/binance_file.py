"""A file of Binance frames to measure with: one a line, as a combined connection tells them or bare.

Lines of `GET /fapi/v1/depth` give the books what they start from; each stands behind the first message of its
book, wherever the file has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from leadline.bench.binance_frames import REST, Heard
from leadline.bench.binance_processing import DEPTH, BinancePipeline, binance, proven_pace
from leadline.bench.yardstick import Pace
from leadline.clock import Clock
from leadline.core.range_book import TextLevel
from leadline.emulator.binance.contracts import Contract
from leadline.emulator.instruments import Pair
from leadline.errors import RecordingError
from leadline.model.market import Channel, Subscription
from leadline.venues.binance import stream_names
from leadline.venues.binance.snapshots import DepthSnapshot, decode_depth
from leadline.venues.binance.wire import NOT_UNDERSTOOD, SECONDS

DEPTH_MS = 100

ENDLESS = 1 << 30
"""Levels asked for: a file has no other snapshot for when prices leave this one, so it is taken for whole."""

_QUOTES = ("USDT", "USDC", "BUSD")

_CHANNELS = {
    "depthUpdate": Channel.BOOK,
    "bookTicker": Channel.TICKER,
    "aggTrade": Channel.TRADES,
    "kline": Channel.BARS,
    "markPriceUpdate": Channel.MARK,
    "24hrTicker": Channel.STATS,
    "forceOrder": Channel.LIQUIDATIONS,
}


class _Candle(Struct, rename={"interval": "i"}):
    interval: str = ""


class _Forced(Struct, rename={"symbol": "s"}):
    symbol: str = ""


class _Event(Struct, rename={"kind": "e", "symbol": "s", "candle": "k", "forced": "o"}):
    kind: str
    symbol: str = ""
    candle: _Candle = msgspec.field(default_factory=_Candle)
    forced: Raw = Raw(b"{}")  # of another event it is a price


class _Changes(Struct, rename={"previous_id": "pu", "bids": "b", "asks": "a"}):
    previous_id: int
    bids: list[TextLevel]
    asks: list[TextLevel]


class _Frame(Struct):
    stream: str
    data: Raw


_frames = msgspec.json.Decoder(_Frame)
_events = msgspec.json.Decoder(_Event)
_changes = msgspec.json.Decoder(_Changes)
_forced = msgspec.json.Decoder(_Forced)


def is_binance(frames: Sequence[bytes]) -> bool:
    """Whether the lines have the form of this venue's."""
    return any(line.lstrip().startswith((b'{"stream":', b'{"e":', b'{"lastUpdateId":')) for line in frames)


@dataclass(slots=True)
class _Book:
    """What a file tells of one book before it is played."""

    begins_after: int
    prices: set[str] = field(default_factory=set)
    decimals: tuple[int, int] = (0, 0)

    def learn(self, levels: Sequence[TextLevel]) -> None:
        """Take in how prices and quantities are spelled."""
        self.prices.update(price for price, _ in levels)
        prices, qtys = self.decimals
        self.decimals = (
            max([prices, *(_decimals(price) for price, _ in levels)]),
            max([qtys, *(_decimals(qty) for _, qty in levels)]),
        )


class Session:
    """The frames of a file, by the names we ask for, and what is to be subscribed to hear them."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self.wanted: dict[Subscription, None] = {}
        self.books: dict[str, _Book] = {}
        self._heard: list[tuple[str, Heard]] = []
        self._snapshots: list[tuple[DepthSnapshot, bytes]] = []
        for frame in frames:
            self._read(frame)

    def heard(self) -> list[Heard]:
        """The frames in order, each book's snapshot behind its first message."""
        snapshots = self._fitting()
        heard = []
        for symbol, each in self._heard:
            heard.append(each)
            if (body := snapshots.pop(symbol, None)) is not None:
                heard.append(Heard(REST, body, symbol, ENDLESS))
        return heard

    def contracts(self) -> list[Contract]:
        """The contracts it is about, with the decimals their books are told in."""
        symbols = dict.fromkeys(each.symbol for each in self.wanted)
        return [_contract(symbol, self.books.get(symbol)) for symbol in symbols]

    def _read(self, line: bytes) -> None:
        try:
            if line.lstrip().startswith(b'{"lastUpdateId":'):
                self._snapshots.append((decode_depth(line), line))
                return
            bare = not line.lstrip().startswith(b'{"stream":')
            stream, data = ("", line) if bare else _split(line)
            event = _events.decode(data)
            wanted = _subscription(stream, event)
        except NOT_UNDERSTOOD:
            wanted = None
        if wanted is None:
            self._heard.append(("", Heard(stream_names.PUBLIC, line)))
            return
        self.wanted[wanted] = None
        of_book = wanted.channel is Channel.BOOK
        if of_book:
            self._learn(wanted.symbol, data)
        name = stream_names.stream_name(wanted, wanted.symbol, DEPTH_MS).encode()
        text = b'{"stream":"%s","data":%s}' % (name, data)
        heard = Heard(stream_names.route_of(wanted), text)
        self._heard.append((wanted.symbol if of_book else "", heard))

    def _learn(self, symbol: str, data: bytes) -> None:
        changes = _changes.decode(data)
        book = self.books.setdefault(symbol, _Book(changes.previous_id))
        book.learn([*changes.bids, *changes.asks])

    def _fitting(self) -> dict[str, bytes]:
        """The first snapshot of each book that is no older than its first message.

        assumed: a snapshot, which names no symbol, is of the book that shares the most prices with it.
        """
        found: dict[str, bytes] = {}
        for snapshot, body in self._snapshots if self.books else ():
            levels = [*snapshot.bids, *snapshot.asks]
            told = {price for price, _ in levels}
            symbol, book = max(self.books.items(), key=lambda item: len(told & item[1].prices))
            book.learn(levels)
            if symbol not in found and snapshot.last_update_id >= book.begins_after:
                found[symbol] = body
        return found


def _split(line: bytes) -> tuple[str, bytes]:
    frame = _frames.decode(line)
    return frame.stream, bytes(frame.data)


def _subscription(stream: str, event: _Event) -> Subscription | None:
    """What one asks for to hear such an event; None where nobody here does."""
    channel = _CHANNELS.get(event.kind)
    symbol = event.symbol
    if channel is None:
        return None
    if channel is Channel.BOOK:
        levels = stream.partition("@depth")[2].partition("@")[0]
        return (
            Subscription(Channel.TOP, symbol, int(levels)) if levels else Subscription(channel, symbol, DEPTH)
        )
    if channel is Channel.BARS:
        seconds = SECONDS.get(event.candle.interval)
        return None if seconds is None else Subscription(channel, symbol, seconds)
    if channel is Channel.LIQUIDATIONS:
        symbol = _forced.decode(event.forced).symbol
    return Subscription(channel, symbol)


def _contract(symbol: str, book: _Book | None) -> Contract:
    prices, qtys = (2, 3) if book is None else book.decimals
    pair = symbol.partition("_")[0]
    quote = next((quote for quote in _QUOTES if pair.endswith(quote)), pair[-3:])
    listing = Pair(symbol, prices, qtys, price=10**4, qty=1, levels=2, history=False)
    return Contract(listing, pair.removesuffix(quote), quote, price_decimals=prices)


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


async def binance_file_pace(path: Path, frames: Sequence[bytes], clock: Clock) -> Pace:
    """Microseconds a frame of a session, beside the yardstick.

    Raises RecordingError for a session that is about nothing we read, or of whose books nothing is proven.
    """
    session = Session(frames)
    if not session.wanted:
        raise RecordingError(f"{path} holds no frames of a stream that is read here")
    heard = session.heard()
    market = await binance(session.contracts(), clock)

    def subscribe(pipeline: BinancePipeline) -> None:
        for each in session.wanted:
            pipeline.read(each.channel, each.symbol, each.param)

    return proven_pace(market, clock, heard, subscribe)
