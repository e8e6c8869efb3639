"""The client's HTTP over the simulated network: the same pacing and budget as on a real one, other wires.

Rule: what has left reaches the venue and is acted on, whatever becomes of whoever sent it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from leadline.clock import NS_PER_S, Clock
from leadline.core.limits import Allowance
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.faults import Rate, Reply
from leadline.emulator.wire import Answer
from leadline.errors import ConnectFailed, ConnectionLost
from leadline.net.http import PacedHttp, Request, Response, Terms, query_text
from leadline.simulation.network import Network

ANSWER_TIMEOUT_NS = 10 * NS_PER_S
FORGETTING_NS = 15 * NS_PER_S
"""So long after a restart the venue may still count what the dead client had asked."""

LOSS_SHARE = 0.01
"""This many answers never come; of half of them the request had not arrived either."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One REST answer as it reached the client: what was asked, when it was made and when it came."""

    path: str
    query: dict[str, str]
    body: bytes
    made_ns: int
    at_ns: int
    disturbed: bool
    """Whether a fault was on that makes the venue refuse what fits its limits."""
    status: int = 200


@dataclass(slots=True)
class _Crossing:
    """A request and its answer on their way."""

    request: Request
    answer: asyncio.Future[Answer | RefusedConnect | None]
    """None: it did not come in time."""
    given_up_ns: int
    lost: bool
    made_ns: int = 0
    disturbed: bool = False


class SimulatedHttp(PacedHttp):
    """Asks the emulator across the network; every answer that arrives is reported to `tap`.

    `departing` hears each request as it leaves, `answering` what the venue answers, as it acts.
    """

    def __init__(
        self,
        network: Network,
        clock: Clock,
        budget: Allowance,
        rng: random.Random,
        terms: Terms | None = None,
    ) -> None:
        super().__init__(clock, budget, terms)
        self._network = network
        self._random = rng
        self.tap: Callable[[Answered], None] = _unheard
        self.losing: Callable[[], None] = _unheard
        """Hears of each request whose answer will never come."""
        self.departing: Callable[[Request], None] = _unheard
        self.answering: Callable[[Request, Answer | RefusedConnect], None] = _unheard

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        """There is nothing to close."""

    async def exchange(self, request: Request) -> Response:
        network = self._network
        await network.resolve()
        given_up_ns = network.now_ns + ANSWER_TIMEOUT_NS
        luck = self._random.random()
        lost = network.now_ns < network.losing_until_ns or luck < LOSS_SHARE
        answer: asyncio.Future[Answer | RefusedConnect | None] = asyncio.get_running_loop().create_future()
        crossing = _Crossing(request, answer, given_up_ns, lost)
        if lost:
            self.losing()
        self.departing(request)
        if not lost or round(luck * 10_000) % 2:
            network.at(network.arrival_ns(), self._reached, crossing)
        patience = network.at(given_up_ns, _told, answer, None)
        try:
            told = await answer
        finally:
            patience.cancel()
        return self._read(crossing, told)

    def _reached(self, crossing: _Crossing) -> None:
        """The request is at the venue, which acts and answers at once."""
        network, request = self._network, crossing.request
        network.step()
        made_ns = crossing.made_ns = network.now_ns
        held = made_ns < network.void_until_ns + ANSWER_TIMEOUT_NS  # requests held up come all at once
        anew = made_ns < network.restarted_ns + FORGETTING_NS
        crossing.disturbed = held or anew or bool(network.exchange.board.of(Rate, Reply))
        answer = network.exchange.request(
            request.method,
            request.path,
            query_text(request.query),
            network.venue_ns,
            request.headers,
            request.body,
        )
        self.answering(request, answer)
        network.step()
        delay_ns = 0 if isinstance(answer, RefusedConnect) else round(answer.delay_s * NS_PER_S)
        back_ns = network.arrival_ns() + delay_ns
        if not crossing.lost and back_ns < crossing.given_up_ns:
            network.at(back_ns, _told, crossing.answer, answer)

    def _read(self, crossing: _Crossing, answer: Answer | RefusedConnect | None) -> Response:
        request = crossing.request
        if answer is None:
            raise ConnectionLost(f"no answer to {request.path} in time")
        if isinstance(answer, RefusedConnect):
            if answer.executed:
                raise ConnectionLost(f"the connection was cut before {request.path} was answered")
            if answer.status is None:
                raise ConnectFailed("the connection was reset")
            return Response(answer.status, (), b"")
        self.tap(
            Answered(
                request.path,
                dict(request.query),
                answer.body,
                crossing.made_ns,
                self._network.now_ns,
                crossing.disturbed,
                answer.status,
            )
        )
        return Response(answer.status, answer.headers, answer.body)


def _told(
    future: asyncio.Future[Answer | RefusedConnect | None], answer: Answer | RefusedConnect | None
) -> None:
    if not future.done():
        future.set_result(answer)


def _unheard(*what: object) -> None:
    pass  # nobody listens yet
