"""The demo from beginning to end: local venue, whole product, readers, faults, referee, result.

The product is opened through its public face and knows nothing of being watched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from msgspec.structs import replace

from leadline.app.config import Settings
from leadline.app.opening import open_system
from leadline.app.system import System
from leadline.clock import NS_PER_MS, NS_PER_S, SystemClock
from leadline.demo.incidents import Faulty, Incident, Incidents
from leadline.demo.local_venue import LocalVenue
from leadline.demo.observed import Seen, Verdicts
from leadline.demo.readers import DEPTH, CountedSocket, FrameCount, Readers
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
from leadline.demo.script import FALSIFIED, SYMBOLS, plan
from leadline.demo.standing import standings
from leadline.demo.words import Announced
from leadline.engine.events import Diverged, Event, LevelChanged
from leadline.model.level import Level
from leadline.model.market import Channel
from leadline.venues.kraken.session import KrakenSession
from leadline.venues.kraken.venue import Endpoints

REDRAW_S = 0.25
SETTLE_S = 4.0
"""After the end, books that are still on their way back are given this long."""

LINES = 2
CHANNELS = (Channel.TICKER, Channel.BOOK, Channel.TRADES)
"""Without them the service is not whole; bars are read as well."""


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

    def news(self, event: Announced) -> None:
        """The service level is another, or stream and REST differ, or agree again."""

    def redraw(self) -> None:
        """Some time has passed."""

    def closed(self) -> None:
        """The demo is over."""


class Demo:
    """One demo while it runs: what the views show and the result is made of."""

    def __init__(
        self, system: System, venue: Venue, frames: FrameCount, seconds: float, seed: int, view: View
    ) -> None:
        clock = system.clock
        self.system = system
        self.venue = venue
        self.frames = frames
        self.seconds = seconds
        self.seed = seed
        self.readers = Readers(system.feed, clock, SYMBOLS, venue.saw)
        self.incidents = Incidents(system, venue, clock, view.told)
        self.changes: list[tuple[float, LevelChanged]] = []
        """How the service level changed, and in which second."""
        self.divergences: list[Diverged] = []
        """What stream and REST told differently, once more when it got a name."""
        self.began_at = system.level
        """The service level when the demo began."""
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

    async def run(self) -> None:
        """Read, disturb and judge for the time given; ends early, and says so, when cancelled."""
        async with asyncio.TaskGroup() as tasks:
            services = [
                tasks.create_task(self._listen()),
                tasks.create_task(self.venue.submit_for_ever()),
                tasks.create_task(self._redraw_for_ever()),
            ]
            readers = self.readers.start(tasks)
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

    async def _listen(self) -> None:
        async for event in self.system.feed.events():
            self._hear(event)

    def _hear(self, event: Event) -> None:
        if isinstance(event, LevelChanged):
            self.changes.append((self.elapsed_s, event))
        if isinstance(event, Diverged):
            self.divergences.append(event)
        if isinstance(event, Announced):
            self._view.news(event)
        self.incidents.event(event)

    @property
    def levels_seen(self) -> tuple[Level, ...]:
        """Best first."""
        return tuple(sorted({self.began_at, *(change.level for _, change in self.changes)}))

    async def _redraw_for_ever(self) -> None:
        while True:
            self._view.redraw()
            await self._clock.sleep(REDRAW_S)

    def books(self) -> Books:
        """The verdicts on all book messages so far."""
        sessions = (each for each in self.system.lines.sessions if isinstance(each, KrakenSession))
        counts = [counts for session in sessions for counts in session.book_counts().values()]
        return Books(
            sum(each.updates for each in counts),
            sum(each.proven for each in counts),
            sum(each.wrong for each in counts),
            self.incidents.resyncs,
            self.venue.verdicts.wrong,
        )

    def result(self) -> Result:
        """Everything measured so far."""
        stats = self.system.feed.stats
        readings, failovers, switches = stats.readings, stats.failovers, self.system.lines.switches
        return Result(
            round(self.elapsed_s, 1),
            self.frames.total,
            self.books(),
            tuple(map(_report, self.incidents.all)),
            FailoverReport(failovers.count, _ms(failovers.max_ms), _ms(failovers.answer_ms_max)),
            ReadingReport(readings.stream, readings.rest, readings.cache),
            stats.gaps.total,
            latency_of(self.readers.latencies_ns),
            tuple(level.name for level in self.levels_seen),
            SwitchReport(switches.count, round(switches.max / NS_PER_MS, 3)),
            tuple(
                SymbolReport(
                    one.symbol,
                    "" if one.source is None else one.source.value,
                    round(one.confidence, 3),
                    one.level.name,
                )
                for one in standings(self.system, SYMBOLS)
            ),
            tuple(
                DivergenceReport(one.channel, one.symbol, one.what, one.ours, one.theirs, one.pattern)
                for one in self.divergences
            ),
        )


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


async def calm(system: System) -> None:
    """Return when all is live and at its best; raises Stale."""
    system.feed.validator.critical.add(FALSIFIED)  # so that one need not wait long for the next look
    await system.ready()
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_S):
            while system.level is not Level.FULL:
                await system.clock.sleep(REDRAW_S / 5)


async def perform(seconds: float, seed: int, view: View) -> Demo:
    """Run a whole demo; raises VenueGone, and what the product raises when it cannot start."""
    frames = FrameCount()
    async with LocalVenue(seed, SystemClock()) as venue:
        settings = Settings(Endpoints(**venue.started.endpoints))
        async with open_system(
            settings,
            SYMBOLS,
            channels=CHANNELS,
            depth=DEPTH,
            lines=LINES,
            through=lambda socket, url: CountedSocket(socket, frames),
        ) as system:
            await calm(system)
            demo = Demo(system, venue, frames, seconds, seed, view)
            view.opened(demo)
            try:
                await demo.run()
            finally:
                view.closed()
            return demo
