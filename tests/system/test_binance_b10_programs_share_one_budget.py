"""Two programs of one address and one key spend one budget, whatever they do at one time."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import sharing_program
from binance_verbs import written
from emulated import QUIET
from leadline.clock import NS_PER_S
from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve
from spawned import go, line, spawned
from trading_venue import LeapClock

ANSWERS_AFTER_S = 4.0
"""So late that no header tells one program of the other's requests before all have left."""


async def test_two_programs_at_once_stay_together_inside_the_weight_and_the_count_of_orders(
    tmp_path: Path,
) -> None:
    clock = LeapClock()
    clock.leap(62 - clock.wall_ns() / NS_PER_S % 60)  # the venue has a whole minute before it
    exchange = BinanceExchange(
        start_ns=clock.wall_ns(), seed=1, rate=1, contracts=DEMO_CONTRACTS[:2], history_minutes=1
    )
    kraken = Exchange(start_ns=clock.wall_ns(), seed=1, rate=0, pairs=(QUIET,), history_minutes=0)
    async with serve(kraken, clock, binance=exchange) as endpoints, AsyncExitStack() as stack:
        settings = written(tmp_path, endpoints.as_json()["binance"])
        both = [
            await stack.enter_async_context(spawned(sharing_program, settings, name, 120, 150))
            for name in ("one", "two")
        ]
        for one in both:
            assert await line(one) == "ready"
        slow = {"kind": "REPLY", "venue": "binance", "path": "klines", "delay_s": ANSWERS_AFTER_S}
        exchange.inject(slow, clock.wall_ns())
        for one in both:
            await go(one)
        fit = [json.loads(await line(one))["fit"] for one in both]
        for one in both:
            await go(one)
        told: Counter[str] = Counter()
        for one in both:
            told.update(json.loads(await line(one)))
        used = exchange.weights.used(clock.wall_ns())

    assert sum(fit) == told["placed"] == 240
    assert set(told) == {"placed", "answered", "Throttled"}
    assert 1600 < used <= 1680
    assert (used - told["answered"] * 10) < 80
