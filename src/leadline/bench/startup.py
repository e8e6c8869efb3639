"""How long it takes until the books of 150 contracts are live and deep, and what that costs of the weight."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass

import msgspec

from leadline.app.config import Settings
from leadline.app.opening import open_system
from leadline.bench.startup_venue import startup_contracts
from leadline.clock import NS_PER_S, Clock
from leadline.model.market import Channel
from leadline.venues.binance.endpoints import Endpoints
from leadline.venues.binance.session import BinanceSession
from leadline.venues.binance.symbols import VENUE

DEPTH = 500
"""Levels a side that are wanted of each book."""

LOOK_S = 0.05

PATIENCE_S = 240.0
"""After so long what there is, is told."""


@dataclass(frozen=True, slots=True)
class Startup:
    """Seconds until every book was live with all its levels certain, or patience ended.

    `weight_peak_minute` is the venue's own count, `certain_depth` that of the shallowest book in the end, 0
    where one is missing.
    """

    seconds: float
    weight_peak_minute: int
    certain_depth: int

    def as_json(self) -> dict[str, float]:
        return asdict(self)


async def startup(clock: Clock) -> Startup:
    """Measure one start over loopback."""
    symbols = [contract.unified for contract in startup_contracts()]
    peak: list[int] = []
    async with _venue(peak) as endpoints:
        begun_ns = clock.mono_ns()
        settings = Settings(endpoints, venue=VENUE)
        async with open_system(settings, symbols, channels=(Channel.BOOK,), depth=DEPTH) as system:
            with suppress(TimeoutError):  # the figures tell
                async with asyncio.timeout(PATIENCE_S):
                    while certain_depth(system.lines.sessions, symbols) < DEPTH:
                        await clock.sleep(LOOK_S)
            seconds = (clock.mono_ns() - begun_ns) / NS_PER_S
            deep = certain_depth(system.lines.sessions, symbols)
    return Startup(round(seconds, 2), peak[0], deep)


def certain_depth(sessions: Iterable[object], symbols: Sequence[str]) -> int:
    """Levels a side that are certain of every one of these books; 0 while one is not live."""
    streams = [
        session.book(symbol)
        for session in sessions
        if isinstance(session, BinanceSession)
        for symbol in symbols
    ]
    live = [stream.book.certain_depth for stream in streams if stream is not None and stream.live]
    return min(live) if len(live) == len(symbols) else 0


@asynccontextmanager
async def _venue(peak: list[int]) -> AsyncIterator[Endpoints]:
    """Serve for the length of the block; afterwards `peak` has what the fullest minute has cost."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "leadline.bench.startup_venue",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        yield msgspec.json.decode(await process.stdout.readline(), type=Endpoints)
    finally:
        process.stdin.close()
        peak.append(msgspec.json.decode(await process.stdout.readline(), type=int))
        await process.wait()
