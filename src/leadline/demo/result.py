"""What a demo has measured, in the shape of `leadline demo --json`: every number is counted."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import UNSET, Struct, UnsetType


class Books(Struct, frozen=True):
    """Messages of all books of Kraken by verdict; `resyncs` are books verified again from a new snapshot.

    `served_wrong` counts values of any kind that readers of any venue got and that were in no history of it.
    """

    updates: int
    checksum_ok: int
    checksum_bad: int
    resyncs: int
    served_wrong: int


class FaultReport(Struct, frozen=True):
    """One fault; `reason` is there where nothing was noticed."""

    kind: str
    detected_ms: float | None
    recovered_ms: float | None
    reason: str | UnsetType = UNSET


class FailoverReport(Struct, frozen=True):
    """Changes from stream to REST: until the request had left, and the longest answer."""

    count: int
    max_ms: float
    answer_ms_max: float


class SwitchReport(Struct, frozen=True):
    """Changes from one line to the other: until readers had its newest value."""

    count: int
    max_ms: float


class SymbolReport(Struct, frozen=True):
    """How one symbol stood at the end (see `demo.standing`)."""

    symbol: str
    source: str
    confidence: float
    level: str
    venue: str


class DivergenceReport(Struct, frozen=True):
    """What stream (`ours`) and REST (`theirs`) told differently; `pattern` names the kind."""

    channel: str
    symbol: str
    what: str
    ours: str
    theirs: str
    pattern: str


class ReadingReport(Struct, frozen=True):
    """Readings made for readers, by source."""

    stream: int
    rest: int
    cache: int


class VenueBooks(Struct, frozen=True):
    """Messages of one venue's books by what its proof said of them, and how many books were rebuilt.

    The proof is a checksum, or the chain of changes from a snapshot on.
    """

    updates: int
    proven: int
    wrong: int
    rebuilt: int


class VenueReport(Struct, frozen=True):
    """One venue: the service level at the end and all it went through, best first, and what was counted."""

    venue: str
    level: str
    levels_seen: tuple[str, ...]
    frames: int
    books: VenueBooks
    readings: ReadingReport


class PriceReport(Struct, frozen=True):
    """One thing at two venues: the middle of best bid and ask at each, and the second less the first.

    `apart_bp` is the same in basis points of the first, `least_bp` and `most_bp` between which bounds it was;
    `agreement` what is made of it (see `engine.between`). None where a stream is not live.
    """

    symbols: tuple[str, str]
    mids: tuple[Decimal | None, ...]
    difference: Decimal | None
    apart_bp: float | None
    least_bp: float | None
    most_bp: float | None
    agreement: str


class Latency(Struct, frozen=True):
    """Microseconds from the receipt of a book's frame to the call of its first subscriber, if any came."""

    p50: float | None
    p99: float | None


class Result(Struct, frozen=True):
    """A whole demo: up to `divergences` of Kraken, with the symbols of both venues; then what is of both."""

    seconds: float
    frames: int
    books: Books
    faults: tuple[FaultReport, ...]
    failover: FailoverReport
    readings: ReadingReport
    gaps: int
    latency_us: Latency
    levels_seen: tuple[str, ...]
    """Best first."""
    switches: SwitchReport
    symbols: tuple[SymbolReport, ...]
    divergences: tuple[DivergenceReport, ...]
    venues: tuple[VenueReport, ...]
    between: PriceReport


def latency_of(latencies_ns: Sequence[int]) -> Latency:
    """The percentiles of some latencies."""
    ordered = sorted(latencies_ns)
    return Latency(_percentile_us(ordered, 0.50), _percentile_us(ordered, 0.99))


def _percentile_us(ordered: list[int], share: float) -> float | None:
    """The value that this share does not exceed."""
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1000, 1)
