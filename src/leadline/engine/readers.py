"""The ways to read a topic: the newest value, every value, or a call for each.

A reader never slows the stream or another reader; what it could not take is counted and told to it as a gap.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, Protocol, TypeVar

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.engine import policies
from leadline.engine.events import Event, EventLog, ReaderFailed, ReaderSlow
from leadline.engine.lag import Lag
from leadline.errors import Error
from leadline.model.market import Channel, FrozenBook, Gap, GapCause
from leadline.model.reading import Reading

T = TypeVar("T")

LOSSLESS_BOUND = policies.EVERY.bound
"""Readings a lossless reader may lag behind; then the oldest is dropped, counted and told as a gap."""

_KEPT_GAPS = 64  # at the bound a conflated reader forgets the oldest; the ledger has them all
SLOW_NS = 100 * NS_PER_MS


class Reader(Protocol):
    """What a topic calls: an eager reader gets every reading, a lazy one learns that there is a newer one."""

    eager: bool

    def take(self, reading: Reading[Any]) -> None:
        """A new reading (eager readers)."""

    def wake(self) -> None:
        """There is something newer (lazy readers)."""

    def gap(self, gap: Gap) -> None:
        """A hole in the stream has opened or changed."""

    def fail(self, error: Error) -> None:
        """The stream will not come (back)."""


class _Waiting:
    """One future, made only while somebody waits."""

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None
        self._error: Error | None = None

    def _notify(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def fail(self, error: Error) -> None:
        """Raise this from the next wait."""
        self._error = error
        self._notify()


class Conflated(_Waiting, Generic[T]):
    """The newest reading each time; what came between is passed over. Holds no value, so serves no old."""

    eager = False

    def __init__(self, newest: Callable[[], Reading[T] | None], lag: Lag) -> None:
        super().__init__()
        self._newest = newest
        self._newer = True
        self._lag = lag
        self._handed_ns = lag.mono_ns()
        self._gaps: deque[Gap] = deque(maxlen=_KEPT_GAPS)

    def take(self, reading: Reading[Any]) -> None:
        self.wake()

    def wake(self) -> None:
        self._newer = True
        if self._waiter is not None:
            self._notify()

    def gap(self, gap: Gap) -> None:
        self._gaps.append(gap)
        self._notify()

    async def next(self) -> Reading[T] | Gap:
        """The next gap, else the newest reading once there is a newer one; raises the stream's refusal."""
        while True:
            if self._gaps:
                return self._gaps.popleft()
            if self._newer:
                self._newer = False
                reading = self._newest()
                if reading is not None:
                    self._handed(reading)
                    return reading
            await self._wait()

    def _handed(self, reading: Reading[T]) -> None:
        """What was known when it was last handed something is old, but not by its fault."""
        if reading.received_mono_ns >= self._handed_ns:
            self._handed_ns = self._lag.handed(reading.received_mono_ns)
        else:
            self._handed_ns = self._lag.mono_ns()


class Lossless(_Waiting, Generic[T]):
    """Every reading in order, up to a bound."""

    eager = True

    def __init__(
        self,
        channel: Channel,
        symbol: str,
        name: str,
        events: EventLog,
        record: Callable[[Gap], object],
        lag: Lag,
        bound: int = LOSSLESS_BOUND,
    ) -> None:
        super().__init__()
        self.dropped = 0
        self._lag = lag
        self._channel = channel
        self._symbol = symbol
        self._name = name
        self._events = events
        self._record = record
        self._bound = bound
        self._queue: deque[Reading[T] | Gap] = deque()
        self._hole: tuple[int, int, int] | None = None  # from, until, how many

    def take(self, reading: Reading[T]) -> None:
        self._put(reading)

    def wake(self) -> None:
        """Nothing to do: an eager reader has been given the value."""

    def gap(self, gap: Gap) -> None:
        self._put(gap)

    def _put(self, item: Reading[T] | Gap) -> None:
        if len(self._queue) >= self._bound:
            self._drop(self._queue.popleft())
        self._queue.append(item)
        if self._waiter is not None:
            self._notify()

    def _drop(self, item: Reading[T] | Gap) -> None:
        at_ns = item.from_ns if isinstance(item, Gap) else item.received_ns
        count = 0 if isinstance(item, Gap) else 1
        if self._hole is None:
            self._hole = (at_ns, at_ns, count)
            self._events.add(ReaderSlow(self._name, dropped=self.dropped + count))
        else:
            self._hole = (self._hole[0], at_ns, self._hole[2] + count)
        self.dropped += count

    async def next(self) -> Reading[T] | Gap:
        """The next in order; where some were dropped, a gap with their number. Raises a refusal."""
        while True:
            if self._hole is not None:
                begin, end, count = self._hole
                self._hole = None
                gap = Gap(self._channel, self._symbol, GapCause.OVERFLOW, begin, end, count)
                self._record(gap)
                return gap
            if self._queue:
                item = self._queue.popleft()
                if not isinstance(item, Gap):
                    self._lag.handed(item.received_mono_ns)
                return item
            await self._wait()


class Listener(_Waiting):
    """Every event in order, up to a bound at which the oldest go; their number is told in their place."""

    def __init__(self, bound: int = policies.EVENTS.bound) -> None:
        super().__init__()
        self._queue: deque[Event] = deque(maxlen=bound)
        self._dropped = 0

    def put(self, event: Event) -> None:
        self._dropped += len(self._queue) == self._queue.maxlen
        self._queue.append(event)
        self._notify()

    async def next(self) -> Event:
        while not self._queue:
            await self._wait()
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            return ReaderSlow("an iterator of events", dropped=dropped)
        return self._queue.popleft()


