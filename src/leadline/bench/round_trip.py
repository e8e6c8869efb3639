"""From the call of `orders.submit` to the venue's answer: an emulator of its own process, over loopback.

Paced far within the venue's limits, so that nothing waits but for the disk, the network and the venue.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from leadline.app.opening import open_system
from leadline.bench.emulated import emulated
from leadline.bench.requests import resting
from leadline.clock import NS_PER_S, Clock

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
        emulated() as venue,
        open_system(venue.settings(folder), channels=(), account="main") as system,
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
