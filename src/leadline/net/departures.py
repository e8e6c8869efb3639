"""The queue of requests to one venue: they leave one at a time, by urgency, spaced, inside a budget.

Rule: who would wait longer than it will is told at once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from enum import IntEnum

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.core.limits import Allowance, Reckoning
from leadline.errors import Throttled


class Priority(IntEnum):
    """Lower leaves first."""

    EMERGENCY = 0
    FALLBACK = 1
    ORDER = 2
    NORMAL = 3
    BACKGROUND = 4


PATIENCE_S = {
    Priority.EMERGENCY: 2.0,
    Priority.FALLBACK: 5.0,
    Priority.ORDER: 5.0,
    Priority.NORMAL: 10.0,
    Priority.BACKGROUND: math.inf,
}
"""How long a request may wait for its turn before it is refused; the background has time."""

SPACING_NS = 100 * NS_PER_MS
UNSPACED = frozenset({Priority.EMERGENCY, Priority.FALLBACK})

_LONGEST_NAP_S = 0.05  # who is first in the queue looks again so often: another asker may have hurried it

QUEUE_LIMIT = 1024


class Ticket:
    """A place in the queue; `refused_s` is set when the wait has become longer than its owner's patience."""

    def __init__(self, cost: float, priority: Priority, patience_s: float, number: int, now_ns: int) -> None:
        self.cost = cost
        self.priority = priority
        self.patience_s = patience_s
        self.number = number
        self.since_ns = now_ns
        self.refused_s: float | None = None
        self.called = asyncio.Event()

    def place(self) -> tuple[Priority, bool, int]:
        """The order of leaving; what costs nothing goes first among equals: it waits for no budget."""
        return (self.priority, self.cost > 0, self.number)


async def _nothing_in_the_way() -> bool:
    return True


