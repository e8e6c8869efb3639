"""Orders that guard a position: that one is missing is told within a second, and answered as configured.

Rule: what we cancelled ourselves, and what ended together with its position, is not missing.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

from msgspec import Struct

from leadline.clock import Clock
from leadline.engine.order_news import Cause, OrderEvent, OrderNews
from leadline.engine.orders import Orders
from leadline.engine.positions import Positions
from leadline.errors import Error, Refused
from leadline.model.account import Position
from leadline.model.market import Side
from leadline.model.order import Order, OrderKind, OrderRequest, OrderState, PositionSide
from leadline.model.reading import Source

GRACE_S = 0.5
"""How long the end of the position may take to be told after the end of the order that guarded it."""

CLOSES = 3
"""So often a close is tried; what is left then is told, for a person to see to."""

HELD_S = 30.0
"""How long a close waits for what holds new orders: a halt, the breaker, the service level."""

LOOK_S = 0.25
PAUSE_S = 1.0
"""How long the end of an accepted close is waited for, and the pause before the next try."""

DOUBT_S = 60.0
"""How long it is waited for what became of a close that was not answered."""

KEPT_NAMES = 10_000
"""Names of cancelled orders that are remembered; the oldest is forgotten first."""

_ENDED = frozenset({OrderState.CANCELED, OrderState.EXPIRED})
_FAILED = _ENDED | {OrderState.REJECTED}

_log = logging.getLogger("leadline")


class ProtectionPolicy(Enum):
    """What is done when an order that guards a position is missing."""

    NONE = "none"  # it is told, and nothing is done
    CLOSE = "close_position"  # what could open more is cancelled, and the position is closed at the market
    CANCEL = "cancel_symbol"  # every order of the symbol is cancelled


class ProtectionMissing(Struct, frozen=True):
    """An order that was to guard a position was refused or has vanished; `policy` is what follows."""

    symbol: str
    client_id: str
    why: str
    policy: ProtectionPolicy


class ProtectionAnswered(Struct, frozen=True):
    """What the policy has done about it; `error` is empty where all of it succeeded."""

    symbol: str
    client_id: str
    policy: ProtectionPolicy
    cancelled: int = 0
    closed: Decimal = Decimal(0)
    error: str = ""


class Protection:
    """Watches the orders of an account that guard a position."""

    def __init__(
        self,
        orders: Orders,
        positions: Positions,
        policy: ProtectionPolicy,
        clock: Clock,
        tell: Callable[[ProtectionMissing | ProtectionAnswered], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._orders = orders
        self._positions = positions
        self._policy = policy
        self._clock = clock
        self._tell = tell
        self._spawn = spawn
        self._over: OrderedDict[str, None] = OrderedDict()
        """Orders whose end is no news: we have cancelled them, or it was told."""
        orders.tell(self.heard)
        orders.guard(self.refused, self.cancelled)

    # --- what happens ---

    def heard(self, news: OrderNews) -> None:
        """News of orders, at once when it comes."""
        if not isinstance(news, OrderEvent) or news.cause is Cause.REMOVED or not _guards(news.order):
            return
        order = news.order
        if order.state is OrderState.REJECTED and self._first(order.client_id):
            self._missing(_wanted(order), order.client_id, f"it was refused: {order.reason}")
        elif order.state in _ENDED and not self._is_over(order) and self._first(order.client_id):
            self._spawn(self._vanished(order))

    def refused(self, request: OrderRequest, why: Refused) -> None:
        """Our own side does not let an order pass, and nothing will change that."""
        if request.protective and not request.validate:
            self._missing(request, "", f"it was not sent: {why}")

    def cancelled(self, names: Sequence[str]) -> None:
        """Somebody here cancels these orders, by either of their names; none means all."""
        for name in names or [order.client_id for order in self._orders.live()]:
            self._note(name)

    def _first(self, name: str) -> bool:
        known = name in self._over
        self._note(name)
        return not known

    def _is_over(self, order: Order) -> bool:
        return order.client_id in self._over or order.order_id in self._over

    def _note(self, name: str) -> None:
        self._over[name] = None
        self._over.move_to_end(name)
        while len(self._over) > KEPT_NAMES:
            self._over.popitem(last=False)

    async def _vanished(self, order: Order) -> None:
        """The position's own end may be told a little later than that of the order."""
        await self._clock.sleep(GRACE_S)
        guard = _wanted(order)
        held = self._positions.trusted()
        if held is None or _guarded(held, guard):
            self._missing(guard, order.client_id, f"it is {order.state.value}: {order.reason}")

    # --- what is done ---

    def _missing(self, guard: OrderRequest, client_id: str, why: str) -> None:
        _log.error("PROTECTION_MISSING: an order that guards %s: %s", guard.symbol, why)
        self._tell(ProtectionMissing(guard.symbol, client_id, why, self._policy))
        if self._policy is not ProtectionPolicy.NONE:
            self._spawn(self._answer(guard, client_id))

    async def _answer(self, guard: OrderRequest, client_id: str) -> None:
        """A cancel that fails keeps nobody from closing."""
        closed, errors = Decimal(0), []
        cancelled, refused = await self._cancel(guard.symbol)
        if refused is not None:
            errors.append(f"not all was cancelled: {refused}")
        if self._policy is ProtectionPolicy.CLOSE:
            try:
                closed = await self._close(guard)
            except Error as failed:
                errors.append(f"{type(failed).__name__}: {failed}")
        error = "; ".join(errors)
        if error:
            _log.error("PROTECTION_MISSING: %s is not answered: %s", guard.symbol, error)
        self._tell(ProtectionAnswered(guard.symbol, client_id, self._policy, cancelled, closed, error))

    async def _cancel(self, symbol: str) -> tuple[int, Error | None]:
        """Cancel what is open of the symbol; before a close what only closes may stand."""
        keeps = self._policy is ProtectionPolicy.CLOSE
        going = [
            order.client_id or order.order_id or ""
            for order in self._orders.live()
            if order.symbol == symbol and not (keeps and order.sent is not None and order.sent.closes)
        ]
        if not going:
            return 0, None
        try:
            outcomes = await self._orders.cancel(*going)
        except Error as error:
            return 0, error
        refused = next((one.error for one in outcomes if one.error is not None), None)
        return sum(one.error is None for one in outcomes), refused

    async def _close(self, guard: OrderRequest) -> Decimal:
        """Close at the market all that the order was to guard; returns how much was asked for at first.

        What was refused, never arrived, or ended too soon is tried again with what REST says is held then.
        Each close only reduces, so that one too many opens nothing.
        """
        held = self._positions.trusted()
        wanted, reason = Decimal(0), ""
        for number in range(CLOSES):
            if held is None:
                held = (await self._positions.all(Source.REST)).value
            going = _guarded(held, guard)
            if not number:
                wanted = sum((abs(position.qty) for position in going), Decimal(0))
            ends = [await self._ended(_closing(position)) for position in going]
            failed = next((order for order in ends if order.state in _FAILED), None)
            if failed is None:
                return wanted
            held, reason = None, f"{failed.state.value}: {failed.reason}"
            await self._clock.sleep(PAUSE_S)
        raise Refused(f"the order that closes {guard.symbol} was refused or ended {CLOSES} times: {reason}")

    async def _ended(self, request: OrderRequest) -> Order:
        """The order once it has ended, or stands; raises Refused where its fate stays unknown."""
        order = await self._orders.submit(request, wait_s=HELD_S)
        waited_s = 0.0
        while not order.state.final:
            doubted = order.state is OrderState.UNKNOWN
            if waited_s >= DOUBT_S:
                raise Refused(f"it is not known what became of {order.client_id}, which closes the position")
            if not doubted and waited_s >= PAUSE_S:
                break
            await self._clock.sleep(LOOK_S)
            waited_s += LOOK_S
            order = self._orders.get(order.client_id) or order
        return order


def _guards(order: Order) -> bool:
    return order.requested is not None and order.requested.protective


def _wanted(order: Order) -> OrderRequest:
    assert order.requested is not None, "only an order of ours guards anything"
    return order.requested


def _guarded(positions: Sequence[Position], guard: OrderRequest) -> tuple[Position, ...]:
    """What the order would make smaller: in hedge mode the other side is none of its business."""
    return tuple(
        position
        for position in positions
        if position.symbol == guard.symbol
        and position.side is guard.position_side
        and ((position.qty > 0) if guard.side is Side.SELL else (position.qty < 0))
    )


def _closing(position: Position) -> OrderRequest:
    """In hedge mode the side of the position says that it only reduces."""
    return OrderRequest(
        symbol=position.symbol,
        side=Side.SELL if position.qty > 0 else Side.BUY,
        kind=OrderKind.MARKET,
        qty=abs(position.qty),
        position_side=position.side,
        reduce_only=position.side is PositionSide.NET,
    )
