"""One account, live: news in by direct call, orders and balances kept true against the venue.

Rule: whatever was missed is told before what follows it, and the account is reconciled before it is trusted
again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import (
    AccountDoubted,
    AccountGap,
    AccountNews,
    AccountRefused,
    BalancesReported,
    ConfigurationReported,
    CredentialRefused,
    LedgerReported,
    MarginCalled,
    OrdersJoined,
    OrdersReported,
    OrdersSnapshot,
    PositionsReported,
)
from leadline.core.session import FrameSkipped, LineDown, LineUp
from leadline.engine.account_crosscheck import AccountCrosscheck
from leadline.engine.account_events import AccountLog, NotReconciled
from leadline.engine.account_lines import AccountLineEvent, AccountLines, MakeLine
from leadline.engine.account_reads import AccountReads
from leadline.engine.alarm import Alarm
from leadline.engine.balances import Balances
from leadline.engine.configuration import Configuration, ExpectedConfiguration
from leadline.engine.dead_man import RESTING, STREAM_S, DeadMan
from leadline.engine.events import LineRotated, LineSwitched
from leadline.engine.journal import Journal
from leadline.engine.orders import Orders, new_client_id
from leadline.engine.positions import Positions
from leadline.engine.protection import Protection, ProtectionPolicy
from leadline.engine.recovery import Recovery
from leadline.engine.tasks import Tasks
from leadline.errors import Error, Stale, TransportError
from leadline.model.account import Position
from leadline.model.market import VenueMode, VenueStatus
from leadline.model.order import Event, Order, OrderReport, OrderState, Provenance
from leadline.venues.ports import AccountPorts, Path

WITHOUT_STREAM_S = 15.0
"""While the stream is lost REST is asked so often: three points each, a fifth of a point a second."""

UNEXPLAINED_S = 5.0
"""A fill and its position are told in one moment; what is apart for longer was told by half."""

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 5.0
"""While the venue cannot be reached: tries that never arrive cost it nothing."""

NOTHING_EXPECTED = ExpectedConfiguration()

LEAVING_S = 3.0
"""How long leaving may take over what the venue is told last."""

_log = logging.getLogger("leadline")


class Desk:
    """The orders, balances and positions of one account, as an async context manager that owns its tasks.

    `make_line` makes what keeps a session connected, and whoever runs `lines` keeps the account's stream.
    `gate` raises BreakerOpen while new orders may not leave. `dead_man_s` is the time-out of the venue's
    dead-man switch, 0 for none; beyond `orders_per_s` none leaves until a person says so. With
    `cancel_on_exit` leaving the block cancels every order of the account. `expected` is how the account must
    be configured for orders to leave. `protection` is what follows where an order that guards a position is
    missing.
    """

    def __init__(
        self,
        account: AccountPorts,
        make_line: MakeLine,
        journal: Journal,
        clock: Clock,
        *,
        private_lines: int = 1,
        rotate_after_s: float | None = None,
        gate: Callable[[], None] = lambda: None,
        new_id: Callable[[], str] = new_client_id,
        dead_man_s: int = 0,
        cancel_on_exit: bool = False,
        orders_per_s: float | None = None,
        expected: ExpectedConfiguration = NOTHING_EXPECTED,
        protection: ProtectionPolicy = ProtectionPolicy.NONE,
    ) -> None:
        self._account = account
        self._clock = clock
        self._cancel_on_exit = cancel_on_exit
        self._dead_man_s = dead_man_s
        self.log = AccountLog()
        self._tasks = Tasks()
        self.lines = self._lines(make_line, private_lines, rotate_after_s)
        self.orders = Orders(
            account,
            journal,
            clock,
            new_id=new_id,
            gate=gate,
            resubscribe=self._resubscribe,
            orders_per_s=orders_per_s,
        )
        self.balances = Balances(account, clock, self._alive_ns, self.log.add)
        self.positions = Positions(account, clock, self._alive_ns, self.log.add, self._resubscribe)
        self.configuration = Configuration(
            account, clock, expected, self.log.add, self.orders.look_again, self._spawn
        )
        for check in (self.configuration.check, self.positions.check):
            self.orders.check_also(check)
        self.orders.tell(self.positions.heard)
        self.reads = AccountReads(account, self.orders, self.balances, self.positions, clock, self._alive_ns)
        account.open_orders = self._open_orders
        self.protection = self._protection(protection)
        self.dead_man = DeadMan(
            account, clock, dead_man_s, self._unhealthy, self._surviving, self._symbols_open, self.log.add
        )
        self._recovery = Recovery(
            account, self.orders, self.balances, self.positions, journal, clock, self.log
        )
        self.crosscheck = AccountCrosscheck(
            account, self.orders, self.balances, clock, self.log, self._comparable, self._resubscribe
        )
        self._alarm = Alarm(clock, self._spawn)
        self._reason = "start"
        self._listed: OrdersSnapshot | None = None
        self._mode = self._followed = VenueMode.ONLINE
        self.skipped = 0
        """Frames of the account that were not understood."""

    def _lines(self, make_line: MakeLine, count: int, rotate_after_s: float | None) -> AccountLines:
        return AccountLines(
            self._account,
            make_line,
            self._clock,
            self.receive,
            self._line_told,
            self._tasks.spawn,
            count=count,
            rotate_after_s=rotate_after_s,
            may_rotate=self.may_rotate,
        )

    def _protection(self, policy: ProtectionPolicy) -> Protection:
        return Protection(
            self.orders,
            self.positions,
            policy,
            self._account.market_qty_max,
            self._clock,
            self.log.add,
            self._tasks.spawn,
        )

    def __repr__(self) -> str:
        counts = self.orders.counts
        return f"Desk({counts.open} orders open, {counts.unconfirmed} unconfirmed)"

    # --- lifetime ---

    async def __aenter__(self) -> Self:
        await self.orders.__aenter__()
        await self._tasks.enter()
        self.protection.recall()
        self._spawn(self._keep_reconciled())
        self._spawn(self._keep_explained())
        self._spawn(self.crosscheck.run())
        self._spawn(self.positions.run())
        self._spawn(self.configuration.run())
        if self._dead_man_s:
            self._spawn(self.dead_man.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            try:
                await self._tasks.leave(kind, error, trace)
            finally:  # whatever ended the block, Ctrl-C too
                await self._say_goodbye()
        finally:
            await self.orders.__aexit__(kind, error, trace)

    async def _say_goodbye(self) -> None:
        """Tell the venue what it must know of our going; what does not come through is logged."""
        try:
            async with asyncio.timeout(LEAVING_S):
                if self._cancel_on_exit:
                    await self._cancel_everything()
                await self.dead_man.disarm("clean shutdown")
        except (Error, TimeoutError) as error:
            _log.warning("leaving: %s", str(error) or "no answer in time")

    async def _cancel_everything(self) -> None:
        """By REST where the stream, which may have died unnoticed, does not say so in time."""
        try:
            async with asyncio.timeout(STREAM_S):
                await self.orders.cancel_all()
        except TimeoutError:
            await self._account.cancel_all(Path.REST)

    async def ready(self, timeout_s: float = 30.0) -> None:
        """Return when the account's news flows and it was reconciled once; raises Stale with the cause."""
        deadline_ns = self._clock.mono_ns() + round(timeout_s * NS_PER_S)
        while (why_not := self._unhealthy()) is not None or not self._recovery.done:
            if self._clock.mono_ns() >= deadline_ns:
                raise Stale("account", why_not or "it has not been reconciled with the venue")
            await self._clock.sleep(0.05)

    # --- news ---

    def receive(self, news: AccountNews, now_ns: int) -> None:
        """Take in one piece of news: the `emit` of the account's lines."""
        match news:
            case OrdersReported(reports):
                self.orders.reported(reports, now_ns)
            case OrdersSnapshot(reports):
                self.orders.snapshot(reports, now_ns)
                self._want("a new snapshot of the stream", news)
            case OrdersJoined(reports):
                self.orders.reported(self._beside(reports), now_ns)
            case BalancesReported() | LedgerReported():
                self.balances.receive(news, now_ns)
            case PositionsReported():
                self.positions.receive(news, now_ns)
            case ConfigurationReported():
                self.configuration.receive(news)
            case MarginCalled():
                self.log.add(news)
                _log.error("the venue warns of a liquidation: %s", ", ".join(map(_words, news.positions)))
            case AccountGap(channel=channel):
                self.log.add(news)
                if channel == "balances":
                    self.balances.lost()
                    self.positions.lost()
                else:
                    self.orders.stream_lost(now_ns)
            case AccountDoubted():
                self.log.add(news)
                self._want(news.reason)
            case LineDown():
                self.log.add(news)
                self.balances.lost()
                self.positions.lost()
                self.orders.stream_lost(now_ns)
                self._want("the stream is lost")
            case LineUp():
                self.log.add(news)
                self.orders.line_up()
            case AccountRefused():
                self.log.add(news)
                _log.error("the venue will not stream %s: %s", news.channel, news.error)
            case VenueStatus():
                self.log.add(news)
                self._mode_changed(news.mode)
            case FrameSkipped():
                self.skipped += 1
                self._want("a message of the stream was not understood")

    def _mode_changed(self, mode: VenueMode) -> None:
        if mode is self._mode:
            return
        self._mode = mode
        self._tasks.spawn(self._follow_mode(mode))

    async def _follow_mode(self, mode: VenueMode) -> None:
        """A venue that trades again, in whatever way, is reconciled before the first new order."""
        resumes = mode is VenueMode.ONLINE or (self._followed in RESTING and mode not in RESTING)
        if not resumes:
            self._follow(mode)
        if self._dead_man_s:
            await self.dead_man.mode_changed(mode)
        if resumes:
            await self._reconcile("the venue trades again", lambda: self._mode is mode)
            if self._mode is mode:
                self._follow(mode)

    def _follow(self, mode: VenueMode) -> None:
        self._followed = mode
        self.orders.mode_changed(mode)

    def _beside(self, reports: Sequence[OrderReport]) -> list[OrderReport]:
        """What the snapshot of a joining line proves at any age: matches, and that an order has arrived.

        How orders stand is told by the line that was there before, or by the reconciliation after its end.
        """
        unknown = self.orders.unknown()
        names: set[str | int | None] = {order.client_id for order in unknown}
        names |= {order.userref for order in unknown if order.userref is not None}
        return [
            replace(report, qty=None, limit_price=None, trigger_price=None)
            for report in reports
            if report.event is Event.FILL or report.client_id in names or report.userref in names
        ]

    def _line_told(self, event: AccountLineEvent) -> None:
        self.log.add(event)
        match event:
            case CredentialRefused(error):
                _log.warning("the stream's credential is refused and will be renewed: %s", error)
            case LineSwitched() | LineRotated():
                self._want("the account goes on on another line")

    def may_rotate(self) -> str | None:
        """Why no line of the venue may be replaced now, None where all may: an order's fate hangs on one."""
        for tracked in self.orders.blotter.live():
            if tracked.order.state is OrderState.UNKNOWN:
                return f"order {tracked.name} is UNKNOWN"
            if tracked.order.amending is not None:
                return f"a change of order {tracked.name} is on its way"
        if self.lines.outstanding:
            return "a request waits for its answer"
        return None

    # --- reconciliation ---

    async def reconcile(self, reason: str = "asked for") -> bool:
        """Hold orders and balances against the venue now; whether they agree. Raises what asking raises."""
        return await self._recovery.run(reason)

    def _want(self, reason: str, listed: OrdersSnapshot | None = None) -> None:
        """`listed` are the open orders, where nothing else but their coming is the reason."""
        self._reason, self._listed = reason, listed
        self._alarm.wake()

    async def _keep_reconciled(self) -> None:
        """Reconcile at the start and after every hole; while the stream is lost, again and again."""
        while True:
            listed, self._listed = self._listed, None
            await self._reconcile(self._reason, lambda: True, listed)
            await self._alarm.wait(None if self._unhealthy() is None else WITHOUT_STREAM_S)

    async def _keep_explained(self) -> None:
        """Reconcile where a position has moved and its fill stays away: a stream may leave one report out."""
        before: object = None
        while True:
            await self._clock.sleep(UNEXPLAINED_S)
            moved = self.positions.unexplained()
            if moved and moved == before:
                self._want("a position has moved, and no fill that was told says why")
                await self._clock.sleep(WITHOUT_STREAM_S)
            before = moved

    async def _reconcile(
        self, reason: str, still: Callable[[], bool], listed: OrdersSnapshot | None = None
    ) -> None:
        """Until it has come to its end, with pauses while the venue cannot be asked."""
        delay_s, told = FIRST_RETRY_S, ""
        while still():
            try:
                await self._recovery.run(reason, listed)
                return
            except Error as error:
                if str(error) != told:
                    told = str(error)
                    self.log.add(NotReconciled(reason, told))
                longest_s = LONGEST_RETRY_S if isinstance(error, TransportError) else WITHOUT_STREAM_S
                listed = None
            await self._clock.sleep(delay_s)
            delay_s = min(longest_s, 2 * delay_s)

    # --- how it stands ---

    @property
    def streaming(self) -> bool:
        """Whether the account's news flows, both snapshots taken in."""
        return self._unhealthy() is None

    @property
    def reconciliations(self) -> int:
        """Runs that came to their end so far."""
        return self._recovery.done

    # --- what the parts ask of the whole ---

    def _alive_ns(self) -> int | None:
        return self.lines.vouched_ns(self._clock.mono_ns())

    def _unhealthy(self) -> str | None:
        if self.lines.ready(self._clock.mono_ns()):
            return None
        return "the account's stream is not up, not proven, or its snapshots have not come"

    def _comparable(self) -> bool:
        return self._unhealthy() is None and bool(self._recovery.done)

    def _resubscribe(self, reason: str) -> None:
        self.lines.resubscribe(reason, self._clock.mono_ns())

    def _surviving(self) -> list[Order]:
        """What is meant to outlive us, and the switch would cancel."""
        meant = (order for order in self.orders.open() if order.sent is not None and order.sent.survive)
        spares = self._account.dead_man_spares_conditional
        return [order for order in meant if not (spares and order.key.conditional)]

    def _open_orders(self, symbol: str) -> int:
        """Those that wait for no trigger."""
        live = self.orders.live()
        return sum(order.symbol == symbol and not order.key.conditional for order in live)

    def _symbols_open(self) -> set[str]:
        """Where orders of ours are open: the switch of a symbol strikes all there are, others' too."""
        live = self.orders.live()
        return {order.symbol for order in live if order.provenance is not Provenance.ADOPTED}

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.spawn(work)
        assert task is not None, "used outside its async with block"
        return task


def _words(position: Position) -> str:
    return f"{position.qty} {position.symbol}"
