"""The client's HTTP over the simulated network: the same pacing and budget as on a real one, other wires."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from leadline.clock import NS_PER_S, Clock
from leadline.core.limits import DecayingCounter
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.faults import Rate, Reply
from leadline.errors import ConnectFailed, ConnectionLost
from leadline.net.http import PacedHttp, Request, Response
from leadline.simulation.network import Network

ANSWER_TIMEOUT_NS = 10 * NS_PER_S
LOSS_SHARE = 0.01
"""This many answers never come."""


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


class SimulatedHttp(PacedHttp):
    """Asks the emulator across the network; every answer that arrives is reported to `tap`."""

    def __init__(self, network: Network, clock: Clock, counter: DecayingCounter, rng: random.Random) -> None:
        super().__init__(clock, counter)
        self._network = network
        self._random = rng
        self.losing_until_ns = 0
        """While this lasts no answer comes."""
        self.tap: Callable[[Answered], None] = _unheard

    async def exchange(self, request: Request) -> Response:
        network = self._network
        await network.resolve()
        given_up_ns = network.now_ns + ANSWER_TIMEOUT_NS
        lost = network.now_ns < self.losing_until_ns or self._random.random() < LOSS_SHARE
        reached_ns = network.arrival_ns()
        if lost or reached_ns >= given_up_ns:
            await network.until(given_up_ns)
            raise ConnectionLost(f"no answer to {request.path} in time")
        await network.until(reached_ns)
        network.step()
        made_ns = network.now_ns
        held = made_ns < network.void_until_ns + ANSWER_TIMEOUT_NS  # requests held up come all at once
        disturbed = held or bool(network.exchange.board.of(Rate, Reply))
        answer = network.exchange.request(request.method, request.path, dict(request.query), network.venue_ns)
        network.step()
        delay_ns = 0 if isinstance(answer, RefusedConnect) else round(answer.delay_s * NS_PER_S)
        back_ns = network.arrival_ns() + delay_ns
        if back_ns >= given_up_ns:
            await network.until(given_up_ns)
            raise ConnectionLost(f"no answer to {request.path} in time")
        await network.until(back_ns)
        if isinstance(answer, RefusedConnect):
            if answer.status is None:
                raise ConnectFailed("the connection was reset")
            return Response(answer.status, (), b"")
        self.tap(Answered(request.path, dict(request.query), answer.body, made_ns, network.now_ns, disturbed))
        return Response(answer.status, answer.headers, answer.body)


def _unheard(answered: Answered) -> None:
    pass  # nobody listens yet
