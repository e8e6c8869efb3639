"""One or two private lines on real sockets: cut under trading, and replaced by younger ones under trading."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from leadline.app.settings import LineSettings
from leadline.app.system import System
from leadline.core.account_session import AccountGap
from leadline.core.session import LineDown
from leadline.engine.account_events import AccountEvent
from leadline.engine.account_lines import CHANNELS
from leadline.engine.dead_man import DeadManChanged
from leadline.engine.events import LineRotated, LineSwitched, RotationPutOff
from leadline.engine.order_news import NewsGap, OrderEvent, OrderNews
from leadline.model.market import Side
from leadline.model.order import Order, OrderState
from leadline.model.reading import Source
from trading_program import FAR, limit, system_of
from trading_venue import BTC, TradingVenue, trading_venue

READY_S = 20.0
PATIENCE_S = 60.0
LEAVE_S = 5.0
CUTS = 30
LOOK_S = 0.01


class NoChance:
    """Never any delay between two tries: only so can a line be cut thirty times within a test."""

    def random(self) -> float:
        return 0.0


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[TradingVenue]:
    async with trading_venue(tmp_path) as running:
        yield running


class Trading:
    """A program with its account, what it was told, and whether it ever was not ready."""

    def __init__(self, venue: TradingVenue, system: System) -> None:
        self.venue = venue
        self.system = system
        self.news: list[OrderNews] = []
        self.events: list[AccountEvent] = []
        self.not_ready = 0
        system.orders.tell(self.news.append)
        system.desk.log.listen(self.events.append)

    def told(self, *kinds: type) -> list[AccountEvent]:
        return [event for event in self.events if isinstance(event, kinds)]

    def warm(self, count: int = 2) -> bool:
        """Whether so many lines could carry requests now."""
        return [line.warm for line in self.system.desk.lines.lines] == [CHANNELS] * count

    async def until(self, what: Callable[[], bool]) -> None:
        while not what():
            await self.system.clock.sleep(LOOK_S)

    async def look(self) -> None:
        """Count the moments at which the account is not ready, for as long as it is let."""
        lines, clock, account = self.system.desk.lines, self.system.clock, self.system.account
        assert account is not None
        while True:
            self.not_ready += not (lines.ready(clock.mono_ns()) and account.account.can_stream())
            await clock.sleep(LOOK_S)

    async def submit(self) -> Order:
        """A bid inside the spread, where it is the best and rests."""
        best_bid, _ = self.venue.best(BTC)
        order = await self.system.orders.submit(limit(Side.BUY, "0.01", best_bid + 1))
        assert order.state is OrderState.WORKING
        return order

    def fills(self, name: str) -> int:
        order = self.system.orders.get(name)
        return 0 if order is None else len(order.fills)

    def each_fill_once(self) -> None:
        told = [one.fill.exec_id for one in self.news if isinstance(one, OrderEvent) and one.fill is not None]
        assert len(told) == len(set(told))
        assert sorted(told) == sorted(one["exec_id"] for one in self.venue.fills())

    async def agrees(self) -> None:
        """Orders, fills and balances are those of the venue, to the last digit."""
        await self.until(lambda: not self.venue.disagreements(self.system.orders))
        self.each_fill_once()
        assert self.venue.placed_twice() == []
        owned = (await self.system.balances.all(Source.STREAM)).value
        for asset, row in self.venue.balances().items():
            assert owned[asset].tradable == row.get("spot", Decimal(0))


@asynccontextmanager
async def trading(venue: TradingVenue, lines: LineSettings) -> AsyncIterator[Trading]:
    async with (
        system_of(replace(venue.settings, lines=lines), chance=NoChance()) as system,
        asyncio.timeout(PATIENCE_S),
    ):
        await system.ready(READY_S)
        trader = Trading(venue, system)
        await trader.until(lambda: trader.warm(lines.private))
        yield trader


async def test_fills_and_orders_go_on_while_the_carrier_is_cut_thirty_times(venue: TradingVenue) -> None:
    switched = replace(venue.settings.accounts[0], dead_man_s=15)
    settings = replace(venue.settings, accounts=(switched,))
    venue = dataclasses.replace(venue, settings=settings)
    async with trading(venue, LineSettings(private=2, rotate_after_s=None)) as trader:
        looking = asyncio.ensure_future(trader.look())
        for number in range(1, CUTS + 1):
            order = await trader.submit()
            await venue.inject(kind="CLOSE", line="ws_private", only="oldest", code=1006)
            await venue.fill(order.client_id, "0.004")
            await trader.until(lambda at=number: len(trader.told(LineSwitched)) == at)
            after = await trader.system.orders.submit(FAR)
            assert after.state is OrderState.WORKING
            await venue.fill(order.client_id, "0.006")
            await trader.until(lambda name=order.client_id: trader.fills(name) == 2)
            await trader.system.orders.cancel(after.client_id)
            await trader.until(trader.warm)
        looking.cancel()
        await trader.agrees()

        switches = [one for one in trader.events if isinstance(one, LineSwitched)]
        assert len(switches) == len(trader.told(LineDown)) == CUTS
        assert max(one.took_ms for one in switches) < 100
        assert trader.not_ready == 0
        assert [one.armed for one in trader.events if isinstance(one, DeadManChanged)] == [True]
        assert trader.told(AccountGap) == []
        assert [one for one in trader.news if isinstance(one, NewsGap)] == []
        assert trader.system.orders.counts.finds == 0


@pytest.mark.parametrize("private", [1, 2])
async def test_lines_are_replaced_under_trading_and_nothing_is_lost_or_doubled(
    venue: TradingVenue, private: int
) -> None:
    async with trading(venue, LineSettings(private=private, rotate_after_s=1.0)) as trader:
        looking = asyncio.ensure_future(trader.look())
        placed = 0
        while len(trader.told(LineRotated)) < 2:
            order = await trader.submit()
            await venue.fill(order.client_id, "0.004")
            await venue.fill(order.client_id, "0.006")
            await trader.until(lambda name=order.client_id: trader.fills(name) == 2)
            placed += 1
        looking.cancel()
        await trader.agrees()

        assert placed > 20
        assert trader.not_ready == 0
        assert trader.told(LineDown, AccountGap, LineSwitched) == []
        assert [one for one in trader.news if isinstance(one, NewsGap)] == []
        assert [line.number for line in trader.system.desk.lines.lines] == list(range(1, private + 1))


async def test_no_line_is_replaced_while_an_order_is_unknown(venue: TradingVenue) -> None:
    async with trading(venue, LineSettings(private=2, rotate_after_s=3.0)) as trader:
        orders = trader.system.orders
        for fault in (
            {"kind": "STALL", "channel": "executions"},
            {"kind": "REFUSE", "route": "rest"},
            {"kind": "ACCEPT_THEN_DROP", "method": "add_order", "count": 1},
        ):
            await venue.inject(**fault)
        order = await orders.submit(FAR)
        assert order.state is OrderState.UNKNOWN
        await trader.until(lambda: bool(trader.told(RotationPutOff)))
        await trader.system.clock.sleep(0.5)
        [put_off] = trader.told(RotationPutOff)
        assert isinstance(put_off, RotationPutOff)
        assert put_off.reason == f"order {order.client_id} is UNKNOWN"
        assert trader.told(LineRotated) == []
        assert order.client_id in [one.client_id for one in orders.unknown()]

        await venue.heal()
        await trader.until(lambda: bool(trader.told(LineRotated)))
        assert orders.unknown() == []
        await trader.agrees()


def standing(trader: Trading) -> bool:
    return trader.warm()


def opening(trader: Trading) -> bool:
    """A younger line is on its way, beside the two that it is not one of yet."""
    return "3 kept" in repr(trader.system.desk.lines)


def draining(trader: Trading) -> bool:
    """A younger line has taken over, and the one that it replaces still stands."""
    youngest_s = min(line.since_s or 0.0 for line in trader.system.desk.lines.lines)
    return opening(trader) and youngest_s < 1.0


@pytest.mark.parametrize(
    ("state", "faults", "rotate_after_s"),
    [
        (standing, [], None),
        (standing, [{"kind": "HALF_OPEN", "line": "ws_private"}], None),
        (opening, [{"kind": "ACK_NO_DATA"}], 1.0),
        (opening, [{"kind": "REPLY", "path": "/GetWebSocketsToken", "delay_s": 60}], 1.0),
        (draining, [], 2.0),
    ],
)
async def test_a_program_that_is_ended_amid_a_change_of_lines_is_gone_within_five_seconds(
    venue: TradingVenue,
    caplog: pytest.LogCaptureFixture,
    state: Callable[[Trading], bool],
    faults: list[dict[str, Any]],
    rotate_after_s: float | None,
) -> None:
    there = asyncio.Event()

    async def program() -> None:
        async with trading(venue, LineSettings(private=2, rotate_after_s=rotate_after_s)) as trader:
            for fault in faults:
                await venue.inject(**fault)
            await trader.until(lambda: state(trader))
            there.set()
            await asyncio.Event().wait()

    before = asyncio.all_tasks()
    running = asyncio.ensure_future(program())
    async with asyncio.timeout(PATIENCE_S):
        await there.wait()
    running.cancel()
    async with asyncio.timeout(LEAVE_S):
        with pytest.raises(asyncio.CancelledError):
            await running
    left = [repr(task) for task in asyncio.all_tasks() - before]
    assert not [task for task in left if "/leadline/" in task and "/leadline/emulator/" not in task]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
