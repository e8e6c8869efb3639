"""The private lines of one account: news of all of them as if from one, requests on one, the carrier.

Rule: while one line is whole the account has no hole; what has left on a line that dies is never repeated on
another.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NoReturn

from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import (
    AccountDoubted,
    AccountGap,
    AccountNews,
    AccountSession,
    BalancesReported,
    CredentialRefused,
    EmitAccount,
    LedgerReported,
    MarginCalled,
    OrdersReported,
    OrdersSnapshot,
)
from leadline.core.ledger_merge import Bookkeeping, LedgerMerge
from leadline.core.report_merge import ReportMerge
from leadline.core.session import LineDown, LineUp
from leadline.engine.events import LineEvent, LineRotated, LineSwitched
from leadline.engine.lines import LineState
from leadline.engine.rotation import Rotation, Verdict
from leadline.errors import ConfigError, ConnectFailed, ConnectionLost, Error
from leadline.model.market import VenueStatus
from leadline.net.connection import BEAT_S, HELD_UP_S, Line
from leadline.net.pulse import Pulse
from leadline.venues.ports import AccountPorts

MOST_LINES = 2
LOOK_S = 0.1
"""How often several lines are looked at: which is ready, and which is due."""

LONE_LOOK_S = 1.0
"""The same for a line that is alone until it is replaced."""

STALL_NS = 2 * NS_PER_S
"""Requests leave a carrier silent for so long beside a line that is not: all hear something each second."""

HANDOVER_S = 60.0
"""How long a young line may take to be ready, and as long again until the next try."""

DRAIN_NS = 2 * NS_PER_S
"""A replaced line is heard for so long on: the young one may have joined too late for what it still tells."""

CHANNELS = 2
"""Orders and balances: what a private line carries beside requests."""

MakeLine = Callable[[AccountSession], Line]
AccountLineEvent = LineEvent | LineDown | CredentialRefused

_log = logging.getLogger("leadline")


class PrivateLine:
    """One of the lines: its session, and what keeps that connected."""

    line: Line
    session: AccountSession

    def __init__(self, number: int) -> None:
        self.number = number
        self.status: VenueStatus | None = None
        """What the venue has said of itself on this connection."""
        self.young = False
        """Whether it is to replace another of its number and is not known to anybody yet."""
        self.leaving_ns: int | None = None
        """Since when a young line has its place; it is closed once nothing on it is open any more."""
        self.task: asyncio.Task[None] | None = None


class AccountLines:
    """One or two private lines, each authorised by itself and hearing everything.

    `emit` takes the account's news; what becomes of single lines goes to `tell`. With `rotate_after_s` a line
    that has stood for so long is replaced by a younger one, not while `may_rotate` says why not. Raises
    ConfigError for another number of lines.
    """

    def __init__(
        self,
        account: AccountPorts,
        make_line: MakeLine,
        clock: Clock,
        emit: EmitAccount,
        tell: Callable[[AccountLineEvent], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        *,
        count: int = 1,
        rotate_after_s: float | None = None,
        may_rotate: Callable[[], str | None] = lambda: None,
    ) -> None:
        if not 1 <= count <= MOST_LINES:
            raise ConfigError(f"an account has one or {MOST_LINES} private lines, not {count}")
        self._account = account
        self._make_line = make_line
        self._clock = clock
        self._emit = emit
        self._tell = tell
        self._spawn = spawn
        self._may_rotate = may_rotate
        self._reports = ReportMerge()
        self._ledger = LedgerMerge()
        self._rotation: Rotation[PrivateLine] | None = None
        if rotate_after_s is not None:
            self._rotation = Rotation(rotate_after_s, HANDOVER_S, self._why_not, self._can_follow, tell)
        self._kept: list[PrivateLine] = []
        self._past_connects: Counter[int] = Counter()
        self._tasks: asyncio.TaskGroup | None = None
        self._pulse = Pulse(BEAT_S, HELD_UP_S)
        self._served = False
        """Whether a carrier was ready ever: before that a choice is no switch."""
        self._status: VenueStatus | None = None
        """What was told last of the venue."""
        self._called: MarginCalled | None = None
        for number in range(1, count + 1):
            self._open(number)
        self._carrier = self._kept[0]
        account.carry(self._carrier.session)

    def __repr__(self) -> str:
        return f"AccountLines({len(self._kept)} kept, requests on line {self._carrier.number})"

    # --- one session, to the desk ---

    def ready(self, now_ns: int) -> bool:
        """Whether any line is connected, authorised, and its news whole."""
        heard_ns = self._pulse.heard_ns(now_ns, HELD_UP_S)
        return any(each.session.ready(heard_ns) for each in self._kept)

    def vouched_ns(self, now_ns: int) -> int | None:
        """When a ready line was last heard; None where none is: what others say vouches for nothing."""
        heard_ns = self._pulse.heard_ns(now_ns, HELD_UP_S)
        ready = (each.session for each in self._kept if each.session.ready(heard_ns))
        return max((session.last_frame_ns for session in ready), default=None)

    @property
    def carrier(self) -> AccountSession:
        """The session that requests leave on."""
        return self._carrier.session

    @property
    def outstanding(self) -> int:
        """Requests that wait for their answer, on whichever line they left."""
        return sum(each.session.outstanding for each in self._kept)

    def resubscribe(self, reason: str, now_ns: int) -> None:
        """Ask for new snapshots, on a line that carries no requests where there is one."""
        others = [each for each in self._kept if each is not self._carrier and each.session.ready(now_ns)]
        session = (others or [self._carrier])[0].session
        session.resubscribe(reason, now_ns)
        session.poke()

    # --- how they stand ---

    @property
    def lines(self) -> tuple[LineState, ...]:
        """Every line, by number; a young one that is to replace another is not among them yet."""
        now_ns = self._clock.mono_ns()
        shown = [each for each in self._kept if not each.young and each.leaving_ns is None]
        return tuple(self._state(each, now_ns) for each in sorted(shown, key=lambda each: each.number))

    @property
    def connected(self) -> bool:
        """Whether any line stands."""
        return any(each.line.connected for each in self._kept)

    @property
    def last_error(self) -> ConnectFailed | ConnectionLost | None:
        """Why a try or connection last ended: the carrier's, where several have failed."""
        errors = [each.line.last_error for each in (self._carrier, *self._kept)]
        return next((error for error in errors if error is not None), None)

    def _state(self, each: PrivateLine, now_ns: int) -> LineState:
        line = each.line
        return LineState(
            each.number,
            line.connected,
            CHANNELS if each is self._carrier else 0,
            CHANNELS if each.session.ready(now_ns) else 0,
            line.connects + self._past_connects[each.number],
            None if line.since_ns is None else (now_ns - line.since_ns) / NS_PER_S,
            str(line.last_error or ""),
            (now_ns - each.session.last_frame_ns) / NS_PER_S if each.session.ready(now_ns) else 0.0,
        )

    # --- news ---

    def _receive(self, line: PrivateLine, news: AccountNews, now_ns: int) -> None:
        if line not in self._kept:
            return  # it was closed by us
        reason = ""
        match news:
            case OrdersReported():
                told = self._reports.reported(news) if len(self._kept) > 1 else news
                if told is not None:
                    self._emit(told, now_ns)
            case OrdersSnapshot():
                self._emit(self._reports.snapshot(line, news), now_ns)
            case LedgerReported():
                self._emit_all(self._ledger.booked(line, news, now_ns), now_ns)
            case BalancesReported():
                self._emit_all(self._ledger.snapshot(line, news, now_ns), now_ns)
            case AccountGap():
                reason = news.reason
                self._hole(line, news, now_ns)
            case AccountDoubted():
                if not self.ready(now_ns):
                    self._emit(news, now_ns)
            case LineUp():
                if not line.young:
                    self._emit(LineUp(line.number), now_ns)
            case LineDown():
                reason = news.reason
                self._down(line, reason, now_ns)
            case CredentialRefused():
                reason = str(news.error)
                self._tell(news)
                self._spawn(self._renew(line))
            case VenueStatus():
                self._heard_status(line, news, now_ns)
            case MarginCalled():
                if news != self._called:  # every line hears of it
                    self._called = news
                    self._emit(news, now_ns)
            case _:
                self._emit(news, now_ns)
        if len(self._kept) > 1:
            self._choose(reason or "another line is ready", now_ns)

    def _emit_all(self, told: list[Bookkeeping], now_ns: int) -> None:
        for one in told:
            self._emit(one, now_ns)

    def _hole(self, line: PrivateLine, news: AccountGap, now_ns: int) -> None:
        if news.channel == "balances":
            self._emit_all(self._ledger.lost(line, now_ns), now_ns)
            whole = self._ledger.whole
        else:
            whole = not self._reports.lost(line)
        if not whole:
            self._emit(news, now_ns)

    def _down(self, line: PrivateLine, reason: str, now_ns: int) -> None:
        line.status = None
        orders_lost = self._reports.lost(line)
        self._emit_all(self._ledger.lost(line, now_ns), now_ns)
        if orders_lost and not self._ledger.whole:
            self._emit(LineDown(reason, line.number), now_ns)
            return
        if not line.young:
            self._tell(LineDown(reason, line.number))
        for channel, lost in (("executions", orders_lost), ("balances", not self._ledger.whole)):
            if lost:
                self._emit(AccountGap(channel, now_ns, reason), now_ns)

    def _heard_status(self, line: PrivateLine, news: VenueStatus, now_ns: int) -> None:
        """The venue is one: all wait as long for the next try, and the carrier's word counts."""
        line.status = news
        for each in self._kept:
            each.session.retry_floor_s = line.session.retry_floor_s
        if line is self._carrier or self._carrier.status is None:
            self._status = news
            self._emit(news, now_ns)

    async def _renew(self, line: PrivateLine) -> None:
        try:
            await self._account.authorise(line.session)
        except Error as error:
            _log.warning("the credential of private line %d was not renewed: %s", line.number, error)

    # --- the carrier ---

    def _choose(self, reason: str, now_ns: int) -> None:
        """Have requests leave on another line where the carrier is not ready, or hears nothing."""
        carrier = self._carrier
        heard_ns = self._pulse.heard_ns(now_ns, HELD_UP_S)
        ready = carrier in self._kept and carrier.session.ready(heard_ns)
        if ready:
            self._served = True
            if heard_ns - carrier.session.last_frame_ns < STALL_NS:
                return
            reason = "it is silent, and another line is not"
        for each in self._kept:
            session = each.session
            if each is carrier or not session.ready(heard_ns):
                continue
            if not ready or heard_ns - session.last_frame_ns < STALL_NS:
                self._switch(each, reason, now_ns)
                return

    def _switch(self, to: PrivateLine, reason: str, now_ns: int) -> None:
        before = self._carrier.number
        self._carry(to, now_ns)
        if self._served:
            took_ms = (self._clock.mono_ns() - now_ns) / 1e6
            self._tell(LineSwitched(before, to.number, CHANNELS, reason, took_ms))
        self._served = True

    def _carry(self, to: PrivateLine, now_ns: int) -> None:
        self._carrier = to
        self._account.carry(to.session)
        if to.status is not None and to.status != self._status:
            self._status = to.status
            self._emit(to.status, now_ns)

    # --- their life ---

    async def run(self) -> NoReturn:
        """Keep the lines for ever; raises what ended the last of them for good."""
        self._pulse.start()
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for each in self._kept:
                    self._start(each)
                while True:
                    alone = len(self._kept) == 1
                    await self._clock.sleep(LONE_LOOK_S if alone else LOOK_S)
                    self.look(self._clock.mono_ns())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            self._pulse.stop()

    def look(self, now_ns: int) -> None:
        """What the passing of time leads to."""
        if self._pulse.heard_ns(now_ns, HELD_UP_S) < now_ns:
            return  # what has come meanwhile is read first
        self._emit_all(self._ledger.due(now_ns), now_ns)
        self._choose("it is not ready for requests", now_ns)
        if self._rotation is not None:
            self._rotate(self._rotation, now_ns)

    def _open(self, number: int) -> PrivateLine:
        opened = PrivateLine(number)
        session = opened.session = self._account.session(partial(self._receive, opened))
        opened.line = self._make_line(session)
        session.poke = opened.line.poke
        self._kept.append(opened)
        return opened

    def _start(self, line: PrivateLine) -> None:
        assert self._tasks is not None
        line.task = self._tasks.create_task(self._keep(line))

    async def _keep(self, line: PrivateLine) -> None:
        try:
            await line.line.run()
        except (ConnectFailed, ConnectionLost) as error:
            if self._kept == [line]:
                raise
            _log.error("private line %d is over: %s", line.number, error)
            line.task = None
            self._ended(line, self._clock.mono_ns())

    def _ended(self, line: PrivateLine, now_ns: int) -> None:
        """This line will never come back."""
        rotation = self._rotation
        if rotation is not None and line is rotation.young:
            rotation.given_up(now_ns)
        elif rotation is not None and line is rotation.old and rotation.young is not None:
            rotation.young.young = False
            rotation.done(now_ns)
        self._retire(line, now_ns)
        self._choose("it is over", now_ns)

    def _retire(self, line: PrivateLine, now_ns: int) -> None:
        self._kept.remove(line)
        self._past_connects[line.number] += line.line.connects
        self._reports.lost(line)
        self._emit_all(self._ledger.lost(line, now_ns), now_ns)
        if line.task is not None:
            line.task.cancel()

    # --- rotation ---

    def _why_not(self) -> str | None:
        if self._carrier.session.retry_floor_s > 0:
            return "the venue rests, and another connection may not come to stand"
        return self._may_rotate()

    def _can_follow(self, old: PrivateLine, young: PrivateLine, now_ns: int) -> bool:
        return young.session.ready(now_ns)

    def _rotate(self, rotation: Rotation[PrivateLine], now_ns: int) -> None:
        old, young = rotation.old, rotation.young
        if old is None or young is None:
            due = rotation.due(self._kept, now_ns)
            if due is not None:
                young = self._open(due.number)
                young.young = True
                rotation.begin(due, young, now_ns)
                self._start(young)
            return
        if old.leaving_ns is not None:
            self._close_old(rotation, old, now_ns)
            return
        verdict = rotation.verdict(now_ns)
        if verdict is Verdict.TAKE_OVER or (verdict is Verdict.GIVE_UP and self._carrier is young):
            young.young, old.leaving_ns = False, now_ns
            if self._carrier is old:
                self._carry(young, now_ns)
        elif verdict is Verdict.GIVE_UP:
            self._retire(young, now_ns)
            rotation.given_up(now_ns)

    def _close_old(self, rotation: Rotation[PrivateLine], old: PrivateLine, now_ns: int) -> None:
        """Once nothing on it is open any more; not if it has had to step in for the young one again."""
        assert old.leaving_ns is not None and rotation.young is not None
        if self._carrier is old:
            old.leaving_ns, rotation.young.young = None, True
        elif not old.session.outstanding and now_ns - old.leaving_ns >= DRAIN_NS:
            self._retire(old, now_ns)
            self._tell(LineRotated(old.number, rotation.done(now_ns)))
