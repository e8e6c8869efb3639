"""Plays the script: puts each fault on, and takes the time until it is noticed and until all is live again.

Times are counted from the moment before the fault is put on, until the client's own event or state says so;
states are looked at every ten milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from leadline.app.system import System
from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.demo.script import Ask, Cue, Planned, Step, line_of
from leadline.engine.events import Event
from leadline.engine.subscribers import Stop
from leadline.engine.topic_state import State
from leadline.errors import Held, Stale, VenueError
from leadline.model.level import Level
from leadline.model.market import Channel, Gap, Subscription
from leadline.model.reading import Source

LOOK_S = 0.01
ASK_AGAIN_S = 0.5
UNNOTICED_NS = 2 * NS_PER_S
"""After so long one looks whether there was anything to notice."""

UNDONE_S = 1.0
"""So long after it has acted, checksums have proven the book anew."""

UNDONE = "nothing to notice: the message after it undid it, and the next checksum proves the book"
NOT_NOTICED = "not noticed by the end of the demo"

_LIVE = frozenset({State.LIVE, State.QUIET})


class Faulty(Protocol):
    """A venue that breaks when told to."""

    async def inject(self, fault: dict[str, Any]) -> int:
        """Put a fault on; its number."""

    async def end_fault(self, fault_id: int) -> None:
        """End one fault."""

    async def active_faults(self) -> set[int]:
        """Numbers of the faults that are on or wait for the frame they will act on."""


@dataclass(slots=True, eq=False)
class Incident:
    """One fault that was put on; times are monotonic nanoseconds."""

    step: Step
    since_ns: int
    fault_id: int = 0
    """The venue's number for it, once it has answered."""
    detected_ns: int | None = None
    healed: bool = False
    to_end: bool = False
    """Whether the fault has lasted for as long as it is to."""
    undone: bool = False
    """Whether what the fault did was undone by what followed, before a checksum could tell."""
    recovered_ns: int | None = None
    joined: list[Stop] = field(default_factory=list)

    @property
    def detected_ms(self) -> float | None:
        """From the fault to the client's notice."""
        return None if self.detected_ns is None else (self.detected_ns - self.since_ns) / NS_PER_MS

    @property
    def recovered_ms(self) -> float | None:
        """From the fault until all it affected was verified live again."""
        return None if self.recovered_ns is None else (self.recovered_ns - self.since_ns) / NS_PER_MS

    @property
    def reason(self) -> str:
        """Why nothing was noticed; empty where something was."""
        if self.detected_ns is not None:
            return ""
        return self.step.harmless or (UNDONE if self.undone else NOT_NOTICED)

    @property
    def without_effect(self) -> bool:
        """Whether there was nothing to notice."""
        return bool(self.step.harmless) or self.undone


