"""Open positions of contracts, from the stream while it flows, else from REST; REST has the last word.

Rule: a position is what the venue says it is, never the sum of our fills; where stream and REST differ and
differ again, REST's is taken and the drift is told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import PositionsReported
from leadline.engine.balances import STREAM_BOUND_S
from leadline.engine.kept import Kept
from leadline.engine.order_news import OrderEvent, OrderNews
from leadline.errors import CheckFailed, Error
from leadline.model.account import Position
from leadline.model.market import Side
from leadline.model.order import OrderRequest, PositionSide
from leadline.model.reading import Reading, Source
from leadline.net.http import Purpose
from leadline.venues.ports import Account

REST_TTL_S = 30.0
CHECK_S = 60.0
"""How often stream and REST are compared."""

SETTLE_S = 2.0
"""assumed: a position that the stream has told is in REST's answers no later than so after."""

TOGETHER_S = 0.1
"""A change told no longer than so before a fill may be what that fill made of the position."""

QUIET_S = 5.0
"""So long after a fill of a symbol nothing is refused because of a position: its news may be on the way."""

_Key = tuple[str, PositionSide]
_ZERO = Decimal(0)


class PositionChanged(Struct, frozen=True):
    """The quantity of a position is another; `before` is what it was, 0 for none."""

    position: Position
    before: Decimal


class PositionDrift(Struct, frozen=True):
    """Stream and REST told different quantities of one position, twice; REST's is taken from now on."""

    symbol: str
    side: PositionSide
    ours: Decimal
    theirs: Decimal

    @property
    def delta(self) -> Decimal:
        """What we did not know of."""
        return self.theirs - self.ours


PositionEvent = PositionChanged | PositionDrift


