"""Alert rules held against the metrics once a second; each change is an event, and told to the webhook.

Rule: what begins is told once, and so is its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn

from leadline.app.metrics import SystemMetrics
from leadline.clock import Clock
from leadline.core.alerting import Alerting, Change, Rule
from leadline.engine.events import AlertChanged

LOOK_S = 1.0


class Alerts:
    """The alerts of one system; `tell` takes each change as an event, `call` takes it for the webhook."""

    def __init__(
        self,
        rules: Iterable[Rule],
        metrics: SystemMetrics,
        clock: Clock,
        tell: Callable[[AlertChanged], None],
        call: Callable[[Change], None] = lambda change: None,
    ) -> None:
        self._alerting = Alerting(rules)
        self._metrics = metrics
        self._clock = clock
        self._tell = tell
        self._call = call

    async def run(self) -> NoReturn:
        """Look once a second until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_S)

    def look(self) -> None:
        """Hold the rules against the metrics as they are now."""
        for change in self._alerting.step(self._metrics.samples(), self._clock.mono_ns()):
            self._call(change)
            self._tell(
                AlertChanged(
                    change.alert,
                    change.firing,
                    change.rule.severity,
                    change.rule.summary,
                    change.rule.cure,
                    change.value,
                    change.lasted_s,
                )
            )

    def firing(self) -> list[str]:
        """The alerts that fire now."""
        return self._alerting.firing()
