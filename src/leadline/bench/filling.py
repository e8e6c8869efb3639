"""Fills what a system keeps up to a bound, so that memory which grows afterwards grows without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn

from msgspec import Struct
from msgspec.structs import replace

from leadline.app.system import System
from leadline.bench.requests import resting
from leadline.clock import NS_PER_S
from leadline.core.history import KEPT_CHANGES
from leadline.engine.blotter import FINISHED_KEPT
from leadline.errors import Error
from leadline.model.order import OrderRequest, TimeInForce

LONGEST_S = 900.0
"""The market's history takes in one change a second of each stream: that is what takes the longest."""

_LOOK_S = 1.0
_TOLD_S = 30.0


class Kept(Struct, frozen=True):
    """Records of the past in memory: finished orders, changes of the account, changes of the market."""

    orders: int
    account: int
    market: int


FULL = Kept(FINISHED_KEPT, KEPT_CHANGES, KEPT_CHANGES)


def kept(system: System) -> Kept:
    """What it keeps now."""
    counts = system.orders.counts
    live = counts.open + counts.unconfirmed
    return Kept(
        len(system.orders.blotter.orders()) - live, len(system.state.account), len(system.state.market)
    )


async def fill(system: System, patience_s: float, progress: Callable[[str], None]) -> None:
    """Place orders that never rest until everything is full or the patience is over."""
    begun_ns = system.clock.mono_ns()
    ioc = [
        replace(resting(instrument), time_in_force=TimeInForce.IOC)
        for instrument in system.market.reference.instruments()
    ]
    told_s = 0.0
    try:
        async with asyncio.timeout(min(patience_s, LONGEST_S)), asyncio.TaskGroup() as group:
            placing = [group.create_task(_placed(system, request)) for request in ioc]
            while (now := kept(system)) != FULL:
                passed_s = (system.clock.mono_ns() - begun_ns) / NS_PER_S
                if passed_s >= told_s:
                    told_s += _TOLD_S
                    progress(f"filling what is kept: {_of(now)}")
                if (now.orders, now.account) == (FULL.orders, FULL.account):
                    for task in placing:
                        task.cancel()
                await system.clock.sleep(_LOOK_S)
            for task in placing:
                task.cancel()
    except TimeoutError:
        pass  # what is not full is seen in the counts


async def _placed(system: System, request: OrderRequest) -> NoReturn:
    """One after another, each gone at once, as fast as the venue lets them through."""
    while True:
        try:
            await system.orders.submit(request)
        except Error:
            await system.clock.sleep(_LOOK_S)  # held, or out of room: later


def _of(now: Kept) -> str:
    return (
        f"{now.orders:,} of {FULL.orders:,} orders, "
        f"{now.account:,} of {FULL.account:,} changes of the account, "
        f"{now.market:,} of {FULL.market:,} of the market"
    )
