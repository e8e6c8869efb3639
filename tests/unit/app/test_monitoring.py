from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace

from free_port import free_port
from leadline.app.monitoring import monitoring
from leadline.app.opening import open_system
from leadline.app.settings import AlertSettings, MetricsSettings
from leadline.engine.events import AlertChanged
from leadline.errors import ConfigError
from leadline.model.market import Channel
from receiver import receiver
from served import served


def unheard(address: str) -> None:
    """Nobody asks where the page is."""


async def test_a_page_alerts_and_advice_watch_a_system_for_the_length_of_the_block() -> None:
    async with served() as venue, receiver() as hook:
        settings = replace(
            venue.settings,
            metrics=MetricsSettings(port=free_port()),
            alerts=AlertSettings(webhook=hook.address),
        )
        pages: list[str] = []
        system = open_system(settings, ["BTC/USD"], channels=[Channel.TICKER])
        async with system, monitoring(system, settings, pages.append) as watching:
            await system.ready()
            async with aiohttp.ClientSession() as client, client.get(pages[0]) as response:
                assert "leadline_level " in await response.text()
            assert (watching.firing, watching.recommendations) == ((), ())

            venue.inject(kind="STATUS", mode="post_only", for_s=60)
            await hook.hears("VenueLimits", "firing")
            assert watching.firing == ("VenueLimits (mode post_only)",)
            venue.inject(kind="SUB_REJECT", symbol="ETH/USD")
            system.feed.hold(Channel.TICKER, "ETH/USD")
            await hook.hears("SubscriptionRefused", "firing")
            assert any("the venue refuses ticker ETH/USD" in advice for advice in watching.recommendations)

        events = [event for event in system.feed.recent_events if isinstance(event, AlertChanged)]
        assert [event.firing for event in events] == [True, True]


async def test_without_settings_nothing_is_shown_and_nobody_called() -> None:
    async with served() as venue:
        system = open_system(venue.settings, ["BTC/USD"], channels=[Channel.TICKER])
        pages: list[str] = []
        async with system, monitoring(system, venue.settings, pages.append) as watching:
            assert (pages, watching.firing, watching.recommendations) == ([], (), ())


async def test_rules_that_cannot_be_used_are_an_error_before_anything_is_watched(tmp_path: Path) -> None:
    async with served() as venue:
        settings = replace(venue.settings, alerts=AlertSettings(rules=tmp_path / "none.yaml"))
        system = open_system(settings, ["BTC/USD"], channels=[Channel.TICKER])
        async with system:
            with pytest.raises(ConfigError, match=r"cannot read the alert rules .*none\.yaml"):
                async with monitoring(system, settings, unheard):
                    pass
