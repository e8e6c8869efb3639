"""A venue that accepts and closes, or refuses: twelve lines of one process stay below what it bans."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from leadline.clock import NS_PER_S
from leadline.core.retry import PROOF_S, Backoff, ConnectBudget, Randomness
from leadline.core.session import News
from leadline.model.market import Channel
from leadline.net.connection import Line
from leadline.venues.kraken.session import KrakenSession
from scenario import BTC, ONE_WAY_S, Scenario, each, perform

LINES = 12
TEN_MINUTES_S = 600.0
ACCEPTED_AND_CLOSED, REFUSED = 40, 120


@asynccontextmanager
async def lines(world: Scenario, count: int = LINES) -> AsyncIterator[list[Line]]:
    """Lines of one process, each with a subscription."""
    budget = ConnectBudget()
    made = [line(world, budget, random.Random(number)) for number in range(count)]
    tasks = [asyncio.ensure_future(one.run()) for one in made]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def line(world: Scenario, budget: ConnectBudget, chance: Randomness) -> Line:
    session = KrakenSession(_heard, lambda symbol: None)
    for wanted in each([BTC], Channel.TICKER):
        session.want(wanted, 0)
    return Line(session, world.network.connect, world.clock, Backoff(chance), budget)


def _heard(news: News, now_ns: int) -> None:
    pass


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        ({"kind": "CLOSE", "after_s": 0.3}, ACCEPTED_AND_CLOSED),
        ({"kind": "REFUSE", "status": 503}, REFUSED),
        ({"kind": "REFUSE"}, REFUSED),
    ],
)
def test_twelve_lines_together_connect_no_more_often_than_the_venue_allows(
    fault: dict[str, object], most: int
) -> None:
    async def scene(world: Scenario) -> None:
        world.inject(**fault, for_s=3 * TEN_MINUTES_S)
        async with lines(world):
            await world.until(3 * TEN_MINUTES_S)
            tries_ns = world.network.connects_ns
            assert max(_windows(tries_ns)) <= most
            assert len(tries_ns) >= 2 * most  # and uses what it may
            assert world.exchange.budget.banned_until_ns == 0

    perform(scene, rate=2)


def test_lines_that_fail_together_do_not_come_back_together() -> None:
    async def scene(world: Scenario) -> None:
        world.inject(kind="REFUSE")
        async with lines(world):
            await world.until(2 * TEN_MINUTES_S)
            tries_s = [ns / NS_PER_S for ns in world.network.connects_ns]
            assert tries_s[:LINES] == [0.0] * LINES
            later_s = [at_s for at_s in tries_s if at_s > 30]
            apart_s = [later - earlier for earlier, later in itertools.pairwise(sorted(later_s))]
            assert len(apart_s) > 10 * LINES
            assert sum(pause_s < 0.1 for pause_s in apart_s) < len(apart_s) / 5
            together = Counter(round(at_s, 1) for at_s in later_s)  # the budget that all wait for included
            assert max(together.values()) <= LINES / 3

    perform(scene, rate=2)


@pytest.mark.parametrize(("data_s", "attempts"), [(PROOF_S - 5, 3), (PROOF_S + 5, 1)])
def test_only_thirty_seconds_with_data_let_the_pauses_begin_anew(data_s: float, attempts: int) -> None:
    async def scene(world: Scenario) -> None:
        world.inject(kind="CLOSE", after_s=0.3, count=2)
        async with lines(world, 1) as (one,):
            await _while(world, lambda: one.connects < 3)
            await world.until(world.now_s + data_s)
            world.inject(kind="CLOSE")
            await world.until(world.now_s + 2 * ONE_WAY_S)
            assert one.attempts == attempts

    perform(scene)


async def _while(world: Scenario, condition: Callable[[], bool]) -> None:
    while condition():
        await world.clock.sleep(0.05)


def _windows(tries_ns: list[int]) -> list[int]:
    window_ns = round(TEN_MINUTES_S * NS_PER_S)
    return [sum(at_ns <= other_ns < at_ns + window_ns for other_ns in tries_ns) for at_ns in tries_ns]