class Incidents:
    """All that is done to the venues; `told` is called with an incident whenever more is known of it.

    `systems` are those of the client, by the name of their venue.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        venue: Faulty,
        clock: Clock,
        told: Callable[[Incident], None],
    ) -> None:
        self.all: list[Incident] = []
        self.resyncs = dict.fromkeys(systems, 0)
        """Books of each venue that were emptied and have been verified again from a new snapshot."""
        self._systems = systems
        self._venue = venue
        self._clock = clock
        self._told = told

    # --- the script ---

    async def play(self, planned: list[Planned]) -> None:
        """Every step at its cue; raises VenueGone."""
        begun_ns = self._clock.mono_ns()
        async with asyncio.TaskGroup() as tasks:
            for each in planned:
                await self._cue(each, begun_ns)
                incident = await self._put_on(each.step)
                tasks.create_task(self._watch(incident))

    async def _cue(self, planned: Planned, begun_ns: int) -> None:
        await self._until_ns(begun_ns + round(planned.at_s * NS_PER_S))
        while not self._may_begin(planned.step):
            await self._clock.sleep(LOOK_S)

    def _may_begin(self, step: Step) -> bool:
        """What reaches everything waits for all before it, another one for those not beside it."""
        if step.from_full and self._systems[step.venue].level is not Level.FULL:
            return False
        patient = step.cue is Cue.LAST
        return all(
            one.recovered_ns is not None or (one.step.cue is Cue.BESIDE and not patient) for one in self.all
        )

    async def _until_ns(self, at_ns: int) -> None:
        await self._clock.sleep(max(0, at_ns - self._clock.mono_ns()) / NS_PER_S)

    async def _put_on(self, step: Step) -> Incident:
        incident = Incident(step, self._clock.mono_ns())
        self.all.append(incident)  # before anything can be noticed
        line = None if step.aimed_at is None else line_of(self._systems[step.venue], step.aimed_at)
        fault = step.fault if line is None else step.fault | {"only": line}
        incident.fault_id = await self._venue.inject(fault)
        if step.also is not None:
            await self._venue.inject(step.also)
        self._told(incident)
        incident.joined = [self._join(step.venue, one) for one in step.joins]
        return incident

    async def _watch(self, incident: Incident) -> None:
        """See it through; a fault that undid itself is put on again, in an incident of its own."""
        while True:
            if incident.step.asks is not None:
                await self._ask(incident, incident.step.asks)
            else:
                await self._look(incident)
            if not incident.undone:
                return
            incident = await self._put_on(incident.step)

    def _join(self, venue: str, wanted: Subscription) -> Stop:
        feed = self._systems[venue].feed
        if wanted.channel is Channel.BARS:
            return feed.on_bar(wanted.symbol, _unread, wanted.param)
        return feed.on_book(wanted.symbol, _unread, wanted.param)

    # --- what the client says ---

    def event(self, event: Event, venue: str) -> None:
        """Take one event of a venue's feed, at the moment it is told."""
        now_ns = self._clock.mono_ns()
        if isinstance(event, Gap) and event.channel is Channel.BOOK and event.until_ns is not None:
            self.resyncs[venue] += 1
        for incident in self.all:
            step = incident.step
            if incident.recovered_ns is not None or step.venue != venue:
                continue
            if step.until is not None and step.until(event):
                incident.to_end = True
            if incident.detected_ns is None and step.notice(event):
                self._detected(incident, now_ns)
            if incident.detected_ns is not None and step.healed is not None and step.healed(event):
                incident.healed = True

    def _detected(self, incident: Incident, now_ns: int) -> None:
        incident.detected_ns = now_ns
        self._told(incident)

    async def _look(self, incident: Incident) -> None:
        """Watch the client's states until everything the fault affected is live again."""
        step, taken_off = incident.step, False
        while incident.recovered_ns is None:
            await self._clock.sleep(LOOK_S)
            if incident.detected_ns is None:
                passed_ns = self._clock.mono_ns() - incident.since_ns
                if step.sign(self._systems[step.venue], passed_ns):
                    self._detected(incident, self._clock.mono_ns())
                elif step.harmless or (step.may_be_undone and passed_ns > UNNOTICED_NS):
                    await self._without_effect(incident)
                continue
            if incident.to_end and not taken_off:
                taken_off = True
                await self._venue.end_fault(incident.fault_id)
            if (incident.healed or step.healed is None) and self.live(step.venue, step.affects):
                self._recovered(incident)

    async def _without_effect(self, incident: Incident) -> None:
        """It has acted, nobody noticed, and the venue's proof holds: there was nothing to notice."""
        step = incident.step
        if incident.fault_id in await self._venue.active_faults():
            return
        if not step.harmless:
            await self._clock.sleep(UNDONE_S)
        if incident.detected_ns is None and self.live(step.venue, step.affects):
            incident.undone = not step.harmless
            self._recovered(incident)

    async def _ask(self, incident: Incident, ask: Ask) -> None:
        """An awaited read that must be told of the fault."""
        venue = incident.step.venue
        while incident.recovered_ns is None:
            try:
                await self._systems[venue].feed.ticker(ask.symbol, source=ask.source)
                answered = True
            except (VenueError, Stale, Held):
                answered = False
                if incident.detected_ns is None:
                    self._detected(incident, self._clock.mono_ns())
            if incident.detected_ns is not None and (answered or not ask.again) and self.live(venue):
                self._recovered(incident)
            await self._clock.sleep(ASK_AGAIN_S)

    def _recovered(self, incident: Incident) -> None:
        incident.recovered_ns = self._clock.mono_ns()
        self._told(incident)
        if incident.step.cue is not Cue.BESIDE:
            for stop in incident.joined:
                stop()

    def live(self, venue: str, affected: tuple[Subscription, ...] = ()) -> bool:
        """Whether these streams are live on every line; none stands for all that nothing beside affects."""
        system, now_ns = self._systems[venue], self._clock.mono_ns()
        stats = system.feed.stats
        topics = {topic.subscription: topic for topic in stats.topics}
        beside = {
            subscription
            for one in self.all
            if one.step.cue is Cue.BESIDE and one.recovered_ns is None and one.step.venue == venue
            for subscription in one.step.affects
        }
        wanted = affected or [one for one, topic in topics.items() if topic.readers and one not in beside]
        return not stats.line and all(
            one in topics
            and topics[one].state in _LIVE
            and topics[one].source is Source.STREAM
            and _on_every_line(system, one, now_ns)
            for one in wanted
        )

    def books_live(self) -> bool:
        """Whether every book that is read is verified and live."""
        topics = [topic for system in self._systems.values() for topic in system.feed.stats.topics]
        books = (topic for topic in topics if topic.subscription.channel is Channel.BOOK and topic.readers)
        return all(topic.state in _LIVE for topic in books)


def _on_every_line(system: System, subscription: Subscription, now_ns: int) -> bool:
    """Whether readers could go on from every line; a single one is looked at by its streams alone."""
    stream, lines = system.lines.stream(subscription), system.lines.of(subscription).lines
    if len(lines) == 1 or stream is None:
        return True
    return len(stream.strands) == len(lines) and all(one.warm(now_ns) for one in stream.strands)


def _unread(reading: object) -> None:
    """The subscription is what matters here."""
