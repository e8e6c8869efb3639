"""The four service levels on real sockets: each reached by faults of the venue, and what passes at each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from leadline.app.opening import open_system
from leadline.app.system import System
from leadline.core.breaker import BreakerState
from leadline.core.level import Deed
from leadline.engine.events import LevelChanged
from leadline.engine.levels import LevelWatch
from leadline.errors import Error, Held, TransportError
from leadline.model.level import Level
from leadline.model.market import Channel, Side
from leadline.model.order import OrderKind, OrderRequest, OrderState
from trading_venue import BTC, ETH, TradingVenue, trading_venue

PATIENCE_S = 60
READY_S = 20
REQUIRED = 4
"""Tickers and books of two symbols."""


def far(symbol: str = BTC, side: Side = Side.BUY, price: str = "30000") -> OrderRequest:
    """An order that rests far from the market."""
    return OrderRequest(
        symbol=symbol, side=side, kind=OrderKind.LIMIT, qty=Decimal("0.01"), limit_price=Decimal(price)
    )


FAR_ETH = far(ETH, price="500")
SALE = far(side=Side.SELL, price="200000")


class Heard:
    """Every change of the level, by an ordinary callback and by a coroutine function."""

    def __init__(self, levels: LevelWatch) -> None:
        self.changes: list[LevelChanged] = []
        self.later: list[LevelChanged] = []
        self._changed = asyncio.Event()
        levels.on(self._take)
        levels.on(self._take_later)

    def _take(self, change: LevelChanged) -> None:
        self.changes.append(change)
        self._changed.set()

    async def _take_later(self, change: LevelChanged) -> None:
        await asyncio.sleep(0)
        self.later.append(change)
        self._changed.set()

    async def reaches(self, level: Level) -> LevelChanged:
        """The change to this level, once both have heard of it."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._told(level):
                self._changed.clear()
                await self._changed.wait()
        return self.changes[-1]

    def _told(self, level: Level) -> bool:
        return self.later[-1:] == self.changes[-1:] != [] and self.changes[-1].level is level


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[TradingVenue, System, Heard]]:
    """A system that trades on a venue whose crowd is busy, at FULL."""
    async with (
        trading_venue(folder, rate=100.0) as venue,
        open_system(venue.settings, [BTC, ETH], account="main") as system,
    ):
        await system.ready(READY_S)
        heard = Heard(system.levels)
        if system.levels.level is not Level.FULL:
            await heard.reaches(Level.FULL)
        heard.changes.clear()
        heard.later.clear()
        yield venue, system, heard


def close_breaker(system: System) -> None:
    """A person does not wait the five minutes until the breaker tries the venue again."""
    assert system.account is not None
    system.account.breaker.force(BreakerState.CLOSED, "the venue is back")


async def refused(work: Awaitable[Any]) -> Error:
    """What something was refused with."""
    with pytest.raises(Error) as caught:
        await work
    return caught.value


async def test_a_system_that_is_ready_is_at_full_and_its_orders_leave_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as (venue, system, heard):
        assert (await system.orders.submit(far())).state is OrderState.WORKING
        assert system.levels.reasons == ()
        assert [system.levels.permits(deed) for deed in Deed] == [True] * len(Deed)
        assert heard.changes == []
        assert len(venue.orders()) == 1


