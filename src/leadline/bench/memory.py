"""What a thousand tickers cost in memory above the empty system, by Python's own count of allocations."""

from __future__ import annotations

import gc
import tracemalloc

from leadline.bench.frames import ticker_frames
from leadline.bench.processing import Pipeline, market
from leadline.clock import Clock
from leadline.emulator.instruments import synthetic
from leadline.model.market import Channel

SYMBOLS = 1000


async def tickers_1000_mb(clock: Clock) -> float:
    """Megabytes (10^6 bytes) for topics, subscriptions, subscribers and values of 1 000 tickers."""
    frames = ticker_frames(SYMBOLS)
    kraken = await market(synthetic(SYMBOLS), clock)
    pipeline = Pipeline(kraken, clock)
    tracemalloc.start()
    empty = _allocated()
    for pair in synthetic(SYMBOLS):
        pipeline.subscribe(pair.symbol, (Channel.TICKER,), depth=0)
    pipeline.ask()
    for frame in frames:
        pipeline.receive(bytes(frame))
    full = _allocated()
    tracemalloc.stop()
    assert pipeline.listener.calls == SYMBOLS, f"{pipeline.listener.calls} of {SYMBOLS} tickers arrived"
    return round((full - empty) / 1e6, 2)


def _allocated() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
