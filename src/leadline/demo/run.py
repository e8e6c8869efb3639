"""The demo from beginning to end: local venue, whole product, readers, faults, referee, result.

The product is opened through its public face and knows nothing of being watched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Protocol

from msgspec.structs import replace

from leadline.app.config import Settings
from leadline.app.opening import open_system
from leadline.app.system import System
from leadline.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from leadline.demo.incidents import Faulty, Incident, Incidents
from leadline.demo.local_venue import LocalVenue
from leadline.demo.observed import Seen, Verdicts
from leadline.demo.price import PriceBetween
from leadline.demo.readers import DEPTH, CountedSocket, FrameCount
from leadline.demo.result import (
    Books,
    DivergenceReport,
    FailoverReport,
    FaultReport,
    ReadingReport,
    Result,
    SwitchReport,
    SymbolReport,
    latency_of,
)
from leadline.demo.script import COMPARED, FALSIFIED, FIRST, PERPETUALS, SECOND, SYMBOLS, plan
from leadline.demo.side import Side
from leadline.demo.standing import Standing
from leadline.demo.words import Announced
from leadline.engine.between import Between
from leadline.engine.events import Diverged, Event, LevelChanged
from leadline.model.level import Level
from leadline.model.market import Channel
from leadline.venues.catalogue import VENUES

REDRAW_S = 0.25
SETTLE_S = 4.0
"""After the end, books that are still on their way back are given this long."""

LINES = {FIRST: 2, SECOND: 1}
"""To each venue; of the second those of each route."""

CHANNELS = {
    FIRST: (Channel.TICKER, Channel.BOOK, Channel.TRADES),
    SECOND: (Channel.TICKER, Channel.BOOK),
}
"""Without them the service of each venue is not whole; trades and bars are read at both."""


class Venue(Faulty, Protocol):
    """A venue that can be broken, and knows whether what its readers saw was ever true."""

    verdicts: Verdicts
    unjudged: int
    """Values that came too fast to be judged."""

    @property
    def address(self) -> str:
        """Where it is."""

    async def end_faults(self) -> None:
        """End every fault that is on."""

    def saw(self, seen: Seen) -> None:
        """Have one value judged."""

    async def submit(self) -> None:
        """Have everything judged that has been seen so far."""

    async def submit_for_ever(self) -> None:
        """Have it judged again and again."""


class View(Protocol):
    """Where the demo is shown."""

    def opened(self, demo: Demo) -> None:
        """Everything is live; the demo begins."""

    def told(self, incident: Incident) -> None:
        """More is known of an incident."""

    def news(self, event: Announced, side: Side) -> None:
        """The service level is another, or stream and REST differ, or agree again."""

    def redraw(self) -> None:
        """Some time has passed."""

    def closed(self) -> None:
        """The demo is over."""


class Demo:
    """One demo while it runs: what the views show and the result is made of."""

    def __init__(
        self,
        first: Side,
        second: Side,
        price: PriceBetween,
        venue: Venue,
        seconds: float,
        seed: int,
        view: View,
    ) -> None:
        clock = first.system.clock
        self.first = first
        """The venue that things are done to."""
        self.second = second
        """The venue that is to take no notice of them."""
        self.price = price
        self.venue = venue
        self.seconds = seconds
        self.seed = seed
        self.incidents = Incidents(
            {side.name: side.system for side in (first, second)}, venue, clock, view.told
        )
        self.divergences: list[Diverged] = []
        """What stream and REST of the first told differently, once more when it got a name."""
        self.books_live = False
        self.interrupted = False
        self.final: Result | None = None
        """The result, once the demo is over."""
        self._view = view
        self._clock = clock
        self._begun_ns = clock.mono_ns()
        self._ended_ns: int | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since everything was live."""
        return ((self._ended_ns or self._clock.mono_ns()) - self._begun_ns) / NS_PER_S

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both venues."""
        return self.first, self.second

    async def run(self) -> None:
        """Read, disturb and judge for the time given; ends early, and says so, when cancelled."""
        async with asyncio.TaskGroup() as tasks:
            services = [
                *(tasks.create_task(self._listen(side)) for side in self.sides),
                tasks.create_task(self.venue.submit_for_ever()),
                tasks.create_task(self._redraw_for_ever()),
            ]
            readers = [task for side in self.sides for task in side.readers.start(tasks)]
            with self._interruptible([*services, *readers]):
                await self._play()
                await self._settle()
            self._ended_ns = self._clock.mono_ns()
            self.books_live = self.incidents.books_live()
            for task in (*readers, *services):
                task.cancel()
        await self.venue.submit()
        self.final = self.result()

    async def _play(self) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                await self.incidents.play(plan(self.seconds))
                await self._clock.sleep(self.seconds)
        except TimeoutError:
            pass

    async def _settle(self) -> None:
        """Nothing is broken any more: let what is on its way come back."""
        await self.venue.end_faults()
        try:
            async with asyncio.timeout(SETTLE_S):
                while not self.incidents.books_live():
                    await self._clock.sleep(REDRAW_S / 5)
        except TimeoutError:
            pass

    @contextmanager
    def _interruptible(self, others: list[asyncio.Task[None]]) -> Iterator[None]:
        """A cancellation from outside ends the block in good order; one by a failing task goes on."""
        try:
            yield
        except asyncio.CancelledError:
            if any(task.done() for task in others):
                raise
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            self.interrupted = True

    async def _listen(self, side: Side) -> None:
        async for event in side.system.feed.events():
            self._hear(event, side)

    def _hear(self, event: Event, side: Side) -> None:
        if isinstance(event, LevelChanged):
            side.changes.append((self.elapsed_s, event))
        if isinstance(event, Diverged) and side is self.first:
            self.divergences.append(event)
        if isinstance(event, Announced):
            self._view.news(event, side)
        self.incidents.event(event, side.name)

    async def _redraw_for_ever(self) -> None:
        while True:
            self.price.look()
            self._view.redraw()
            await self._clock.sleep(REDRAW_S)

    def books(self) -> Books:
        """The verdicts on all book messages of the first venue so far."""
        counts = self.first.system.lines.book_messages
        return Books(
            counts.updates,
            counts.proven,
            counts.wrong,
            self.incidents.resyncs[self.first.name],
            self.venue.verdicts.wrong,
        )

    def result(self) -> Result:
        """Everything measured so far."""
        stats, lines = self.first.system.feed.stats, self.first.system.lines
        readings, failovers, switches = stats.readings, stats.failovers, lines.switches
        return Result(
            round(self.elapsed_s, 1),
            self.first.frames.total,
            self.books(),
            tuple(map(_report, self.incidents.all)),
            FailoverReport(failovers.count, _ms(failovers.max_ms), _ms(failovers.answer_ms_max)),
            ReadingReport(readings.stream, readings.rest, readings.cache),
            stats.gaps.total,
            latency_of(self.first.readers.latencies_ns),
            tuple(level.name for level in self.first.levels_seen),
            SwitchReport(switches.count, round(switches.max / NS_PER_MS, 3)),
            tuple(_standing(one) for side in self.sides for one in side.standings()),
            tuple(
                DivergenceReport(one.channel, one.symbol, one.what, one.ours, one.theirs, one.pattern)
                for one in self.divergences
            ),
            tuple(side.report(self.incidents.resyncs[side.name]) for side in self.sides),
            self.price.report(),
        )


def _standing(one: Standing) -> SymbolReport:
    source = "" if one.source is None else one.source.value
    return SymbolReport(one.symbol, source, round(one.confidence, 3), one.level.name, one.venue)


def _report(incident: Incident) -> FaultReport:
    detected, recovered = incident.detected_ms, incident.recovered_ms
    row = FaultReport(
        incident.step.kind,
        None if detected is None else _ms(detected),
        None if recovered is None else _ms(recovered),
    )
    return replace(row, reason=incident.reason) if incident.reason else row


def _ms(value: float) -> float:
    return round(value, 1)


async def calm(first: System, *others: System) -> None:
    """Return when all is live and at its best; raises Stale."""
    first.feed.validator.critical.add(FALSIFIED)  # so that one need not wait long for the next look
    systems = first, *others
    for system in systems:
        await system.ready()
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_S):
            while any(system.level is not Level.FULL for system in systems):
                await first.clock.sleep(REDRAW_S / 5)


async def perform(seconds: float, seed: int, view: View) -> Demo:
    """Run a whole demo; raises VenueGone, and what the product raises when it cannot start."""
    clock = SystemClock()
    async with LocalVenue(seed, clock) as venue, AsyncExitStack() as stack:
        kraken, kraken_frames = await _opened(stack, FIRST, SYMBOLS, venue)
        binance, binance_frames = await _opened(stack, SECOND, PERPETUALS, venue)
        await calm(kraken, binance)
        first = Side(kraken, SYMBOLS, kraken_frames, venue.saw)
        second = Side(binance, PERPETUALS, binance_frames, venue.saw)
        price = PriceBetween(await stack.enter_async_context(between(first, second, clock)), COMPARED)
        demo = Demo(first, second, price, venue, seconds, seed, view)
        view.opened(demo)
        try:
            await demo.run()
        finally:
            view.closed()
        return demo


async def _opened(
    stack: AsyncExitStack, name: str, symbols: tuple[str, ...], venue: LocalVenue
) -> tuple[System, FrameCount]:
    """The product at one venue, entered for the length of the stack, and the frames it receives."""
    frames, addresses = FrameCount(), venue.started.endpoints[name]
    kit = VENUES[name]
    system = open_system(
        Settings(kit.emulated(addresses["rest"].removeprefix("http://")), venue=name),
        symbols,
        channels=CHANNELS[name],
        depth=DEPTH,
        lines=LINES[name],
        through=lambda socket, url: CountedSocket(socket, frames),
    )
    return await stack.enter_async_context(system), frames


def between(first: Side, second: Side, clock: Clock) -> Between:
    """The price of the one thing that both venues have, not entered yet."""
    legs = [side.system.leg(symbol) for side, symbol in zip((first, second), COMPARED, strict=True)]
    return Between(legs, clock)
