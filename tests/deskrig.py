"""A desk over a venue in memory, on a clock that is advanced by hand."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.account_session import AccountSession, BalancesReported, OrdersReported, OrdersSnapshot
from leadline.core.retry import Backoff, ConnectBudget
from leadline.engine.account_events import AccountEvent
from leadline.engine.desk import Desk
from leadline.engine.journal import MemoryJournal
from leadline.errors import ConnectFailed
from leadline.model.account import Balance, BalancesSnapshot, Wallet, WalletKind
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest
from leadline.net.connection import Line
from leadline.net.websocket import Socket
from leadline.venues.memory_account import MemoryAccount
from leadline.venues.memory_session import MemoryAccountSession


def buy(symbol: str = "BTC/USD", qty: str = "1", price: str = "10", *, survive: bool = False) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        qty=Decimal(qty),
        limit_price=Decimal(price),
        survive=survive,
    )


def owned(**qty: str) -> BalancesSnapshot:
    return BalancesSnapshot(
        tuple(
            Balance(asset, (Wallet(WalletKind.SPOT, "main", Decimal(text)),), Decimal(0))
            for asset, text in qty.items()
        )
    )


async def nowhere() -> Socket:
    raise ConnectFailed("there is nothing to connect to")


class DeskRig:
    """The desk, its venue, its journal and its clock."""

    def __init__(
        self,
        *,
        clock: ManualClock | None = None,
        venue: MemoryAccount | None = None,
        journal: MemoryJournal | None = None,
        dead_man_s: int = 0,
        cancel_on_exit: bool = False,
        **lines: Any,
    ) -> None:
        self.clock = clock or ManualClock(mono_ns=1_000 * NS_PER_S)
        self.venue = venue or MemoryAccount(self.clock, ["BTC/USD", "ETH/USD"])
        self.journal = journal or MemoryJournal()
        numbers = count(len(self.journal.kept) + 1)
        self.desk = Desk(
            self.venue,
            self._line,
            self.journal,
            self.clock,
            new_id=lambda: f"client-{next(numbers)}",
            dead_man_s=dead_man_s,
            cancel_on_exit=cancel_on_exit,
            **lines,
        )

    @property
    def session(self) -> MemoryAccountSession:
        """The session of the one line."""
        session = self.desk.lines.carrier
        assert isinstance(session, MemoryAccountSession)
        return session

    def _line(self, session: AccountSession) -> Line:
        """One that nobody runs: the test says when it stands."""
        return Line(session, nowhere, self.clock, Backoff(Random(1)), ConnectBudget())

    async def __aenter__(self) -> DeskRig:
        await self.desk.__aenter__()
        await self.turns()
        return self

    async def __aexit__(self, *exit_: object) -> None:
        leaving = asyncio.ensure_future(self.desk.__aexit__(None, None, None))
        for _ in range(40):
            await self.turns()
            if leaving.done():
                break
            self.clock.advance(0.1)
        await leaving

    async def turns(self, count_: int = 30) -> None:
        """Let every task do what it can without time passing."""
        for _ in range(count_):
            await asyncio.sleep(0)

    async def passing(self, seconds: float, step_s: float = 0.5) -> None:
        """Let time pass in steps; the stream shows life unless it was lost."""
        left_s = seconds
        while left_s > 0:
            self.clock.advance(min(step_s, left_s))
            left_s -= step_s
            if self.venue.streaming:
                self.session.received(b"{}", self.clock.mono_ns())
            await self.turns()

    async def connect(self) -> None:
        """The private line comes up with both snapshots."""
        now_ns = self.clock.mono_ns()
        self.venue.streaming = True
        self.session.opened(now_ns)
        self.session.say(OrdersSnapshot(tuple(self.venue.orders.snapshot())), now_ns)
        self.venue.orders.outbox.clear()
        self.session.say(BalancesReported(self.venue.balances), now_ns)
        await self.turns()

    async def cut(self) -> None:
        """The private line breaks."""
        self.venue.streaming = False
        self.session.closed("cut", self.clock.mono_ns())
        await self.turns()

    async def deliver(self) -> None:
        """The stream tells what has happened."""
        reports = tuple(self.venue.orders.deliver())
        if reports:
            self.session.say(OrdersReported(reports), self.clock.mono_ns())
        await self.turns()

    def told(self, kind: type[AccountEvent]) -> list[AccountEvent]:
        return [event for event in self.desk.log.recent if isinstance(event, kind)]
