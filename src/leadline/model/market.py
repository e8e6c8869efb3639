"""What a venue says about a market, as values.

Prices and quantities are `Decimal` with the venue's own digits. `venue_time` is the venue's own form, RFC
3339 text or whole Unix milliseconds; only who needs nanoseconds turns it into them (`venue_ns`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from leadline.model.instrument import Instrument


class Channel(Enum):
    """A kind of stream; the value is its name on the command line."""

    TICKER = "ticker"
    BOOK = "book"
    TRADES = "trades"
    BARS = "bars"
    INSTRUMENTS = "instruments"
    LEVEL3 = "level3"
    TOP = "top"  # the best levels, whole in every message: no proof is needed, and none is given
    MARK = "mark"  # mark and index price, and the funding rate
    STATS = "stats"  # the last 24 hours, where the ticker does not tell them
    LIQUIDATIONS = "liquidations"


class Side(Enum):
    BUY = "buy"
    SELL = "sell"


class Subscription(Struct, frozen=True):
    """One stream somebody wants: `param` is the depth of a book (or level3), the seconds of a bar, else 0."""

    channel: Channel
    symbol: str
    param: int = 0

    def __str__(self) -> str:
        unit = {Channel.BOOK: f" depth {self.param}", Channel.BARS: f" {self.param} s"}.get(self.channel, "")
        return f"{self.channel.value} {self.symbol}{unit}"


VenueTime = str | int | None
"""A venue's time as it says it: RFC 3339 UTC text, or Unix milliseconds; None where it says none."""


def parse_time_ns(text: VenueTime) -> int | None:
    """Unix nanoseconds of a venue's time, text with any number of fractional digits; None when it is none."""
    if not text:
        return None
    if isinstance(text, int):
        return text * 1_000_000
    try:
        whole = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
        fraction = text[20:].removesuffix("Z")
        return int(whole.timestamp()) * 1_000_000_000 + (int(fraction.ljust(9, "0")[:9]) if fraction else 0)
    except ValueError:
        return None


class Ticker(Struct, frozen=True):
    """Best bid and ask, last trade, and the last 24 hours; None where the source does not say.

    `last`, `vwap`, `low` and `high` are None where nothing has been traded for 24 hours, and all of the day's
    figures where the venue tells them apart (`DayStats`).
    """

    symbol: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    last: Decimal | None = None
    volume: Decimal | None = None
    vwap: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    change: Decimal | None = None
    change_pct: Decimal | None = None
    venue_time: VenueTime = None

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self.venue_time)


class DayStats(Struct, frozen=True):
    """The last 24 hours of one instrument: volume in base and quote currency, `change` since their begin."""

    symbol: str
    last: Decimal
    volume: Decimal
    quote_volume: Decimal
    vwap: Decimal
    open: Decimal
    low: Decimal
    high: Decimal
    change: Decimal
    change_pct: Decimal
    trades: int
    venue_time: VenueTime = None

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self.venue_time)


class MarkPrice(Struct, frozen=True):
    """What positions are valued at: mark and index price, and the funding to come.

    `funding_rate` is paid by longs to shorts at `next_funding_ns` (Unix), per interval, on the position's
    value at the mark price; both None for a contract that has no funding.
    """

    symbol: str
    mark: Decimal
    index: Decimal | None
    funding_rate: Decimal | None
    next_funding_ns: int | None
    settle_estimate: Decimal | None = None
    venue_time: VenueTime = None

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self.venue_time)


class FundingRate(Struct, frozen=True):
    """One funding that has been settled; `mark` is None where the venue has forgotten it."""

    symbol: str
    rate: Decimal
    at_ns: int
    mark: Decimal | None = None
    special: bool = False

    @property
    def venue_ns(self) -> int:
        return self.at_ns


class Liquidation(Struct, frozen=True):
    """One forced order of somebody; a venue may show only the largest of each moment."""

    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    average_price: Decimal
    venue_time: VenueTime = None

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self.venue_time)


class Trade(Struct, frozen=True):
    """One trade; `side` is the taker's. `trade_id` counts up by one per instrument (None where not sent).

    Binance joins what one order took at one price within 100 ms into one trade and counts those.
    """

    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    trade_id: int | None
    venue_time: VenueTime
    backfilled: bool = False

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self.venue_time)


class TradeBatch(Struct, frozen=True):
    """Trades the venue sent together, oldest first; a snapshot repeats the recent past."""

    symbol: str
    trades: tuple[Trade, ...]
    snapshot: bool = False


class Bar(Struct, frozen=True):
    """One candle [begin, begin + interval); `complete` only when it has ended and lacks nothing."""

    symbol: str
    interval_s: int
    begin_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    vwap: Decimal
    trades: int
    complete: bool = False

    @property
    def end_ns(self) -> int:
        return self.begin_ns + self.interval_s * 1_000_000_000

    @property
    def venue_ns(self) -> int:
        return self.begin_ns


class BarBatch(Struct, frozen=True):
    """Candles of one instrument and interval as sent, oldest first, none judged complete yet."""

    symbol: str
    interval_s: int
    bars: tuple[Bar, ...]
    snapshot: bool = False


class Level(Struct, frozen=True):
    price: Decimal
    qty: Decimal


class FrozenBook(Struct, frozen=True):
    """The top of a book as a value, best first; what `freeze` of a live view makes and REST answers with."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    venue_time: VenueTime = None

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self.venue_time)


class RestingOrder(Struct, frozen=True):
    """One visible order of the venue's book; `venue_time` is when it was placed or last changed."""

    order_id: str
    price: Decimal
    qty: Decimal
    venue_time: str


class Level3(Struct, frozen=True):
    """The single orders of the best levels of a book: level by level, best first, each in queue order."""

    symbol: str
    bids: tuple[RestingOrder, ...]
    asks: tuple[RestingOrder, ...]
    venue_time: VenueTime = None

    @property
    def venue_ns(self) -> int | None:
        return parse_time_ns(self.venue_time)


class BookDropped(Struct, frozen=True):
    """The book of a symbol is gone until its next snapshot; `reason` is for people."""

    symbol: str
    reason: str


class BookCrossed(Struct, frozen=True):
    """The best bid is not below the best ask although the venue's proof holds: an alarm, not a resync."""

    symbol: str
    bid: Decimal
    ask: Decimal


class GapCause(Enum):
    DISCONNECTED = "disconnected"
    SILENT = "silent"
    SKIPPED = "skipped"  # a trade id was skipped: suspected until REST confirms
    OVERFLOW = "overflow"  # a reader was too slow
    DROPPED = "dropped"  # a book failed its proof
    CONTRADICTED = "contradicted"  # other sources agree against the stream


class Gap(Struct, frozen=True):
    """A hole in a stream: `from_ns`/`until_ns` are Unix time, until is None while it is open.

    `missing` counts items where that is known; `filled` says REST has supplied them all; `suspected` that
    nothing has confirmed the hole yet.
    """

    channel: Channel
    symbol: str
    cause: GapCause
    from_ns: int
    until_ns: int | None = None
    missing: int | None = None
    filled: bool = False
    suspected: bool = False


class VenueMode(Enum):
    """What the venue as a whole allows (Kraken: dossier §3.1)."""

    ONLINE = "online"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"


class VenueStatus(Struct, frozen=True):
    mode: VenueMode
    text: str = ""


class InstrumentsChanged(Struct, frozen=True):
    """Reference data as told on the stream: changed instruments only, or all of them in a snapshot."""

    instruments: tuple[Instrument, ...]
    snapshot: bool = False
