"""The soak itself: a whole client on real sockets, an emulator in another process, and trouble on a schedule.

First what is kept up to a bound is filled. Then lines are cut again and again, streams joined and left,
orders placed and cancelled; in the end all of that is given back, and what is still held is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import cycle, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from msgspec import Struct
from msgspec.structs import replace

from leadline.app.measured import memory_mb
from leadline.app.opening import open_system
from leadline.app.system import System
from leadline.bench.emulated import Emulated, emulated
from leadline.bench.filling import Kept, fill, kept
from leadline.bench.requests import resting
from leadline.bench.soak import Held, Sample, Soak, problems_of, slope_mb_h, steady_mb_h
from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.core.histogram import Histogram
from leadline.engine.subscribers import Stop
from leadline.errors import ConfigError, Error
from leadline.model.market import Channel
from leadline.model.reading import Reading, Source
from leadline.net.websocket import Socket

EVENTS_PER_S = 1550.0
"""Of the emulated market: with two lines about 3 000 messages a second."""

_NS_PER_US = 1000
LINES = 2
READ = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD")
"""The busiest: the thousand trades that are kept of each have come before the warm-up is over."""

JOINING = ("ETH/BTC", "BTC/EUR", "PEPE/USD", "EURQ/USD")
CHANNELS = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS)

SAMPLE_S = 1.0
CUT_S = 16.0
"""Between two cuts, each of the line that is older: both stand for more than the half minute that proves them
to the budget of connects."""

ALL_CUT = 12
"""Every so many cuts take every line, the account's too."""

JOIN_S = 2.0
ORDER_S = 5.0
TOLD_S = 30.0
LONGEST_WARM_UP_S = 180.0
_WARM_UP = 0.3
_FILLING = 2.0
"""So many times its own length a short soak waits until all that is kept is full."""

LONGEST_SETTLE_S = 45.0
"""What nobody reads any more stays subscribed for half a minute."""

_CONTROL_PATIENCE_S = 30.0
_DESCRIPTORS = Path("/dev/fd")


class CountedSocket:
    """A socket that counts the messages it has received."""

    def __init__(self, socket: Socket, count: Callable[[], None]) -> None:
        self._socket = socket
        self._count = count
        self.send = socket.send
        self.close = socket.close

    async def receive(self) -> bytes:
        message = await self._socket.receive()
        self._count()
        return message


class _Tally(Struct):
    messages: int = 0
    cuts: int = 0
    joined: int = 0
    orders: int = 0
    orders_refused: int = 0

    def message(self) -> None:
        self.messages += 1


class _Filling(Struct, frozen=True):
    """How the kept records were filled before anything was measured."""

    seconds: float
    empty_mb: float
    kept: Kept


