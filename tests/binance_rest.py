"""Binance's signed REST in memory: answers by method and path, and what was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from leadline.clock import NS_PER_MS, NS_PER_S, ManualClock
from leadline.core.breaker import Breaker
from leadline.core.limits import DecayingCounter
from leadline.core.venue_time import VenueTime
from leadline.net.audit import Audit
from leadline.net.http import MemoryHttp, Request, Response
from leadline.venues.binance.auth import Credentials, Signer
from leadline.venues.binance.signed_rest import SignedRest

T = TypeVar("T")

WALL_NS = 1_764_000_000 * NS_PER_S

Reply = Callable[[dict[str, str]], Any] | Any
"""What an endpoint answers: a JSON value, or a function of the parameters that makes one."""


class Refusal(Exception):
    """An answer of another status than 200."""

    def __init__(self, status: int, code: int, text: str = "no") -> None:
        super().__init__(text)
        self.status = status
        self.body = json.dumps({"code": code, "msg": text}).encode()


class BinanceRest:
    """Answers by `"GET /fapi/v1/openOrders"`; what is not there is refused. `asked` is in order."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock(mono_ns=1_000 * NS_PER_S, wall_ns=WALL_NS)
        self.answers: dict[str, Reply] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.http = MemoryHttp(self._answer, self.clock, DecayingCounter(1e6, 1e6))
        self.venue_time = VenueTime()
        now_ns = self.clock.mono_ns()
        self.venue_time.sample(now_ns, now_ns, WALL_NS, WALL_NS, NS_PER_MS)
        signer = Signer(Credentials("k" * 64, "s" * 64))
        self.rest = SignedRest(self.http, signer, Breaker(), Audit(self.clock), self.venue_time, self.clock)

    def _answer(self, request: Request) -> Response:
        body = dict(part.partition("=")[::2] for part in request.body.decode().split("&") if part)
        params = {**dict(request.query), **body}
        for name in ("timestamp", "recvWindow", "signature"):
            params.pop(name, None)
        name = f"{request.method} {request.path}"
        self.asked.append((name, params))
        reply = self.answers.get(name, Refusal(404, -5000, f"{name} is not there"))
        try:
            told = reply(params) if callable(reply) else reply
            if isinstance(told, Refusal):
                raise told
        except Refusal as refusal:
            return Response(refusal.status, (), refusal.body)
        return Response(200, (), json.dumps(told).encode())

    def names(self) -> list[str]:
        """What was asked for, in order, without parameters."""
        return [name for name, _ in self.asked]

    async def passing(self, seconds: float) -> None:
        """Let time pass, in steps short enough for everything that waits its turn."""
        for _ in range(max(1, round(seconds / 0.05))):
            self.clock.advance(0.05)
            for _ in range(30):
                await asyncio.sleep(0)

    async def done(self, work: Awaitable[T]) -> T:
        """What something comes to; time passes meanwhile, ten seconds of it at the most."""
        task = asyncio.ensure_future(work)
        await asyncio.sleep(0)
        for _ in range(200):
            if task.done():
                break
            await self.passing(0.05)
        return await task
