"""The local exchange inside a process: where it listens, whose account it has, and how it is started.

Rule: it is spoken to over real sockets, exactly as the venue is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from leadline.app.account_settings import MAIN, AccountSettings
from leadline.app.settings import EmulatorSettings
from leadline.clock import Clock
from leadline.venues.catalogue import AnyKit
from leadline.venues.kit import Endpoints

HOST = "127.0.0.1"


def embedded_endpoints(settings: EmulatorSettings, kit: AnyKit) -> Endpoints:
    """Where it will listen in a venue's place."""
    found: Endpoints = kit.emulated(f"{HOST}:{settings.port}")
    return found


def demo_account(settings: EmulatorSettings, kit: AnyKit) -> AccountSettings:
    """The invented account that is there from the start: the same seed, the same key."""
    from leadline.emulator.demo_keys import demo_keys

    raw = msgspec.convert(demo_keys(settings.seed)[kit.name], kit.raw_account)
    return AccountSettings(MAIN, kit.key(raw, lambda text: text, kit.environments[0]))


@asynccontextmanager
async def embedded(settings: EmulatorSettings, clock: Clock) -> AsyncIterator[str]:
    """Run it for the length of the block; yields the address of its control. Raises ConfigError.

    It knows nothing of a run before.
    """
    from leadline.emulator.binance.exchange import BinanceExchange
    from leadline.emulator.exchange import Exchange
    from leadline.emulator.serve import serve

    exchange = Exchange(start_ns=clock.wall_ns(), seed=settings.seed, rate=settings.rate)
    binance = BinanceExchange(start_ns=clock.wall_ns(), seed=settings.seed, rate=settings.rate)
    async with serve(exchange, clock, host=HOST, port=settings.port, binance=binance) as endpoints:
        yield endpoints.control