class Departures:
    """Lets tickets leave; `reserve` is how many points of the budget each priority leaves untouched."""

    def __init__(
        self, clock: Clock, budget: Allowance, reserve: Mapping[Priority, float], spacing_ns: int = SPACING_NS
    ) -> None:
        self._clock = clock
        self._budget = budget
        self._reserve = reserve
        self._spacing_ns = spacing_ns
        self._queue: list[Ticket] = []
        self._numbered = 0
        self._left_ns: int | None = None
        self.throttled = 0
        """Requests that found no room within their patience."""

    def join(self, cost: float, priority: Priority, patience_s: float | None = None) -> Ticket:
        """A place in the queue; raises Throttled when it is full."""
        now_ns = self._clock.mono_ns()
        if len(self._queue) >= QUEUE_LIMIT:
            raise self._throttled(self._wait_s(self._queue[-1], now_ns))
        self._numbered += 1
        patience_s = PATIENCE_S[priority] if patience_s is None else patience_s
        ticket = Ticket(cost, priority, patience_s, self._numbered, now_ns)
        self._queue.append(ticket)
        self._queue.sort(key=Ticket.place)
        return ticket

    async def leave(self, ticket: Ticket, clear: Callable[[], Awaitable[bool]] = _nothing_in_the_way) -> None:
        """Return when the ticket leaves, its cost spent; raises Throttled.

        `clear` is asked when all but it allows the departure; after a False everything is looked at again.
        """
        try:
            await self._turn(ticket, clear)
        finally:
            self._queue.remove(ticket)
            self._call_first()

    def hurry(self, ticket: Ticket, priority: Priority) -> None:
        """Let a ticket that still waits go as early as this priority may; raises Throttled if too late."""
        if ticket not in self._queue:
            return
        if priority < ticket.priority:
            ticket.priority = priority
            self._queue.sort(key=Ticket.place)
            self._call_first()
        wait_s = self._wait_s(ticket, self._clock.mono_ns())
        if wait_s > PATIENCE_S[priority]:
            raise self._throttled(wait_s)

    def never_left(self, ticket: Ticket) -> None:
        """Nothing of what left here has reached the wire: the venue counts nothing, so it is given back."""
        self._budget.spend(-ticket.cost, self._clock.mono_ns())

    def exceeded(self) -> None:
        """The venue has said that we ask too much: what costs anything waits until the budget has drained."""
        self._budget.exceeded(self._clock.mono_ns())

    async def _turn(self, ticket: Ticket, clear: Callable[[], Awaitable[bool]]) -> None:
        while True:
            now_ns = self._clock.mono_ns()
            self._refuse_the_late(now_ns)
            if ticket.refused_s is not None:
                raise self._throttled(ticket.refused_s)
            if not self._foremost(ticket, now_ns):
                ticket.called.clear()
                await ticket.called.wait()
            elif (wait_s := self._alone_s(ticket, now_ns)) > 0:
                self._call_the_free()
                await self._clock.sleep(min(wait_s, _LONGEST_NAP_S))
            elif await clear() and self._departed(ticket):
                return

    def _departed(self, ticket: Ticket) -> bool:
        """Leave now if it still may: something may have overtaken it, or another process spent the budget."""
        now_ns = self._clock.mono_ns()
        if not self._foremost(ticket, now_ns):
            return False
        if self._budget.take(ticket.cost, now_ns, self._reserve[ticket.priority]) > 0:
            return False
        self._left_ns = now_ns
        return True

    def _foremost(self, ticket: Ticket, now_ns: int) -> bool:
        """Whether it is the next to leave: the first, or free behind others that wait for the budget only."""
        if self._queue[0] is ticket:
            return True
        if ticket.cost > 0:
            return False
        counter = self._budget.read(now_ns)
        before = self._queue[: self._queue.index(ticket)]
        return all(other.cost > 0 and self._budget_s(other, counter, now_ns, 0.0) > 0 for other in before)

    def _alone_s(self, ticket: Ticket, now_ns: int) -> float:
        """How long until it can leave if no other does."""
        return self._delay_s(ticket, self._budget.read(now_ns), now_ns, 0.0, 0)

    def _wait_s(self, ticket: Ticket, now_ns: int) -> float:
        """How long until a queued ticket can leave, if nobody overtakes it."""
        before = [one for one in self._queue[: self._queue.index(ticket)] if one.refused_s is None]
        ahead = sum(one.cost for one in before)
        return self._delay_s(ticket, self._budget.read(now_ns), now_ns, ahead, len(before))

    def _refuse_the_late(self, now_ns: int) -> None:
        """Wake those who would wait longer than they will, so that they need not wait to hear it."""
        counter = self._budget.read(now_ns)
        ahead, places = 0.0, 0
        for ticket in self._queue:
            if ticket.refused_s is not None:
                continue
            wait_s = self._delay_s(ticket, counter, now_ns, ahead, places)
            waited_s = (now_ns - ticket.since_ns) / NS_PER_S
            if wait_s + waited_s > ticket.patience_s or math.isinf(wait_s):
                ticket.refused_s = wait_s
                ticket.called.set()
            else:
                ahead += ticket.cost
                places += 1

    def _delay_s(self, ticket: Ticket, counter: Reckoning, now_ns: int, ahead: float, places: int) -> float:
        budget_s = self._budget_s(ticket, counter, now_ns, ahead)
        if ticket.priority in UNSPACED or self._left_ns is None:
            return budget_s
        free_ns = self._left_ns + self._spacing_ns * (1 + places)
        return max(budget_s, (free_ns - now_ns) / NS_PER_S)

    def _budget_s(self, ticket: Ticket, counter: Reckoning, now_ns: int, ahead: float) -> float:
        return counter.delay_s(ticket.cost, now_ns, ahead, self._reserve[ticket.priority])

    def _call_first(self) -> None:
        if self._queue:
            self._queue[0].called.set()
            self._call_the_free()

    def _call_the_free(self) -> None:
        for ticket in self._queue:
            if ticket.cost <= 0:
                ticket.called.set()
                return

    def _throttled(self, wait_s: float) -> Throttled:
        self.throttled += 1
        return Throttled(f"the request budget of the venue has no room for another {wait_s:.1f} s", wait_s)
