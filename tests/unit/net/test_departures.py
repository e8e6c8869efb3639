from __future__ import annotations

import asyncio
import math

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.limits import DecayingCounter
from leadline.errors import Throttled
from leadline.net.departures import QUEUE_LIMIT, Departures, Priority

NO_RESERVE = dict.fromkeys(Priority, 0.0)


class Gate:
    """A queue and what has left it."""

    def __init__(self, limit: float = 1000, decay_per_s: float = 1000, spacing_s: float = 0.0) -> None:
        self.clock = ManualClock()
        self.departures = Departures(
            self.clock, DecayingCounter(limit, decay_per_s), NO_RESERVE, round(spacing_s * NS_PER_S)
        )
        self.left: list[str] = []
        self.clear = asyncio.Event()
        self.clear.set()

    def start(
        self,
        name: str,
        priority: Priority = Priority.NORMAL,
        cost: float = 1.0,
        patience_s: float | None = None,
    ) -> asyncio.Task[None]:
        ticket = self.departures.join(cost, priority, patience_s)

        async def leave() -> None:
            await self.departures.leave(ticket, self._is_clear)
            self.left.append(name)

        return asyncio.create_task(leave())

    async def _is_clear(self) -> bool:
        if self.clear.is_set():
            return True
        await self.clear.wait()
        return False

    async def pass_s(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.05)):
            self.clock.advance(0.05)
            for _ in range(20):
                await asyncio.sleep(0)


async def test_who_waits_for_the_way_to_be_clear_can_still_be_overtaken() -> None:
    gate = Gate()
    gate.clear.clear()
    asked = [gate.start("normal")]
    await asyncio.sleep(0)
    asked.append(gate.start("urgent", Priority.EMERGENCY))
    await asyncio.sleep(0)
    gate.clear.set()
    await asyncio.gather(*asked)

    assert gate.left == ["urgent", "normal"]


async def test_what_costs_nothing_passes_those_that_wait_for_the_budget_and_nobody_else() -> None:
    gate = Gate(limit=2, decay_per_s=1)
    await gate.start("first", cost=2)
    asked = [
        gate.start("dear", Priority.FALLBACK, cost=2),
        gate.start("cheap", Priority.NORMAL, cost=1),
        gate.start("free", Priority.ORDER, cost=0),
    ]
    await gate.pass_s(0.1)
    assert gate.left == ["first", "free"]
    await gate.pass_s(4)
    await asyncio.gather(*asked)

    assert gate.left == ["first", "free", "dear", "cheap"]


async def test_among_equals_what_costs_nothing_goes_first() -> None:
    gate = Gate()
    gate.clear.clear()
    asked = [gate.start(name, Priority.EMERGENCY, cost) for name, cost in (("lookup", 2), ("cancel", 0))]
    await asyncio.sleep(0)
    gate.clear.set()
    await asyncio.gather(*asked)

    assert gate.left == ["cancel", "lookup"]


async def test_patience_is_the_askers_own_where_it_says_so() -> None:
    gate = Gate(limit=1, decay_per_s=0.1)
    await gate.start("first")
    with pytest.raises(Throttled):
        await gate.start("impatient", patience_s=9)
    patient = gate.start("patient", patience_s=math.inf)
    await gate.pass_s(11)
    await patient

    assert gate.left == ["first", "patient"]


async def test_a_full_queue_refuses_at_once_and_says_for_how_long() -> None:
    gate = Gate(limit=1, decay_per_s=1)
    for _ in range(QUEUE_LIMIT):
        gate.departures.join(1.0, Priority.BACKGROUND)
    with pytest.raises(Throttled) as refused:
        gate.departures.join(1.0, Priority.BACKGROUND)

    assert refused.value.delay_s == QUEUE_LIMIT - 1


async def test_a_budget_another_process_has_just_spent_is_waited_for() -> None:
    gate = Gate()
    counter = DecayingCounter(2, 1)
    gate.departures = Departures(gate.clock, counter, NO_RESERVE, 0)
    gate.clear.clear()
    asked = gate.start("ours")
    await asyncio.sleep(0)
    counter.spend(2, gate.clock.mono_ns())
    gate.clear.set()
    await gate.pass_s(0.9)
    assert gate.left == []
    await gate.pass_s(0.2)
    await asked