class Positions:
    """The positions of one account.

    `alive_ns` says when the account's stream last showed life, None while it cannot be trusted; `resubscribe`
    asks it for a new snapshot, with the reason.
    """

    def __init__(
        self,
        account: Account,
        clock: Clock,
        alive_ns: Callable[[], int | None],
        tell: Callable[[PositionEvent], None],
        resubscribe: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._alive_ns = alive_ns
        self._tell = tell
        self._resubscribe = resubscribe
        self._held: dict[_Key, Position] = {}
        self._changed_ns: dict[_Key, int] = {}
        self._closed_ns: dict[_Key, int] = {}
        """When a position that is held no more was closed (venue time): older news does not open it again."""
        self._trusted = False
        self._traded_ns: dict[str, int] = {}
        """When an order of a symbol was last told to have filled."""
        self._beyond: dict[str, Decimal] = {}
        """By how much positions of a symbol have moved, less what its fills have told."""
        self._begun = False
        self._kept: Kept[Sequence[Position], tuple[Position, ...]] = Kept(
            "positions",
            REST_TTL_S,
            clock,
            stream=self._of_stream,
            ask=account.fetch_positions,
            form=tuple,
        )
        self.drifts = 0

    def __repr__(self) -> str:
        return f"Positions({len(self._held)} open)"

    # --- reads ---

    async def all(self, source: Source | None = None) -> Reading[tuple[Position, ...]]:
        """Open positions: the stream's while it flows, then a REST answer of the last 30 s, then a new one.

        The stream does not tell what moves with the price (mark and liquidation price, unrealised profit):
        only REST does. With `source` that one, or Stale. Raises what the request raises.
        """
        return await self._kept.read(source)

    def known(self) -> Reading[tuple[Position, ...]] | None:
        """The newest positions at hand, however old, without asking anybody; None where there are none."""
        return self._kept.known()

    def trusted(self) -> tuple[Position, ...] | None:
        """What is held as the stream tells it; None while that cannot be trusted."""
        told = self._of_stream()
        return None if told is None else told.value

    def _of_stream(self) -> Reading[tuple[Position, ...]] | None:
        alive_ns = self._alive_ns()
        if not self._trusted or alive_ns is None:
            return None
        held = tuple(_settled(self._held[key]) for key in sorted(self._held, key=str))
        return Reading(held, Source.STREAM, alive_ns, self._clock, True, STREAM_BOUND_S)

    # --- news ---

    def receive(self, news: PositionsReported, now_ns: int) -> None:
        """Take in what the stream says."""
        if news.snapshot:
            told = {_key(each) for each in news.positions}
            for key in [key for key in self._held if key not in told]:
                if self._changed_ns.get(key, 0) < news.asked_ns:
                    self._set(replace(self._held[key], qty=_ZERO), now_ns)
            self._trusted = True
        for each in news.positions:
            if not self._is_older(each):
                self._set(each, now_ns)
        if news.snapshot and not self._begun:  # what was held before we came, no fill has told us
            self._begun = True
            self._beyond.clear()

    def lost(self) -> None:
        """The stream has a hole: it is not trusted before its next snapshot."""
        self._trusted = False

    def heard(self, news: OrderNews) -> None:
        """News of orders: a fill moves a position, which is told by itself, sooner or later."""
        if isinstance(news, OrderEvent) and news.fill is not None:
            symbol, fill = news.order.symbol, news.fill
            self._traded_ns[symbol] = self._clock.mono_ns()
            self._moved(symbol, -fill.qty if news.order.side is Side.BUY else fill.qty)

    def _is_older(self, told: Position) -> bool:
        """Another line may bring late what has changed since."""
        known = self._held.get(_key(told))
        known_ns = self._closed_ns.get(_key(told)) if known is None else known.venue_ns
        return known_ns is not None and told.venue_ns is not None and told.venue_ns < known_ns

    def _set(self, told: Position, now_ns: int) -> None:
        key = _key(told)
        before = self._held.get(key)
        if told.qty:
            self._held[key] = _completed(told, before)
            self._closed_ns.pop(key, None)
        else:
            self._held.pop(key, None)
            if told.venue_ns is not None:
                self._closed_ns[key] = told.venue_ns
        self._changed_ns[key] = now_ns
        was = _ZERO if before is None else before.qty
        if told.qty != was:
            self._moved(told.symbol, told.qty - was)
            self._tell(PositionChanged(told, was))

    def _moved(self, symbol: str, qty: Decimal) -> None:
        beyond = self._beyond.get(symbol, _ZERO) + qty
        if beyond:
            self._beyond[symbol] = beyond
        else:
            self._beyond.pop(symbol, None)

    def unexplained(self) -> dict[str, Decimal] | None:
        """By how much positions have moved beyond all fills told since the first snapshot, by symbol.

        The long side and the short one together, because a fill does not say which of them it moved. Where a
        fill and its position are told by themselves, it is not zero between the two. None while the stream
        is not trusted.
        """
        return dict(self._beyond) if self._trusted and self._alive_ns() is not None else None

    def accept(self, symbol: str) -> None:
        """What moved this symbol's position is not a fill, as far as the venue says: begin anew."""
        self._beyond.pop(symbol, None)

    def settled(self, symbol: str) -> bool:
        """Whether the stream has told what every fill of a symbol made of its position."""
        traded_ns = self._traded_ns.get(symbol)
        return traded_ns is None or self._last_change_ns(symbol) >= traded_ns - round(TOGETHER_S * NS_PER_S)

    def _last_change_ns(self, symbol: str) -> int:
        return max((at_ns for key, at_ns in self._changed_ns.items() if key[0] == symbol), default=0)

    # --- what an order may do ---

    def check(self, request: OrderRequest) -> None:
        """Raise CheckFailed for an order that is to make a position smaller where there is none to.

        One that waits for a trigger may be placed before its position, and nothing is refused while the
        stream is not trusted or has just told of a fill.
        """
        unwinds = request.reduce_only or request.close_position
        if not unwinds or request.trigger is not None or self._of_stream() is None:
            return
        traded_ns = self._traded_ns.get(request.symbol)
        if traded_ns is not None and self._clock.mono_ns() - traded_ns < QUIET_S * NS_PER_S:
            return
        held = self._held.get((request.symbol, request.position_side))
        qty = _ZERO if held is None else held.qty
        if (qty > 0) if request.side is Side.SELL else (qty < 0):
            return
        raise CheckFailed(
            f"a reduce-only {request.side.value} of {request.symbol} has nothing to reduce: the position is"
            f" {qty}; leave reduce_only out to open one"
        )

    # --- stream and REST ---

    async def run(self) -> None:
        """Compare for ever, and soon where a fill moved nothing; what cannot be asked is asked next time."""
        due_ns = self._clock.mono_ns() + round(CHECK_S * NS_PER_S)
        while True:
            await self._clock.sleep(QUIET_S)
            now_ns = self._clock.mono_ns()
            unmoved = self._unmoved(now_ns)
            if not unmoved and now_ns < due_ns:
                continue
            due_ns = now_ns + round(CHECK_S * NS_PER_S)
            try:
                await self.compare()
            except Error:
                continue  # that REST is out of reach is told elsewhere
            for symbol in unmoved if self._trusted else ():
                if self._traded_ns.get(symbol) == unmoved[symbol]:
                    del self._traded_ns[symbol]

    def _unmoved(self, now_ns: int) -> dict[str, int]:
        """When fills were told and no change of their position: the news of that may be lost."""
        quiet_ns = now_ns - round(QUIET_S * NS_PER_S)
        found: dict[str, int] = {}
        for symbol, traded_ns in tuple(self._traded_ns.items()):
            if traded_ns > quiet_ns:
                continue
            if self.settled(symbol):
                del self._traded_ns[symbol]
            else:
                found[symbol] = traded_ns
        return found

    async def compare(self) -> list[PositionDrift]:
        """Hold the stream's positions against REST's now; what differs twice is told, and REST's taken.

        Raises what asking REST raises.
        """
        if not self._trusted or not await self._differing():
            return []
        await self._clock.sleep(SETTLE_S)
        told = await self._differing()
        drifts: list[PositionDrift] = []
        now_ns = self._clock.mono_ns()
        for (symbol, side), theirs in told.items():
            before = self._held.get((symbol, side))
            drift = PositionDrift(symbol, side, _ZERO if before is None else before.qty, theirs.qty)
            self.drifts += 1
            drifts.append(drift)
            self._tell(drift)
            self._set(theirs, now_ns)
        if drifts:
            self._resubscribe("a position was not as the stream had told it")
        return drifts

    async def _differing(self) -> dict[_Key, Position]:
        """What REST says of positions that the stream tells differently and has not changed of late."""
        asked_ns = self._clock.mono_ns()
        answer, _ = await self._kept.fetch(Purpose.CROSS_CHECK)
        if not self._trusted:
            return {}
        theirs = {_key(each): each for each in answer}
        young_ns = asked_ns - round(SETTLE_S * NS_PER_S)
        return {
            key: theirs.get(key) or replace(self._held[key], qty=_ZERO)
            for key in _sorted({*theirs, *self._held})
            if self._changed_ns.get(key, 0) <= young_ns and _qty(theirs.get(key)) != _qty(self._held.get(key))
        }


def _key(position: Position) -> _Key:
    return position.symbol, position.side


def _sorted(keys: Collection[_Key]) -> list[_Key]:
    return sorted(keys, key=str)


def _qty(position: Position | None) -> Decimal:
    return _ZERO if position is None else position.qty


def _settled(position: Position) -> Position:
    """Without what moves with the price, which no event tells."""
    return replace(position, mark_price=None, liquidation_price=None, unrealised=None, margin=None)


def _completed(told: Position, before: Position | None) -> Position:
    """With what only another path says and no change of the position changes."""
    if before is None:
        return told
    return replace(
        told,
        leverage=told.leverage or before.leverage,
        margin_mode=told.margin_mode or before.margin_mode,
        settle=told.settle or before.settle,
        realised=before.realised if told.realised is None else told.realised,
    )
