"""Orders: decided, checked, journalled, sent once, and followed until the venue's evidence ends them.

Rule: no order is sent twice; what was not answered is UNKNOWN, and only evidence ends that (DESIGN §5).
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

from leadline.clock import Clock
from leadline.core.histogram import Histogram
from leadline.core.level import Deed, Verdict
from leadline.engine.amends import Amends
from leadline.engine.blotter import Blotter
from leadline.engine.cancels import CancelOutcome, Cancels
from leadline.engine.deferred import Deferred
from leadline.engine.events import EventLog
from leadline.engine.halts import OPERATOR, Halts
from leadline.engine.journal import Journal
from leadline.engine.order_index import Tracked
from leadline.engine.order_news import (
    Cause,
    NewsGap,
    OrderEvent,
    OrderNews,
    OrderWire,
)
from leadline.engine.order_queue import OrderQueue, removed
from leadline.engine.placing import Placing
from leadline.engine.resolver import FILLS_MISSING, Resolver
from leadline.engine.risk import Check, Refusals, Risk
from leadline.engine.runaway import Runaway
from leadline.engine.tasks import Tasks
from leadline.errors import CheckFailed
from leadline.model.market import VenueMode
from leadline.model.order import (
    Amendment,
    Event,
    Order,
    OrderReport,
    OrderRequest,
    OrderState,
    Provenance,
)
from leadline.venues.ports import OrderEntry

PATIENCE_S = 10.0
FILLS_GRACE_S = 2.0
"""How long the stream has to tell a match that the venue has counted, before the order is looked up."""

MISSING_GRACE_S = 1.0
"""How long a recovery has to learn about many closed orders at once, before each is looked up."""


def new_client_id() -> str:
    """A random UUID as text: unique without a memory, of a form every venue takes (dossier §10.9)."""
    return str(uuid.UUID(bytes=os.urandom(16), version=4))


class OrderCounts(Struct, frozen=True, kw_only=True):
    """Orders at one moment, and what has happened so far."""

    unconfirmed: int
    """Orders whose state nobody vouches for now: the answer lost, or the stream of their news."""
    open: int
    queued: int
    fills: int
    fills_duplicate: int
    adopted: int
    contradicted: int
    reports_parked: int
    reports_dropped: int
    finds: int
    finds_failed: int
    never_placed: int
    delayed: int = 0
    """Requests that waited for room in the venue's order counter."""


