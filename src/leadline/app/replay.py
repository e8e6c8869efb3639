"""A recording from disk to a verdict: every proof repeated, every hole counted, nothing trusted.

The same recording gives the same report, whenever and wherever it is replayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.errors import RecordingError
from leadline.net.capture import BadLine, Direction, Precision, Record, Recording, read_recording
from leadline.venues.players import BookReport, Player, SkippedLine, Tally
from leadline.venues.replaying import PLAYING


class ReplayReport(Struct, frozen=True):
    """What a recording holds.

    `seconds` is the time it spans, by the recorder's clock, else by the venue's, else 0; `gaps` counts
    reconnects and runs of skipped trade ids.
    """

    frames: int
    skipped: tuple[SkippedLine, ...]
    seconds: float
    books: Mapping[str, BookReport]
    trades: int
    tickers: int
    bars: int
    gaps: int

    @property
    def good(self) -> bool:
        """Whether no book was proven wrong."""
        return not any(book.wrong for book in self.books.values())


def replay(path: Path, precisions: Mapping[str, Precision]) -> ReplayReport:
    """Replay one recording; `precisions` by symbol override what it says of decimals.

    Raises RecordingError for a file that is no recording or of no known venue, ConfigError when the decimals
    of a book cannot be found.
    """
    recording = read_recording(path)
    if recording.meta.venue not in PLAYING:
        known = ", ".join(PLAYING)
        raise RecordingError(f"{path} is a recording of {recording.meta.venue!r}, not of {known}")
    return _Run(recording, precisions).report()


class _Run:
    """One pass over one recording."""

    def __init__(self, recording: Recording, precisions: Mapping[str, Precision]) -> None:
        self._recording = recording
        self._given = precisions
        self._playing = PLAYING[recording.meta.venue]
        self._in_frames: dict[str, Precision] | None = None
        self._tally = Tally()
        self._player: Player | None = None
        self._frames = 0
        self._received_ns: list[int] = []

    def report(self) -> ReplayReport:
        for record in self._recording:
            self._take(record)
        tally = self._tally
        span = self._received_ns or tally.venue_ns or [0]
        return ReplayReport(
            frames=self._frames,
            skipped=tuple(tally.skipped),
            seconds=round((span[-1] - span[0]) / NS_PER_S, 6),
            books=self._player.books() if self._player else {},
            trades=tally.trades,
            tickers=tally.tickers,
            bars=tally.bars,
            gaps=tally.disconnects + tally.holes,
        )

    def _take(self, record: Record | BadLine) -> None:
        if isinstance(record, BadLine):
            self._tally.skip(record.line, record.why)
            return
        match record.direction:
            case Direction.RX:
                self._frames += 1
                if record.t_ns is not None:
                    self._received_ns = [*self._received_ns[:1], record.t_ns]
                self._play(record).received(record)
            case Direction.TX:
                self._play(record).sent(record)
            case Direction.REST:
                self._play(record).answered(record)
            case Direction.CONNECT if self._player is not None:
                self._player.connected(record)

    def _play(self, record: Record) -> Player:
        if self._player is None:
            self._player = self._playing.player(self._recording, record, self._tally, self._precision)
        return self._player

    def _precision(self, symbol: str) -> Precision | None:
        """As given, else as the first line says, else as the frames do, wherever in the recording."""
        stated = self._given.get(symbol) or self._recording.meta.precision(symbol)
        if stated is not None:
            return stated
        if self._in_frames is None:
            self._in_frames = self._playing.decimals(self._recording)
        return self._in_frames.get(symbol)
