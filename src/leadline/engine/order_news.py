"""What happens to orders, as typed values, and the two ways to hear of it: an iterator and a callback.

Rule: nothing that happened is missing from what a listener knows in the end. One that lags too far is told so
and gets the latest state of all that changed: an order carries its fills, so none of them is passed over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable
from enum import Enum
from typing import Any

from msgspec import Struct

from leadline.clock import Clock
from leadline.engine import policies
from leadline.engine.delivery import Begun, Stream
from leadline.engine.events import EventLog
from leadline.engine.readers import Watchdog, call
from leadline.errors import Error
from leadline.model.order import Fill, Order, OrderReport

BACKLOG = policies.ACCOUNT.bound
"""Events one listener may lag behind; what comes then is summed up by order."""


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
    """New orders of a symbol are held, by one of those who may."""

    symbol: str
    why: str
    by: str


class SymbolResumed(Struct, frozen=True):
    """A hold of a symbol is over, or all (`by` is empty); orders go on where `still` names nobody."""

    symbol: str
    why: str
    by: str = ""
    still: tuple[str, ...] = ()


class RateExceeded(Struct, frozen=True):
    """More orders were asked for than were said to be: no new one leaves until a person resets it."""

    per_s: float
    evidence: tuple[str, ...]


class RateAllowed(Struct, frozen=True):
    """Orders may leave again."""

    why: str


class ReportsDropped(Struct, frozen=True):
    """News of orders nobody here knows was given up after its bound; `count` so far."""

    order_id: str
    count: int


class NewsSummed(Struct, frozen=True):
    """The listener lagged: of `missed` events only the latest of each order and symbol follows.

    Fills counted in those events are in the `fills` of their orders, though no event tells of each.
    """

    missed: int


OrderNews = (
    OrderEvent
    | NewsGap
    | NewsSummed
    | SymbolHalted
    | SymbolResumed
    | RateExceeded
    | RateAllowed
    | ReportsDropped
)


class _Listener:
    """Everything in order; what comes beyond the bound summed up, each order in its latest state."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: deque[OrderNews] = deque()
        self._sum: dict[Hashable, OrderNews] = {}
        self._missed = 0
        self._waiter: asyncio.Future[None] | None = None

    def put(self, news: OrderNews) -> None:
        if self._missed or len(self._queue) >= BACKLOG:
            self._missed += 1
            about = _about(news)
            self._sum.pop(about, None)  # the latest comes last
            if len(self._sum) < BACKLOG:
                self._sum[about] = news
        else:
            self._queue.append(news)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self) -> OrderNews:
        while not self._queue:
            if self._missed:
                return self._sum_up()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._queue.popleft()

    def _sum_up(self) -> NewsSummed:
        summed = NewsSummed(self._missed)
        if len(self._sum) >= BACKLOG:
            raise Error(f"{self._name} lagged by {BACKLOG} orders and has been ended; read them with `open`")
        self._queue.extend(self._sum.values())
        self._sum.clear()
        self._missed = 0
        return summed


def _about(news: OrderNews) -> Hashable:
    """What a piece of news is about: of two about the same only the later one matters."""
    match news:
        case OrderEvent():
            return news.order.client_id or news.order.order_id
        case SymbolHalted() | SymbolResumed():
            return news.symbol, news.by
        case RateExceeded() | RateAllowed():
            return RateExceeded
        case ReportsDropped():
            return ReportsDropped
        case _:
            return NewsGap


class OrderWire:
    """Hands each event to every listener; user code runs in its own task, off the receive path."""

    def __init__(
        self, clock: Clock, log: EventLog, spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    ) -> None:
        self._clock = clock
        self._log = log
        self._spawn = spawn
        self._listeners: list[_Listener] = []
        self._parts: list[Callable[[OrderNews], None]] = []

    def publish(self, news: OrderNews) -> None:
        """Tell every listener."""
        for part in self._parts:
            part(news)
        for listener in tuple(self._listeners):
            listener.put(news)

    def tell(self, part: Callable[[OrderNews], None]) -> None:
        """Call another part of the system with everything, at once and for good; user code uses `on`."""
        self._parts.append(part)

    def events(self) -> AsyncGenerator[OrderNews, None]:
        """Everything from the first `anext` on; raises Error when its reader lags by `BACKLOG` orders."""

        def begin() -> Begun[OrderNews]:
            listener = self._add("an iterator of order events")
            return listener.next, lambda: self._listeners.remove(listener)

        return Stream(begin)

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
