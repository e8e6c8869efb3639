"""The whole system as one long-lived process: started in order, explaining itself, ended without a trace.

Rule: what cannot be had now is said and waited for; only what can never work ends the process.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, NoReturn, Self

from leadline.app.beside import beside
from leadline.app.control import control_socket
from leadline.app.embedded import embedded
from leadline.app.log_lines import LogLines
from leadline.app.measured import report_of, status_of
from leadline.app.monitoring import Watching, monitoring
from leadline.app.opening import open_system
from leadline.app.problems import Problems
from leadline.app.report import Report, Status
from leadline.app.settings import EMULATED, Settings
from leadline.app.start import Phase, Start
from leadline.app.system import System
from leadline.clock import Clock
from leadline.core.session import LineUp
from leadline.engine.account_events import AccountEvent
from leadline.engine.events import Event
from leadline.engine.levels import LevelWatch
from leadline.engine.topic_state import State
from leadline.errors import CheckFailed, Error, UnknownSymbol
from leadline.model.level import Level
from leadline.model.market import VenueStatus
from leadline.venues.ports import Reference

LOOK_S = 0.2


async def run_all(every: Sequence[Settings], clock: Clock, log: Any) -> NoReturn:
    """Run the system of each venue in this process, until cancelled; what ends one for good ends all.

    Raises ConfigError before anything is started for settings with which nothing can run, and what
    `Running.run` raises.
    """
    several = len(every) > 1
    running = [Running(one, clock, log.bind(venue=one.venue) if several else log) for one in every]
    try:
        async with StandIn(clock, log) as stand_in, asyncio.TaskGroup() as tasks:
            for each in running:
                tasks.create_task(each.run(stand_in))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    raise AssertionError("they go on for ever")


class StandIn:
    """The local exchange in the place of venues: started by the first system that needs it, used by all."""

    def __init__(self, clock: Clock, log: Any) -> None:
        self._clock = clock
        self._log = log
        self._stack = AsyncExitStack()
        self._starting = asyncio.Lock()
        self._control: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def needed(self, settings: Settings) -> None:
        """A system's venue is emulated: it has forgotten everything, and listens when this returns."""
        if settings.emulator is None:
            return
        forget(settings)
        async with self._starting:
            if self._control is None:
                exchange = embedded(settings.emulator, self._clock)
                self._control = await self._stack.enter_async_context(exchange)
                told = "the emulator stands in for the venue: all is invented"
                self._log.info(told, control=self._control)


