"""The way of a placement: approved, its turn, on disk, sent once, and what the answer makes of it.

Rule: after the intent is on disk nothing is sent twice, and every way out of the wait leaves a state behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from leadline.clock import Clock
from leadline.core.chunks import even_chunks
from leadline.core.histogram import Histogram
from leadline.core.level import Deed
from leadline.engine.blotter import Blotter
from leadline.engine.deferred import Deferred, Expiry, Wish
from leadline.engine.journal import Journal
from leadline.engine.order_index import Tracked
from leadline.engine.order_news import Cause, OrderEvent, OrderNews
from leadline.engine.order_queue import REMOVED, OrderQueue, Ticket, removed
from leadline.engine.records import Intent
from leadline.engine.risk import Approved, Risk, check_replacement, reduces
from leadline.engine.ways import best_path, certain, deadline_ns
from leadline.errors import (
    BreakerOpen,
    CheckFailed,
    ConnectFailed,
    Error,
    Held,
    JournalError,
    Refused,
    VenueError,
)
from leadline.model.order import Order, OrderRequest, OrderState
from leadline.venues.ports import Action, OrderEntry, Path, Placed, Placement

VALIDATED = "validated: the venue would take it; nothing was placed"

_GONE = "its sender was cancelled before anything had left"


class _Way(Struct, frozen=True):
    """How one request places its orders, and until when it may leave."""

    expiry: Expiry
    action: Action = Action.ADD
    replaces: str | None = None
    touched_ns: int | None = None


class _Wanted:
    """An order somebody wants, under the name it has from now on; `approved` once the checks let it pass."""

    __slots__ = ("approved", "name", "request")

    def __init__(self, name: str, request: OrderRequest) -> None:
        self.name = name
        self.request = request
        self.approved: Approved | None = None


class Placing:
    """Submits, batches and replacements."""

    def __init__(
        self,
        entry: OrderEntry,
        journal: Journal,
        clock: Clock,
        blotter: Blotter,
        risk: Risk,
        queue: OrderQueue,
        deferred: Deferred,
        new_id: Callable[[], str],
        publish: Callable[[OrderNews], None],
    ) -> None:
        self._entry = entry
        self._journal = journal
        self._clock = clock
        self._blotter = blotter
        self._risk = risk
        self._queue = queue
        self._deferred = deferred
        self._new_id = new_id
        self._publish = publish
        self._leaving: dict[str, Intent] = {}
        """On their way to the disk; a cancel that overtakes one takes it out, and it is not sent."""
        self.answers = Histogram()
        """Nanoseconds from the leaving of an order to what the venue said of it."""
        self._later: dict[str, _Wanted] = {}
        """Of batches, what waits for the answer to the part before it."""
        self._asked: set[str] = set()
        """Client ids of what goes by REST, where it may have to wait for its turn."""

    # --- what is asked for ---

    async def submit(self, request: OrderRequest, wait_s: float | None = None) -> Order:
        """One order."""
        way = _Way(Expiry(self._clock, wait_s))
        if request.validate:
            return await self._validated(self._risk.approve(request), way)
        return (await self._place(await self._passed([request], way.expiry), way))[0]

    async def batch(self, requests: Sequence[OrderRequest], wait_s: float | None = None) -> list[Order]:
        """Several of one symbol. Once a part has left, what stops a later part is told as its orders' end."""
        if not requests or len({request.symbol for request in requests}) > 1:
            raise CheckFailed("a batch has at least one order, and all of one symbol")
        if any(request.validate for request in requests):
            raise CheckFailed("validate orders one at a time")
        way = _Way(Expiry(self._clock, wait_s))
        parts = even_chunks(await self._passed(requests, way.expiry), self._entry.batch_max)
        later = {one.name: one for part in parts[1:] for one in part}
        self._later |= later
        orders: list[Order] = []
        try:
            for part in parts:
                orders += await self._part(part, way, first=not orders)
        finally:
            for name in later:
                self._later.pop(name, None)
        return orders

    async def replace(self, old: Tracked, request: OrderRequest, wait_s: float | None = None) -> Order:
        """Another order in the place of an open one."""
        check_replacement(self._entry, old.order, request)
        expiry = Expiry(self._clock, wait_s)
        passed = await self._passed([request], expiry)
        if passed[0].approved is not None:  # it has waited perhaps, and the old order has not
            check_replacement(self._entry, old.order, request)
        way = _Way(expiry, Action.REPLACE, old.order.order_id, old.order.touched_ns)
        return (await self._place(passed, way))[0]

    def withdraw(self, client_id: str) -> Order | None:
        """Keep an order that is on its way from being sent; None when it is not there, or has left."""
        later = self._later.pop(client_id, None)
        if later is not None:
            later.approved = None
            return self._removed(client_id, later.request)
        intent = self._leaving.pop(client_id, None)
        if intent is not None:
            return self._removed(client_id, intent.sent)
        if client_id not in self._asked or not self._entry.take_back(client_id):
            return None
        return self._blotter.settle(client_id, OrderState.CANCELED, REMOVED, self._clock.mono_ns())

    def leaving(self) -> list[str]:
        """Client ids on their way, of which some may have left."""
        return [*self._later, *self._leaving, *self._asked]

    # --- the way ---

    async def _passed(self, requests: Sequence[OrderRequest], expiry: Expiry) -> list[_Wanted]:
        """What the checks let pass: now, or in time where they would later; else what they raise."""
        wanted = [_Wanted(self._new_id(), request) for request in requests]
        try:
            self._approve(wanted)
        except (Held, BreakerOpen):
            if not expiry.waits:
                raise
            await self._let_go(wanted, self._wish(wanted, expiry))
        return wanted

    async def _let_go(self, wanted: Sequence[_Wanted], wish: Wish) -> None:
        """Wait until the checks let pass what no cancel has taken out meanwhile."""
        assert wish.orders is not None
        for one in wanted:
            self._risk.count(one.request)
        for order in wish.orders.values():
            self._tell(order, Cause.QUEUED)
        try:
            while True:
                await self._deferred.turn(wish)
                try:
                    self._approve([one for one in wanted if one.name in wish.orders], counted=True)
                    return
                except (Held, BreakerOpen):  # what left just before it has changed something
                    continue
        except BaseException:
            for order in wish.orders.values():
                self._tell(removed(order), Cause.REMOVED)
            raise

    def _approve(self, wanted: Sequence[_Wanted], *, counted: bool = False) -> None:
        """All of them or none."""
        passed = [self._risk.approve(one.request, counted=counted) for one in wanted]
        for one, approved in zip(wanted, passed, strict=True):
            one.approved = approved

    def _wish(self, wanted: Sequence[_Wanted], expiry: Expiry) -> Wish:
        requests = [one.request for one in wanted]
        deed = Deed.REDUCE if all(map(reduces, requests)) else Deed.INCREASE
        orders = {one.name: _undecided(one.request, one.name, self._clock) for one in wanted}

        def blocked() -> Refused | None:
            left = (one.request for one in wanted if one.name in orders)
            return next(filter(None, map(self._risk.blocked, left)), None)

        return Wish(deed, expiry, blocked, orders)

    async def _part(self, part: Sequence[_Wanted], way: _Way, *, first: bool) -> list[Order]:
        """One request of a batch; a later one is looked at again, and what stops it ends its orders."""
        try:
            for one in part:
                if self._later.pop(one.name, None) is not None and one.approved is not None:
                    self._risk.still(one.approved)
            return await self._place(part, way)
        except (Refused, JournalError) as error:
            if first:
                raise
            for one in part:
                self._risk.refused(one.request, error)
            return [self._unsent(one.request, f"not sent: {error}") for one in part]

    async def _place(self, wanted: Sequence[_Wanted], way: _Way) -> list[Order]:
        going = {one.name: one.approved for one in wanted if one.approved is not None}
        left = await self._turn(going, way) if going else []
        if left:
            await self._written({name: going[name] for name in left}, way)
        return [
            self._known(one.name) if one.name in left else self._removed(one.name, one.request)
            for one in wanted
        ]

    async def _turn(self, decided: dict[str, Approved], way: _Way) -> list[str]:
        """Wait for room at the venue; returns what no cancel has taken out meanwhile."""
        waiting = {name: _undecided(item.request, name, self._clock) for name, item in decided.items()}
        symbol = next(iter(waiting.values())).symbol
        ticket = Ticket(symbol, lambda: self._charge(symbol, len(waiting), way), waiting)
        if self._queue.at_once(ticket):
            return list(waiting)
        for order in waiting.values():
            self._tell(order, Cause.QUEUED)
        over = False
        try:
            await self._queue.turn(ticket)
            way.expiry.check()
            for name in waiting:
                self._risk.still(decided[name])
            over = True
        finally:
            for order in () if over else tuple(waiting.values()):
                self._tell(self._removed(order.client_id, decided[order.client_id].request), Cause.REMOVED)
        return list(waiting)

    def _charge(self, symbol: str, count: int, way: _Way) -> float:
        return self._entry.charge(symbol, way.action, count, way.touched_ns)

    async def _written(self, decided: dict[str, Approved], way: _Way) -> None:
        """Put the intents on disk, and send what no cancel has overtaken meanwhile."""
        path = best_path(self._entry)
        intents = self._intents(decided, way, path)
        withdrawn: set[str] = set()
        try:
            await self._on_disk(intents, withdrawn)
        except asyncio.CancelledError:  # the records may be on disk, and nothing was sent
            self._failed(self._decided(intents, withdrawn), ConnectFailed(_GONE))
            raise
        await self._sent(self._decided(intents, withdrawn), way, path)

    async def _on_disk(self, intents: Sequence[Intent], withdrawn: set[str]) -> None:
        """Write, and put into `withdrawn` which of them a cancel has overtaken, whatever is raised."""
        self._leaving.update({intent.client_id: intent for intent in intents})
        try:
            await self._journal.write(*intents)
        finally:
            for intent in intents:
                if self._leaving.pop(intent.client_id, None) is None:
                    withdrawn.add(intent.client_id)

    def _intents(self, decided: dict[str, Approved], way: _Way, path: Path) -> list[Intent]:
        at_ns = self._clock.wall_ns()
        until_ns = deadline_ns(self._entry, min(item.request.deadline_s for item in decided.values()), path)
        return [
            Intent(
                at_ns=at_ns,
                client_id=name,
                userref=self._userref(item.request, way),
                requested=item.request,
                sent=item.request,
                deadline_ns=until_ns,
                replaces=way.replaces,
            )
            for name, item in decided.items()
        ]

    def _userref(self, request: OrderRequest, way: _Way) -> int | None:
        named = way.replaces is not None or self._entry.needs_userref(request)
        return self._journal.next_userref() if named else None

    def _decided(self, intents: Sequence[Intent], withdrawn: set[str]) -> list[Intent]:
        """Enter what is on disk; returns what is to be sent."""
        now_ns = self._clock.mono_ns()
        for intent in intents:
            self._blotter.decided(intent)
            if intent.client_id in withdrawn:
                self._blotter.settle(intent.client_id, OrderState.CANCELED, REMOVED, now_ns)
        return [intent for intent in intents if intent.client_id not in withdrawn]

    async def _sent(self, intents: Sequence[Intent], way: _Way, path: Path) -> None:
        if not intents:
            return
        answers: list[Placed | VenueError] | None = None
        failed: Error | None = None
        names = {intent.client_id for intent in intents} if path is Path.REST else set()
        self._asked |= names
        left_ns = self._clock.mono_ns()
        try:
            for intent in intents:  # the disk was slow, or the stream is gone, and with it the service level
                self._may_leave(intent.sent, way)
            answers = await self._ask(intents, way, path)
            self.answers.observe(self._clock.mono_ns() - left_ns)
        except Error as error:
            failed = error
        finally:
            self._asked -= names
            if answers is None and failed is None:
                self._doubt(intents, "its sender was cancelled while the answer was awaited")
        if isinstance(failed, ConnectFailed) and path is Path.STREAM:
            await self._by_rest(intents, way)
        elif isinstance(failed, Refused) and (others := self._beside_the_taken_back(intents)):
            await self._by_rest(others, way)
        elif failed is not None:
            self._failed(intents, failed)
        else:
            self._answered(intents, answers or [])

    async def _ask(self, intents: Sequence[Intent], way: _Way, path: Path) -> list[Placed | VenueError]:
        placements = [
            Placement(
                one.client_id,
                one.userref,
                one.sent,
                one.deadline_ns,
                partial(self._may_leave, one.sent, way),
            )
            for one in intents
        ]
        if way.replaces is not None:
            return [await self._entry.replace(way.replaces, placements[0], path)]
        if len(placements) == 1:
            return [await self._entry.place(placements[0], path)]
        return await self._entry.place_batch(placements, path)

    def _may_leave(self, request: OrderRequest, way: _Way) -> None:
        """Asked at the moment of leaving; raises Held."""
        way.expiry.check()
        self._risk.may_leave(request)

    def _beside_the_taken_back(self, intents: Sequence[Intent]) -> list[Intent]:
        """What shared its request with something that was taken back; nothing where nothing was."""
        others = [intent for intent in intents if not self._known(intent.client_id).state.final]
        return others if len(others) < len(intents) else []

    async def _by_rest(self, intents: Sequence[Intent], way: _Way) -> None:
        """No byte has left: by REST, once, with a deadline that holds there."""
        until_ns = deadline_ns(self._entry, min(intent.sent.deadline_s for intent in intents), Path.REST)
        moved = [replace(intent, deadline_ns=until_ns) for intent in intents]
        withdrawn: set[str] = set()
        try:
            await self._on_disk(moved, withdrawn)
        except JournalError as error:
            self._failed(intents, error)
            return
        except asyncio.CancelledError:
            self._failed(self._decided(moved, withdrawn), ConnectFailed(_GONE))
            raise
        await self._sent(self._decided(moved, withdrawn), way, Path.REST)

    # --- what the answer makes of it ---

    def _answered(self, intents: Sequence[Intent], answers: Sequence[Placed | VenueError]) -> None:
        now_ns = self._clock.mono_ns()
        for intent, answer in zip(intents, answers, strict=False):
            if isinstance(answer, VenueError):
                self._failed([intent], answer)
            elif answer.order_id:
                self._blotter.acknowledged(intent.client_id, answer.order_id, now_ns)
            else:
                self._doubt([intent], "the venue said yes and named no order")
        self._doubt(intents[len(answers) :], "the venue's answer leaves this order out")

    def _failed(self, intents: Sequence[Intent], error: Error) -> None:
        if not certain(error):
            self._doubt(intents, f"{type(error).__name__}: {error}")
            return
        evidence = error.text if isinstance(error, VenueError) else f"never sent: {error}"
        for intent in intents:
            self._blotter.settle(intent.client_id, OrderState.REJECTED, evidence, self._clock.mono_ns())

    def _doubt(self, intents: Sequence[Intent], why: str) -> None:
        for intent in intents:
            self._blotter.doubt(intent.client_id, why, self._clock.mono_ns())

    # --- orders that nothing is sent of ---

    async def _validated(self, approved: Approved, way: _Way) -> Order:
        """Ask the venue whether it would take the order; raises what kept it from saying so."""
        request, name = approved.request, self._new_id()
        if not await self._turn({name: approved}, way):
            return self._removed(name, request)
        path = best_path(self._entry)
        try:
            await self._entry.place(
                Placement(name, None, request, deadline_ns(self._entry, request.deadline_s, path)), path
            )
        except VenueError as error:
            if not certain(error):
                raise
            return self._unsent(request, error.text)
        return replace(self._removed(name, request), reason=VALIDATED)

    def _unsent(self, request: OrderRequest, reason: str) -> Order:
        order = _undecided(request, self._new_id(), self._clock)
        return replace(order, state=OrderState.REJECTED, reason=reason)

    def _removed(self, client_id: str, request: OrderRequest) -> Order:
        return removed(_undecided(request, client_id, self._clock))

    def _known(self, name: str) -> Order:
        order = self._blotter.get(name)
        assert order is not None
        return order

    def _tell(self, order: Order, cause: Cause) -> None:
        self._publish(OrderEvent(order=order, cause=cause, at_ns=self._clock.wall_ns()))


def _undecided(request: OrderRequest, client_id: str, clock: Clock) -> Order:
    return Order(
        client_id=client_id,
        symbol=request.symbol,
        side=request.side,
        kind=request.kind,
        state=OrderState.UNKNOWN,
        requested=request,
        qty=request.qty,
        limit_price=request.limit_price,
        created_ns=clock.wall_ns(),
    )
