"""What watches a running system from beside it: the page of metrics, alerts, who is called, and advice.

Rule: nothing of the system waits for any of it.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from leadline.app.advisor import Advisor
from leadline.app.alert_rules import built_in_rules, load_rules
from leadline.app.alerts import Alerts
from leadline.app.beside import beside
from leadline.app.metrics import SystemMetrics
from leadline.app.metrics_page import metrics_page
from leadline.app.settings import AlertSettings, MetricsSettings, Settings
from leadline.app.system import System
from leadline.app.webhook import Webhook, address_of
from leadline.core.alerting import Change
from leadline.net.http_client import AiohttpExchange


class Watching:
    """What the watchers of one system have to say now."""

    def __init__(self, advisor: Advisor, alerts: Alerts | None) -> None:
        self._advisor = advisor
        self._alerts = alerts

    @property
    def firing(self) -> tuple[str, ...]:
        """The alerts that fire."""
        return () if self._alerts is None else tuple(self._alerts.firing())

    @property
    def recommendations(self) -> tuple[str, ...]:
        """What a person should know and do, the most harmful first."""
        return tuple(each.text for each in self._advisor.recommendations())


@asynccontextmanager
async def monitoring(
    system: System, settings: Settings, tell: Callable[[str], None]
) -> AsyncIterator[Watching]:
    """Watch a system that has been entered for the length of the block, as the settings say.

    `tell` hears where the metrics are. Raises ConfigError for a port or rules that cannot be used.
    """
    shown = settings.metrics or MetricsSettings()
    metrics = SystemMetrics(system, shown.symbols)
    async with AsyncExitStack() as stack:
        if settings.metrics is not None:
            tell(await stack.enter_async_context(metrics_page(metrics, shown.port)))
        advisor, alerts = Advisor(system), None
        stack.callback(system.feed.listen(advisor.hear))
        await stack.enter_async_context(beside(advisor.run))
        if settings.alerts is not None:
            called = await _called(settings.alerts, system, stack)
            rules = settings.alerts.rules
            wanted = built_in_rules() if rules is None else load_rules(rules)
            alerts = Alerts(wanted, metrics, system.clock, system.feed.tell, called)
            await stack.enter_async_context(beside(alerts.run))
        yield Watching(advisor, alerts)


async def _called(settings: AlertSettings, system: System, stack: AsyncExitStack) -> Callable[[Change], None]:
    """Who hears of each change: the webhook, or nobody."""
    if settings.webhook is None:
        return lambda change: None
    base, _, _ = address_of(settings.webhook)
    exchange = await stack.enter_async_context(AiohttpExchange(base))
    webhook = Webhook(settings.webhook, exchange, system.clock, random.SystemRandom())
    await stack.enter_async_context(beside(webhook.run))
    return webhook.put
