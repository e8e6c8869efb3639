"""A feed over the routes of a venue in memory: each route has lines of its own, on sockets a test can cut."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from feedrig import BTC, ETH, settle
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.retry import Backoff, ConnectBudget
from leadline.core.session import MarketSession
from leadline.engine.feed import Feed
from leadline.engine.routes import Routes
from leadline.errors import ConnectFailed
from leadline.model.market import Channel
from leadline.net.connection import Line
from leadline.net.websocket import MemorySocket, Socket, memory_pair
from leadline.venues.memory import CONTRACTS, MemoryMarket, MemorySession

HOMES = dict.fromkeys(
    (Channel.TRADES, Channel.BARS, Channel.MARK, Channel.STATS, Channel.LIQUIDATIONS), "market"
)
"""What comes by the route "market"; the rest by "public"."""


class RoutesRig:
    """`far` holds the venue's ends of the connections that were made, by route."""

    def __init__(self, homes: dict[Channel, str] | None = None, **settings: Any) -> None:
        self.clock = ManualClock(mono_ns=1000 * NS_PER_S)
        self.market = MemoryMarket((BTC, ETH), HOMES if homes is None else homes, CONTRACTS)
        self.feed = Feed(self.market, self.clock)
        self.events: list[Any] = []
        self.feed.listen(self.events.append)
        self.far: dict[str, list[MemorySocket]] = {route: [] for route in self.market.routes}
        self.refusal: ConnectFailed | None = None
        """What every try to connect ends with, while it is set."""
        budget = ConnectBudget()

        def make_line(route: str, session: MarketSession) -> Line:
            return Line(session, self._connects(route), self.clock, Backoff(random.Random(1)), budget)

        self.routes = Routes(
            self.market, make_line, self.feed.receive, self.feed.tell, self.clock, **settings
        )

    def _connects(self, route: str) -> Callable[[], Any]:
        async def connect() -> Socket:
            if self.refusal is not None:
                raise self.refusal
            near, far = memory_pair()
            self.far[route].append(far)
            return near

        return connect

    @property
    def now(self) -> int:
        return self.clock.mono_ns()

    def session(self, route: str, line: int = 0) -> MemorySession:
        """The session of a line of a route."""
        found = self.routes.by_name[route].sessions[line]
        assert isinstance(found, MemorySession)
        return found

    def told(self, kind: type) -> list[Any]:
        """The feed's events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    async def cut(self, route: str) -> None:
        """The venue hangs up on the newest connection of a route."""
        await self.far[route][-1].close()
        await settle()

    async def passes(self, seconds: float) -> None:
        """Let time pass second by second, with a sign of life on every line."""
        for _ in range(round(seconds)):
            self.clock.advance(1.0)
            for lines in self.routes.by_name.values():
                for session in lines.sessions:
                    session.received(b"alive", self.now)
            await settle()


@asynccontextmanager
async def routed(homes: dict[Channel, str] | None = None, **settings: Any) -> AsyncIterator[RoutesRig]:
    """A rig whose feed and lines run."""
    rig = RoutesRig(homes, **settings)
    async with rig.feed:
        rig.feed.attach(rig.routes, rig.routes.poke, rig.routes.of)
        task = asyncio.create_task(rig.routes.run())
        await settle()
        try:
            yield rig
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


__all__ = ["BTC", "ETH", "HOMES", "RoutesRig", "routed"]
