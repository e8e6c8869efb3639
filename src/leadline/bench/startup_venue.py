"""The second process of the start-up measurement: an emulated Binance with many deep books.

Run as a program it prints its addresses, serves until its standard input ends, and then prints the most
weight that any minute has cost.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping

import msgspec

from leadline.clock import Clock, SystemClock
from leadline.emulator.binance.contracts import Contract, synthetic
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.instruments import DEMO_PAIRS
from leadline.emulator.serve import serve
from leadline.emulator.wire import Answer

CONTRACTS = 150
LEVELS = 1_400
"""Levels a side, more than a snapshot can show."""
EVENTS_S = 450.0


class WeighedExchange(BinanceExchange):
    """Remembers what its fullest minute has cost."""

    peak = 0

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | str,
        now_ns: int,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answer | RefusedConnect:
        answer = super().request(method, path, query, now_ns, headers, body)
        self.peak = max(self.peak, self.weights.used(now_ns))
        return answer


def startup_contracts() -> tuple[Contract, ...]:
    """The contracts that are listed."""
    return synthetic(CONTRACTS, levels=LEVELS)


async def serve_until_input_ends(clock: Clock) -> None:
    """Serve, and tell the peak in the end."""
    binance = WeighedExchange(
        start_ns=clock.wall_ns(), rate=EVENTS_S, contracts=startup_contracts(), history_minutes=1
    )
    kraken = Exchange(start_ns=clock.wall_ns(), rate=0.0, pairs=DEMO_PAIRS[:1], history_minutes=1)
    async with serve(kraken, clock, binance=binance) as endpoints:
        _say(endpoints.as_json()["binance"]["endpoints"])
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    _say(binance.peak)


def _say(what: object) -> None:
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve_until_input_ends(SystemClock()))
