"""Candles to a file: CSV or JSON lines by its ending, every number as the venue's own decimals.

A file appears whole or not at all: what is being written is called `NAME.part` until it is complete.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import msgspec

from leadline.clock import NS_PER_S
from leadline.errors import ConfigError, RecordingError
from leadline.model.market import Bar

COLUMNS = (
    "symbol", "interval_s", "begin", "open", "high", "low", "close", "volume", "vwap", "trades", "complete",
)  # fmt: skip

WriteBars = Callable[[Iterable[Bar]], None]


@contextmanager
def bar_file(path: Path) -> Iterator[WriteBars]:
    """A file of candles to write series after series into; it takes its name when the block ends well.

    Raises ConfigError for an ending that is neither `.csv` nor `.jsonl`, RecordingError where it cannot be
    written.
    """
    begin = _FORMATS.get(path.suffix.lower())
    if begin is None:
        raise ConfigError(f"{path}: cannot tell the format; end the name in {' or '.join(_FORMATS)}")
    with whole_file(path) as file:
        yield begin(file)


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that takes its name when the block ends well, and is gone otherwise.

    Raises RecordingError where it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        part.replace(path)
    except OSError as why:
        raise RecordingError(f"cannot write {path}: {why.strerror or why}") from why


def _csv(file: TextIO) -> WriteBars:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)

    def write(bars: Iterable[Bar]) -> None:
        writer.writerows((*_row(bar), "true" if bar.complete else "false") for bar in bars)

    return write


def _jsonl(file: TextIO) -> WriteBars:
    def write(bars: Iterable[Bar]) -> None:
        for bar in bars:
            named = dict(zip(COLUMNS, (*_row(bar), bar.complete), strict=True))
            file.write(msgspec.json.encode(named).decode() + "\n")

    return write


_FORMATS: dict[str, Callable[[TextIO], WriteBars]] = {".csv": _csv, ".jsonl": _jsonl}


def _row(bar: Bar) -> tuple[str | int, ...]:
    """The columns but for the last, which each format writes in its own way."""
    begin = datetime.fromtimestamp(bar.begin_ns // NS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    numbers = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.vwap)
    return (bar.symbol, bar.interval_s, begin, *map(_plain, numbers), bar.trades)


def _plain(number: Decimal) -> str:
    """The digits without an exponent, trailing zeros kept."""
    return format(number, "f")
