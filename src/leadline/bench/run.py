"""The whole benchmark in one process and one run, and its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from leadline.bench.binance_file import binance_file_pace, is_binance
from leadline.bench.binance_frames import (
    contracts_of_many,
    contracts_of_one_book,
    depth_frames,
    mixed_binance_frames,
)
from leadline.bench.binance_processing import binance, binance_pace
from leadline.bench.end_to_end import end_to_end
from leadline.bench.frames import book_frames, mixed_frames, read_frames
from leadline.bench.liveness import as_report, compare
from leadline.bench.memory import tickers_1000_mb
from leadline.bench.orders import order_figures
from leadline.bench.processing import CHANNELS, Pipeline, market, pace
from leadline.bench.snapshots import snapshot_figures
from leadline.bench.startup import startup
from leadline.bench.yardstick import Pace
from leadline.clock import Clock
from leadline.emulator.instruments import DEMO_PAIRS, synthetic
from leadline.errors import RecordingError
from leadline.model.market import Channel
from leadline.venues.kraken import wire
from leadline.venues.kraken.venue import LIMITS

BOOK_FRAMES = 4000
MIXED_SYMBOLS = 50
MIXED_FRAMES = 12_000
MIXED_BINANCE_FRAMES = 24_000
"""More, because each book begins with a snapshot of a thousand levels."""

BINANCE_BOOK = "BTC/USDT:USDT"

Progress = Callable[[str], None]
Report = dict[str, dict[str, float]]


async def whole(clock: Clock, progress: Progress) -> Report:
    """Every figure: processing beside the yardstick, memory, end to end, and the way of an order."""
    demo = await market(DEMO_PAIRS, clock)
    report: Report = {}
    for depth in (10, 100):
        progress(f"books of depth {depth}")
        frames = book_frames(depth, BOOK_FRAMES)
        paced = pace(demo, clock, frames, ["BTC/USD"], (Channel.BOOK,), depth)
        report[f"kraken_book{depth}"] = paced.as_json()
    progress(f"{MIXED_SYMBOLS} instruments, every channel")
    pairs = synthetic(MIXED_SYMBOLS)
    many = await market(pairs, clock)
    frames = mixed_frames(MIXED_SYMBOLS, MIXED_FRAMES)
    report["kraken_mixed_50"] = pace(many, clock, frames, [pair.symbol for pair in pairs]).as_json()
    report |= await _binance_figures(clock, progress)
    progress("memory of 1 000 tickers")
    report["memory"] = {"tickers_1000_mb": await tickers_1000_mb(clock)}
    progress("a snapshot of 1 000 instruments")
    report["snapshot"] = await snapshot_figures(clock)
    report["end_to_end"] = (await end_to_end(clock, progress)).as_json()
    progress("150 books at start; that takes a minute or two")
    report["startup_150_symbols"] = (await startup(clock)).as_json()
    report |= await order_figures(clock, progress)
    progress("what is made of silences")
    report |= as_report(compare())
    return report


async def _binance_figures(clock: Clock, progress: Progress) -> Report:
    progress("a book of Binance")
    market = await binance(contracts_of_one_book(), clock)
    heard = depth_frames(BOOK_FRAMES)
    depth = binance_pace(market, clock, heard, [BINANCE_BOOK], (Channel.BOOK,))
    progress(f"{MIXED_SYMBOLS} contracts of Binance, every channel")
    contracts = contracts_of_many(MIXED_SYMBOLS)
    market = await binance(contracts, clock)
    heard = mixed_binance_frames(contracts, MIXED_BINANCE_FRAMES)
    mixed = binance_pace(market, clock, heard, [contract.unified for contract in contracts])
    return {"binance_depth": depth.as_json(), "binance_mixed_50": mixed.as_json()}


async def frames_of(path: Path, clock: Clock, progress: Progress) -> Report:
    """The processing of a file of frames, one a line, of either venue.

    Raises RecordingError when none is understood, or when nothing of a book can be proven.
    """
    progress(f"frames of {path}")
    frames = read_frames(path)
    pace_of = binance_file_pace if is_binance(frames) else _file_pace
    return {"frames": (await pace_of(path, frames, clock)).as_json()}


async def _file_pace(path: Path, frames: list[bytes], clock: Clock) -> Pace:
    symbols, depth, rootless = _contents(frames)
    if not symbols:
        raise RecordingError(f"{path} holds no ticker, book, trade or ohlc frames")
    if rootless:
        raise RecordingError(
            f"{path} has no snapshot before the first update of {', '.join(rootless)}, so nothing can be "
            "proven and the figure would be too good; put the snapshot first"
        )
    kraken = await market(DEMO_PAIRS, clock)
    teacher = Pipeline(kraken, clock)
    for frame in frames:
        if frame.startswith(b'{"channel":"instrument"'):
            teacher.receive(frame)  # the reference learns what the file says of its instruments
    return pace(kraken, clock, frames, symbols, CHANNELS, depth)


def _contents(frames: list[bytes]) -> tuple[list[str], int, list[str]]:
    """Symbols the frames are about, the depth of the deepest book, the books that begin with an update."""
    symbols: dict[str, None] = {}
    begins: dict[str, bool] = {}
    deepest = 0
    for frame in frames:
        try:
            message = wire.decode(frame)
        except msgspec.MsgspecError:
            continue
        if isinstance(message, wire.BookFrame):
            for book in message.data:
                deepest = max(deepest, len(book.bids), len(book.asks))
                begins.setdefault(book.symbol, message.type == "snapshot")
        if isinstance(message, wire.BookFrame | wire.TickerFrame | wire.TradeFrame | wire.OhlcFrame):
            symbols.update(dict.fromkeys(row.symbol for row in message.data))
    depth = next(depth for depth in LIMITS.book_depths if depth >= min(deepest, LIMITS.book_depths[-1]))
    return list(symbols), depth, [symbol for symbol, well in begins.items() if not well]
