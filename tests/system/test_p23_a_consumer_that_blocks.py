"""A callback blocks the event loop: no news of the account is lost, and the streams are true in two seconds.

Real processes, real sockets: the venue streams and fills orders all the while, and cuts the line in one case.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import blocking_program
from leadline.emulator.matching import BID
from leadline.emulator.matching import Order as CrowdOrder
from trading_venue import ETH, TradingVenue, as_file, key_variables, trading_venue

PROGRAM = Path(blocking_program.__file__)
UPDATES_APART_S = 0.005
LIVE_WITHIN_S = 2.0
UNDERSTATED_S = 0.6
"""A ping answered in half a second shows that nothing waits in a buffer any more; timers add a little."""


async def stream(venue: TradingVenue) -> None:
    """Some two hundred changes a second in a book that nobody of ours trades in."""
    market, number = venue.exchange.market, 0
    precision = market.listings[ETH].pair.price_precision
    best = int(venue.best(ETH)[0].scaleb(precision))
    while True:
        number += 1
        order = CrowdOrder(market.new_order_id(), BID, best + number % 3, 1_000_000 + number)
        market.submit(ETH, order, venue.step())
        await asyncio.sleep(UPDATES_APART_S)


@asynccontextmanager
async def program(venue: TradingVenue, seconds: float) -> AsyncIterator[asyncio.subprocess.Process]:
    folder = venue.settings.state_dir
    assert folder is not None
    file = as_file(venue.settings, folder.with_name("settings.yaml"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(PROGRAM), str(file), str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **key_variables(venue.settings)},
    )
    try:
        async with asyncio.timeout(seconds + 40):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def blocked(folder: Path, seconds: float, *, cut: bool) -> dict[str, Any]:
    """What a program knows after a block of so many seconds, beside the fills that the venue knows."""
    async with trading_venue(folder / "state") as venue, program(venue, seconds) as process:
        assert process.stdin is not None and process.stdout is not None
        names = json.loads(await process.stdout.readline())
        streaming = asyncio.ensure_future(stream(venue))
        process.stdin.write(b"block\n")
        await process.stdin.drain()
        pause_s = seconds / (len(names) + 1)
        for number, name in enumerate(reversed(names)):
            await asyncio.sleep(pause_s)
            await venue.fill(name, "0.004")
            await venue.fill(name, "0.006")
            if cut and number == 1:
                await venue.inject(kind="CLOSE", code=1006)
        told: dict[str, Any] = json.loads(await process.stdout.readline())
        streaming.cancel()
        return told | {"venue_fills": [one["exec_id"] for one in venue.fills()]}


@pytest.mark.parametrize(("seconds", "cut"), [(30.0, False), (7.0, True), (1.0, False)])
@pytest.mark.timeout(120)
async def test_a_block_costs_no_account_event_and_is_over_in_two_seconds(
    tmp_path: Path, seconds: float, cut: bool
) -> None:
    told = await blocked(tmp_path, seconds, cut=cut)

    assert sorted(told["fills"]) == sorted(told["venue_fills"])
    assert len(told["venue_fills"]) == 2 * blocking_program.ORDERS
    assert told["account_s"] < LIVE_WITHIN_S
    assert told["book_fresh_s"] < LIVE_WITHIN_S
    assert told["understated_s"] < UNDERSTATED_S, (
        "a value that waited in a buffer was called younger than it is"
    )
    longest_ms, culprit = max(told["blocked"])
    assert longest_ms == pytest.approx(seconds * 1000, rel=0.1, abs=150)
    assert "Program.blocks" in culprit
