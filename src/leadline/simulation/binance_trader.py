"""A program that trades contracts at random: every kind of order there is, with and without a trigger."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from decimal import Decimal

from msgspec.structs import replace

from leadline.app.system import System
from leadline.model.instrument import Instrument
from leadline.model.market import Side, Ticker
from leadline.model.order import (
    OrderKind,
    OrderRequest,
    PositionSide,
    PriceMatch,
    PriceType,
    SelfTrade,
    TimeInForce,
    Trigger,
    TriggerReference,
)
from leadline.simulation.loop import LoopClock
from leadline.simulation.trader import FAR, NEAR, Act, Trader

TRADED = ("BTC/USDT:USDT", "ETH/USDT:USDT", "XRP/USDT:USDT")

_TAKING = (-0.002, -0.0005)
_BEYOND = (0.00001, 0.0005)
"""So far from the market a trigger is set that a run can reach it."""
_TRAILING_PCT = ("0.1", "0.3", "1")
_GUARDS = {
    OrderKind.STOP_LOSS: OrderKind.STOP_LOSS_LIMIT,
    OrderKind.TAKE_PROFIT: OrderKind.TAKE_PROFIT_LIMIT,
}


class BinanceTrader(Trader):
    """The random program; one for each life of the client.

    `waiting` names all orders that are open at the venue, and `swept` is told those of a moment of which the
    client has said since that they are all cancelled.
    """

    traded = TRADED
    looked_at = "USDT"

    def __init__(
        self,
        system: System,
        clock: LoopClock,
        luck: random.Random,
        promised: Callable[[OrderRequest, int], None],
        waiting: Callable[[], Collection[str]],
        swept: Callable[[Collection[str]], None],
        *,
        hedge: bool,
    ) -> None:
        super().__init__(system, clock, luck, promised)
        self._waiting = waiting
        self._swept = swept
        self._hedge = hedge

    # --- what it does ---

    def _acts(self) -> tuple[tuple[int, Act], ...]:
        return (*super()._acts(), (25, self._guard), (3, self._positions))

    async def _cancel_all(self) -> None:
        before = self._waiting()
        await self._system.orders.cancel_all()
        self._swept(before)

    async def _positions(self) -> None:
        await self._system.desk.positions.all()

    async def _guard(self) -> None:
        """Guard a position by an order that waits for a price, or open one by such an order."""
        symbol = self._luck.choice(self.traded)
        ticker = self._last.get(symbol)
        if ticker is not None:
            await self._system.orders.submit(self._triggered(symbol, ticker))

    # --- what it wants ---

    def _request(self, symbol: str) -> OrderRequest | None:
        ticker, luck = self._last.get(symbol), self._luck
        if ticker is None:
            return None
        instrument, side = self._instrument(symbol), luck.choice((Side.BUY, Side.SELL))
        qty = self._qty(instrument, ticker.bid)
        of_side = self._position_side(side, opening=luck.random() < 0.6)
        reduces = not self._hedge and luck.random() < 0.2

        def limit(distance: tuple[float, float], force: TimeInForce = TimeInForce.GTC) -> OrderRequest:
            return OrderRequest(
                symbol=symbol,
                side=side,
                kind=OrderKind.LIMIT,
                qty=qty,
                limit_price=self._price(instrument, ticker, side, distance),
                time_in_force=force,
                reduce_only=reduces,
                position_side=of_side,
            )

        match luck.randrange(12):
            case 0 | 1 | 2:
                return limit(NEAR)
            case 3 | 4:
                return limit(FAR)
            case 5:
                return replace(limit(NEAR), post_only=True)
            case 6 | 7:
                return replace(limit(NEAR), kind=OrderKind.MARKET, limit_price=None)
            case 8 | 9:
                force = luck.choice((TimeInForce.IOC, TimeInForce.FOK))
                return limit(luck.choice((_TAKING, NEAR)), force)
            case 10:
                return replace(limit(NEAR), limit_price=None, price_match=luck.choice(tuple(PriceMatch)))
        return replace(limit(_TAKING), self_trade=luck.choice(tuple(SelfTrade)))

    def _limit(self, symbol: str, distance: tuple[float, float]) -> OrderRequest | None:
        request = super()._limit(symbol, distance)
        if request is None:
            return None
        side = self._position_side(request.side, opening=self._luck.random() < 0.6)
        return replace(request, position_side=side)

    def _triggered(self, symbol: str, ticker: Ticker) -> OrderRequest:
        """One that waits for its price; of guards every third closes all there is."""
        luck, instrument = self._luck, self._instrument(symbol)
        side, kind = luck.choice((Side.BUY, Side.SELL)), luck.choice((*_GUARDS, OrderKind.TRAILING_STOP))
        guards = luck.random() < 0.6
        request = OrderRequest(
            symbol=symbol,
            side=side,
            kind=kind,
            qty=self._qty(instrument, ticker.bid),
            trigger=self._trigger(instrument, ticker, side, kind),
            position_side=self._position_side(side, opening=not guards),
            reduce_only=guards and not self._hedge,
        )
        if kind in _GUARDS and guards and luck.random() < 0.35:
            return replace(request, qty=None, reduce_only=False, close_position=True)
        if kind in _GUARDS and luck.random() < 0.4:
            price = self._price(instrument, ticker, side, luck.choice((NEAR, _TAKING)))
            return replace(request, kind=_GUARDS[kind], limit_price=price)
        return request

    def _trigger(self, instrument: Instrument, ticker: Ticker, side: Side, kind: OrderKind) -> Trigger:
        luck = self._luck
        reference = luck.choice((TriggerReference.LAST, TriggerReference.MARK))
        if kind is OrderKind.TRAILING_STOP:
            return Trigger(Decimal(luck.choice(_TRAILING_PCT)), PriceType.PCT, reference)
        distance = _BEYOND if kind is OrderKind.TAKE_PROFIT else (-_BEYOND[1], -_BEYOND[0])
        return Trigger(self._price(instrument, ticker, side, distance), reference=reference)

    def _position_side(self, side: Side, *, opening: bool) -> PositionSide:
        """Which position it is about; without hedge mode there is one."""
        if not self._hedge:
            return PositionSide.NET
        return PositionSide.LONG if (side is Side.BUY) is opening else PositionSide.SHORT