class Running:
    """One system with everything around it; `run` goes on until it is cancelled.

    `log` is a structlog logger. Raises ConfigError for settings with which nothing can run.
    """

    def __init__(self, settings: Settings, clock: Clock, log: Any) -> None:
        check_runnable(settings)
        self._settings = settings
        self._clock = clock
        self._log = log
        self._lines = LogLines(log)
        self._start = Start(clock, self._tell_phase)
        self._why_not = "it is starting"
        self._venue_status: VenueStatus | None = None
        self._stack = AsyncExitStack()
        self._watching: Watching | None = None
        self._entered = self._leaving = False
        market = settings.market
        self.system: System = open_system(
            settings,
            market.symbols,
            channels=market.channels,
            depth=market.depth,
            interval_s=market.interval_s,
            account=settings.trade_on,
            checkpoint_s=settings.checkpoint_s,
            lines=settings.lines.count,
            redundant=settings.lines.redundant,
            rotate_after_s=settings.lines.rotate_after_s,
            reached=self._reached,
        )

    async def run(self, stand_in: StandIn) -> NoReturn:
        """Start in order and go on for ever; raises ConfigError, and what the venue refuses for good."""
        async with AsyncExitStack() as self._stack:
            enter, settings = self._stack.enter_async_context, self._settings
            await enter(control_socket(settings.control_path, self))
            self._log.info("starting", venue=self.system.market.name, symbols=len(settings.market.symbols))
            await stand_in.needed(settings)  # and not before: another run may have the control socket
            self._stack.callback(self.system.feed.listen(self._event))
            await enter(beside(self._watch_start))
            await enter(self.system)
            self._entered = True
            feed, reference = self.system.feed, self.system.market.reference
            feed.shares.wanted = settings.stream_share
            feed.validator.critical |= {
                reference.instrument(name).symbol for name in settings.market.critical
            }
            self._watching = await enter(monitoring(self.system, settings, self._tell_metrics))
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._leaving = True
                self._log.info("stopping", after_s=round(self._start.elapsed_s, 3))
        raise AssertionError("it goes on for ever")

    # --- what is asked through the control socket ---

    def report(self) -> Report:
        """The key figures now."""
        return report_of(self.system, self._settings, self._start, self._why_not, self._watching)

    def status(self) -> Status:
        """How it stands now."""
        return status_of(self.system, self._venue_status, self._why_not)

    def force(self, level: Level, for_s: float) -> None:
        """Hold the level for so long."""
        self._levels.force(level, for_s, "by leadline level")

    def release(self) -> None:
        """Let the level follow what is observed."""
        self._levels.release("by leadline level")

    @property
    def _levels(self) -> LevelWatch:
        if not self._entered:
            raise CheckFailed(f"it has no level yet, {self._why_not}; try again when it has started")
        return self.system.levels

    # --- the start ---

    def _reached(self, phase: Phase) -> None:
        """The system has come this far in its entering."""
        if phase is Phase.REFERENCE:
            check_symbols(self._settings, self.system.market.reference)
        elif phase is Phase.STATE and self.system.account is not None:
            self._stack.callback(self.system.desk.log.listen(self._account_event))
        self._start.reached(phase)

    def _tell_phase(self, phase: Phase, after_s: float) -> None:
        self._log.info(f"reached: {phase.value}", after_s=round(after_s, 3))

    def _tell_metrics(self, address: str) -> None:
        self._log.info("metrics are shown", address=address)

    def _event(self, event: Event) -> None:
        if isinstance(event, LineUp):
            self._start.reached(Phase.STREAM)
        elif isinstance(event, VenueStatus):
            self._venue_status = event
        if not self._leaving:  # that our own lines end is no news then
            self._lines.event(event)

    def _account_event(self, event: AccountEvent) -> None:
        if not self._leaving:
            self._lines.account_event(event)

    async def _watch_start(self) -> None:
        """Say when it is ready, or at the deadline why not, and then that it is after all."""
        told = False
        while (why_not := await self._missing()) is not None:
            self._why_not = why_not
            if not told and self._start.elapsed_s >= self._settings.ready_s:
                told = True
                self._log.warning("not ready in time; going on", reason=why_not)
            await self._clock.sleep(LOOK_S)
        self._why_not = ""
        self._start.reached(Phase.READY)
        if told:
            self._log.warning("ready after all", after_s=round(self._start.elapsed_s, 3))

    async def _missing(self) -> str | None:
        """What it waits for; None when it is ready."""
        there = self._start.after_s
        if Phase.REFERENCE not in there:
            return f"no reference data: {self.system.load_error or 'the venue has not answered yet'}"
        if Phase.STATE not in there:
            return "the account's journal is being read"
        if Phase.STREAM not in there and not self.system.lines.connected:
            return f"no line to the venue: {self.system.lines.last_error or 'connecting'}"
        topics = self.system.feed.stats.topics
        if all(topic.state is not State.WANTED for topic in topics):
            self._start.reached(Phase.SUBSCRIPTIONS)
        if self._watching is None:
            return "monitoring is being set up"
        if Phase.SUBSCRIPTIONS in there:
            self._start.reached(Phase.MONITORING)
        try:
            await self.system.ready(0)
        except Error as error:
            return str(error)
        return None


def forget(settings: Settings) -> None:
    """Remove what was kept of an emulated venue: each run begins with a new one, which knows none of it."""
    assert settings.home.name == EMULATED, "a venue's own state is never removed"
    shutil.rmtree(settings.folder, ignore_errors=True)


def check_runnable(settings: Settings) -> None:
    """Raise ConfigError where there is nothing to run."""
    problems = Problems()
    if not settings.market.symbols and settings.trade_on is None:
        what = "name at least one symbol, or an account; else there is nothing to do"
        problems.add(f"venues.{settings.venue}.symbols", what)
    problems.check()


def check_symbols(settings: Settings, reference: Reference) -> None:
    """Raise ConfigError with every symbol that the venue does not have, and its nearest."""
    problems = Problems()
    for symbol in settings.market.symbols:
        try:
            reference.instrument(symbol)
        except UnknownSymbol as error:
            problems.add(f"venues.{settings.venue}.symbols", str(error))
    problems.check()
