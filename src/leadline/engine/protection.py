"""Orders that guard a position: that one is missing is told within a second, and answered as configured.

Rule: what we asked the end of ourselves, and what ended together with its position, is not missing. That
nothing is held is believed of the stream only where it has told what every fill made of it, else of REST.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock
from leadline.engine.order_index import Tracked
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
"""How long a close waits for what holds new orders (a halt, the breaker, the service level), and for somebody
who says what is held."""

LOOK_S = 0.25
PAUSE_S = 1.0
"""How long the end of an accepted close is waited for, and the pause before the next try."""

DOUBT_S = 60.0
"""How long it is waited for what became of a close that was not answered."""

ASKED_NS = 60 * NS_PER_S
"""So long a cancel explains the end of its order, as the venue tells its time or as it is heard of; then it
has not worked.

Before the cancel too: the two clocks are not one, and what is to end is not missed."""

RECALLED_NS = 300 * NS_PER_S
"""What ended no longer before a start is told again where its position still stands unguarded: the process
before may have died of it."""

KEPT_NAMES = 10_000
"""Names of orders whose end was told; the oldest is forgotten first."""

_ENDED = frozenset({OrderState.CANCELED, OrderState.EXPIRED})
_FAILED = _ENDED | {OrderState.REJECTED}

_Place = tuple[str, Side, PositionSide]
"""What an order guards: the position of this symbol that its side closes; in hedge mode the one named."""

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
    """Watches the orders of an account that guard a position.

    `market_qty_max` tells how much one market order of a symbol may have. One answer at a time is given for a
    position, whatever is missing of it.
    """

    def __init__(
        self,
        orders: Orders,
        positions: Positions,
        policy: ProtectionPolicy,
        market_qty_max: Callable[[str], Decimal | None],
        clock: Clock,
        tell: Callable[[ProtectionMissing | ProtectionAnswered], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._orders = orders
        self._positions = positions
        self._policy = policy
        self._market_qty_max = market_qty_max
        self._clock = clock
        self._tell = tell
        self._spawn = spawn
        self._told: OrderedDict[str, None] = OrderedDict()
        """Orders whose end was told or looked into."""
        self._standing: dict[str, OrderRequest] = {}
        """What is closed by an order that was accepted and has not ended, by its name."""
        self._answering: set[_Place] = set()
        self.missed = 0
        """Orders that were missing so far."""
        orders.tell(self.heard)
        orders.guard(self.refused)

    # --- what happens ---

    def recall(self) -> None:
        """Look into what ended so shortly before the start that it may not have been told."""
        since_ns = self._clock.wall_ns() - RECALLED_NS
        ours = [one for order in self._orders.orders() if (one := self._tracked(order)) and _guards(order)]
        for one in ours:
            order = one.order
            missed = _failed(order) and one.ended_ns >= since_ns
            missed = missed and not _meant(one, one.ended_ns, one.ended_venue_ns)
            if missed and not self._guarded_anew(one) and self._first(order.client_id):
                self._spawn(self._vanished(one, _wanted(order)))

    def heard(self, news: OrderNews) -> None:
        """News of orders, at once when it comes."""
        if not isinstance(news, OrderEvent) or news.cause is Cause.REMOVED or not news.order.state.final:
            return
        order, tracked = news.order, self._tracked(news.order)
        guard = self._standing.pop(order.client_id, None)
        if guard is None and _guards(order):
            guard = _wanted(order)
        if not _failed(order) or tracked is None or guard is None:
            return
        told_ns = None if news.report is None else news.report.venue_ns
        if _meant(tracked, news.at_ns, told_ns or 0) or not self._first(order.client_id):
            return
        if order.order_id is None:
            self._missing(guard, order.client_id, f"it was refused: {order.reason}")
        else:
            self._spawn(self._vanished(tracked, guard))

    def refused(self, request: OrderRequest, why: Error) -> None:
        """Our own side does not let an order leave."""
        if request.protective and not request.validate:
            self._missing(request, "", f"it was not sent: {why}")

    def _tracked(self, order: Order) -> Tracked | None:
        return self._orders.blotter.tracked(order.client_id)

    def _first(self, name: str) -> bool:
        known = name in self._told
        self._told[name] = None
        while len(self._told) > KEPT_NAMES:
            self._told.popitem(last=False)
        return not known

    def _guarded_anew(self, gone: Tracked) -> bool:
        """Whether another order was placed since to guard the same position."""
        return any(
            order.created_ns >= gone.ended_ns and _guards(order) and _alike(order, gone.order)
            for order in self._orders.live()
        )

    async def _vanished(self, gone: Tracked, guard: OrderRequest) -> None:
        """The position's own end, and another guard, may come a little later than the end of the order."""
        await self._clock.sleep(GRACE_S)
        if self._guarded_anew(gone):
            return
        order = gone.order
        try:
            exposed = bool(await self._exposed(guard))
        except Error:
            exposed = True  # nobody says that there is nothing left to guard
        if exposed:
            self._missing(guard, order.client_id, f"it is {order.state.value}: {order.reason}")

    async def _exposed(self, guard: OrderRequest) -> tuple[Position, ...]:
        """What is held that the order would make smaller; raises what asking REST raises."""
        held = self._positions.trusted()
        if held is not None and ((found := _guarded(held, guard)) or self._positions.settled(guard.symbol)):
            return found
        return await self._exposed_by_rest(guard)

    async def _exposed_by_rest(self, guard: OrderRequest) -> tuple[Position, ...]:
        return _guarded((await self._positions.all(Source.REST)).value, guard)

    # --- what is done ---

    def _missing(self, guard: OrderRequest, client_id: str, why: str) -> None:
        _log.error("PROTECTION_MISSING: an order that guards %s: %s", guard.symbol, why)
        self.missed += 1
        self._tell(ProtectionMissing(guard.symbol, client_id, why, self._policy))
        if self._policy is not ProtectionPolicy.NONE and _place(guard) not in self._answering:
            self._answering.add(_place(guard))
            self._spawn(self._answer(guard, client_id))

    async def _answer(self, guard: OrderRequest, client_id: str) -> None:
        """A cancel that fails keeps nobody from closing."""
        closed, errors = Decimal(0), []
        try:
            cancelled, refused = await self._cancel(guard.symbol)
            if refused is not None:
                errors.append(f"not all was cancelled: {refused}")
            if self._policy is ProtectionPolicy.CLOSE:
                try:
                    closed = await self._close(guard)
                except Error as failed:
                    errors.append(f"{type(failed).__name__}: {failed}")
        finally:
            self._answering.discard(_place(guard))
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
        wanted, reason = Decimal(0), ""
        if not self._positions.settled(guard.symbol):
            await self._clock.sleep(GRACE_S)
        for number in range(CLOSES):
            going = await self._going(self._exposed_by_rest if number else self._exposed, guard)
            if not number:
                wanted = sum((abs(position.qty) for position in going), Decimal(0))
            reason = await self._closed(going, guard)
            if not reason:
                return wanted
            await self._clock.sleep(PAUSE_S)
        raise Refused(f"the order that closes {guard.symbol} was refused or ended {CLOSES} times: {reason}")

    async def _going(
        self, ask: Callable[[OrderRequest], Awaitable[tuple[Position, ...]]], guard: OrderRequest
    ) -> tuple[Position, ...]:
        """What is to be closed; raises what asking raises to the end."""
        give_up_ns = self._clock.mono_ns() + round(HELD_S * NS_PER_S)
        while True:
            try:
                return await ask(guard)
            except Error:
                if self._clock.mono_ns() >= give_up_ns:
                    raise
            await self._clock.sleep(PAUSE_S)

    async def _closed(self, going: Sequence[Position], guard: OrderRequest) -> str:
        """Close positions in pieces that the venue takes, each once the one before has ended or stands.

        Returns why a piece was refused or ended too soon, which leaves the others unsent; raises Refused
        where the fate of one stays unknown.
        """
        for position in going:
            for qty in _pieces(abs(position.qty), self._market_qty_max(position.symbol)):
                order = await self._ended(_closing(position, qty))
                if order.state in _FAILED:
                    return f"{order.state.value}: {order.reason}"
                if not order.state.final:
                    self._standing[order.client_id] = guard
        return ""

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