class Soaking:
    """One soak while it runs."""

    def __init__(
        self, system: System, control: str, tally: _Tally, clock: Clock, progress: Callable[[str], None]
    ) -> None:
        self._system = system
        self._control = control
        self._tally = tally
        self._clock = clock
        self._progress = progress
        self._samples: list[Sample] = []
        self._delivery = Histogram()

    async def run(self, seconds: float) -> Soak:
        """Keep it up for so long, give everything back, and count."""
        system, tally = self._system, self._tally
        for symbol in READ:
            system.feed.on_book(symbol, self._take)
            system.feed.on_ticker(symbol, self._take)
            system.feed.on_trade(symbol, self._take)
        await self._clock.sleep(SAMPLE_S)
        empty_mb, begun_ns = _memory_mb(), self._clock.mono_ns()
        await fill(system, _FILLING * seconds, self._progress)
        filling = _Filling(self._since_s(begun_ns), empty_mb, kept(system))
        tally.messages, before, connects = 0, self._held(), system.lines.connects
        begun_ns = self._clock.mono_ns()
        await self._disturbed(seconds, begun_ns)
        elapsed_s, messages = self._since_s(begun_ns), tally.messages
        await self._released(before, min(seconds, LONGEST_SETTLE_S))
        return self._summed_up(elapsed_s, messages, system.lines.connects - connects, before, filling)

    def _summed_up(
        self, elapsed_s: float, messages: int, reconnects: int, before: Held, filling: _Filling
    ) -> Soak:
        system, tally = self._system, self._tally
        warm_up_s = min(LONGEST_WARM_UP_S, _WARM_UP * elapsed_s)
        memory = [sample.memory_mb for sample in self._samples]
        slope, steady = slope_mb_h(self._samples, warm_up_s), steady_mb_h(self._samples, warm_up_s)
        arrival = Histogram()
        for latency in system.feed.latencies.values():
            arrival.merge(latency.arrival)
        soak = Soak(
            seconds=round(elapsed_s, 1),
            warm_up_s=round(warm_up_s, 1),
            lines=LINES,
            messages=messages,
            messages_s=round(messages / elapsed_s, 1),
            cuts=tally.cuts,
            reconnects=reconnects,
            switches=system.lines.switches.count,
            gaps=system.feed.stats.gaps.total,
            joined=tally.joined,
            orders=tally.orders,
            orders_refused=tally.orders_refused,
            filled_s=round(filling.seconds, 1),
            kept_first=filling.kept,
            kept_last=kept(system),
            memory_empty_mb=filling.empty_mb,
            memory_first_mb=memory[0],
            memory_last_mb=memory[-1],
            memory_most_mb=max(memory),
            slope_mb_h=None if slope is None else round(slope, 2),
            steady_mb_h=None if steady is None else round(steady, 2),
            delivery_p99_us=round(self._delivery.quantile(0.99) / _NS_PER_US, 1),
            delivery_max_ms=round(self._delivery.max / NS_PER_MS, 2),
            arrival_p99_ms=round(arrival.quantile(0.99) / NS_PER_MS, 2),
            arrival_max_ms=round(arrival.max / NS_PER_MS, 2),
            before=before,
            after=self._held(),
        )
        return replace(soak, problems=problems_of(soak))

    def _take(self, reading: Reading[Any]) -> None:
        if reading.source is Source.STREAM:
            self._delivery.observe(self._clock.mono_ns() - reading.received_mono_ns)

    def _since_s(self, begun_ns: int) -> float:
        return (self._clock.mono_ns() - begun_ns) / NS_PER_S

    def _held(self) -> Held:
        counts = self._system.orders.counts
        return Held(
            tasks=len(asyncio.all_tasks()),
            descriptors=sum(1 for _ in _DESCRIPTORS.iterdir()),
            streams=len(self._system.feed.stats.topics),
            orders=counts.open + counts.unconfirmed + counts.queued,
        )

    # --- trouble ---

    async def _disturbed(self, seconds: float, begun_ns: int) -> None:
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
                for work in (self._sample(begun_ns), self._cut(), self._join(), self._order()):
                    tasks.create_task(work)
        except TimeoutError:
            pass

    async def _sample(self, begun_ns: int) -> None:
        told_s = 0.0
        while True:
            memory = _memory_mb()
            at_s = self._since_s(begun_ns)
            self._samples.append(Sample(at_s, memory))
            if at_s >= told_s:
                told_s += TOLD_S
                held = self._held()
                self._progress(
                    f"{at_s:6.0f} s  {memory:.1f} MB, {self._tally.messages:,} messages, {held.tasks} tasks, "
                    f"{held.descriptors} descriptors, {held.streams} streams, {held.orders} orders, "
                    f"level {self._system.level.name}"
                )
            await self._clock.sleep(SAMPLE_S)

    async def _cut(self) -> None:
        patience = aiohttp.ClientTimeout(total=_CONTROL_PATIENCE_S)
        async with aiohttp.ClientSession(timeout=patience) as http:
            while True:
                await self._clock.sleep(CUT_S)
                self._tally.cuts += 1
                fault = {"kind": "CLOSE"}
                if self._tally.cuts % ALL_CUT:
                    fault |= {"line": "ws_public", "only": "oldest"}
                async with http.post(f"{self._control}/faults", json=fault) as response:
                    response.raise_for_status()

    async def _join(self) -> None:
        """One stream after another is wanted for a moment and then no more; the venue has each for longer."""
        feed = self._system.feed
        kinds: list[Callable[[str, Callable[[Reading[Any]], None]], Stop]]
        kinds = [feed.on_ticker, feed.on_trade, feed.on_bar]
        kinds += [partial(feed.on_book, depth=depth) for depth in (10, 25, 100)]
        for symbol, want in cycle(product(JOINING, kinds)):
            self._tally.joined += 1
            stop = want(symbol, self._take)
            try:
                await self._clock.sleep(JOIN_S)
            finally:
                stop()

    async def _order(self) -> None:
        system = self._system
        requests = [resting(system.market.reference.instrument(symbol)) for symbol in READ]
        for request in cycle(requests):
            await self._clock.sleep(ORDER_S)
            try:
                order = await system.orders.submit(request)
                self._tally.orders += 1
                await system.orders.cancel(order.client_id)
            except Error:
                self._tally.orders_refused += 1  # every line is cut, or the venue has not answered

    async def _released(self, before: Held, patience_s: float) -> None:
        """Give back what is left, and wait until it is gone or the patience is."""
        self._progress("giving everything back")
        try:
            async with asyncio.timeout(patience_s):
                await self._system.orders.cancel_all()
                while any(now > then for now, then in zip(_all(self._held()), _all(before), strict=True)):
                    await self._clock.sleep(SAMPLE_S)
        except (TimeoutError, Error):
            pass  # the counts tell


def _memory_mb() -> float:
    memory = memory_mb()
    assert memory is not None, "it was looked at before"
    return memory


def _all(held: Held) -> tuple[int, ...]:
    return held.tasks, held.descriptors, held.streams, held.orders


async def soak(
    seconds: float, clock: Clock, progress: Callable[[str], None], rate: float = EVENTS_PER_S
) -> Soak:
    """A whole soak; raises ConfigError where the platform does not tell what a process holds."""
    _check_platform()
    tally = _Tally()
    with TemporaryDirectory() as folder:
        async with emulated(rate) as venue, _opened(venue, Path(folder), tally) as system:
            await system.ready()
            return await Soaking(system, venue.control, tally, clock, progress).run(seconds)


def _check_platform() -> None:
    if not _DESCRIPTORS.is_dir() or memory_mb() is None:
        raise ConfigError("this platform does not tell what a process holds; use Linux or macOS")


def _opened(venue: Emulated, folder: Path, tally: _Tally) -> System:
    return open_system(
        venue.settings(folder),
        READ,
        channels=CHANNELS,
        account="main",
        lines=LINES,
        through=lambda socket, url: CountedSocket(socket, tally.message),
    )
