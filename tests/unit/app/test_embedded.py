from __future__ import annotations

import pytest

from free_port import free_port
from leadline.app.embedded import demo_account, embedded, embedded_endpoints
from leadline.app.opening import unloaded_market
from leadline.app.settings import EmulatorSettings, Settings
from leadline.clock import SystemClock
from leadline.emulator.exchange import Exchange
from leadline.errors import ConfigError
from leadline.venues.kraken.kit import KRAKEN


def test_the_account_is_the_one_the_exchange_has() -> None:
    demo = Exchange(start_ns=10**18, seed=7, history_minutes=1).trading.demo

    account = demo_account(EmulatorSettings(seed=7), KRAKEN)

    assert (account.name, account.key.api_key) == ("main", demo.api_key)
    assert account.key.credentials.secret == demo.secret


async def test_it_listens_where_the_settings_say() -> None:
    settings = EmulatorSettings(port=free_port())
    async with embedded(settings, SystemClock()) as control:
        assert control == f"http://127.0.0.1:{settings.port}/control"
        async with unloaded_market(Settings(embedded_endpoints(settings, KRAKEN))) as market:
            await market.load()

            assert market.reference.instrument("BTC/USD").symbol == "BTC/USD"


async def test_a_port_that_is_taken_is_told_with_the_cure() -> None:
    settings = EmulatorSettings(port=free_port())
    async with embedded(settings, SystemClock()):
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {settings.port}: .*another"):
            async with embedded(settings, SystemClock()):
                pass
