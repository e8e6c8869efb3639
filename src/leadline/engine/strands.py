"""One stream over several lines: every line's own copy of it, and which of them readers are served from."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from leadline.core.overlap import Trail, Value, later, same
from leadline.core.session import Coverage, MarketSession
from leadline.core.weave import TradeWeave
from leadline.model.market import (
    BarBatch,
    Channel,
    DayStats,
    FrozenBook,
    Liquidation,
    MarkPrice,
    Subscription,
    Ticker,
    TradeBatch,
    parse_time_ns,
)

COMPARED = 10
"""Levels a side by which two copies of a book are told apart."""

_KEPT_TELLINGS = 64
"""Of what is told once whichever line brings it; assumed: no line is a minute behind another."""

EVERY = frozenset({Channel.TRADES, Channel.LIQUIDATIONS})
"""What every line passes on as it comes: of these a yes is enough to go on from."""

STREAMED = frozenset({Coverage.CONFIRMED, Coverage.RECEIVING})


class Carrying(Protocol):
    """A line as its strands know it."""

    number: int
    standing: bool
    session: MarketSession

    def drop(self, strand: Strand) -> None:
        """Take no news of this any more."""


class Stream:
    """One wanted subscription over all lines: who carries it, and what the feed has been told of it."""

    __slots__ = ("_told", "carrier", "confirmed", "quiet", "refused", "strands", "subscription", "weave")

    def __init__(self, subscription: Subscription, *, quiet: bool = False) -> None:
        self.subscription = subscription
        self.quiet = quiet
        """Whether a line may have nothing to tell of it for as long as nothing happens."""
        self.carrier: Strand | None = None
        self.strands: list[Strand] = []
        self.confirmed = False
        self.refused = False
        self.weave = TradeWeave(subscription.symbol)
        self._told: deque[Liquidation] = deque(maxlen=_KEPT_TELLINGS)

    def first_telling(self, value: Liquidation) -> bool:
        """Whether no line has told this of late."""
        if value in self._told:
            return False
        self._told.append(value)
        return True


class Strand:
    """One line's copy of one stream: its newest value, when it came, and what readers have not had of it."""

    __slots__ = ("behind", "carries", "floor", "lane", "last_ns", "since_ns", "stream", "trail", "value")

    def __init__(self, stream: Stream, lane: Carrying) -> None:
        self.stream = stream
        self.lane = lane
        self.carries = False
        self.value: Any = None
        self.last_ns = 0
        self.since_ns: int | None = None
        """When the venue confirmed it on this line; None while it has not."""
        self.trail = Trail()
        self.floor: Value | None = None
        """What readers have had from another line and this one has still to repeat."""
        self.behind: tuple[int, int] | None = None
        """Its last news when another line was first seen to be ahead of it, and when that was."""

    @property
    def streamed(self) -> bool:
        """Whether the venue streams it on this line, data or not."""
        return self.lane.session.coverage(self.stream.subscription) in STREAMED

    def warm(self, now_ns: int) -> bool:
        """Whether readers could go on from here now; where every line tells all a yes is enough."""
        if not self.lane.standing or not self.lane.session.up(now_ns):
            return False
        if self.stream.subscription.channel in EVERY:
            return self.streamed
        return self.value is not None

    def follows(self, other: Strand, now_ns: int) -> bool:
        """Whether readers could go on from here after another line's copy."""
        return self.warm(now_ns) or self.misses_nothing(other, now_ns)

    def misses_nothing(self, other: Strand, now_ns: int) -> bool:
        """Whether nothing has happened by another line's copy since this one was to tell it."""
        if self.since_ns is None or not self.stream.quiet:
            return False
        standing = self.lane.standing and self.lane.session.up(now_ns) and self.streamed
        return standing and other.value is not None and other.last_ns <= self.since_ns

    @property
    def told(self) -> Any:
        """What readers have had last, while this is the carrier."""
        return self.value if self.floor is None else self.floor

    def carry(self) -> None:
        """Serve readers from here."""
        self.stream.carrier = self
        self.carries = True
        self.behind = None

    def cool(self) -> None:
        """The line has lost the stream: nothing of it may be used any more."""
        if self.carries:
            self.stream.carrier = None
        self.carries = False
        self.value = self.floor = self.behind = self.since_ns = None
        self.trail.clear()

    def repeats(self, value: Value) -> bool:
        """Whether a carrier that is behind what readers have had says something that they know."""
        floor = self.floor
        if floor is None:
            return False
        known = same(value, floor)
        if known or later(value, floor):
            self.floor = None
        return known or self.floor is not None

    def differs(self, other: Strand) -> bool:
        """Whether both copies have come to different ends.

        Times alone say nothing: a snapshot bears its own, and repeats what another line was told long ago.
        """
        if self.value is None or other.value is None:
            return False
        match self.stream.subscription.channel:
            case Channel.BOOK if self.value.venue_time == other.value.venue_time:
                return False
            case _:
                return bool(_end(self.value) != _end(other.value))


def trails(one: Strand, other: Strand) -> bool:
    """Whether, of two copies that differ, the other has come further: by the venue's count, else by receipt.

    Who was heard last says little: a line that lags may have told something old a moment ago.
    """
    mine, theirs = _place(one.value), _place(other.value)
    if mine is None or theirs is None or mine == theirs:
        return other.last_ns > one.last_ns
    return theirs > mine


def _place(value: Any) -> tuple[int, int] | None:
    """What the venue numbers or times an update with; None where it does not."""
    match value:
        case TradeBatch():
            number = value.trades[-1].trade_id if value.trades else None
            return None if number is None else (number, 0)
        case BarBatch():
            return max(((bar.begin_ns, bar.trades) for bar in value.bars), default=None)
    moment_ns = parse_time_ns(value.venue_time)
    return None if moment_ns is None else (moment_ns, 0)


def _end(value: Any) -> object:
    """Where a copy has come to: what changes with every message of an update, and with nothing else."""
    match value:
        case TradeBatch():
            return value.trades[-1:]
        case BarBatch():
            return value.bars[-1:]
        case Ticker():  # a trade that moves no best price is not told, but by the next snapshot
            return value.bid, value.bid_qty, value.ask, value.ask_qty
        case FrozenBook():
            return value.bids, value.asks
        case MarkPrice() | DayStats() | Liquidation():
            return value
    return value.bids(COMPARED), value.asks(COMPARED)
