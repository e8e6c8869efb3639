"""What a replay of recorded frames counts, and what takes the frames: a player for each form they have.

A player is fed what came in, record by record. What was sent, and the answers to it, belong to another
session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from leadline.core.trades import TradeLog
from leadline.errors import ConfigError
from leadline.model.market import TradeBatch, VenueTime, parse_time_ns
from leadline.net.capture import Precision, Record

MOST_DECIMALS = 20

Precisions = Callable[[str], Precision | None]
"""Finds the decimals of a symbol; None where nothing says."""


class SkippedLine(Struct, frozen=True):
    """A line of the file that was not understood."""

    line: int
    why: str


@dataclass(slots=True)
class Tally:
    """What a replay has seen so far."""

    skipped: list[SkippedLine] = field(default_factory=list)
    trades: int = 0
    tickers: int = 0
    bars: int = 0
    disconnects: int = 0
    holes: int = 0
    """Runs of skipped trade ids that have not been filled."""
    venue_ns: list[int] = field(default_factory=list)
    """The venue's own time of the first and of the last frame that has one."""
    first_bad_n: dict[str, int | None] = field(default_factory=dict)
    """By symbol, the record at which its book was first proven wrong."""
    _logs: dict[str, TradeLog] = field(default_factory=dict)

    def skip(self, line: int, why: str) -> None:
        """Name a line that was passed over."""
        self.skipped.append(SkippedLine(line, why))

    def trade_batch(self, batch: TradeBatch) -> None:
        """Count trades once each, and the runs of ids that were skipped."""
        log = self._logs.setdefault(batch.symbol, TradeLog())
        fresh, opened = log.merge(batch.trades)
        self.trades += len(fresh)
        self.holes += len(opened) - len(log.filled())
        log.abandoned()  # a report counts them, and nothing can fill them

    def saw(self, venue_time: VenueTime) -> None:
        """Note the venue's time of a frame."""
        moment_ns = parse_time_ns(venue_time)
        if moment_ns is not None:
            self.venue_ns = [*self.venue_ns[:1], moment_ns]


class BookReport(Protocol):
    """What became of one book; each form of proof has counts of its own."""

    @property
    def state_hash(self) -> str:
        """A digest of the book as it stood at the end."""

    @property
    def proof(self) -> str:
        """What proves it, in one word."""

    @property
    def proven(self) -> int:
        """How often it was proven right."""

    @property
    def wrong(self) -> int:
        """How often it was proven wrong."""


class Player(Protocol):
    """Takes the records of one recording, in order."""

    def received(self, record: Record) -> None:
        """A frame that came in; raises ConfigError when a book's decimals are known to nobody."""

    def sent(self, record: Record) -> None:
        """A frame that went out."""

    def answered(self, record: Record) -> None:
        """An answer by REST, placed where it came."""

    def connected(self, record: Record) -> None:
        """A new connection stands; whatever stood before it on the same address is gone."""

    def books(self) -> Mapping[str, BookReport]:
        """Every book by symbol."""


def known(symbol: str, precision: Precision | None) -> Precision:
    """The decimals of a symbol; raises ConfigError where nothing says, or what is said cannot be."""
    if precision is None:
        raise ConfigError(
            f"nothing in the recording says how many decimals {symbol} has, so no checksum can be computed; "
            f"pass --precision {symbol}=P,Q with the decimals of price and quantity (BTC/USD=1,8 for example)"
        )
    for decimals in (precision.price_precision, precision.qty_precision):
        if not 0 <= decimals <= MOST_DECIMALS:
            raise ConfigError(f"{symbol} cannot have {decimals} decimals; the most is {MOST_DECIMALS}")
    return precision
