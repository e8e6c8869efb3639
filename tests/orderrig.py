"""Orders on a standing-still clock over a venue in memory, and short ways to make requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from leadline.clock import NS_PER_S, ManualClock
from leadline.engine.journal import MemoryJournal
from leadline.engine.order_news import OrderEvent, OrderNews
from leadline.engine.orders import Orders
from leadline.engine.records import AnyRecord
from leadline.model.market import Side
from leadline.model.order import Order, OrderKind, OrderReport, OrderRequest
from leadline.venues.memory_account import MemoryAccount
from leadline.venues.memory_orders import TrueOrder

BTC = "BTC/USD"
ETH = "ETH/USD"


def buy(qty: str = "1", price: str = "100", symbol: str = BTC, **more: Any) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        qty=Decimal(qty),
        limit_price=Decimal(price),
        **more,
    )


def sell(qty: str = "1", price: str = "100", symbol: str = BTC, **more: Any) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=Side.SELL,
        kind=OrderKind.LIMIT,
        qty=Decimal(qty),
        limit_price=Decimal(price),
        **more,
    )


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(40):
        await asyncio.sleep(0)


class SlowDisk(MemoryJournal):
    """A journal whose writes, but for the first `free`, end when they are let."""

    def __init__(self, free: int = 0) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self._free = free

    async def write(self, *records: AnyRecord) -> None:
        self._free -= 1
        if self._free < 0:
            await self.gate.wait()
        await super().write(*records)


class OrderRig:
    """Orders under test; `restart` builds new ones on the same journal and venue."""

    def __init__(self, journal: MemoryJournal | None = None) -> None:
        self.clock = ManualClock(mono_ns=1000 * NS_PER_S)
        self.venue = MemoryAccount(self.clock, [BTC, ETH])
        self.journal = journal or MemoryJournal()
        self.resubscribed: list[str] = []
        self.named = 0
        self.news: list[OrderNews] = []
        self.orders = self.make()

    def make(self, **more: Any) -> Orders:
        return Orders(
            self.venue,
            self.journal,
            self.clock,
            new_id=self.new_id,
            resubscribe=self.resubscribed.append,
            **more,
        )

    def new_id(self) -> str:
        self.named += 1
        return f"client-{self.named}"

    @property
    def now(self) -> int:
        return self.clock.mono_ns()

    def hear(self, *reports: OrderReport) -> None:
        """The stream tells these, else everything the venue has not told yet."""
        self.orders.reported(reports or self.venue.orders.deliver(), self.now)

    def only(self) -> Order:
        """The one order there is."""
        (order,) = self.orders.orders()
        return order

    def truth(self) -> TrueOrder:
        """The venue's only order."""
        (order,) = self.venue.orders.every
        return order

    async def passes(self, seconds: float, step_s: float = 0.25) -> None:
        """Let time pass, little by little."""
        left = seconds
        while left > 0:
            self.clock.advance(min(step_s, left))
            left -= step_s
            await settle()

    def events(self) -> Sequence[OrderEvent]:
        return [news for news in self.news if isinstance(news, OrderEvent)]

    def causes(self) -> list[str]:
        return [event.cause.value for event in self.events()]


@asynccontextmanager
async def trading(rig: OrderRig | None = None, **more: Any) -> AsyncIterator[OrderRig]:
    """A rig whose orders run and whose news is collected."""
    rig = rig or OrderRig()
    rig.orders = rig.make(**more)
    async with rig.orders:
        rig.orders.on(rig.news.append)
        await settle()
        yield rig
        await settle()
