"""The local exchange inside a process: where it listens, whose account it has, and how it is started.

Rule: it is spoken to over real sockets, exactly as the venue is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from leadline.app.account_settings import MAIN, AccountSettings
from leadline.app.settings import EmulatorSettings
from leadline.clock import Clock
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.venue import Endpoints

HOST = "127.0.0.1"


def embedded_endpoints(settings: EmulatorSettings) -> Endpoints:
    """Where it will listen."""
    base = f"{HOST}:{settings.port}"
    return Endpoints(f"ws://{base}/v2", f"ws://{base}/auth/v2", f"ws://{base}/level3/v2", f"http://{base}")


def demo_account(settings: EmulatorSettings) -> AccountSettings:
    """The invented account that is there from the start: the same seed, the same key."""
    from leadline.emulator.accounts import DEMO, Account
    from leadline.emulator.market import chance

    account = Account(DEMO, chance(settings.seed, "account", DEMO), "intermediate", {})
    return AccountSettings(MAIN, Credentials(account.api_key, account.secret))


@asynccontextmanager
async def embedded(settings: EmulatorSettings, clock: Clock) -> AsyncIterator[str]:
    """Run it for the length of the block; yields the address of its control. Raises ConfigError.

    It knows nothing of a run before.
    """
    from leadline.emulator.exchange import Exchange
    from leadline.emulator.serve import serve

    exchange = Exchange(start_ns=clock.wall_ns(), seed=settings.seed, rate=settings.rate)
    async with serve(exchange, clock, host=HOST, port=settings.port) as endpoints:
        yield endpoints.control
