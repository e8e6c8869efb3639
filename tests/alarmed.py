"""Alerts and a webhook on a system of the stage: what fired, when, and what the address was told."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from leadline.app.alert_rules import built_in_rules
from leadline.app.alerts import Alerts
from leadline.app.metrics import SystemMetrics
from leadline.app.system import System
from leadline.app.webhook import Webhook
from leadline.core.breaker import BreakerState
from leadline.engine.events import AlertChanged, Event
from leadline.net.http import Request, Response
from stage import Stage

LOOK_S = 0.05


class Address:
    """The other side of the webhook: takes everything at once."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        """(alert, state), in the order of arrival."""

    async def exchange(self, request: Request) -> Response:
        body = json.loads(request.body)
        self.told.append((body["alert"], body["state"]))
        return Response(200, (), b"")


class Alarmed:
    """What the alerts of one system have said, and since when a state was known."""

    def __init__(self, stage: Stage, system: System) -> None:
        self.stage = stage
        self.system = system
        self.metrics = SystemMetrics(system, 50)
        self.changes: list[tuple[float, AlertChanged]] = []
        self.address = Address()
        self.let_go: Callable[[], Any] = lambda: None
        """What ends what a test has begun."""
        self.webhook = Webhook("http://127.0.0.1:9/hook", self.address, stage.clock, random.Random(1))
        self.alerts = Alerts(built_in_rules(), self.metrics, stage.clock, system.feed.tell, self.webhook.put)

    def hear(self, event: Event) -> None:
        if isinstance(event, AlertChanged):
            self.changes.append((self.stage.now_s, event))

    @property
    def breaker(self) -> BreakerState:
        """What the account's breaker does now."""
        assert self.system.account is not None
        return self.system.account.breaker.state(self.stage.clock.mono_ns())

    @property
    def fired(self) -> list[str]:
        """The alerts that have fired, without their labels, in order."""
        return [event.alert.split(" (")[0] for _, event in self.changes if event.firing]

    def fired_s(self, rule: str) -> float:
        """When an alert of a rule fired first."""
        return next(at_s for at_s, event in self.changes if event.firing and event.alert.startswith(rule))

    async def holds(self, state: Callable[[], bool], within_s: float) -> float:
        """Wait until a state holds; when that was seen. Fails where it never does."""
        deadline_s = self.stage.now_s + within_s
        while self.stage.now_s <= deadline_s:
            if state():
                return self.stage.now_s
            await self.stage.clock.sleep(LOOK_S)
        raise AssertionError(f"not within {within_s} s; {self.changes}")


@asynccontextmanager
async def alarmed(stage: Stage, system: System) -> AsyncIterator[Alarmed]:
    """Alerts on a system that has been entered, for the length of the block."""
    found = Alarmed(stage, system)
    stop = system.feed.listen(found.hear)
    tasks = [asyncio.ensure_future(found.alerts.run()), asyncio.ensure_future(found.webhook.run())]
    try:
        yield found
    finally:
        stop()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results), results
