"""The Http port: one request at a time leaves for a venue, in order of priority, inside a budget."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Protocol

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.core.limits import DecayingCounter
from leadline.errors import Throttled, TransportError
from leadline.net.endpoint import BrokenOff


class Purpose(Enum):
    """Why a REST call is made; every call is counted by it."""

    REFERENCE = "reference"
    SNAPSHOT = "snapshot"  # first value of something, or the stream has none
    FALLBACK = "fallback"  # the stream is lost
    VALIDATION = "validation"  # is a silent stream quiet or dead?
    BACKFILL = "backfill"
    HISTORY = "history"
    STATUS = "status"
    DIAGNOSIS = "diagnosis"


class Priority(IntEnum):
    """Lower leaves first."""

    EMERGENCY = 0
    FALLBACK = 1
    NORMAL = 2
    BACKGROUND = 3


@dataclass(frozen=True, slots=True)
class Request:
    """One exchange; `path` begins with a slash, `query` is ordered, `cost` is in the venue's own points."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cost: float = 1.0


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Http(Protocol):
    """Sends requests to one venue."""

    async def send(
        self, request: Request, purpose: Purpose, priority: Priority = Priority.NORMAL
    ) -> Response:
        """The venue's answer, whatever its status.

        Raises ConnectFailed when no byte left, ConnectionLost when the answer never came, Throttled when the
        budget leaves no room within the request's patience.
        """

    def exceeded(self) -> None:
        """The venue has said in the body of an answer that we ask too much: the budget counts as spent."""


PATIENCE_S = {
    Priority.EMERGENCY: 2.0,
    Priority.FALLBACK: 5.0,
    Priority.NORMAL: 10.0,
    Priority.BACKGROUND: math.inf,
}
"""How long a request may wait for its turn before it is refused; the background has time."""

SPACING_NS = 100 * NS_PER_MS
UNSPACED = frozenset({Priority.EMERGENCY, Priority.FALLBACK})

RESERVE = {Priority.EMERGENCY: 0.0, Priority.FALLBACK: 0.0, Priority.NORMAL: 1.0, Priority.BACKGROUND: 4.0}
"""Points of the budget left untouched, so that a lost stream finds room at once whatever else is asked."""

_LONGEST_NAP_S = 0.05  # who is first in the queue looks again so often: another asker may have hurried it

QUEUE_LIMIT = 256
TOO_MANY_REQUESTS = 429


class _Ticket:
    """A place in the queue; `refused_s` is set when the wait has become longer than its owner's patience."""

    def __init__(self, request: Request, priority: Priority, number: int, now_ns: int) -> None:
        self.cost = request.cost
        self.priority = priority
        self.number = number
        self.since_ns = now_ns
        self.patience_s = PATIENCE_S[priority]
        self.refused_s: float | None = None
        self.called = asyncio.Event()

    def place(self) -> tuple[Priority, int]:
        return (self.priority, self.number)


class _Flight:
    """A GET that waits or is on its way, and its outcome for all who asked: None when its sender gave up."""

    def __init__(self, ticket: _Ticket) -> None:
        self.ticket = ticket
        self.outcome: asyncio.Future[Response | TransportError | None] = (
            asyncio.get_running_loop().create_future()
        )