class Watchdog:
    """Names a callback that fails or takes too long, at most once a second each."""

    def __init__(self, name: str, clock: Clock, events: EventLog) -> None:
        self.name = name
        self.mono_ns = clock.mono_ns
        self._events = events
        self._failures = 0
        self._silent_until_ns = 0

    def failed(self, error: Exception | asyncio.CancelledError) -> None:
        self._failures += 1
        if self._due():
            text = f"{type(error).__name__}: {error}"
            self._events.add(ReaderFailed(self.name, text, self._failures))

    def slow(self, took_ns: int) -> None:
        if self._due():
            self._events.add(ReaderSlow(self.name, took_ms=took_ns / NS_PER_MS))

    def _due(self) -> bool:
        now_ns = self.mono_ns()
        if now_ns < self._silent_until_ns:
            return False
        self._silent_until_ns = now_ns + NS_PER_S
        return True


class Stopwatch:
    """When the last callback of a feed ended; the next one of the same frame has not begun before.

    `frame_ns` says when the last frame was read: what it told may be stamped older than that.
    """

    __slots__ = ("ended_ns", "frame_ns")

    def __init__(self, frame_ns: Callable[[], int]) -> None:
        self.ended_ns = 0
        self.frame_ns = frame_ns


class Callback(Generic[T]):
    """A plain function called with each reading, straight from the frame.

    It is timed by one look at the clock: a call begins with the receipt, or with the end of the call before.
    """

    eager = True

    def __init__(
        self,
        function: Callable[[Reading[T]], object],
        watchdog: Watchdog,
        stopwatch: Stopwatch,
        lag: Lag,
    ) -> None:
        self._function = function
        self._watchdog = watchdog
        self._stopwatch = stopwatch
        self._lag = lag
        self._bound_ns = SLOW_NS  # what takes longer is looked into; while it lags, everything is
        self._mono_ns = watchdog.mono_ns

    def take(self, reading: Reading[T]) -> None:
        received_ns = reading.received_mono_ns
        if not received_ns & 63:  # one in 64 is measured: a look at the clock for each would be dear
            self._lag.observe(self._mono_ns() - received_ns)
        try:
            self._function(reading)
        except (
            Exception,
            asyncio.CancelledError,
        ) as error:  # the reader's own code: it is named
            self._watchdog.failed(error)
        stopwatch = self._stopwatch
        before_ns = stopwatch.ended_ns
        stopwatch.ended_ns = ended_ns = self._mono_ns()
        if ended_ns - received_ns > self._bound_ns:
            self._took(max(before_ns, received_ns, stopwatch.frame_ns()), ended_ns, received_ns)

    def _took(self, begun_ns: int, ended_ns: int, received_ns: int) -> None:
        """Who is slow and who was only kept waiting are two things."""
        self._lag.judge(begun_ns - received_ns, begun_ns)
        self._bound_ns = -1 if self._lag.lags else SLOW_NS
        if ended_ns - begun_ns > SLOW_NS:
            self._watchdog.slow(ended_ns - begun_ns)

    def wake(self) -> None:
        """Nothing to do: an eager reader has been given the value."""

    def gap(self, gap: Gap) -> None:
        """Callbacks take readings; holes are events of the feed."""

    def fail(self, error: Error) -> None:
        """Callbacks take readings; failures are events of the feed."""


class FrozenBooks(Lossless[FrozenBook]):
    """Every state of a book, frozen as it comes, because the live one will have moved on."""

    def __init__(
        self, symbol: str, depth: int, events: EventLog, record: Callable[[Gap], object], lag: Lag
    ) -> None:
        super().__init__(Channel.BOOK, symbol, f"every book {symbol} depth {depth}", events, record, lag)
        self._depth = depth

    def take(self, reading: Reading[Any]) -> None:
        super().take(reading.of(reading.value.freeze(self._depth)))


async def run_callback(
    reader: Conflated[T] | Lossless[T],
    function: Callable[[Reading[T]], Awaitable[object]],
    watchdog: Watchdog,
) -> None:
    """Call a coroutine function with what its reader gets; a stream that is refused ends it."""
    while True:
        try:
            item = await reader.next()
        except Error:
            return  # told as an event of the feed
        if isinstance(item, Gap):
            continue
        await call(function, item, watchdog)


async def call(function: Callable[[T], object], item: T, watchdog: Watchdog) -> None:
    """Hand one item to a reader's function or coroutine function; what raises or is slow is named."""
    begun_ns = watchdog.mono_ns()
    try:
        answer = function(item)
        if inspect.isawaitable(answer):
            await _Timed(answer, watchdog)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        watchdog.failed(error)  # something it waited for: nobody has ended this task, and it goes on
    except Exception as error:  # the reader's own code: named, and nobody else hurt
        watchdog.failed(error)
    took_ns = watchdog.mono_ns() - begun_ns
    if took_ns > SLOW_NS:
        watchdog.slow(took_ns)


class _Timed:
    """Awaits something of a reader's and names the reader as soon as one step of it blocks the loop."""

    def __init__(self, work: Awaitable[object], watchdog: Watchdog) -> None:
        self._work = work
        self._watchdog = watchdog

    def __await__(self) -> Generator[Any, Any, None]:
        steps: Any = self._work.__await__()
        step, told = steps.send, None
        while True:
            begun_ns = self._watchdog.mono_ns()
            try:
                wanted = step(told)
            except StopIteration:
                return
            finally:
                took_ns = self._watchdog.mono_ns() - begun_ns
                if took_ns > SLOW_NS:
                    self._watchdog.slow(took_ns)
            try:
                told, step = (yield wanted), steps.send
            except BaseException as error:  # handed on to whom it is meant for
                told, step = error, steps.throw
