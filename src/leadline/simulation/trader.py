"""A program that trades at random: every kind of order, amends, cancels, and now and then a change of mind.

It is never stopped by a refusal; what it is refused it simply does not get.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from decimal import ROUND_DOWN, Decimal
from functools import partial

from leadline.app.system import System
from leadline.clock import NS_PER_S
from leadline.core.breaker import BreakerState
from leadline.errors import Error
from leadline.model.instrument import Instrument
from leadline.model.market import Side, Ticker
from leadline.model.order import (
    Amendment,
    ConditionalClose,
    Order,
    OrderKind,
    OrderRequest,
    TimeInForce,
    Trigger,
)
from leadline.model.reading import Reading
from leadline.simulation.loop import LoopClock

TRADED = ("BTC/USD", "ETH/USD", "XRP/USD")
MEAN_PAUSE_S = 1.6
WAITS_S = (0.5, 5.0, 20.0)
"""So long an order may wait for a better service level."""

OPERATOR_S = 15.0
"""So often an operator looks at the breaker; he knows that the venue is well."""

NEAR = (0.0, 0.0004)
FAR = (0.01, 0.05)
_ICEBERG_PARTS = 5

Act = Callable[[], Awaitable[object]]


class Trader:
    """The random program; one for each life of the client."""

    traded: tuple[str, ...] = TRADED
    looked_at = "USD"
    """The asset whose balance it reads now and then."""

    def __init__(
        self,
        system: System,
        clock: LoopClock,
        luck: random.Random,
        promised: Callable[[OrderRequest, int], None] = lambda request, until_ns: None,
    ) -> None:
        self._system = system
        self._promised = promised
        self._rests_until_ns = 0
        self.pardon_ns: int | None = None
        """From when on the operator knows that the venue tells the truth again."""
        self._clock = clock
        self._luck = luck
        self._last: dict[str, Ticker] = {}
        self.refused = 0
        """What was refused on our own side or by the venue."""

    def rest(self, for_s: float) -> None:
        """Take everything back but one order far from the market, and do nothing more for so long."""
        self._rests_until_ns = self._clock.mono_ns() + round(for_s * NS_PER_S)

    async def run(self) -> None:
        """Trade until cancelled."""
        async with asyncio.TaskGroup() as group:
            for symbol in self.traded:
                group.create_task(self._follow(symbol))
            group.create_task(self._operate())
            while True:
                await self._clock.sleep(self._luck.expovariate(1 / MEAN_PAUSE_S))
                if self._clock.mono_ns() < self._rests_until_ns:
                    await self._tolerant(self._retire)
                    await self._clock.sleep((self._rests_until_ns - self._clock.mono_ns()) / NS_PER_S)
                group.create_task(self._tolerant(self._act))

    async def _follow(self, symbol: str) -> None:
        async with aclosing(self._system.feed.tickers(symbol)) as stream:
            async for item in stream:
                if isinstance(item, Reading):
                    self._last[symbol] = item.value

    async def _operate(self) -> None:
        """Close the breaker by hand, now and then, after it has opened; end halts that REST had lied into."""
        while True:
            await self._clock.sleep(OPERATOR_S)
            if self.pardon_ns is not None and self._clock.mono_ns() > self.pardon_ns:
                for symbol in self._system.orders.halts():
                    self._system.orders.resume(symbol, "the operator has looked at the venue")
            account = self._system.account
            assert account is not None
            open_ = account.breaker.state(self._clock.mono_ns()) is not BreakerState.CLOSED
            if account.breaker.forced is not None:
                account.breaker.force(None, "")
            elif open_ and self._luck.random() < 0.7:
                account.breaker.force(BreakerState.CLOSED, "the operator knows better")

    async def _tolerant(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except Error:
            self.refused += 1

    # --- what it does ---

    async def _act(self) -> None:
        kinds = self._acts()
        acts = [act for _, act in kinds]
        act = self._luck.choices(acts, [weight for weight, _ in kinds])[0]
        await act()

    def _acts(self) -> tuple[tuple[int, Act], ...]:
        """What it may do, and how often it does each."""
        return (
            (40, self._submit),
            (6, self._batch),
            (5, self._hasty),
            (5, self._fickle),
            (14, self._amend),
            (20, self._cancel),
            (4, self._cancel_several),
            (1, self._cancel_all),
            (3, self._find),
            (2, self._look),
            (1, self._replace),
        )

    async def _submit(self) -> None:
        request = self._request(self._luck.choice(self.traded))
        if request is not None:
            wait_s = self._luck.choice((None, None, *WAITS_S))
            if wait_s is not None:
                self._promised(request, self._clock.mono_ns() + round(wait_s * NS_PER_S))
            await self._system.orders.submit(request, wait_s=wait_s)

    async def _batch(self) -> None:
        symbol = self._luck.choice(self.traded)
        wanted = [
            self._limit(symbol, self._luck.choice((NEAR, FAR))) for _ in range(self._luck.randint(2, 5))
        ]
        requests = [request for request in wanted if request is not None]
        if len(requests) > 1:
            await self._system.orders.batch(requests)

    async def _hasty(self) -> None:
        """Submits and cancels without waiting for the answer."""
        request = self._limit(self._luck.choice(self.traded), NEAR)
        if request is None:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tolerant(partial(self._system.orders.submit, request)))
            await self._clock.sleep(self._luck.choice((0.0, 0.001, 0.02, 0.2)))
            for order in self._system.orders.unknown()[-2:]:
                group.create_task(self._tolerant(partial(self._system.orders.cancel, order.client_id)))

    async def _fickle(self) -> None:
        """Gives up its own submit while it is under way."""
        submitting = asyncio.ensure_future(self._tolerant(self._submit))
        await self._clock.sleep(self._luck.choice((0.0, 0.001, 0.005, 0.1, 0.5)))
        submitting.cancel()
        await asyncio.wait([submitting])

    async def _amend(self) -> None:
        order = self._one()
        ticker = None if order is None else self._last.get(order.symbol)
        if order is None or ticker is None or order.qty is None:
            return
        instrument = self._instrument(order.symbol)
        if order.limit_price is not None and self._luck.random() < 0.7:
            change = Amendment(
                limit_price=self._price(instrument, ticker, order.side, self._luck.choice((NEAR, FAR)))
            )
        else:
            change = Amendment(qty=self._qty(instrument, order.limit_price or ticker.bid))
        await self._system.orders.amend(order.client_id or order.order_id or "", change)

    async def _cancel(self) -> None:
        order = self._one()
        if order is not None:
            by_venue = order.order_id and self._luck.random() < 0.5
            await self._system.orders.cancel(str(order.order_id) if by_venue else _name(order))

    async def _cancel_several(self) -> None:
        orders = self._system.orders.open()
        names = [_name(order) for order in self._luck.sample(orders, min(3, len(orders)))]
        if names:
            await self._system.orders.cancel(*names)

    async def _cancel_all(self) -> None:
        await self._system.orders.cancel_all()

    async def _retire(self) -> None:
        await self._system.orders.cancel_all()
        request = self._limit(self.traded[0], FAR)
        if request is not None:
            await self._system.orders.submit(request)

    async def _find(self) -> None:
        order = self._one()
        if order is not None:
            await self._system.orders.find(_name(order))

    async def _look(self) -> None:
        await self._system.balances.get(self.looked_at)

    async def _replace(self) -> None:
        order = self._one()
        request = None if order is None else self._limit(order.symbol, FAR)
        if order is not None and request is not None:
            await self._system.orders.replace(_name(order), request)

    # --- what it wants ---

    def _one(self) -> Order | None:
        orders = [*self._system.orders.open(), *self._system.orders.unknown()]
        return self._luck.choice(orders) if orders else None

    def _request(self, symbol: str) -> OrderRequest | None:
        ticker, luck = self._last.get(symbol), self._luck
        if ticker is None:
            return None
        instrument = self._instrument(symbol)
        side = luck.choice((Side.BUY, Side.SELL))
        qty = self._qty(instrument, ticker.bid)
        near = self._price(instrument, ticker, side, NEAR)
        far = self._price(instrument, ticker, side, FAR)
        taking = self._price(instrument, ticker, side, (-0.002, -0.0005))
        limit = OrderKind.LIMIT
        kind = luck.randrange(12)
        if kind < 3:
            return OrderRequest(symbol=symbol, side=side, kind=limit, qty=qty, limit_price=near)
        if kind < 5:
            return OrderRequest(symbol=symbol, side=side, kind=limit, qty=qty, limit_price=far)
        if kind == 5:
            return OrderRequest(
                symbol=symbol, side=side, kind=limit, qty=qty, limit_price=near, post_only=True
            )
        if kind == 6:
            return OrderRequest(symbol=symbol, side=side, kind=OrderKind.MARKET, qty=qty)
        if kind in (7, 8):
            force = luck.choice((TimeInForce.IOC, TimeInForce.FOK))
            return OrderRequest(
                symbol=symbol, side=side, kind=limit, qty=qty, limit_price=taking, time_in_force=force
            )
        if kind == 9:
            trigger = Trigger(self._price(instrument, ticker, side, (-0.004, -0.0002)))
            return OrderRequest(symbol=symbol, side=side, kind=OrderKind.STOP_LOSS, qty=qty, trigger=trigger)
        if kind == 10:
            whole = _ICEBERG_PARTS * qty
            return OrderRequest(
                symbol=symbol, side=side, kind=OrderKind.ICEBERG, qty=whole, limit_price=near, display_qty=qty
            )
        beyond = self._price(instrument, ticker, _other(side), (0.001, 0.01))
        close = ConditionalClose(limit, limit_price=beyond)
        return OrderRequest(symbol=symbol, side=side, kind=limit, qty=qty, limit_price=taking, close=close)

    def _limit(self, symbol: str, distance: tuple[float, float]) -> OrderRequest | None:
        ticker = self._last.get(symbol)
        if ticker is None:
            return None
        instrument, side = self._instrument(symbol), self._luck.choice((Side.BUY, Side.SELL))
        price = self._price(instrument, ticker, side, distance)
        qty = self._qty(instrument, price)
        return OrderRequest(symbol=symbol, side=side, kind=OrderKind.LIMIT, qty=qty, limit_price=price)

    def _instrument(self, symbol: str) -> Instrument:
        return self._system.market.reference.instrument(symbol)

    def _price(
        self, instrument: Instrument, ticker: Ticker, side: Side, distance: tuple[float, float]
    ) -> Decimal:
        """So far away from the market, as a share of the price; a negative distance crosses it."""
        share = Decimal(str(round(self._luck.uniform(*distance), 6)))
        price = ticker.bid * (1 - share) if side is Side.BUY else ticker.ask * (1 + share)
        return max(_whole(price, instrument.tick), instrument.tick)

    def _qty(self, instrument: Instrument, price: Decimal) -> Decimal:
        least = max(instrument.qty_min, 2 * instrument.cost_min / max(price, instrument.tick))
        return (
            _whole(least * Decimal(str(round(self._luck.uniform(1.0, 6.0), 3))), instrument.lot)
            + instrument.lot
        )


def _whole(number: Decimal, step: Decimal) -> Decimal:
    return (number / step).to_integral_value(ROUND_DOWN) * step


def _name(order: Order) -> str:
    return order.client_id or order.order_id or ""


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