class PacedHttp(ABC):
    """The Http port over any exchange: order of priority, spacing, budget, one request for all who ask alike.

    Requests leave one at a time, but a slow answer holds back nobody. `counts` says how many have left for
    each purpose.
    """

    def __init__(self, clock: Clock, counter: DecayingCounter) -> None:
        self._clock = clock
        self._counter = counter
        self._queue: list[_Ticket] = []
        self._flights: dict[Request, _Flight] = {}
        self._numbered = 0
        self._left_ns: int | None = None
        self.counts: Counter[Purpose] = Counter()

    @abstractmethod
    async def exchange(self, request: Request) -> Response:
        """Send now and return the answer; raises ConnectFailed or ConnectionLost."""

    async def send(
        self, request: Request, purpose: Purpose, priority: Priority = Priority.NORMAL
    ) -> Response:
        """The venue's answer; an identical GET under way is shared, and hurried if this is more urgent."""
        while (flight := self._flights.get(request)) is not None:
            self._hurry(flight.ticket, priority)
            outcome = await asyncio.shield(flight.outcome)
            if isinstance(outcome, Response):
                return outcome
            if outcome is not None:
                raise outcome
        ticket = self._enqueue(request, priority)
        if request.method == "GET":
            return await self._fly(request, ticket, purpose)
        return await self._leave(request, ticket, purpose)

    async def _fly(self, request: Request, ticket: _Ticket, purpose: Purpose) -> Response:
        flight = self._flights[request] = _Flight(ticket)
        outcome: Response | TransportError | None = None
        try:
            try:
                outcome = await self._leave(request, ticket, purpose)
            except BrokenOff:  # a connection kept open shows only on use that it is dead
                flight.ticket = self._enqueue(request, flight.ticket.priority)
                outcome = await self._leave(request, flight.ticket, purpose)
            return outcome
        except TransportError as error:
            outcome = error
            raise
        finally:
            del self._flights[request]
            flight.outcome.set_result(outcome)

    async def _leave(self, request: Request, ticket: _Ticket, purpose: Purpose) -> Response:
        try:
            await self._turn(ticket)
        finally:
            self._queue.remove(ticket)
            self._call_first()
        self.counts[purpose] += 1
        response = await self.exchange(request)
        if response.status == TOO_MANY_REQUESTS:
            self.exceeded()
        return response

    def exceeded(self) -> None:
        """The venue has said that we ask too much: nothing leaves until the budget has drained."""
        self._counter.exceeded(self._clock.mono_ns())

    async def _turn(self, ticket: _Ticket) -> None:
        """Return when the ticket may leave, its cost spent; raises Throttled."""
        while True:
            now_ns = self._clock.mono_ns()
            self._refuse_the_late(now_ns)
            if ticket.refused_s is not None:
                raise _throttled(ticket.refused_s)
            if self._queue[0] is not ticket:
                ticket.called.clear()
                await ticket.called.wait()
            elif (wait_s := self._wait_s(ticket, now_ns)) > 0:
                await self._clock.sleep(min(wait_s, _LONGEST_NAP_S))
            else:
                self._counter.spend(ticket.cost, now_ns)
                self._left_ns = now_ns
                return

    def _enqueue(self, request: Request, priority: Priority) -> _Ticket:
        if len(self._queue) >= QUEUE_LIMIT:
            raise _throttled(self._wait_s(self._queue[-1], self._clock.mono_ns()))
        self._numbered += 1
        ticket = _Ticket(request, priority, self._numbered, self._clock.mono_ns())
        self._queue.append(ticket)
        self._queue.sort(key=_Ticket.place)
        return ticket

    def _hurry(self, ticket: _Ticket, priority: Priority) -> None:
        """Let a ticket that still waits go as early as this priority may; raises Throttled if too late."""
        if ticket not in self._queue:
            return
        if priority < ticket.priority:
            ticket.priority = priority
            self._queue.sort(key=_Ticket.place)
            self._call_first()
        wait_s = self._wait_s(ticket, self._clock.mono_ns())
        if wait_s > PATIENCE_S[priority]:
            raise _throttled(wait_s)

    def _wait_s(self, ticket: _Ticket, now_ns: int) -> float:
        """How long until a queued ticket can leave, if nobody overtakes it."""
        place = self._queue.index(ticket)
        before = [other for other in self._queue[:place] if other.refused_s is None]
        ahead = sum(other.cost for other in before)
        budget_s = self._counter.delay_s(ticket.cost, now_ns, ahead, RESERVE[ticket.priority])
        if ticket.priority in UNSPACED or self._left_ns is None:
            return budget_s
        free_ns = self._left_ns + SPACING_NS * (1 + len(before))
        return max(budget_s, (free_ns - now_ns) / NS_PER_S)

    def _refuse_the_late(self, now_ns: int) -> None:
        """Wake those who would wait longer than they will, so that they need not wait to hear it."""
        for ticket in list(self._queue):
            wait_s = self._wait_s(ticket, now_ns)
            waited_s = (now_ns - ticket.since_ns) / NS_PER_S
            if ticket.refused_s is None and (wait_s + waited_s > ticket.patience_s or math.isinf(wait_s)):
                ticket.refused_s = wait_s
                ticket.called.set()

    def _call_first(self) -> None:
        if self._queue:
            self._queue[0].called.set()


def _throttled(wait_s: float) -> Throttled:
    return Throttled(f"the request budget of the venue has no room for another {wait_s:.1f} s", wait_s)


class MemoryHttp(PacedHttp):
    """Asks a function instead of a network."""

    def __init__(self, answer: Callable[[Request], Response], clock: Clock, counter: DecayingCounter) -> None:
        super().__init__(clock, counter)
        self._answer = answer

    async def exchange(self, request: Request) -> Response:
        return self._answer(request)