class Orders:
    """Everything that happens to the orders of one account; an async context manager that owns its tasks.

    What the journal holds is known from the construction on; what is in doubt of it is looked up inside the
    `async with`. `gate` raises BreakerOpen while new orders may not leave. `resubscribe` asks the stream for
    a new snapshot of orders, with the reason. `patience_s` is how long a request waits for room in the
    venue's order counter. `orders_per_s` is the rate at which a program is taken to have run wild.
    """

    def __init__(
        self,
        entry: OrderEntry,
        journal: Journal,
        clock: Clock,
        *,
        log: EventLog | None = None,
        new_id: Callable[[], str] = new_client_id,
        gate: Callable[[], None] = lambda: None,
        resubscribe: Callable[[str], None] = lambda reason: None,
        patience_s: float = PATIENCE_S,
        orders_per_s: float | None = None,
    ) -> None:
        self._clock = clock
        self.journal = journal
        """What is decided and what is known of it, on disk."""
        self._tasks = Tasks()
        self._lost_ns: int | None = None
        self.log = log or EventLog()
        """Listeners that raised, were slow, or lagged too far."""
        self._wire = OrderWire(clock, self.log, self._spawn)
        self.blotter = Blotter(clock, journal.note, self._publish)
        self._resolver = Resolver(entry, clock, self.blotter, self._spawn, resubscribe)
        self._halts = Halts(clock, journal.note, self._publish, entry.spelled)
        self._runaway = Runaway(orders_per_s, clock, journal.note, self._publish)
        self._risk = Risk(entry, self.blotter, gate, self._halts, self._runaway)
        self._queue = OrderQueue(clock, self._spawn, patience_s)
        self._deferred = Deferred(clock, self._spawn)
        self._placing = Placing(
            entry,
            journal,
            clock,
            self.blotter,
            self._risk,
            self._queue,
            self._deferred,
            new_id,
            self._publish,
        )
        self._amends = Amends(entry, journal, clock, self.blotter, self._risk, self._queue, self._deferred)
        self._cancels = Cancels(entry, clock, self.blotter, self._resolver.ask)
        self._restore(journal)

    def __repr__(self) -> str:
        counts = self.counts
        return f"Orders({counts.open} open, {counts.unconfirmed} unconfirmed, {counts.queued} queued)"

    # --- lifetime ---

    def _restore(self, journal: Journal) -> None:
        records = journal.records()
        for part in (self.blotter, self._halts, self._runaway):
            part.replay(records)
        for tracked in self.blotter.live():
            if tracked.in_doubt:
                self._resolver.ask(tracked.name, tracked.doubt)

    async def __aenter__(self) -> Self:
        await self._tasks.enter()
        self._spawn(self._resolver.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.leave(kind, error, trace)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.spawn(work)
        if task is None:
            raise CheckFailed("orders are used inside their `async with`")
        return task

    # --- what a program asks for ---

    async def submit(self, request: OrderRequest, *, wait_s: float | None = None) -> Order:
        """Check, journal and send one order; the order as it is then known, whatever the answer was.

        Raises Refused or JournalError while nothing has been sent: CheckFailed, Held, BreakerOpen, Throttled.
        From the journal on the outcome is a state: REJECTED with the venue's reason, WORKING, UNKNOWN …
        What is held (by the service level, a halt, the venue's mode, the breaker) waits for up to `wait_s`
        seconds, is checked anew and leaves once; a cancel takes it out, and a restart forgets it.
        """
        self._entered()
        with self._risk.guarding(request):
            return await self._placing.submit(request, wait_s)

    async def batch(self, requests: Sequence[OrderRequest], *, wait_s: float | None = None) -> list[Order]:
        """Place orders of one symbol, up to `entry.batch_max` in a request; all are checked first.

        `wait_s` as in `submit`.
        """
        self._entered()
        with self._risk.guarding(*requests):
            return await self._placing.batch(requests, wait_s)

    async def amend(self, name: str, amendment: Amendment, *, wait_s: float | None = None) -> Order:
        """Change an open order in place, by client or venue id; `wait_s` as in `submit`.

        Raises Refused, JournalError, or the venue's refusal. Where the answer is lost, `amending` stays set
        until the venue's evidence says what the order is; the change is not sent again.
        """
        self._entered()
        return await self._amends.amend(self._named(name), amendment, wait_s)

    async def replace(self, name: str, request: OrderRequest, *, wait_s: float | None = None) -> Order:
        """Cancel an open order and place another in one request; the new order. Raises as `submit`,
        and CheckFailed where the old order has ended meanwhile; `wait_s` as there.
        """
        self._entered()
        return await self._placing.replace(self._named(name), request, wait_s)

    async def cancel(self, *names: str, wait_s: float | None = None) -> list[CancelOutcome]:
        """Cancel orders by client or venue id; one that has not left yet is taken out and never sent.

        It is tried at once, whatever the service level. What cannot reach the venue on either path is tried
        again for up to `wait_s` seconds.
        """
        self._entered()
        before = {name: self._taken_out(name) for name in names}
        sent = await self._cancels.cancel([name for name, order in before.items() if order is None], wait_s)
        after = {outcome.name: outcome for outcome in sent}
        return [after.get(name) or CancelOutcome(name=name, order=before[name]) for name in names]

    async def cancel_all(self, *, wait_s: float | None = None) -> int:
        """Cancel everything of the account, what has not left yet too; how many the venue counted.

        Raises TransportError or VenueError where neither path brought an answer; `wait_s` as in `cancel`.
        """
        self._entered()
        self._take_out_all()
        return await self._cancels.cancel_all(wait_s)

    async def find(self, name: str) -> Order | None:
        """Ask the venue (REST, always let through) about one order now, and say what is then known.

        Raises what kept the venue from answering.
        """
        self._entered()
        await self._resolver.find(name)
        return self.blotter.get(name)

    def _entered(self) -> None:
        if not self._tasks.entered:
            raise CheckFailed("orders are used inside their `async with`")

    def _named(self, name: str) -> Tracked:
        tracked = self.blotter.tracked(name)
        if tracked is None:
            raise CheckFailed(f"no order is known as {name!r}; look it up with find first")
        return tracked

    def _taken_out(self, name: str) -> Order | None:
        """The order as removed, when it had not left yet."""
        waiting = self._queue.remove(name) or self._deferred.remove(name)
        if waiting is not None:
            order = removed(waiting)
            self._publish(OrderEvent(order=order, cause=Cause.REMOVED, at_ns=self._clock.wall_ns()))
            return order
        return self._placing.withdraw(name)

    def _take_out_all(self) -> None:
        for name in (*(order.client_id for order in self.queued()), *self._placing.leaving()):
            self._taken_out(name)

    # --- views ---

    def get(self, name: str) -> Order | None:
        """The order of a client or venue id; one that waits for its turn too."""
        waiting = (order for order in self.queued() if order.client_id == name)
        return self.blotter.get(name) or next(waiting, None)

    def orders(self) -> list[Order]:
        """All that are kept (the newest 10 000 finished ones), oldest first."""
        return self.blotter.orders()

    def live(self) -> list[Order]:
        """Those not known to be finished: open, UNKNOWN, and waiting for their turn."""
        return [*(item.order for item in self.blotter.live()), *self.queued()]

    def open(self) -> list[Order]:
        """Those known to be live at the venue."""
        return [item.order for item in self.blotter.live() if item.order.state is not OrderState.UNKNOWN]

    def unknown(self) -> list[Order]:
        """Those of which the venue has said nothing yet, whether the answer is awaited or lost."""
        return [item.order for item in self.blotter.live() if item.order.state is OrderState.UNKNOWN]

    def queued(self) -> list[Order]:
        """Those waiting for room or to be let go: not journalled, not sent, and gone when cancelled."""
        return [*self._queue.waiting(), *self._deferred.waiting()]

    @property
    def counts(self) -> OrderCounts:
        """Counts so far, and how it stands."""
        live = self.blotter.live()
        counts, resolver = self.blotter.counts, self._resolver
        return OrderCounts(
            unconfirmed=sum(map(self._unconfirmed, live)),
            open=sum(item.order.state is not OrderState.UNKNOWN for item in live),
            queued=len(self.queued()),
            fills=counts.fills,
            fills_duplicate=counts.fills_duplicate,
            adopted=counts.adopted,
            contradicted=counts.contradicted,
            reports_parked=self.blotter.parked,
            reports_dropped=counts.reports_dropped,
            finds=resolver.finds,
            finds_failed=resolver.finds_failed,
            never_placed=resolver.never_placed,
            delayed=self._queue.delayed,
        )

    @property
    def answer_times(self) -> Histogram:
        """How long the venue took to answer orders, from their leaving on, in nanoseconds."""
        return self._placing.answers

    def _unconfirmed(self, item: Tracked) -> bool:
        return item.in_doubt if item.order.state is OrderState.UNKNOWN else self._lost_ns is not None

    def events(self) -> AsyncGenerator[OrderNews, None]:
        """Everything that happens to orders from the first `anext` on, in order; nothing is passed over."""
        return self._wire.events()

    def on(self, take: Callable[[OrderNews], object]) -> Callable[[], None]:
        """Call a function or coroutine function with everything from now on; returns the way to stop."""
        return self._wire.on(take)

    def tell(self, part: Callable[[OrderNews], None]) -> None:
        """Call another part of the system with everything, at once and for good; user code uses `on`."""
        self._wire.tell(part)

    # --- what the account's news brings ---

    def reported(self, reports: Sequence[OrderReport], now_ns: int) -> None:
        """What has just happened to orders, or what a look-up by somebody else has told."""
        self._heard(reports, now_ns, None)

    def looked_up(self, reports: Sequence[OrderReport], asked_ns: int, now_ns: int) -> None:
        """What a look-up that began at `asked_ns` (monotonic) has told; newer values are kept."""
        self._heard(reports, now_ns, asked_ns)

    def _heard(self, reports: Sequence[OrderReport], now_ns: int, asked_ns: int | None) -> None:
        self.blotter.reported(reports, now_ns, asked_ns)
        if self.blotter.parked:
            self._resolver.wake()

    def snapshot(self, reports: Sequence[OrderReport], now_ns: int) -> None:
        """All open orders and the newest fills; what is open for us and missing here is looked up."""
        if self._lost_ns is not None:
            self._publish(NewsGap(self._lost_ns, now_ns))
            self._lost_ns = None
        self.reported(reports, now_ns)
        standing = {report.order_id for report in reports if report.event is not Event.FILL}
        for tracked in self.blotter.live():
            if tracked.in_doubt:
                self._resolver.ask(tracked.name, "the stream is back and does not say")
            elif tracked.order.order_id is not None and tracked.order.order_id not in standing:
                self._resolver.ask(tracked.name, "missing from the venue's open orders", MISSING_GRACE_S)

    def stream_lost(self, now_ns: int) -> None:
        """Order news has stopped; told to readers before anything that follows it."""
        if self._lost_ns is None:
            self._lost_ns = now_ns
            self._publish(NewsGap(now_ns))

    def line_up(self) -> None:
        """The venue can be reached again: every doubt is looked up at once."""
        self._resolver.reachable()

    def question(self, name: str, why: str) -> None:
        """Have one order looked up now, because something does not fit."""
        self._resolver.ask(name, why)

    # --- switches ---

    @property
    def emergency_only(self) -> bool:
        """Whether nothing but cancels and look-ups may leave."""
        return self._risk.emergency_only

    @emergency_only.setter
    def emergency_only(self, on: bool) -> None:
        self._risk.emergency_only = on
        if on:
            self._take_out_all()

    def mode_changed(self, mode: VenueMode) -> None:
        """What the venue as a whole takes from now on."""
        self._risk.mode = mode
        self._deferred.look_again()

    def obey(
        self, standing: Callable[[Deed], Verdict], book_problem: Callable[[str], str | None] | None
    ) -> None:
        """Let the service level decide from now on what may leave; see `Risk` for both callables."""
        self._risk.standing, self._risk.book_problem = standing, book_problem

    def check_also(self, check: Check) -> None:
        """Hold every order against this, too, before it is approved."""
        self._risk.check_also(check)

    def guard(self, refused: Refusals) -> None:
        """Tell what was refused here, so that nothing of it has left."""
        self._risk.refused = refused

    def look_again(self) -> None:
        """What had held orders may be over."""
        self._deferred.look_again()

    def halt(self, symbol: str, why: str, by: str = OPERATOR) -> None:
        """Hold new orders of a symbol, and changes of open ones; cancels pass.

        Each holder has a hold of its own; an operator's is journalled and outlasts a restart.
        """
        self._halts.halt(symbol, why, by)

    def resume(self, symbol: str, why: str, by: str = "") -> None:
        """End one holder's hold or, where `by` is empty, everybody's; orders go on once nobody holds."""
        self._halts.resume(symbol, why, by)
        self._deferred.look_again()

    def doubt_balance(self, asset: str, why: str) -> None:
        """Hold what adds exposure wherever this asset is traded; what reduces passes, and cancels."""
        self._halts.doubt(asset, why)

    def trust_balance(self, asset: str) -> None:
        """What is owned of this asset is known again."""
        self._halts.trust(asset)
        self._deferred.look_again()

    def halts(self, by: str = "") -> dict[str, str]:
        """Symbols that are halted, and why: all of them, or what one holder holds."""
        return self._halts.reasons(by)

    def reset_rate(self, why: str) -> None:
        """Let orders leave again after more than `orders_per_s` were asked for: a person's decision."""
        self._runaway.reset(why)

    # --- what follows from an event ---

    def _publish(self, news: OrderNews) -> None:
        self._wire.publish(news)
        if not isinstance(news, OrderEvent):
            return
        order = news.order
        name = order.client_id if order.provenance is Provenance.OURS else order.order_id or ""
        if news.cause is Cause.DOUBTED or (news.cause is Cause.ADOPTED and news.why):
            self._resolver.ask(name, news.why)
        elif news.cause is Cause.CONTRADICTED:
            self._resolver.ask(name, "it had been called rejected, and is not")
        elif order.fills_missing:
            self._resolver.ask(name, FILLS_MISSING, FILLS_GRACE_S)
