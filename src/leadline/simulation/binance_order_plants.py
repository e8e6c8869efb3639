"""Planted bugs of orders at Binance: what a client could well do wrong with answers, news and keys there.

Each is put in at a port, so that the product knows nothing of it.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import NoReturn

import msgspec

from leadline.clock import Clock
from leadline.core.account_session import AccountSession, EmitAccount, OrdersReported
from leadline.core.venue_time import VenueTime
from leadline.errors import VenueError
from leadline.model.market import Side
from leadline.model.order import Event, Fill, OrderKind, OrderReport, OrderState, TimeInForce
from leadline.net.http import Purpose
from leadline.venues.binance import rest_account, trading_calls
from leadline.venues.binance.account import BinanceAccount
from leadline.venues.binance.account_session import BinanceAccountSession
from leadline.venues.binance.account_wishes import Wishes
from leadline.venues.binance.algo_orders import AlgoOrders
from leadline.venues.binance.limits import OrderLimits
from leadline.venues.binance.listen_key import ListenKey
from leadline.venues.binance.reports import exec_id, order_id
from leadline.venues.binance.signed_rest import SignedRest
from leadline.venues.binance.symbols import SymbolTable
from leadline.venues.binance.user_events import Names, symbol_of
from leadline.venues.ports import Path, Placed, Placement

_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)
_NEVER_S = 1e6


class _Telling(BinanceAccount):
    """An account that can say of orders what no venue has said."""

    def session(self, emit: EmitAccount) -> AccountSession:
        self._emit = emit
        return super().session(emit)

    def _tell(self, report: OrderReport) -> None:
        self._emit(OrdersReported((report,)), self._clock.mono_ns())


class AckAsFinal(_Telling):
    """An acknowledged order that does not rest is taken for one that has filled."""

    async def place(self, placement: Placement, path: Path) -> Placed:
        placed = await super().place(placement, path)
        sent = placement.sent
        if sent.kind is OrderKind.MARKET or sent.time_in_force in _AT_ONCE:
            self._tell(
                OrderReport(
                    event=Event.FILLED,
                    order_id=placed.order_id,
                    client_id=placement.client_id,
                    symbol=sent.symbol,
                    side=sent.side,
                    qty=sent.qty,
                    state=OrderState.FILLED,
                    filled_qty=sent.qty,
                )
            )
        return placed


class _Lite(msgspec.Struct, tag_field="e", tag="TRADE_LITE"):
    """The early copy of a match, with all that it tells of it."""

    s: str
    t: int
    i: int
    S: str
    L: str
    l: str  # noqa: E741 - the venue's own name
    c: str = ""


class _Wrapped(msgspec.Struct):
    data: _Lite


_lites: msgspec.json.Decoder[_Wrapped] = msgspec.json.Decoder(_Wrapped)


class _LiteSession(BinanceAccountSession):
    """Every early copy is a match of its own."""

    def __init__(self, emit: EmitAccount, names: Names, wishes: Wishes, algos: AlgoOrders) -> None:
        super().__init__(emit, names, wishes, algos)
        self._algos = algos

    def received(self, frame: bytes, now_ns: int) -> None:
        if b'"TRADE_LITE"' in frame[:200]:
            with suppress(msgspec.MsgspecError):
                self._emit(OrdersReported((self._match(_lites.decode(frame).data),)), now_ns)
        super().received(frame, now_ns)

    def _match(self, lite: _Lite) -> OrderReport:
        qty, price = Decimal(lite.l), Decimal(lite.L)
        name, symbol = order_id(lite.s, lite.i), symbol_of(lite.s, self._names)
        parent = self._algos.parent(name)
        fill = Fill(
            exec_id=f"{exec_id(lite.s, lite.t)}#lite",
            order_id=name if parent is None else parent.name,
            symbol=symbol,
            side=Side[lite.S],
            qty=qty,
            price=price,
            cost=qty * price,
            fees=(),
        )
        return OrderReport(event=Event.FILL, order_id=fill.order_id, symbol=symbol, side=fill.side, fill=fill)


class TradeLiteCounted(BinanceAccount):
    """A match counts when it is announced and again when it is reported."""

    def session(self, emit: EmitAccount) -> AccountSession:
        return _LiteSession(emit, self._symbols, self.wishes, self.algos)


class AlgoOrdersForgotten(BinanceAccount):
    """All orders are those that wait for no trigger."""

    async def cancel_all(self, path: Path) -> int:
        rows = await self._rest.ask(rest_account.open_orders(), Purpose.EMERGENCY)
        for wire in sorted({row.symbol for row in rows}):
            await self._rest.ask(trading_calls.cancel_all(wire).endpoint, Purpose.CANCEL)
        return len(rows)


class _Unrenewed(ListenKey):
    """A key that was made once, and is good for ever."""

    async def get(self, refused: str = "") -> str:
        return self._key or await super().get(refused)

    async def keep(self) -> NoReturn:
        while True:
            await self._clock.sleep(_NEVER_S)


class ListenKeyNotRenewed(BinanceAccount):
    """The key of the account's stream is believed for ever: neither kept alive nor proven."""

    def __init__(
        self,
        rest: SignedRest,
        symbols: SymbolTable,
        venue_time: VenueTime,
        limits: OrderLimits,
        clock: Clock,
    ) -> None:
        super().__init__(rest, symbols, venue_time, limits, clock)
        self.key = _Unrenewed(
            self._create_key,
            (),
            self._heard_ns,
            self._key_changed,
            self._key_doubted,
            clock,
        )

    def _judge(self, outcome: Placed | VenueError, asked_ns: int) -> None:
        """That the stream tells nothing of an accepted order says nothing of its key."""
        if isinstance(outcome, VenueError):
            super()._judge(outcome, asked_ns)