def _place(guard: OrderRequest) -> _Place:
    return guard.symbol, guard.side, guard.position_side


def _failed(order: Order) -> bool:
    """Whether it has ended unfilled; what was taken out here, before it left, had been placed by nobody."""
    return order.state in _FAILED and (order.order_id is not None or order.state is not OrderState.CANCELED)


def _meant(tracked: Tracked, heard_ns: int, ended_ns: int) -> bool:
    """Whether we had asked for an end that was heard of, or came by the venue's clock, at these Unix times.

    Either is enough: news may come late, and the clocks may be far apart.
    """
    asked_ns = tracked.cancel_asked_ns
    return bool(asked_ns) and min(abs(heard_ns - asked_ns), abs(ended_ns - asked_ns)) <= ASKED_NS


def _alike(one: Order, other: Order) -> bool:
    """Whether two orders guard one position."""
    return _place(_wanted(one)) == _place(_wanted(other))


def _pieces(qty: Decimal, most: Decimal | None) -> Iterator[Decimal]:
    """A quantity in parts that are no larger than `most`."""
    while most is not None and qty > most:
        yield most
        qty -= most
    yield qty


def _guarded(positions: Sequence[Position], guard: OrderRequest) -> tuple[Position, ...]:
    """What the order would make smaller: in hedge mode the other side is none of its business."""
    return tuple(
        position
        for position in positions
        if position.symbol == guard.symbol
        and position.side is guard.position_side
        and ((position.qty > 0) if guard.side is Side.SELL else (position.qty < 0))
    )


def _closing(position: Position, qty: Decimal) -> OrderRequest:
    """In hedge mode the side of the position says that it only reduces."""
    return OrderRequest(
        symbol=position.symbol,
        side=Side.SELL if position.qty > 0 else Side.BUY,
        kind=OrderKind.MARKET,
        qty=qty,
        position_side=position.side,
        reduce_only=position.side is PositionSide.NET,
    )
