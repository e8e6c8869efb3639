"""The private stream of an account for as long as one errand takes: its snapshots, and a way to send.

Rule: it never waits longer than it is told; whoever asks goes by REST then.
"""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import Self

from leadline.app.authorised import Connect, authorised
from leadline.app.beside import beside
from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import AccountNews, BalancesReported, OrdersSnapshot
from leadline.core.retry import Backoff, ConnectBudget, Randomness
from leadline.errors import Error
from leadline.model.account import BalancesSnapshot
from leadline.model.order import OrderReport
from leadline.net.connection import Line
from leadline.net.websocket import Socket
from leadline.venues.ports import AccountPorts

_LOOK_S = 0.02


class Glance:
    """The stream, connected while the block lasts."""

    def __init__(
        self,
        account: AccountPorts,
        connect: Connect,
        clock: Clock,
        *,
        chance: Randomness,
        connects: ConnectBudget,
    ) -> None:
        self._account = account
        self._connect = connect
        self._clock = clock
        self._session = account.session(self.receive)
        self._line = Line(self._session, self._authorised, clock, Backoff(chance), connects)
        self._session.poke = self._line.poke
        account.carry(self._session)
        self._running = beside(self._run)
        self._served = beside(account.run)
        self._failure: Error | None = None
        self.orders: tuple[OrderReport, ...] = ()
        self.balances = BalancesSnapshot(())

    async def __aenter__(self) -> Self:
        await self._served.__aenter__()
        await self._running.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._running.__aexit__(kind, error, trace)
        finally:
            await self._served.__aexit__(kind, error, trace)

    async def wait(self, timeout_s: float) -> str | None:
        """None once both snapshots are there, else, when the time is up or the stream refused, why not."""
        deadline_ns = self._clock.mono_ns() + round(timeout_s * NS_PER_S)
        while not self._session.ready(self._clock.mono_ns()):
            if self._failure is not None:
                return str(self._failure)
            if self._clock.mono_ns() >= deadline_ns:
                return str(self._line.last_error or f"the stream said nothing within {timeout_s:g} s")
            await self._clock.sleep(_LOOK_S)
        return None

    async def _authorised(self) -> Socket:
        return await authorised(partial(self._account.authorise, self._session), self._connect)

    async def _run(self) -> None:
        try:
            await self._line.run()
        except Error as error:
            self._failure = error

    def receive(self, news: AccountNews, now_ns: int) -> None:
        """Take in what the stream says: the `emit` of the session."""
        match news:
            case OrdersSnapshot(reports):
                self.orders = reports
            case BalancesReported(snapshot):
                self.balances = snapshot
