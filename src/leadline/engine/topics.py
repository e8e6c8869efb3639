"""One stream that somebody reads: its latest value, its rhythm, its readers, and whether it is in use.

Only data of the stream itself makes a topic live; from a loss on its value is not handed out as fresh.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.core.liveness import Cadence, Damping
from leadline.core.session import MarketStreams
from leadline.engine.events import EventLog, SourceChanged
from leadline.engine.gaps import Failovers, GapLedger, Loss
from leadline.engine.policies import TTL_S
from leadline.engine.readers import Reader
from leadline.engine.restored import RestoredMarket
from leadline.engine.witness import Witness
from leadline.errors import Error, VenueError
from leadline.model.market import Channel, Gap, GapCause, Subscription
from leadline.model.reading import UNVALIDATED, Reading, Source

T = TypeVar("T")
U = TypeVar("U")

_STREAM = Source.STREAM  # once, not per message: reading a member through its class is a call in 3.11

LINGER_S = 30.0
"""A topic without readers stays subscribed for this long after the last of them, or the last awaited read."""


class Desk:
    """What all topics of a feed share."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.events = EventLog()
        self.ledger = GapLedger(self.events)
        self.failovers = Failovers()
        self.restored = RestoredMarket(clock)
        self.rest_doubted: dict[str, str] = {}
        """Symbols of which REST's word is not taken, and why (see `engine.divergences`)."""

    def wall_ns(self, mono_ns: int) -> int:
        """Unix time of a monotonic moment, by today's wall clock."""
        return self.clock.wall_ns() - (self.clock.mono_ns() - mono_ns)


