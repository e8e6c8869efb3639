"""From the call of `orders.submit` to the venue's answer: an emulator of its own process, over loopback.

Paced far within the venue's limits, so that nothing waits but for the disk, the network and the venue.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import msgspec

from leadline.app.account_settings import AccountSettings
from leadline.app.config import Settings
from leadline.app.system import open_system
from leadline.bench.requests import resting
from leadline.clock import NS_PER_S, Clock
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.venue import Endpoints

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "LTC/USD", "DOT/USD")
ORDERS = 200
ORDERS_PER_S = 40
WARM_UP = 20
"""Orders at the beginning that are not counted."""


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Microseconds to the answer."""

    p50_us: float
    p99_us: float

    def as_json(self) -> dict[str, float]:
        return {"p50_us": self.p50_us, "p99_us": self.p99_us}


async def round_trip(folder: Path, clock: Clock, orders: int = ORDERS) -> RoundTrip:
    """Place resting orders, one after another, the account's files in the folder."""
    took_us: list[float] = []
    async with (
        _emulator() as venue,
        open_system(_settings(venue, folder), channels=(), account="main") as system,
    ):
        await system.ready()
        requests = [resting(system.market.reference.instrument(symbol)) for symbol in SYMBOLS]
        begun_ns = clock.mono_ns()
        for number in range(orders):
            due_ns = begun_ns + number * NS_PER_S // ORDERS_PER_S
            await clock.sleep(max(0, due_ns - clock.mono_ns()) / NS_PER_S)
            called_ns = clock.mono_ns()
            order = await system.orders.submit(requests[number % len(requests)])
            took_us.append((clock.mono_ns() - called_ns) / 1000)
            assert order.order_id and not order.state.final, order
    counted = took_us[WARM_UP:]
    return RoundTrip(round(median(counted), 1), round(quantiles(counted, n=100)[98], 1))


@asynccontextmanager
async def _emulator() -> AsyncIterator[dict[str, Any]]:
    """What it prints of itself, while it runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "leadline", "emulate", "--rate", "0", "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield msgspec.json.decode(await process.stdout.readline())["kraken"]
    finally:
        process.terminate()
        await process.wait()


def _settings(venue: dict[str, Any], folder: Path) -> Settings:
    told = venue["credentials"]
    account = AccountSettings("main", Credentials(told["api_key"], told["private_key"]))
    return Settings(Endpoints(**venue["endpoints"]), (account,), folder)
