"""The service level of the running system: looked at again and again, announced, and what may leave by it.

Rule: a refusal is never older than the moment it is given in, and nobody can force risk through an outage.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock
from leadline.core.histogram import Histogram
from leadline.core.level import FAILING, FULL, PERMITS, Deed, Hysteresis, Observation, Verdict
from leadline.core.session import LineDown, LineUp, SubscriptionRefused
from leadline.engine.account_events import AccountEvent, NotReconciled, Reconciled
from leadline.engine.alarm import Alarm
from leadline.engine.events import (
    Diverged,
    Event,
    EventLog,
    LevelChanged,
    LineSwitched,
    ReaderSlow,
    Reconverged,
    SourceChanged,
    StreamDead,
)
from leadline.engine.journal import Journal
from leadline.engine.readers import Listener, Watchdog, call
from leadline.engine.records import LevelForced, LevelReleased
from leadline.engine.recoveries import Recoveries, RecoveryCounts
from leadline.engine.tasks import Tasks
from leadline.errors import CheckFailed, Error, Held
from leadline.model.level import Level
from leadline.model.market import BookDropped, VenueStatus

CALM_S = 1.0
"""How often it is looked while all is well."""

BUSY_S = 0.25
"""How often it is looked while anything is not."""

FIRST_PROBE_S = 1.0
LONGEST_PROBE_S = 30.0
"""While REST is in doubt and nobody asks, it is asked so often: the longest silence between two probes."""

LONGEST_FORCED_S = 24 * 3600.0
KEPT_CHANGES = 1000

_TELLING = (
    LineDown,
    LineUp,
    LineSwitched,
    StreamDead,
    BookDropped,
    SubscriptionRefused,
    SourceChanged,
    VenueStatus,
    Diverged,
    Reconverged,
    Reconciled,
    NotReconciled,
)
"""Events after which it is looked at once."""


class Observing(Protocol):
    """What the level is judged by."""

    def hear(self, event: Event | AccountEvent) -> None:
        """Something has happened."""

    def observe(self) -> Observation:
        """How things stand now."""

    async def probe(self) -> None:
        """Find out whether REST gets through; raises what came of it."""


class Passage(Struct, frozen=True):
    """The level as it changed once; `at_ns` is Unix time."""

    at_ns: int
    change: LevelChanged


class Forced(Struct, frozen=True):
    """A level that an operator has set, and until when (monotonic nanoseconds)."""

    level: Level
    until_ns: int
    why: str


class _Ear:
    """One who wants to hear of every change, and the task that tells it."""

    def __init__(self, take: Callable[[LevelChanged], object]) -> None:
        self.take = take
        self.changes = Listener(KEPT_CHANGES)
        self.task: asyncio.Task[None] | None = None


class LevelWatch:
    """Watches the level, as an async context manager that owns its tasks.

    `tell` takes its events, and those of callbacks that fail. With a `journal` a forced level outlasts a
    restart, for the rest of its time.
    """

    def __init__(
        self,
        observer: Observing,
        clock: Clock,
        tell: Callable[[Event], None],
        *,
        journal: Journal | None = None,
    ) -> None:
        self._observer = observer
        self._clock = clock
        self._journal = journal
        self._log = EventLog()
        self._log.listen(tell)
        self._tasks = Tasks()
        self._alarm = Alarm(clock, self._spawn)
        self._hysteresis = Hysteresis()
        self._recoveries = Recoveries()
        self._judged = FULL
        self._seen = Observation()
        self._looked_ns: int | None = None
        self._forced = self._restored()
        self._ears: list[_Ear] = []
        self._told = Level.FULL
        self.since_ns = clock.wall_ns()
        """Unix time since when the level is what it is."""
        self.history: deque[Passage] = deque(maxlen=KEPT_CHANGES)
        """The last thousand changes, oldest first."""

    def __repr__(self) -> str:
        return f"LevelWatch({self._effective().level.name})"

    # --- lifetime ---

    async def __aenter__(self) -> Self:
        await self._tasks.enter()
        self.look()
        for ear in self._ears:
            ear.task = self._spawn(self._drain(ear))
        self._spawn(self._watch())
        self._spawn(self._probe())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.leave(kind, error, trace)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.spawn(work)
        assert task is not None, "used outside its async with block"
        return task

    async def _watch(self) -> NoReturn:
        while True:
            self.look()
            calm = self._judged.level is Level.FULL and self._forced is None
            await self._alarm.wait(CALM_S if calm else BUSY_S)

    async def _probe(self) -> NoReturn:
        """Ask by REST where nobody else may and the answer would tell: less and less often."""
        delay_s, due_ns = FIRST_PROBE_S, 0
        while True:
            await self._clock.sleep(FIRST_PROBE_S)
            if not _doubts_rest(self._seen):
                delay_s, due_ns = FIRST_PROBE_S, 0
            elif self._clock.mono_ns() >= due_ns:
                with suppress(Error):  # whoever observes has heard of it
                    await self._observer.probe()
                due_ns = self._clock.mono_ns() + round(delay_s * NS_PER_S)
                delay_s = min(2 * delay_s, LONGEST_PROBE_S)
                self._alarm.wake()

    # --- what is known ---

    @property
    def level(self) -> Level:
        """The level now: what is observed, or what an operator has set."""
        return self._effective().level

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not FULL, each with the number that led to it; nothing where it is."""
        return self._effective().reasons

    @property
    def observed(self) -> Verdict:
        """What the level would be if nobody had forced one."""
        return self._judged

    @property
    def forced(self) -> Forced | None:
        """What an operator has set, while that holds."""
        return self._forced

    @property
    def recoveries(self) -> RecoveryCounts:
        """How often and how fast it got well again; forced levels do not count."""
        return self._recoveries.counts

    @property
    def spent_ns(self) -> Mapping[Level, int]:
        """Nanoseconds at each level so far, up to the last look; forced levels do not count."""
        return self._recoveries.spent_ns

    @property
    def recovery_times(self) -> Histogram:
        """How long each recovery took, in nanoseconds."""
        return self._recoveries.times

    # --- what may leave ---

    def standing(self, deed: Deed) -> Verdict:
        """The level that counts for a deed now.

        A forced level counts for everything but an INCREASE, which the observed level must permit as well.
        """
        now_ns = self._clock.mono_ns()
        fresh = self._looked_ns is not None and now_ns - self._looked_ns < BUSY_S * NS_PER_S
        if not fresh or self._judged.level is not Level.FULL:
            self.look()
        verdict = self._effective()
        if deed is Deed.INCREASE and self._judged.level > verdict.level:
            return self._judged
        return verdict

    def permits(self, deed: Deed) -> bool:
        """Whether the level lets such a thing leave now."""
        return deed in PERMITS[self.standing(deed).level]

    def require(self, deed: Deed) -> None:
        """Raise Held where the level does not permit it."""
        now = self.standing(deed)
        if deed not in PERMITS[now.level]:
            raise Held(
                f"the service level is {now.level.name} ({'; '.join(now.reasons)}): no {deed.value} now"
            )

    # --- what an operator may do ---

    def force(self, level: Level, for_s: float, why: str = "") -> None:
        """Set the level for so many seconds (at most a day); it ends by itself, or by `release`.

        A worse level than the observed one holds back what it does not permit. A better one lets changes and
        reductions leave and is announced, but it adds no risk: an INCREASE passes only where the observed
        level permits it too, and an observed OUTAGE stays one, because nothing would arrive. Raises
        CheckFailed for a time that is none.
        """
        if not 0 < for_s <= LONGEST_FORCED_S:
            raise CheckFailed(
                f"a level is forced for more than 0 and at most {LONGEST_FORCED_S:g} s, not {for_s:g}"
            )
        span_ns = round(for_s * NS_PER_S)
        self._forced = Forced(level, self._clock.mono_ns() + span_ns, why)
        if self._journal is not None:
            wall_ns = self._clock.wall_ns()
            self._journal.note(LevelForced(at_ns=wall_ns, level=level, until_ns=wall_ns + span_ns, why=why))
        self.look()

    def release(self, why: str = "") -> None:
        """Let the level be what is observed again; nothing where it is."""
        if self._forced is None:
            return
        self._forced = None
        if self._journal is not None:
            self._journal.note(LevelReleased(at_ns=self._clock.wall_ns(), why=why))
        self.look()

    def _restored(self) -> Forced | None:
        """What an earlier run was told, where its time is not over; a stepped clock makes it no longer."""
        if self._journal is None:
            return None
        forced: LevelForced | None = None
        for record in self._journal.records():
            if isinstance(record, LevelForced | LevelReleased):
                forced = record if isinstance(record, LevelForced) else None
        if forced is None:
            return None
        whole_ns = forced.until_ns - forced.at_ns
        left_ns = min(forced.until_ns - self._clock.wall_ns(), whole_ns)
        return Forced(forced.level, self._clock.mono_ns() + left_ns, forced.why) if left_ns > 0 else None

    # --- who wants to know ---

    def on(self, take: Callable[[LevelChanged], object]) -> Callable[[], None]:
        """Call a function or coroutine function with every change from now on; returns the way to stop.

        Each is called in its own task, in order; one that raises or takes over 100 ms is named in an event.
        """
        ear = _Ear(take)
        self._ears.append(ear)
        ear.task = self._tasks.spawn(self._drain(ear)) if self._tasks.entered else None

        def stop() -> None:
            if ear in self._ears:
                self._ears.remove(ear)
            if ear.task is not None:
                ear.task.cancel()

        return stop

    async def _drain(self, ear: _Ear) -> NoReturn:
        watchdog = Watchdog(getattr(ear.take, "__qualname__", repr(ear.take)), self._clock, self._log)
        while True:
            change = await ear.changes.next()
            if isinstance(change, LevelChanged):
                await call(ear.take, change, watchdog)
            elif isinstance(change, ReaderSlow):  # it lagged too far, and this says by how much
                self._log.add(ReaderSlow(watchdog.name, dropped=change.dropped))

    def hear(self, event: Event | AccountEvent) -> None:
        """Take in an event of the feed or the account: what bears on the level is looked at in this turn."""
        self._observer.hear(event)
        if isinstance(event, _TELLING):
            self._looked_ns = None
            self._alarm.wake()

    # --- the look ---

    def look(self) -> None:
        """Judge how things stand now, and announce what has changed."""
        now_ns = self._clock.mono_ns()
        self._looked_ns = now_ns
        if self._forced is not None and now_ns >= self._forced.until_ns:
            self._forced = None
        self._seen = self._observer.observe()
        self._judged = self._hysteresis.judge(self._seen, now_ns)
        self._recoveries.look(self._hysteresis.observed.level, self._judged.level, now_ns)
        verdict = self._effective()
        if verdict.level is not self._told:
            self._announce(verdict)

    def _effective(self) -> Verdict:
        forced, judged = self._forced, self._judged
        if forced is None or (judged.level is Level.OUTAGE and forced.level is not Level.OUTAGE):
            return judged
        why = f"forced by an operator: {forced.why}" if forced.why else "forced by an operator"
        return Verdict(forced.level, (why, *judged.reasons))

    def _announce(self, verdict: Verdict) -> None:
        forced = self._forced is not None and verdict.level is self._forced.level
        change = LevelChanged(verdict.level, self._told, verdict.reasons, forced)
        self._told = verdict.level
        self.since_ns = self._clock.wall_ns()
        self.history.append(Passage(self.since_ns, change))
        for ear in self._ears:
            ear.changes.put(change)
        self._log.add(change)


def _doubts_rest(seen: Observation) -> bool:
    return seen.lines_down_s is not None or seen.public_failures >= FAILING or seen.public_limited
