"""The whole system over loopback from a second process, beside a bare aiohttp reader of the same frames.

At saturation messages a second count; at a fixed pace, the time from sending to the reader's hands.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from statistics import median, quantiles

import aiohttp

from leadline.app.config import Settings
from leadline.app.opening import open_system
from leadline.bench.origin import FRAMES, STAMP
from leadline.clock import Clock
from leadline.core.book import BookView
from leadline.model.market import VenueTime, parse_time_ns
from leadline.model.reading import Reading
from leadline.venues.kraken.venue import Endpoints

ROUNDS = 25
PACED_PER_S = 5000
PACED = 25_000
REPEATS = 3
WARM_UP = 2000
"""Paced frames at the beginning that are not counted: connections and caches are still cold."""

SUBSCRIBE = '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10},"req_id":1}'


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Medians over the repeats, ours and the bare reader's taken in turn."""

    messages_s: int
    bare_reader_messages_s: int
    p50_us: float
    p99_us: float
    bare_p50_us: float

    def as_json(self) -> dict[str, float]:
        return asdict(self)


async def end_to_end(clock: Clock, progress: Callable[[str], None]) -> EndToEnd:
    """Measure both readers at saturation and at 5 000 frames a second."""
    ours, bare, our_us, bare_us = [], [], [], []
    async with _origin() as address:
        for repeat in range(1, REPEATS + 1):
            progress(f"end to end, {repeat} of {REPEATS}")
            bare.append(await _bare_rate(clock, address))
            ours.append(await _our_rate(clock, address))
            bare_us.append(await _bare_latencies(clock, address))
            our_us.append(await _our_latencies(clock, address))
    return EndToEnd(
        round(median(ours)),
        round(median(bare)),
        round(median(median(us) for us in our_us), 1),
        round(median(quantiles(us, n=100)[98] for us in our_us), 1),
        round(median(median(us) for us in bare_us), 1),
    )


@asynccontextmanager
async def _origin() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "leadline.bench.origin",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


async def _bare(address: str, path: str, take: Callable[[str], bool]) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"ws://{address}{path}", max_msg_size=0) as socket,
    ):
        await socket.send_str(SUBSCRIBE)
        async for message in socket:
            if take(message.data):
                return


async def _ours(address: str, path: str, take: Callable[[Reading[BookView]], bool]) -> None:
    done = asyncio.Event()

    def taken(reading: Reading[BookView]) -> None:
        if take(reading):
            done.set()

    endpoints = Endpoints(ws_public=f"ws://{address}{path}", rest=f"http://{address}")
    async with open_system(Settings(endpoints), ["BTC/USD"], channels=()) as system:
        system.feed.on_book("BTC/USD", taken)
        await done.wait()


class _Rate:
    """Frames a second from the first to the last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = FRAMES * ROUNDS
        self._begun_ns = 0
        self.per_s = 0.0

    def take(self, frame: object) -> bool:
        if not self._begun_ns:
            self._begun_ns = self._clock.mono_ns()
        self._left -= 1
        if self._left:
            return False
        self.per_s = (FRAMES * ROUNDS - 1) * 1e9 / (self._clock.mono_ns() - self._begun_ns)
        return True


async def _bare_rate(clock: Clock, address: str) -> float:
    rate = _Rate(clock)
    await _bare(address, f"/saturation/{ROUNDS}", rate.take)
    return rate.per_s


async def _our_rate(clock: Clock, address: str) -> float:
    rate = _Rate(clock)
    await _ours(address, f"/saturation/{ROUNDS}", rate.take)
    return rate.per_s


def _latencies(seen: Sequence[tuple[VenueTime, int]]) -> list[float]:
    times = ((parse_time_ns(sent), arrived_ns) for sent, arrived_ns in seen[WARM_UP:])
    return [(arrived_ns - sent_ns) / 1000 for sent_ns, arrived_ns in times if sent_ns is not None]


async def _bare_latencies(clock: Clock, address: str) -> list[float]:
    seen: list[tuple[str, int]] = []

    def take(frame: str) -> bool:
        seen.append((frame, clock.wall_ns()))
        return len(seen) == PACED

    await _bare(address, f"/paced/{PACED_PER_S}/{PACED}", take)
    return _latencies([(_stamp(frame), arrived_ns) for frame, arrived_ns in seen])


def _stamp(frame: str) -> str | None:
    _, found, rest = frame.rpartition(STAMP.decode())
    return rest.split('"')[0] if found else None


async def _our_latencies(clock: Clock, address: str) -> list[float]:
    seen: list[tuple[VenueTime, int]] = []

    def take(reading: Reading[BookView]) -> bool:
        seen.append((reading.value.venue_time, clock.wall_ns()))
        return len(seen) == PACED

    await _ours(address, f"/paced/{PACED_PER_S}/{PACED}", take)
    return _latencies(seen)