class Topic(Generic[T]):
    """The base: what replaces its predecessor, as it is; trades and bars add continuity."""

    replaceable = True
    """Each value replaces the one before: REST steps in at once, and a breaking stream is held back."""

    interval_s = 0  # of bars

    speaks = True
    """Whether silence can be a fault; of what happens rarely and is told nowhere else nobody can say."""

    def __init__(self, subscription: Subscription, desk: Desk) -> None:
        now_ns = desk.clock.mono_ns()
        self.subscription = subscription
        self.symbol = subscription.symbol
        self.cadence = Cadence()
        self.value: T | None = None
        self.bound_s = self.cadence.vouched_bound_s()
        self.live = False
        self.received = False
        self.still = False  # without data since the venue's yes, and by REST nothing has happened
        self.proven = subscription.channel is Channel.BOOK
        self.streams: MarketStreams | None = None
        """What streams it; None before there is anything."""
        self.route = ""
        """The venue's route that streams it; empty where there is but one."""
        self.confidence = UNVALIDATED
        self.source: Source | None = None
        self.answer: Reading[T] | None = None
        self.unanswered: Error | None = None
        self.flight: asyncio.Future[None] | None = None
        self.refused: VenueError | None = None
        self.loss: Loss | None = None
        self.confirmed_ns: int | None = None
        self.asked_ns = self._read_since_ns = now_ns
        self.keep_until_ns = now_ns
        self.polled_ns: int | None = None
        self.doubted_ns: int | None = None
        self.strikes = self.struck_ns = 0
        self.readers: list[Reader] = []
        self.holds: set[object] = set()
        self.quarantined: str | None = None
        self._witnesses: tuple[Witness[Any], ...] = ()
        self._takes: tuple[Callable[[Reading[Any]], None], ...] = ()
        self._lazy: tuple[Reader, ...] = ()
        self._waiting: set[asyncio.Future[None]] = set()
        self._answer_asked_ns = now_ns
        self._damping = Damping()
        self._steady_ns = now_ns
        self._desk = desk
        self._clock = desk.clock
        self.streamed = 0
        self.from_rest = 0
        self.from_cache = 0

    # --- the stream ---

    def take(self, value: T, now_ns: int) -> None:
        """The stream's next value: the hot path."""
        cadence = self.cadence
        cadence.count += 1
        cadence.last_ns = now_ns
        self.value = value
        if self.live or self._returned(now_ns):
            if self._takes:
                self.streamed += 1
                reading = Reading(
                    value, _STREAM, now_ns, self._clock, self.proven, self.bound_s, self.confidence
                )
                for take in self._takes:
                    take(reading)
            for reader in self._lazy:
                reader.wake()
        else:
            for witness in self._witnesses:
                witness.saw(value)

    def confirmed(self, now_ns: int) -> None:
        """The venue has acknowledged the subscription; the first time counts until data comes or is lost."""
        if self.confirmed_ns is None:
            self.confirmed_ns = now_ns
        self.refused = None

    def refuse(self, error: VenueError) -> None:
        """The venue will not stream this: everyone waiting is told."""
        self.refused = error
        self.live = self.received = False
        self.fail(error)

    def fail(self, error: Error) -> None:
        """Readers of the stream get this error."""
        for reader in tuple(self.readers):
            reader.fail(error)
        self._release()

    def lose(self, cause: GapCause, reason: str, now_ns: int, *, counts: bool = True) -> None:
        """The stream cannot be trusted from here on; readers are told of the hole."""
        self.confirmed_ns, self.still = None, False
        was_received, self.received = self.received, False
        self.cadence.interrupted()
        if was_received and counts:
            self._damping.lost(now_ns)
        if not self.live:
            if self.proven:
                self.value = None  # held back, and gone before it was ever used
            return
        self.live = False
        begin_ns = self._last_known_ns(now_ns)
        gap = Gap(self.subscription.channel, self.symbol, cause, begin_ns)
        number = self._desk.ledger.open(gap)
        self.loss = Loss(cause, reason, now_ns, self._desk.wall_ns(now_ns), gap, number)
        if self.proven:
            self.value = None  # a book known wrong is not given even to who asks for a stale one
        self.polled_ns = None
        self.tell(gap)

    def quarantine(self, why: str, now_ns: int) -> None:
        """Take the stream out of use, whatever it says, until `quarantined` is None again."""
        self.quarantined = why
        self.lose(GapCause.CONTRADICTED, why, now_ns, counts=False)

    def vouch(self, now_ns: int) -> None:
        """REST agrees that nothing has happened since the last value."""
        self.cadence.vouch(now_ns)
        self.strikes = 0

    def tick(self, now_ns: int) -> None:
        """Once a second: learn the rhythm, and return to a stream whose proving time is over."""
        self.cadence.learn(now_ns)
        self.bound_s = self.cadence.bound_ns / NS_PER_S
        if self.received and not self.live and self._returned(now_ns):
            for reader in self._lazy:
                reader.wake()
        if self.source is Source.REST and self.fresh(now_ns):
            doubted_ns = now_ns if self.doubted_ns is None else self.doubted_ns
            self._changed(Source.STREAM, "the stream speaks again", (now_ns - doubted_ns) / NS_PER_MS)
            self.source, self.doubted_ns = Source.STREAM, None

    def _returned(self, now_ns: int) -> bool:
        """Data came while the stream was not in use: use it again, unless it must prove itself first."""
        if not self.received:
            self.received = True
            self._steady_ns = now_ns
            self.strikes = 0
        if self.quarantined is not None:
            return False
        if self.replaceable and self._damping.holds(now_ns, self._steady_ns):
            return False
        self.live = True
        self._desk.restored.confirmed(self.subscription)
        self._recover(now_ns)
        self._release()
        return True

    def _recover(self, now_ns: int) -> None:
        """Close the gap of the loss, if there was one, and say that the stream is the source again."""
        loss, self.loss = self.loss, None
        if loss is not None:
            # by the wall clock as it stood when the gap began, so that no step of it is part of the span
            until_ns = max(loss.since_wall_ns + now_ns - loss.since_ns, loss.gap.from_ns)
            self._close(loss, replace(loss.gap, until_ns=until_ns))
            if self.source not in (None, Source.STREAM):
                took_ms = (now_ns - loss.since_ns) / NS_PER_MS
                self._changed(Source.STREAM, "the stream is verified again", took_ms)
        self.source = Source.STREAM

    def _close(self, loss: Loss, gap: Gap) -> None:
        self.tell(self._desk.ledger.change(loss.gap_number, gap))

    def _last_known_ns(self, now_ns: int) -> int:
        """Unix time up to which nothing is missing."""
        last_ns = self.cadence.last_ns
        received_ns = self._desk.wall_ns(now_ns if last_ns is None else last_ns)
        venue_ns = getattr(self.value, "venue_ns", None)
        return received_ns if venue_ns is None else min(received_ns, venue_ns)

    def _changed(self, source: Source, cause: str, took_ms: float) -> None:
        channel, previous = self.subscription.channel, self.source or source
        took_ms = max(0.0, took_ms)  # what ended it may have been received before the loss was noticed
        event = SourceChanged(channel, self.symbol, source, previous, cause, took_ms, self.interval_s)
        self._desk.events.add(event)

    # --- REST ---

    def request_leaves(self, now_ns: int) -> None:
        """A request for this topic is being handed to the venue's port."""
        loss = self.loss
        since_ns = self.doubted_ns if loss is None else loss.since_ns
        if since_ns is None or self.source is not Source.STREAM or not self.readers or self.rest_doubted:
            return
        took_ms = (now_ns - max(since_ns, self._read_since_ns)) / NS_PER_MS
        if self.replaceable:
            failovers = self._desk.failovers
            failovers.count += 1
            failovers.max_ms = max(failovers.max_ms, took_ms)
        self._changed(Source.REST, "the stream is silent" if loss is None else loss.reason, took_ms)
        self.source = Source.REST

    def answered(self, value: T, asked_ns: int, now_ns: int) -> None:
        """REST has answered; readers get it while the stream is not in use."""
        self._keep(value, asked_ns, now_ns)
        if self.loss is not None and self.readers and self.replaceable:
            failovers = self._desk.failovers
            failovers.answer_ms_max = max(failovers.answer_ms_max, (now_ns - asked_ns) / NS_PER_MS)
        if self.fresh(now_ns) or self.answer is None or self.rest_doubted is not None:
            return
        if self.overtaken:
            self.polled_ns = None  # perhaps older than what readers have had: asked again
            return
        self.source = self.source or Source.REST
        self._deliver(self.answer)
        for reader in self._lazy:
            reader.wake()

    @property
    def rest_doubted(self) -> str | None:
        """Why REST's answers must not stand in for the stream; None where they may."""
        return self._desk.rest_doubted.get(self.symbol)

    @property
    def overtaken(self) -> bool:
        """Whether the stream has spoken since REST was asked for the answer at hand."""
        last_ns = self.cadence.last_ns
        return last_ns is not None and last_ns > self._answer_asked_ns

    def _keep(self, value: T, asked_ns: int, now_ns: int) -> None:
        self.unanswered = None
        self._desk.restored.confirmed(self.subscription)
        self._answer_asked_ns = asked_ns
        ttl_s = TTL_S[self.subscription.channel]
        self.answer = Reading(value, Source.REST, now_ns, self._clock, False, ttl_s, self.confidence)

    def _deliver(self, reading: Reading[T]) -> None:
        self.from_rest += bool(self._takes)
        for take in self._takes:
            take(reading)

    # --- readers ---

    def add(self, reader: Reader) -> None:
        """Let a reader have what comes from now on."""
        self._read_since_ns = self._read_since_ns if self.readers else self._clock.mono_ns()
        self.readers.append(reader)
        self._sort_readers()
        if self.refused is not None:
            reader.fail(self.refused)
        elif self.loss is not None:
            reader.gap(self.loss.gap)

    def remove(self, reader: Reader) -> None:
        """Let it go; the stream lingers."""
        if reader in self.readers:
            self.readers.remove(reader)
            self._sort_readers()
            self.keep()

    def watched_by(self, witness: Witness[Any]) -> None:
        """Show every state of the stream to a witness, in use or not."""
        self._witnesses = (*self._witnesses, witness)
        self._sort_readers()

    def dismiss(self, witness: Witness[Any]) -> None:
        """Show it no more."""
        self._witnesses = tuple(each for each in self._witnesses if each is not witness)
        self._sort_readers()

    def _sort_readers(self) -> None:
        takes = [reader.take for reader in self.readers if reader.eager]
        self._takes = (*takes, *(witness.take for witness in self._witnesses))
        self._lazy = tuple(reader for reader in self.readers if not reader.eager)

    def keep(self) -> None:
        """Somebody has just read: stay subscribed for a while."""
        if self.refused is None:
            self.keep_until_ns = self._clock.mono_ns() + round(LINGER_S * NS_PER_S)

    def tell(self, gap: Gap) -> None:
        """Every reader learns of a hole, in its place."""
        for reader in tuple(self.readers):
            reader.gap(gap)

    async def in_use(self) -> None:
        """Return once the stream is in use, or will not be."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def _release(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    # --- what is known ---

    def fresh(self, now_ns: int) -> bool:
        """Whether the stream is in use and silent for no longer than its bound."""
        return self.live and self.cadence.fresh(now_ns)

    def last_ns(self) -> int | None:
        """When anything was last received, from the stream or from REST."""
        known = (self.cadence.last_ns, self.answer.received_mono_ns if self.answer is not None else None)
        return max((each for each in known if each is not None), default=None)

    def current(self) -> T | None:
        """The stream's value as a reader gets it."""
        return self.value

    def from_stream(self) -> Reading[T] | None:
        """The stream's latest value with its age; None where there is none."""
        reading = self.told(self.current())
        self.streamed += reading is not None
        return reading

    def told(self, value: U | None) -> Reading[U] | None:
        """A value of the stream, or part of one, as a Reading; nobody's read, so none is counted."""
        last_ns = self.cadence.last_ns
        if value is None or last_ns is None:
            return None
        bound_s = self.cadence.vouched_bound_s() if self.live else 0.0  # out of use it is fresh for no time
        proven = self.proven and self.quarantined is None
        return Reading(value, Source.STREAM, last_ns, self._clock, proven, bound_s, self.confidence)
