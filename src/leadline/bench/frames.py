"""Frames to measure with: made by the emulator on virtual time, or read from a file of one frame a line.

A made session opens with the snapshots of all it goes on to change, so it can be played again and again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import DEMO_PAIRS, Pair, synthetic
from leadline.emulator.wire import Close, Frame
from leadline.errors import RecordingError

START_NS = 1_790_000_000 * NS_PER_S
STEP_NS = 10 * NS_PER_MS


def book_frames(depth: int, count: int) -> list[bytes]:
    """The snapshot and the next messages of one BTC/USD book."""
    pairs = [pair for pair in DEMO_PAIRS if pair.symbol == "BTC/USD"]
    return _play(pairs, [("book", {"depth": depth})], count, rate=400.0)


def mixed_frames(symbols: int, count: int) -> list[bytes]:
    """Tickers, books, trades and minute bars of many instruments, as they come on one connection."""
    channels: list[tuple[str, dict[str, object]]] = [
        ("ticker", {"event_trigger": "bbo"}),
        ("book", {"depth": 10}),
        ("trade", {}),
        ("ohlc", {"interval": 1}),
    ]
    return _play(synthetic(symbols), channels, count, rate=2000.0)


def ticker_frames(symbols: int) -> list[bytes]:
    """One ticker snapshot of each of many instruments."""
    return _play(synthetic(symbols), [("ticker", {})], symbols, rate=0.0)


def snapshot_frames(symbols: int) -> list[bytes]:
    """One snapshot of the ticker and one of the book of each of many instruments."""
    channels: list[tuple[str, dict[str, object]]] = [("ticker", {}), ("book", {"depth": 10})]
    return _play(synthetic(symbols), channels, 2 * symbols, rate=0.0)


def _play(
    pairs: Sequence[Pair], channels: Sequence[tuple[str, dict[str, object]]], count: int, rate: float
) -> list[bytes]:
    exchange = Exchange(start_ns=START_NS, seed=1, rate=rate, pairs=pairs, history_minutes=60)
    connection = exchange.connect(START_NS, "ws_public")
    symbols = [pair.symbol for pair in pairs]
    wanted = tuple(f'{{"channel":"{channel}"' for channel, _ in channels)
    for channel, params in channels:
        request = {
            "method": "subscribe",
            "params": {"channel": channel, "symbol": symbols, "snapshot": True, **params},
        }
        connection.received(json.dumps(request), START_NS)
    frames: list[bytes] = []
    now_ns = START_NS
    while len(frames) < count:
        now_ns += STEP_NS
        exchange.advance(now_ns)
        connection.touched(now_ns)
        for output in connection.outputs():
            assert not isinstance(output, Close), f"the emulator hung up: {output.reason}"
            if isinstance(output, Frame) and output.text.startswith(wanted):
                frames.append(output.text.encode())
    return frames[:count]


def read_frames(path: Path) -> list[bytes]:
    """The frames of a file, one a line; raises RecordingError when there are none."""
    try:
        frames = [line for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    if not frames:
        raise RecordingError(f"{path} holds no frames; it should have one a line, the snapshot first")
    return frames
