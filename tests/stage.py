"""A whole system and an emulated venue on virtual time: what a test tells happens, and nobody waits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from leadline.app.system import System
from leadline.clock import NS_PER_S
from leadline.core.limits import DecayingCounter
from leadline.core.retry import ConnectBudget
from leadline.emulator.exchange import Exchange
from leadline.model.market import Subscription
from leadline.net.websocket import Socket
from leadline.simulation.http import SimulatedHttp
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.network import Network
from leadline.venues.kraken.kit import PUBLIC_BUDGET
from leadline.venues.kraken.venue import Kraken

START_NS = 1_790_000_000 * NS_PER_S

S = TypeVar("S", bound="Stage")


class Stage:
    """The venue, the network and the clock of one test."""

    def __init__(self, loop: VirtualLoop, exchange: Exchange | None = None) -> None:
        self.clock = LoopClock(loop, START_NS)
        self.exchange = exchange or Exchange(start_ns=START_NS, seed=1, rate=50.0, history_minutes=10)
        self.network = Network(self.exchange, loop, random.Random(1), START_NS)
        self.network.step()

    def system(
        self,
        required: Sequence[Subscription] = (),
        through: Callable[[Socket], Socket] = lambda socket: socket,
        **parts: Any,
    ) -> System:
        """The client as a trader runs it, on this stage's network; `parts` go to the system as they are."""

        async def connect() -> Socket:
            return through(await self.network.connect())

        http = SimulatedHttp(self.network, self.clock, DecayingCounter(*PUBLIC_BUDGET), random.Random(2))
        return System(
            Kraken(http, self.clock),
            connect,
            self.clock,
            required=required,
            chance=random.Random(3),
            connects=ConnectBudget(),
            http=http,
            **parts,
        )

    def inject(self, **fault: Any) -> None:
        """Break something at the venue."""
        self.exchange.inject({"venue": "kraken", **fault}, self.network.venue_ns)
        self.network.step()

    @property
    def now_s(self) -> float:
        return self.network.now_ns / NS_PER_S


def play(
    scene: Callable[[S], Awaitable[None]],
    set_up: Callable[[VirtualLoop], S] = Stage,  # type: ignore[assignment]
) -> None:
    """Run a scene to its end; it fails when it leaves a task behind or an exception to nobody."""
    loop = VirtualLoop()
    escaped: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda loop, context: escaped.append(context))
    try:
        asyncio.set_event_loop(loop)
        stage = set_up(loop)

        async def whole() -> set[asyncio.Task[Any]]:
            await scene(stage)
            stage.network.stop()
            return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

        left = loop.run_until_complete(whole())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert left == set()
    assert escaped == []
