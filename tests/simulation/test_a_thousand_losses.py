"""A thousand losses of streams, one after another and of every kind: readers go on from elsewhere at once."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest

from leadline.simulation.alarms import Alarms
from leadline.simulation.report import Findings
from scenario import Scenario, fifty, perform

LOSSES = 1000
HANDED_OVER_MS = 100
"""Within which time after a loss is noticed readers are served from elsewhere."""

START_S = 5.0
LASTS_S = 4.0
KINDS = ("CORRUPT",) * 20 + ("DROP",) * 20 + ("STALL", "CLOSE")


@pytest.mark.timeout(600)
def test_a_thousand_losses_are_each_served_from_elsewhere_at_once() -> None:
    by_rest = losses(lines=1, symbols=12, strikes=300, apart_s=3.0)
    by_line = losses(lines=2, symbols=10, strikes=1400, apart_s=1.5)
    total = by_rest + by_line

    assert total.total() >= LOSSES
    assert max(total) < HANDED_OVER_MS


def losses(lines: int, symbols: int, strikes: int, apart_s: float) -> Counter[int]:
    """How long readers of a client with so many lines waited after each loss, by whole milliseconds."""
    waits: Counter[int] = Counter()

    async def scene(world: Scenario) -> None:
        luck = random.Random(1)
        alarms = Alarms(world.loop, Findings(1, "again"))
        turns = cycle((symbol, only) for only in ("oldest", "newest") for symbol in world.symbols)
        async with world.client(lines=lines) as client:
            client.feed.listen(alarms.heard)
            for symbol in world.symbols:
                client.feed.on_book(symbol, lambda reading: None)
            await world.until(START_S)
            for number in range(strikes):
                symbol, only = next(turns)
                world.inject(**fault(luck.choice(KINDS), symbol, only if lines > 1 else None))
                await world.until(START_S + (number + 1) * apart_s)
            waits.update(alarms.failover_ms)

    pairs = [replace(pair, levels=12, weight=1.0) for pair in fifty()[:symbols]]
    perform(scene, pairs, rate=6)
    return waits


def fault(kind: str, symbol: str, only: str | None) -> dict[str, Any]:
    """What strikes one book of one line, or a whole line; of either the one that carries or the other."""
    one: dict[str, Any] = {"kind": kind, "only": only}
    match kind:
        case "CLOSE":
            return one | {"code": 1006}
        case "STALL":
            return one | {"channel": "book", "symbol": symbol, "for_s": 4 * LASTS_S}
    return one | {"channel": "book", "symbol": symbol, "for_s": LASTS_S, "count": 1}
