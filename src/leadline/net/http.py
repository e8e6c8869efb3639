"""The Http port: requests with a purpose, and one exchange for all who ask alike."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Protocol
from urllib.parse import quote, urlencode

from leadline.clock import Clock
from leadline.core.histogram import Histogram
from leadline.core.limits import Allowance
from leadline.core.reach import Reach
from leadline.errors import TransportError
from leadline.net.departures import SPACING_NS, Departures, Priority, Ticket
from leadline.net.endpoint import BrokenOff


class Purpose(Enum):
    """Why a REST call is made; every call is counted by it."""

    REFERENCE = "reference"
    SNAPSHOT = "snapshot"  # first value of something, or the stream has none
    FALLBACK = "fallback"  # the stream is lost
    VALIDATION = "validation"  # is a silent stream quiet or dead, a contradiction real?
    CROSS_CHECK = "cross_check"  # do stream and REST agree? nobody doubts it
    BACKFILL = "backfill"
    HISTORY = "history"
    STATUS = "status"
    DIAGNOSIS = "diagnosis"
    CREDENTIAL = "credential"  # a token for the stream
    ACCOUNT = "account"  # somebody asks for balances, orders, fills
    ORDER = "order"  # places, amends, replaces: moves money
    CANCEL = "cancel"  # cancels, and the dead-man switch
    LOOKUP = "lookup"  # what became of an UNKNOWN order
    RECOVERY = "recovery"  # the account after an outage or a gap
    EMERGENCY = "emergency"  # asked for by a person or by a mode that allows nothing else
    ADMINISTRATION = "administration"  # deposits and withdrawals, read only


ESSENTIAL = frozenset(
    {
        *(Purpose.STATUS, Purpose.CANCEL, Purpose.LOOKUP),
        *(Purpose.EMERGENCY, Purpose.RECOVERY, Purpose.CREDENTIAL),
    }
)
"""What an open breaker lets pass: it makes the account safer or tells how it stands."""


@dataclass(frozen=True, slots=True)
class Request:
    """One exchange; `path` begins with a slash, `query` is ordered, `cost` is in the venue's own points.

    Headers and body, where keys and signatures are, stay out of its repr.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    cost: float = 1.0
    seal: Callable[[Request], Request] | None = field(default=None, repr=False, compare=False)
    """Makes it ready at the moment it leaves (its time, its signature); None where it is ready as it is."""


def query_text(query: Sequence[tuple[str, str]]) -> str:
    """Names and values as they stand behind the question mark, percent-encoded: what is signed is this."""
    return urlencode(query, quote_via=quote, safe=",")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; its body, where a token may be, stays out of its repr.

    When its request left and when it was whole is monotonic time; 0 where no Http port has sent it.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    sent_ns: int = field(default=0, compare=False)
    received_ns: int = field(default=0, compare=False)


class Exchange(Protocol):
    """The bare wire to one venue: no order, no budget."""

    async def exchange(self, request: Request) -> Response:
        """Send now and return the answer; raises ConnectFailed or ConnectionLost."""


class Http(Protocol):
    """Sends requests to one venue; `reach` says whether they get through."""

    reach: Reach

    async def send(
        self, request: Request, purpose: Purpose, priority: Priority = Priority.NORMAL
    ) -> Response:
        """The venue's answer, whatever its status.

        Raises ConnectFailed when no byte left, ConnectionLost when the answer never came, Throttled when the
        budget leaves no room within the request's patience.
        """

    def exceeded(self) -> None:
        """The venue has said in the body of an answer that we ask too much: the budget counts as spent."""


RESERVE = {
    Priority.EMERGENCY: 0.0,
    Priority.FALLBACK: 0.0,
    Priority.ORDER: 0.0,
    Priority.NORMAL: 1.0,
    Priority.BACKGROUND: 4.0,
}
"""Points of the budget left untouched, so that a lost stream finds room at once whatever else is asked."""

TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Terms:
    """How a venue is asked: what each priority leaves of the budget, how far apart requests leave.

    `heed` takes what an answer says of the budget to the budget, and returns whether the venue refuses
    because we ask too much; without it that is status 429, and the budget counts as spent.
    """

    reserve: Mapping[Priority, float] = field(default_factory=lambda: RESERVE)
    spacing_ns: int = SPACING_NS
    heed: Callable[[Request, Response], bool] | None = None


