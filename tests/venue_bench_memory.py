"""The venue in memory in the contract suite: what the engine's tests run on keeps the same promises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from leadline.core.account_session import BalancesReported, OrdersSnapshot
from leadline.errors import ConnectFailed, Error
from leadline.model.account import BalancesSnapshot
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.venues.memory import MemoryMarket
from leadline.venues.memory_account import MemoryAccount, Outcome
from venue_bench import START_NS, AtVenue, Bench, Desk, Heard, World


class MemoryBench(Bench):
    """Implements `Bench`."""

    name = "memory"
    symbol, other = "BTC/USD", "ETH/USD"
    misspelt = "BTC/USX"

    def world(self, loop: VirtualLoop, rate: float) -> MemoryWorld:
        return MemoryWorld(self, loop)


class MemoryWorld(World):
    """There is no way to this venue: what happens on it is told to the venue itself."""

    account: MemoryAccount
    market: MemoryMarket

    def __init__(self, bench: MemoryBench, loop: VirtualLoop) -> None:
        super().__init__(LoopClock(loop, START_NS))
        self.bench = bench
        symbols = (bench.symbol, bench.other)
        self.market = MemoryMarket(symbols)
        self.account = MemoryAccount(self.clock, symbols)
        self.account.from_snapshots = True

    def end(self) -> None:
        """It does nothing by itself."""

    @asynccontextmanager
    async def trading(self) -> AsyncIterator[Desk]:
        heard = Heard()
        session = self.account.session(heard)
        session.opened(self.clock.mono_ns())
        session.say(OrdersSnapshot(tuple(self.account.orders.snapshot())), self.clock.mono_ns())
        session.say(BalancesReported(BalancesSnapshot(())), self.clock.mono_ns())
        self.account.carry(session)
        yield Desk(session, heard)

    def lose_an_answer(self) -> None:
        self.account.script.append(Outcome.UNANSWERED)

    async def lost_on_its_way(self, request: Coroutine[Any, Any, Any]) -> Error:
        self.account.script.append(Outcome.LOST)
        try:
            await request
        except Error as error:
            return error
        raise AssertionError("it was answered")

    def unreachable(self, for_s: float = 1e6) -> None:
        self.account.streaming = False
        self.account.failing = ConnectFailed("the venue was not reached")
        self.account.script.append(Outcome.UNSENT)

    def take(self, client_id: str, qty: Decimal) -> None:
        (one,) = [one for one in self.account.orders.every if one.client_id == client_id]
        assert one.limit_price is not None
        self.account.orders.fill(one, qty, one.limit_price)

    def orders(self) -> list[AtVenue]:
        return [
            AtVenue(
                one.client_id or "",
                one.order_id,
                not one.state.final,
                one.qty,
                one.filled_qty,
                one.limit_price,
            )
            for one in self.account.orders.every
        ]

    @property
    def venue_ns(self) -> int:
        return self.account.venue_ns()

    def sent(self) -> int:
        return len(self.account.sent) + len(self.account.finds)