async def test_a_book_that_fails_its_proof_is_degraded_until_it_has_held_for_ten_seconds(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (venue, system, heard):
        began_s = asyncio.get_running_loop().time()
        await venue.inject(kind="CORRUPT", channel="book", symbol=BTC, count=1)
        change = await heard.reaches(Level.DEGRADED)
        assert "of 4 required streams not live" in change.reasons[0]
        assert BTC in change.reasons[0]
        assert (await system.orders.submit(FAR_ETH)).state is OrderState.WORKING
        assert (await system.orders.submit(SALE)).state is OrderState.WORKING

        await heard.reaches(Level.FULL)
        assert asyncio.get_running_loop().time() - began_s >= 10.0
        assert [one.level for one in heard.changes] == [Level.DEGRADED, Level.FULL]
        assert heard.later == heard.changes
        counts = system.levels.recoveries
        assert (counts.begun, counts.ended, counts.failed) == (1, 1, 0)
        assert counts.max_s >= 10.0


async def test_degraded_a_symbol_without_a_live_book_takes_only_what_reduces(tmp_path: Path) -> None:
    async with running(tmp_path) as (venue, system, heard):
        await venue.inject(kind="ACK_NO_DATA", channel="book", symbol=BTC)
        await venue.inject(kind="CORRUPT", channel="book", symbol=BTC, count=1)
        await heard.reaches(Level.DEGRADED)

        error = await refused(system.orders.submit(far()))
        assert isinstance(error, Held)
        assert "the service level is DEGRADED" in str(error)
        assert f"the book of {BTC} is" in str(error)
        assert (await system.orders.submit(FAR_ETH)).state is OrderState.WORKING
        assert (await system.orders.submit(SALE)).state is OrderState.WORKING
        waiting = asyncio.ensure_future(system.orders.submit(far(), wait_s=PATIENCE_S))
        await venue.heal()
        assert (await waiting).state is OrderState.WORKING
        assert len(venue.orders()) == 3


async def test_without_a_live_stream_only_cancels_and_look_ups_pass_and_what_waits_leaves_once(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (venue, system, heard):
        order = await system.orders.submit(far())
        await venue.inject(kind="REFUSE", route="ws")
        await venue.inject(kind="CLOSE", code=1006)
        change = await heard.reaches(Level.EMERGENCY_ONLY)
        assert f"none of {REQUIRED} required streams is live" in change.reasons[0]

        for request in (far(), SALE, FAR_ETH):
            error = await refused(system.orders.submit(request))
            assert isinstance(error, Held)
            assert "the service level is EMERGENCY_ONLY (none of 4" in str(error)
        waiting = asyncio.ensure_future(system.orders.submit(far(price="30001"), wait_s=PATIENCE_S))
        found = await system.orders.find(order.client_id)
        assert found is not None and found.state is OrderState.WORKING
        (outcome,) = await system.orders.cancel(order.client_id)
        assert outcome.error is None
        assert [one["status"] for one in venue.orders()] == ["canceled"]

        await venue.heal()
        assert (await waiting).state is OrderState.WORKING
        await heard.reaches(Level.FULL)
        assert len(venue.orders()) == 2
        assert venue.placed_twice() == []


async def test_where_neither_stream_nor_rest_gets_through_it_is_an_outage_until_one_does(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (venue, system, heard):
        order = await system.orders.submit(far())
        for channel in (Channel.TICKER, Channel.BOOK):
            system.feed.hold(channel, BTC, 10 if channel is Channel.BOOK else 0)
        await venue.inject(kind="REFUSE", route="all")
        await venue.inject(kind="CLOSE", code=1006)
        change = await heard.reaches(Level.OUTAGE)
        assert "no line has stood for" in change.reasons[0]

        (outcome,) = await system.orders.cancel(order.client_id)
        assert isinstance(outcome.error, TransportError)
        waiting = asyncio.ensure_future(system.orders.submit(far(price="30001"), wait_s=PATIENCE_S))
        impatient = await refused(system.orders.submit(far(price="30002"), wait_s=1.0))
        assert isinstance(impatient, Held)
        assert "not let go within 1 s: the service level is OUTAGE" in str(impatient)
        system.levels.force(Level.FULL, 60.0, "in vain")
        assert system.levels.level is Level.OUTAGE
        system.levels.release()

        await venue.heal()
        await heard.reaches(Level.DEGRADED)
        assert "the breaker is open" in system.levels.reasons
        close_breaker(system)
        assert (await waiting).state is OrderState.WORKING
        await heard.reaches(Level.FULL)
        levels = [one.level for one in heard.changes]
        worst = levels.index(Level.OUTAGE)
        assert levels[: worst + 1] == sorted(levels[: worst + 1])
        assert levels[worst:] == sorted(levels[worst:], reverse=True)
        assert len(venue.orders()) == 2
        assert venue.placed_twice() == []


async def test_an_edge_that_answers_in_the_venues_place_is_no_venue(tmp_path: Path) -> None:
    async with running(tmp_path) as (venue, system, heard):
        await venue.inject(kind="REPLY", status=503)
        await venue.inject(kind="REFUSE", route="ws")
        await venue.inject(kind="CLOSE", code=1006)
        await heard.reaches(Level.OUTAGE)
        await venue.heal()
        await heard.reaches(Level.DEGRADED)
        close_breaker(system)
        await heard.reaches(Level.FULL)
        assert system.levels.recoveries.ended == 1


@pytest.mark.parametrize(
    ("mode", "level"),
    [("post_only", Level.DEGRADED), ("cancel_only", Level.EMERGENCY_ONLY)],
)
async def test_the_venues_own_word_counts_at_once_both_ways(tmp_path: Path, mode: str, level: Level) -> None:
    async with running(tmp_path) as (venue, system, heard):
        order = await system.orders.submit(far())
        await venue.inject(kind="STATUS", mode=mode)
        change = await heard.reaches(level)
        assert f"the venue is in {mode} mode" in change.reasons[0]
        waiting = asyncio.ensure_future(system.orders.submit(far(price="30001"), wait_s=PATIENCE_S))
        (outcome,) = await system.orders.cancel(order.client_id)
        assert outcome.error is None
        began_s = asyncio.get_running_loop().time()
        await venue.heal()
        await heard.reaches(Level.FULL)

        assert asyncio.get_running_loop().time() - began_s < 5.0
        assert (await waiting).state is OrderState.WORKING
        assert [one.level for one in heard.changes] == [level, Level.FULL]


async def test_what_waited_when_the_program_ended_is_not_sent_by_the_next_one(tmp_path: Path) -> None:
    async with trading_venue(tmp_path, rate=100.0) as venue:
        async with open_system(venue.settings, [BTC, ETH], account="main") as system:
            await system.ready(READY_S)
            heard = Heard(system.levels)
            await venue.inject(kind="STATUS", mode="cancel_only")
            await heard.reaches(Level.EMERGENCY_ONLY)
            waiting = asyncio.ensure_future(system.orders.submit(far(), wait_s=600.0))
            await asyncio.wait([waiting], timeout=0.1)
            assert len(system.orders.queued()) == 1
        waiting.cancel()
        await venue.heal()
        async with open_system(venue.settings, [BTC, ETH], account="main") as system:
            await system.ready(READY_S)
            assert (await system.orders.submit(FAR_ETH)).state is OrderState.WORKING
            assert len(system.orders.orders()) == len(venue.orders()) == 1


async def test_a_forced_level_holds_orders_back_and_outlasts_a_restart(tmp_path: Path) -> None:
    async with trading_venue(tmp_path, rate=100.0) as venue:
        async with open_system(venue.settings, [BTC, ETH], account="main") as system:
            await system.ready(READY_S)
            system.levels.force(Level.EMERGENCY_ONLY, 600.0, "I look into it")
            error = await refused(system.orders.submit(far()))
            assert "EMERGENCY_ONLY (forced by an operator: I look into it)" in str(error)
        async with open_system(venue.settings, [BTC, ETH], account="main") as system:
            await system.ready(READY_S)
            assert isinstance(await refused(system.orders.submit(far())), Held)
            system.levels.release("looked at")
            assert (await system.orders.submit(far())).state is OrderState.WORKING
        assert len(venue.orders()) == 1
