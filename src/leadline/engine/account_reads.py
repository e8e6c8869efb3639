"""What an account is asked for, by one set of rules: balances, open orders, positions.

Orders that REST tells of are evidence like any other: what is read here the rest of the system knows as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from leadline.clock import Clock
from leadline.engine.balances import STREAM_BOUND_S, Balances
from leadline.engine.kept import Kept
from leadline.engine.orders import Orders
from leadline.engine.positions import Positions
from leadline.model.account import Balance, Position
from leadline.model.order import Order, OrderReport
from leadline.model.reading import Reading, Source
from leadline.net.http import Purpose
from leadline.venues.ports import Account

ORDERS_TTL_S = 10.0


class AccountReads:
    """One account, read. `alive_ns` says when its stream last showed life, None while it is not trusted.

    Each method takes the stream while it flows, else an answer of REST within its time to live, else a new
    one; with `source` that one or Stale. Raises what the request raises.
    """

    def __init__(
        self,
        account: Account,
        orders: Orders,
        balances: Balances,
        positions: Positions,
        clock: Clock,
        alive_ns: Callable[[], int | None],
    ) -> None:
        self._account = account
        self._orders = orders
        self._balances = balances
        self._positions = positions
        self._clock = clock
        self._alive_ns = alive_ns
        self._open = Kept(
            "open orders",
            ORDERS_TTL_S,
            clock,
            stream=self._streamed_orders,
            ask=self._ask_orders,
            form=self._named,
        )

    async def balances(self, source: Source | None = None) -> Reading[Mapping[str, Balance]]:
        """What the account owns, by asset; a kept answer is at most 30 s old."""
        return await self._balances.all(source)

    async def orders(self, source: Source | None = None) -> Reading[tuple[Order, ...]]:
        """The orders that are open at the venue; a kept answer is at most 10 s old."""
        return await self._open.read(source)

    async def positions(self, source: Source | None = None) -> Reading[tuple[Position, ...]]:
        """The open positions; where the venue streams none, or not now, an answer kept for at most 30 s."""
        return await self._positions.all(source)

    def _streamed_orders(self) -> Reading[tuple[Order, ...]] | None:
        alive_ns = self._alive_ns()
        if alive_ns is None:
            return None
        held = tuple(self._orders.open())
        return Reading(held, Source.STREAM, alive_ns, self._clock, True, STREAM_BOUND_S)

    async def _ask_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        asked_ns = self._clock.mono_ns()
        reports = await self._account.fetch_open_orders(purpose)
        self._orders.looked_up(reports, asked_ns, self._clock.mono_ns())
        return reports

    def _named(self, reports: Sequence[OrderReport]) -> tuple[Order, ...]:
        """As they are known now: what has been heard of them since is part of it."""
        told = {report.order_id for report in reports}
        return tuple(order for order in self._orders.open() if order.order_id in told)
