"""What happens to orders, as typed values, and the two ways to hear of it: an iterator and a callback.

Rule: nothing is passed over. A listener that lags by a hundred thousand events is ended and told so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from enum import Enum
from typing import Any

from msgspec import Struct

from leadline.clock import Clock
from leadline.engine.events import EventLog
from leadline.engine.readers import Watchdog, call
from leadline.errors import Error
from leadline.model.order import Fill, Order, OrderReport

BACKLOG = 100_000
"""Events one listener may lag behind; then it is ended with an error, never thinned out."""


class Cause(Enum):
    """Why an order is told of."""

    QUEUED = "queued"  # decided upon, waiting for its turn; nothing journalled, nothing sent
    REMOVED = "removed"  # taken out before it was sent
    SUBMITTED = "submitted"  # journalled for good; its first byte may leave
    ACKNOWLEDGED = "acknowledged"  # the venue said yes
    DOUBTED = "doubted"  # whether it arrived is not known
    REPORTED = "reported"  # evidence of the venue, from the stream or a look-up
    SETTLED = "settled"  # a definite refusal, or nothing found once it could not arrive any more
    ADOPTED = "adopted"  # an order of the account that is not of this journal
    AMENDING = "amending"  # a change of it is journalled for good
    AMENDED = "amended"  # the venue said yes to a change
    NOT_AMENDED = "not_amended"  # the venue said no to a change, or it never left
    CONTRADICTED = "contradicted"  # it had been called rejected, and the venue's evidence says otherwise


class OrderEvent(Struct, frozen=True, kw_only=True):
    """An order as it is now and what made it so.

    `fill` is set when this event counted it, which happens once for each fill. `at_ns` is Unix time by our
    clock.
    """

    order: Order
    cause: Cause
    at_ns: int
    report: OrderReport | None = None
    fill: Fill | None = None
    why: str = ""


class NewsGap(Struct, frozen=True):
    """The stream of order news was lost (`until_ns` None), or is back and what comes next is the sum since.

    Monotonic nanoseconds.
    """

    from_ns: int
    until_ns: int | None = None


class SymbolHalted(Struct, frozen=True):
    """New orders of a symbol are held."""

    symbol: str
    why: str


class SymbolResumed(Struct, frozen=True):
    """New orders of a symbol are taken again."""

    symbol: str
    why: str


class ReportsDropped(Struct, frozen=True):
    """News of orders nobody here knows was given up after its bound; `count` so far."""

    order_id: str
    count: int


OrderNews = OrderEvent | NewsGap | SymbolHalted | SymbolResumed | ReportsDropped


class _Listener:
    """Everything in order, until it lags too far."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: deque[OrderNews] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._overrun = False

    def put(self, news: OrderNews) -> None:
        if len(self._queue) >= BACKLOG:
            self._overrun = True
        elif not self._overrun:
            self._queue.append(news)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self) -> OrderNews:
        while not self._queue:
            if self._overrun:
                raise Error(f"{self._name} lagged by {BACKLOG} order events and has been ended")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._queue.popleft()


class OrderWire:
    """Hands each event to every listener; user code runs in its own task, off the receive path."""

    def __init__(
        self, clock: Clock, log: EventLog, spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    ) -> None:
        self._clock = clock
        self._log = log
        self._spawn = spawn
        self._listeners: list[_Listener] = []

    def publish(self, news: OrderNews) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            listener.put(news)

    async def events(self) -> AsyncGenerator[OrderNews, None]:
        """Everything from the first `anext` on; raises Error when its reader lags by `BACKLOG`."""
        listener = self._add("an iterator of order events")
        try:
            while True:
                yield await listener.next()
        finally:
            self._listeners.remove(listener)

    def on(self, take: Callable[[OrderNews], object]) -> Callable[[], None]:
        """Call `take` (a function or a coroutine function) with everything from now on, until stopped.

        One that raises or takes over 100 ms is named in the event log; it goes on being called.
        """
        name = getattr(take, "__qualname__", repr(take))
        listener = self._add(name)
        task = self._spawn(self._drain(listener, take, Watchdog(name, self._clock, self._log)))

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
            task.cancel()

        return stop

    def _add(self, name: str) -> _Listener:
        listener = _Listener(name)
        self._listeners.append(listener)
        return listener

    async def _drain(
        self, listener: _Listener, take: Callable[[OrderNews], object], watchdog: Watchdog
    ) -> None:
        while True:
            try:
                news = await listener.next()
            except Error as error:
                watchdog.failed(error)
                self._listeners.remove(listener)
                return
            await call(take, news, watchdog)
