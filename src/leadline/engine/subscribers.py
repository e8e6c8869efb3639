"""Iterators and callbacks on topics: what reads, how it is named, and how far it may lag.

An iterator begins to read with its first `anext`; a callback at once.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from leadline.engine import policies
from leadline.engine.delivery import Begun, Stream
from leadline.engine.lag import Lag
from leadline.engine.latency import Latencies
from leadline.engine.policies import AtBound
from leadline.engine.readers import (
    Callback,
    Conflated,
    FrozenBooks,
    Lossless,
    Reader,
    Stopwatch,
    Watchdog,
    run_callback,
)
from leadline.engine.sources import Sources
from leadline.engine.topics import Desk, Topic
from leadline.engine.wants import Wants
from leadline.errors import Error
from leadline.model.market import Subscription
from leadline.model.reading import Reading

R = TypeVar("R", bound=Reader)

Stop = Callable[[], None]
"""Ends what it was returned for."""

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None] | None]


class Subscribers:
    """Makes the readers of one feed; after `fail` every new one is given that error."""

    def __init__(
        self, desk: Desk, sources: Sources, wants: Wants, latencies: Latencies, spawn: Spawn
    ) -> None:
        self._desk = desk
        self._sources = sources
        self._wants = wants
        self._latencies = latencies
        self._spawn = spawn
        self._stopwatch = Stopwatch(sources.frame_ns)
        self._error: Error | None = None

    def fail(self, error: Error) -> None:
        """The line will never come back."""
        self._error = error

    # --- the ways to read ---

    def newest(self, wanted: Subscription) -> Stream[Any]:
        """The newest reading each time there is one."""
        return Stream(lambda: self.begin(wanted, lambda topic: self.conflated(topic, f"newest {wanted}")))

    def every(self, wanted: Subscription) -> Stream[Any]:
        """Every reading in order."""
        return Stream(lambda: self.begin(wanted, lambda topic: self.lossless(topic, f"every {wanted}")))

    def every_book(self, wanted: Subscription) -> Stream[Any]:
        """Every state of a book, frozen."""

        def frozen(topic: Topic[Any]) -> FrozenBooks:
            desk, lag = self._desk, self.lag(topic, f"every {wanted}")
            return FrozenBooks(topic.symbol, wanted.param, desk.events, desk.ledger.open, lag)

        return Stream(lambda: self.begin(wanted, frozen))

    def call(self, wanted: Subscription, take: Callable[[Reading[Any]], object]) -> Stop:
        """Call `take` until stopped: a function with each reading, a coroutine function by its policy."""
        topic = self._wants.topic(wanted)
        name = f"{getattr(take, '__qualname__', repr(take))} ({wanted})"
        watchdog = Watchdog(name, self._desk.clock, self._desk.events)
        if not inspect.iscoroutinefunction(take):
            callback = Callback(take, watchdog, self._stopwatch, self.lag(topic, name))
            self.add(topic, callback)
            return lambda: topic.remove(callback)
        conflates = policies.BY_CHANNEL[wanted.channel].at_bound is AtBound.NEWEST
        reader = self.conflated(topic, name) if conflates else self.lossless(topic, name)
        self.add(topic, reader)
        task = self._spawn(run_callback(reader, take, watchdog))

        def stop() -> None:
            topic.remove(reader)
            if task is not None:
                task.cancel()

        return stop

    # --- their parts ---

    def begin(
        self, wanted: Subscription, make: Callable[[Topic[Any]], Conflated[Any] | Lossless[Any]]
    ) -> Begun[Any]:
        """Read from now on: the way to wait for the next reading, and the way to stop."""
        topic = self._wants.topic(wanted)
        reader = make(topic)
        self.add(topic, reader)
        return reader.next, lambda: topic.remove(reader)

    def add(self, topic: Topic[Any], reader: Reader) -> None:
        """Let a reader have what comes from now on."""
        topic.add(reader)
        if self._error is not None:
            reader.fail(self._error)
        elif topic.loss is not None:
            self._wants.serve(topic.symbol)

    def conflated(self, topic: Topic[Any], name: str) -> Conflated[Any]:
        """A reader of the newest value."""
        return Conflated(lambda: self._sources.newest(topic), self.lag(topic, name))

    def lossless(self, topic: Topic[Any], name: str) -> Lossless[Any]:
        """A reader of every value, up to the bound of its kind."""
        desk, channel = self._desk, topic.subscription.channel
        policy = policies.BY_CHANNEL[channel]
        bound = (policy if policy.at_bound is AtBound.GAP else policies.EVERY).bound
        lag = self.lag(topic, name)
        return Lossless(channel, topic.symbol, name, desk.events, desk.ledger.open, lag, bound)

    def lag(self, topic: Topic[Any], name: str) -> Lag:
        """What measures the delay of a reader of this topic."""
        delivery = self._latencies.of(topic.subscription).delivery
        return Lag(name, self._desk.clock.mono_ns, self._desk.events, delivery)
