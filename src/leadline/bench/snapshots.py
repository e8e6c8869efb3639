"""What a snapshot of the whole state costs the event loop, at a thousand instruments with ticker and book."""

from __future__ import annotations

import statistics

from leadline.bench.frames import snapshot_frames
from leadline.bench.processing import Pipeline, market
from leadline.clock import NS_PER_MS, Clock
from leadline.emulator.instruments import synthetic
from leadline.model.market import Channel

SYMBOLS = 1000
_RUNS = 20


async def snapshot_figures(clock: Clock, symbols: int = SYMBOLS) -> dict[str, float]:
    """Milliseconds of one call: `changed_ms` when every book has changed since the last, else `same_ms`."""
    pairs = synthetic(symbols)
    pipeline = Pipeline(await market(pairs, clock), clock)
    for pair in pairs:
        pipeline.subscribe(pair.symbol, (Channel.TICKER, Channel.BOOK), depth=10)
    pipeline.ask()
    frames = snapshot_frames(symbols)
    state = pipeline.feed.state
    changed, same = [], []
    for _ in range(_RUNS):
        for frame in frames:
            pipeline.receive(bytes(frame))
        begun_ns = clock.mono_ns()
        snapshot = state.snapshot()
        between_ns = clock.mono_ns()
        state.snapshot()
        changed.append(between_ns - begun_ns)
        same.append(clock.mono_ns() - between_ns)
        assert len(snapshot.tickers) == len(snapshot.books) == symbols, "a stream has no value"
    return {
        "symbols": symbols,
        "changed_ms": round(statistics.median(changed) / NS_PER_MS, 2),
        "same_ms": round(statistics.median(same) / NS_PER_MS, 2),
    }