class _Flight:
    """A GET that waits or is on its way, and its outcome for all who asked: None when its sender gave up."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.outcome: asyncio.Future[Response | TransportError | None] = (
            asyncio.get_running_loop().create_future()
        )


class PacedHttp(ABC):
    """The Http port over any exchange: order of priority, spacing, budget, one request for all who ask alike.

    Requests leave one at a time, but a slow answer holds back nobody. `counts` says how many have left for
    each purpose.
    """

    def __init__(self, clock: Clock, budget: Allowance, terms: Terms | None = None) -> None:
        self._clock = clock
        self.budget = budget
        """What is spent of the venue's budget, and its limit."""
        terms = terms or Terms()
        self._heed = terms.heed or self._heed_status
        self._departures = Departures(clock, budget, terms.reserve, terms.spacing_ns)
        self.reach = Reach()
        """Whether what is asked gets through."""
        self._flights: dict[Request, _Flight] = {}
        self.counts: Counter[Purpose] = Counter()
        self.failed = 0
        """Requests without an answer, or with one that says the venue fails or limits us."""
        self.round_trips = Histogram()
        """Nanoseconds from leaving to the whole answer."""

    @abstractmethod
    async def exchange(self, request: Request) -> Response:
        """Send now and return the answer; raises ConnectFailed or ConnectionLost."""

    async def send(
        self, request: Request, purpose: Purpose, priority: Priority = Priority.NORMAL
    ) -> Response:
        """The venue's answer; an identical GET under way is shared, and hurried if this is more urgent."""
        while (flight := self._flights.get(request)) is not None:
            self._departures.hurry(flight.ticket, priority)
            outcome = await asyncio.shield(flight.outcome)
            if isinstance(outcome, Response):
                return outcome
            if outcome is not None:
                raise outcome
        ticket = self._departures.join(request.cost, priority)
        if request.method == "GET":
            return await self._fly(request, ticket, purpose)
        return await self._leave(request, ticket, purpose)

    async def _fly(self, request: Request, ticket: Ticket, purpose: Purpose) -> Response:
        flight = self._flights[request] = _Flight(ticket)
        outcome: Response | TransportError | None = None
        try:
            try:
                outcome = await self._leave(request, ticket, purpose)
            except BrokenOff:  # a connection kept open shows only on use that it is dead
                flight.ticket = self._departures.join(request.cost, flight.ticket.priority)
                outcome = await self._leave(request, flight.ticket, purpose)
            return outcome
        except TransportError as error:
            outcome = error
            raise
        finally:
            del self._flights[request]
            flight.outcome.set_result(outcome)

    async def _leave(self, request: Request, ticket: Ticket, purpose: Purpose) -> Response:
        await self._departures.leave(ticket)
        self.counts[purpose] += 1
        left_ns = self._clock.mono_ns()
        try:
            response = await self.exchange(request if request.seal is None else request.seal(request))
        except TransportError:
            self.failed += 1
            self.reach.failed(self._clock.mono_ns())
            raise
        received_ns = self._clock.mono_ns()
        response = replace(response, sent_ns=left_ns, received_ns=received_ns)
        self.round_trips.observe(received_ns - left_ns)
        limited = self._heed(request, response)
        self.failed += response.status >= SERVER_ERROR or limited
        if response.status >= SERVER_ERROR:
            self.reach.failed(received_ns)
        elif limited:
            self.reach.exceeded(received_ns)
        else:
            self.reach.answered(received_ns)
        return response

    def _heed_status(self, request: Request, response: Response) -> bool:
        limited = response.status == TOO_MANY_REQUESTS
        if limited:
            self._departures.exceeded()
        return limited

    @property
    def throttled(self) -> int:
        """Requests that found no room in the budget within their patience."""
        return self._departures.throttled

    def exceeded(self) -> None:
        """The venue has said that we ask too much: nothing leaves until the budget has drained."""
        self._departures.exceeded()
        self.reach.exceeded(self._clock.mono_ns())


class MemoryHttp(PacedHttp):
    """Asks a function instead of a network."""

    def __init__(
        self,
        answer: Callable[[Request], Response],
        clock: Clock,
        budget: Allowance,
        terms: Terms | None = None,
    ) -> None:
        super().__init__(clock, budget, terms)
        self._answer = answer

    async def exchange(self, request: Request) -> Response:
        return self._answer(request)
