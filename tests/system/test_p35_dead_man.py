"""The dead-man switch on real sockets: who is killed leaves no order behind, and who leaves in order does."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import trading_program
from leadline.app.opening import open_system
from leadline.app.system import System
from leadline.clock import NS_PER_S
from leadline.engine.account_events import AccountEvent
from leadline.engine.dead_man import DeadManChanged, OutlivesNot
from trading_program import FAR, SURVIVING
from trading_venue import TradingVenue, as_file, key_variables, trading_venue

TIMEOUT_S = 60
SHORT_S = 3
"""Refreshed every second, where a test waits for a refresh; a settings file may not go so low."""

PATIENCE_S = 20


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[TradingVenue]:
    async with trading_venue(tmp_path, dead_man_s=TIMEOUT_S) as running:
        yield running


@asynccontextmanager
async def trading(venue: TradingVenue) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that has placed two orders with the switch armed."""
    assert venue.settings.state_dir is not None
    file = as_file(venue.settings, venue.settings.state_dir / "settings.yaml")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", trading_program.__file__, str(file), "stay"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **key_variables(venue.settings)},
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert process.stdout is not None
            assert await process.stdout.readline() == b"placed\n"
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def armed_ns(venue: TradingVenue) -> int | None:
    """When the venue will cancel everything, None where nobody has armed it."""
    venue.step()
    return venue.exchange.trading.demo.armed_ns


def states(venue: TradingVenue) -> list[str]:
    return [one["status"] for one in venue.orders()]


async def test_after_a_kill_the_venue_cancels_everything_within_the_time_out(venue: TradingVenue) -> None:
    async with trading(venue) as process:
        process.kill()
        await process.wait()
    due_ns = armed_ns(venue)
    assert due_ns is not None
    left_s = (due_ns - venue.step()) / NS_PER_S
    assert left_s <= TIMEOUT_S

    await venue.leap(left_s - 2)
    assert states(venue) == ["new", "new"]
    await venue.leap(2)
    assert states(venue) == ["canceled", "canceled"]


async def test_a_clean_end_takes_the_switch_off_and_leaves_the_orders(venue: TradingVenue) -> None:
    async with trading(venue) as process:
        assert armed_ns(venue) is not None
        await process.communicate(b"")
        assert process.returncode == 0

    assert armed_ns(venue) is None
    await venue.leap(10 * TIMEOUT_S)
    assert states(venue) == ["new", "new"]


async def told(system: System, kind: type[AccountEvent], after: int = 0) -> list[AccountEvent]:
    """What the account has told of this kind, when there is more of it than `after`."""
    heard = asyncio.Event()
    stop = system.desk.log.listen(lambda event: heard.set())
    try:
        while len(found := [one for one in system.desk.log.recent if isinstance(one, kind)]) <= after:
            heard.clear()
            await heard.wait()
        return found
    finally:
        stop()


async def test_an_order_that_is_to_survive_is_warned_of_when_the_switch_is_armed(
    venue: TradingVenue,
) -> None:
    async with open_system(venue.settings, account="main") as system:
        await system.ready(PATIENCE_S)
        survivor = await system.orders.submit(SURVIVING)
        await system.orders.submit(FAR)

    async with asyncio.timeout(PATIENCE_S), open_system(venue.settings, account="main") as system:
        warned = await told(system, OutlivesNot)
        assert warned == [OutlivesNot(survivor.client_id, FAR.symbol)]
        changed = await told(system, DeadManChanged)
        assert isinstance(changed[0], DeadManChanged)
        assert changed[0].armed
        order = list(system.desk.log.recent)
        assert order.index(warned[0]) < order.index(changed[0])


async def test_the_switch_is_taken_off_while_the_venue_rests_and_put_on_again_after(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        trading_venue(tmp_path, dead_man_s=SHORT_S) as venue,
        open_system(venue.settings, account="main") as system,
    ):
        await told(system, DeadManChanged)
        await system.ready(PATIENCE_S)
        await venue.inject(kind="STATUS", mode="cancel_only")
        [_, off] = await told(system, DeadManChanged, 1)
        assert isinstance(off, DeadManChanged)
        assert not off.armed
        assert armed_ns(venue) is None
        await venue.heal()
        [_, _, on] = await told(system, DeadManChanged, 2)
        assert isinstance(on, DeadManChanged)
        assert on.armed
        assert armed_ns(venue) is not None


async def test_what_is_announced_for_later_is_met_with_the_switch_off(venue: TradingVenue) -> None:
    async with asyncio.timeout(PATIENCE_S), open_system(venue.settings, account="main") as system:
        await told(system, DeadManChanged)
        await system.desk.dead_man.pause("maintenance at noon")

        assert armed_ns(venue) is None
        order = await system.orders.submit(FAR)
        await venue.leap(2 * TIMEOUT_S)
        assert [one["status"] for one in venue.orders() if one["order_id"] == order.order_id] == ["new"]
