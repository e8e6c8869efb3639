"""The emulator on a loop of its own, because clients by others may block the loop they are called on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from leadline.clock import SystemClock
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import DEMO_PAIRS
from leadline.emulator.serve import Endpoints, serve


@contextmanager
def emulator_apart(symbols: Collection[str], *, rate: float) -> Iterator[Endpoints]:
    """Serve some of the demo pairs until the block ends."""
    emulator = _Emulator(symbols, rate)
    try:
        yield emulator.start()
    finally:
        emulator.stop()


class _Emulator:
    def __init__(self, symbols: Collection[str], rate: float) -> None:
        self._pairs = [pair for pair in DEMO_PAIRS if pair.symbol in symbols]
        self._rate = rate
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def start(self) -> Endpoints:
        self._thread.start()
        assert self._ready.wait(10)
        return self._endpoints

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        clock = SystemClock()
        start_ns = clock.wall_ns()
        exchange = Exchange(
            start_ns=start_ns, seed=11, rate=self._rate, pairs=self._pairs, history_minutes=10
        )
        async with serve(exchange, clock) as self._endpoints:
            self._ready.set()
            await self._ended.wait()
