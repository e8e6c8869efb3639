"""Changes of open orders in place.

Rule: a change is on disk before it leaves and leaves once; while its outcome is not known the order's values
are not either, and no other change of that order is taken.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from leadline.clock import Clock
from leadline.core.level import Deed
from leadline.engine.blotter import Blotter
from leadline.engine.deferred import Deferred, Expiry, Wish
from leadline.engine.journal import Journal
from leadline.engine.order_index import Tracked
from leadline.engine.order_queue import OrderQueue, Ticket
from leadline.engine.records import AmendEnded, AmendIntent
from leadline.engine.risk import Risk
from leadline.engine.ways import best_path, certain, deadline_ns
from leadline.errors import BreakerOpen, CheckFailed, ConnectFailed, Error, Held, Refused, UnknownSymbol
from leadline.model.market import Side
from leadline.model.order import Amendment, Order, OrderState
from leadline.venues.ports import Action, OrderEntry, Path

_UNANSWERED = "another change of this order is not answered yet"


class Amends:
    """Amendments, one at a time for each order."""

    def __init__(
        self,
        entry: OrderEntry,
        journal: Journal,
        clock: Clock,
        blotter: Blotter,
        risk: Risk,
        queue: OrderQueue,
        deferred: Deferred,
    ) -> None:
        self._entry = entry
        self._journal = journal
        self._clock = clock
        self._blotter = blotter
        self._risk = risk
        self._queue = queue
        self._deferred = deferred
        self._busy: set[str] = set()

    async def amend(self, tracked: Tracked, change: Amendment, wait_s: float | None = None) -> Order:
        """Change one order; raises Refused, JournalError or the venue's refusal."""
        expiry = Expiry(self._clock, wait_s)
        await self._let_go(tracked, change, expiry)
        self._busy.add(tracked.name)
        try:
            ticket = Ticket(tracked.order.symbol, lambda: self._charge(tracked.order), None)
            if not self._queue.at_once(ticket):
                await self._queue.turn(ticket)
                expiry.check()
                self._allow(tracked, change)
            await self._sent(tracked, change, expiry, best_path(self._entry))
        finally:
            self._busy.discard(tracked.name)
        return tracked.order

    async def _let_go(self, tracked: Tracked, change: Amendment, expiry: Expiry) -> None:
        """Return once the change is allowed: now, or in time where it would be later."""
        wish: Wish | None = None
        while True:
            why = self._blocked(tracked, change)
            if why is None:
                self._allow(tracked, change)
                return
            if not expiry.waits:
                raise why
            wish = wish or Wish(Deed.CHANGE, expiry, lambda: self._blocked(tracked, change), None)
            await self._deferred.turn(wish)

    def _blocked(self, tracked: Tracked, change: Amendment) -> Held | BreakerOpen | None:
        """What keeps a change that may be allowed later; None where nothing does or it never will be."""
        try:
            if tracked.name in self._busy:
                return Held(_UNANSWERED)
            self._allow(tracked, change)
        except (Held, BreakerOpen) as why:
            return why
        except Error:  # whoever waits finds out
            return None
        return None

    def _charge(self, order: Order) -> float:
        return self._entry.charge(order.symbol, Action.AMEND, 1, order.touched_ns)

    def _allow(self, tracked: Tracked, change: Amendment) -> None:
        order = tracked.order
        if order.state.final:
            raise CheckFailed(f"the order is {order.state.value} and cannot be changed any more")
        if order.state is OrderState.UNKNOWN:
            raise Held("the order is not known to be at the venue yet; change it once it is")
        if order.amending is not None:
            raise Held(_UNANSWERED)
        self._entry.check_amendment(order, change)
        self._permit(order, change)

    def _permit(self, order: Order, change: Amendment) -> None:
        """What may change at any time, and is looked at once more when the change leaves."""
        grows = change.qty is not None and change.qty > (order.qty or Decimal(0))
        self._risk.allow_change(order.symbol, grows=grows or _dearer(order, change))
        if grows and self._blotter.doubted(order.symbol):
            raise Held(f"an order of {order.symbol} may or may not be at the venue: none is made larger now")

    async def _sent(self, tracked: Tracked, change: Amendment, expiry: Expiry, path: Path) -> None:
        until_ns = deadline_ns(self._entry, change.deadline_s, path)
        name = tracked.name
        intent = AmendIntent(
            at_ns=self._clock.wall_ns(), client_id=name, requested=change, sent=change, deadline_ns=until_ns
        )
        try:
            await self._journal.write(intent)
            expiry.check()
            self._allow(tracked, change)  # the disk was slow, or the stream is gone: much may have changed
        except (asyncio.CancelledError, Refused, UnknownSymbol):  # it may be on disk, and nothing was sent
            self._journal.note(
                AmendEnded(at_ns=self._clock.wall_ns(), client_id=name, accepted=False, why="never sent")
            )
            raise
        self._blotter.decided(intent)
        failed = await self._answer(tracked, intent, expiry, path)
        if isinstance(failed, ConnectFailed) and path is Path.STREAM:
            self._ended(name, False, f"not on the stream: {failed}")
            await self._sent(tracked, change, expiry, Path.REST)
        elif failed is None:
            self._ended(name, True, "")
        elif certain(failed):
            self._ended(name, False, str(failed))
            raise failed
        else:
            self._doubt(name, f"{type(failed).__name__}: {failed}")

    async def _answer(
        self, tracked: Tracked, intent: AmendIntent, expiry: Expiry, path: Path
    ) -> Error | None:
        order, change, answered = tracked.order, intent.sent, False

        def may_leave() -> None:
            expiry.check()
            self._permit(order, change)

        try:
            await self._entry.amend(order, change, intent.deadline_ns, path, may_leave)
            answered = True
        except Error as error:
            answered = True
            return error
        finally:
            if not answered:
                self._doubt(tracked.name, "its sender was cancelled while the answer was awaited")
        return None

    def _ended(self, name: str, accepted: bool, why: str) -> None:
        self._blotter.amend_ended(name, accepted, why, self._clock.mono_ns())

    def _doubt(self, name: str, why: str) -> None:
        self._blotter.doubt(name, why, self._clock.mono_ns())


def _dearer(order: Order, change: Amendment) -> bool:
    """Whether a buy would pay more than before: as a new order it needs a view to be trusted."""
    if order.side is not Side.BUY or change.limit_price is None:
        return False
    return order.limit_price is None or change.limit_price > order.limit_price
