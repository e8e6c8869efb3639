"""One account of a venue, from its settings to live orders; every part of it is handed in from outside.

Rule: the journal is open before the desk exists, and the desk before the line: no news comes to nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from leadline.app.account_settings import AccountSettings
from leadline.app.authorised import Connect, authorised
from leadline.app.beside import beside
from leadline.app.breaker_watch import BreakerWatch
from leadline.app.level3 import Level3Line, no_address
from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import AccountSession
from leadline.core.breaker import Breaker
from leadline.core.level import PERMITS, Deed
from leadline.core.retry import Backoff, ConnectBudget, Randomness
from leadline.engine.desk import Desk
from leadline.engine.events import LevelChanged
from leadline.engine.journal import Journal
from leadline.engine.journal_file import Owner
from leadline.engine.orders import new_client_id
from leadline.engine.sqlite_journal import SqliteJournal
from leadline.errors import Error, Stale
from leadline.net.audit import Audit
from leadline.net.connection import Line
from leadline.net.key_state import KeyState
from leadline.net.sqlite_key_state import SqliteKeyState
from leadline.net.websocket import Socket
from leadline.venues.kit import Keyed, Spent, TradingAccount
from leadline.venues.ports import RequestSession

_LOOK_S = 0.25

_log = logging.getLogger("leadline")


MakePorts = Callable[[KeyState], Keyed]
"""Makes an account's ports over the open state of its key; raises ConfigError for a malformed key."""


async def keyed(make: MakePorts, state: KeyState, clock: Clock) -> Keyed:
    """The ports of an account, its breaker as it was before a restart; nothing is sent yet."""
    made = make(state)
    await _recall(made.breaker, state, clock)
    return made


async def _recall(breaker: Breaker, state: KeyState, clock: Clock) -> None:
    """Let the breaker take up what it was before a restart; what cannot be read is said and forgotten."""
    kept = await state.load_breaker()
    if kept is None:
        return
    try:
        breaker.load(kept, clock.mono_ns(), clock.wall_ns())
    except ValueError as error:
        _log.warning("the breaker begins anew: %s", error)


class LiveAccount:
    """One account, live, as an async context manager: its journal, its desk, its private lines.

    There are `private_lines` of them, one or two; each that has stood for `rotate_after_s` is replaced by a
    younger one, None leaves them alone. `state` and `journal` are opened by entering them. `new_id` makes
    client ids, unique for ever. What is annotated without a value is there inside.
    """

    account: TradingAccount
    breaker: Breaker
    audit: Audit
    spent: Callable[[int], Spent]
    """How far the venue's budgets of the key are used at a monotonic time."""
    desk: Desk
    level3: Level3Line | None
    """Single orders; None where the venue has none."""

    def __init__(
        self,
        settings: AccountSettings,
        make_ports: MakePorts,
        state: AbstractAsyncContextManager[KeyState],
        journal: AbstractAsyncContextManager[Journal],
        connect: Connect,
        clock: Clock,
        *,
        chance: Randomness,
        connects: ConnectBudget,
        new_id: Callable[[], str] = new_client_id,
        connect_level3: Connect = no_address,
        connect_requests: Connect = no_address,
        private_lines: int = 1,
        rotate_after_s: float | None = None,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._make_ports = make_ports
        self._state = state
        self._journal = journal
        self._connect = connect
        self._clock = clock
        self._chance = chance
        self._connects = connects
        self._new_id = new_id
        self._connect_level3 = connect_level3
        self._connect_requests = connect_requests
        self._private_lines = private_lines
        self._rotate_after_s = rotate_after_s
        self._stack = AsyncExitStack()
        self.failure: Error | None = None
        """What ended the last private line for good; orders go by REST then."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            state = await stack.enter_async_context(self._state)
            ports = await keyed(self._make_ports, state, self._clock)
            self.account, self.breaker, self.audit = ports.account, ports.breaker, ports.audit
            self.spent = ports.spent
            journal = await stack.enter_async_context(self._journal)
            self.desk = Desk(
                self.account,
                self._line,
                journal,
                self._clock,
                private_lines=self._private_lines,
                rotate_after_s=self._rotate_after_s,
                gate=self._gate,
                new_id=self._new_id,
                dead_man_s=self._settings.dead_man_s,
                orders_per_s=self._settings.orders_per_s,
                cancel_on_exit=self._settings.cancel_on_exit,
                expected=self._settings.expected,
                protection=self._settings.protection,
            )
            self.level3 = self._single_orders(ports)
            watch = BreakerWatch(self.breaker, state, self.account, journal, self._clock)
            works = [self._stay_connected, watch.run, self._keep_alive]
            works += [] if self.level3 is None else [self.level3.run]
            if (requests := self.account.request_session()) is not None:
                works.append(partial(self._carry_requests, requests))
            for work in works:
                await stack.enter_async_context(beside(work))
            await stack.enter_async_context(self.desk)  # it takes its leave while the line still stands
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @property
    def opened(self) -> bool:
        """Whether its parts are there: the journal is read, the desk and its lines exist."""
        return hasattr(self, "level3")

    async def ready(self, timeout_s: float) -> None:
        """Return when the account's news flows and it has been reconciled once.

        Raises Stale with the cause, or at once what ended the line for good.
        """
        deadline_ns = self._clock.mono_ns() + round(timeout_s * NS_PER_S)
        while self.failure is None:
            left_s = (deadline_ns - self._clock.mono_ns()) / NS_PER_S
            try:
                await self.desk.ready(min(_LOOK_S, left_s))
                return
            except Stale:
                if left_s <= 0 and self.desk.lines.last_error is not None and not self.desk.lines.connected:
                    raise Stale("account", str(self.desk.lines.last_error)) from None
                if left_s <= 0:
                    raise
        raise self.failure

    def may_rotate(self) -> str | None:
        """Why no line may be replaced now by a younger one, None where all may."""
        return self.desk.may_rotate() if self.opened else None

    @property
    def emergency_only(self) -> bool:
        """Whether nothing may leave but balance, open orders, cancels, status, and look-ups."""
        return self.desk.orders.emergency_only

    @emergency_only.setter
    def emergency_only(self, on: bool) -> None:
        self.desk.orders.emergency_only = on
        self.account.emergency_only = on

    def level_changed(self, change: LevelChanged) -> None:
        """Follow the service level in what may be read; orders look at it themselves."""
        held = Deed.READ not in PERMITS[change.level]
        why = f"the service level is {change.level.name} ({'; '.join(change.reasons)})"
        self.account.reads_held = why if held else ""

    def _single_orders(self, ports: Keyed) -> Level3Line | None:
        if ports.single_orders is None:
            return None
        return Level3Line(
            ports.single_orders, self._connect_level3, self._clock, self._chance, self._connects
        )

    def _gate(self) -> None:
        """Raise BreakerOpen while what moves money must not leave."""
        self.breaker.check(False, self._clock.mono_ns(), harmless=False)

    def _line(self, session: AccountSession) -> Line:
        """What keeps one session connected, with a credential of its own each time."""
        connect = partial(self._authorised, session)
        return Line(session, connect, self._clock, Backoff(self._chance), self._connects)

    async def _authorised(self, session: AccountSession) -> Socket:
        return await authorised(partial(self.account.authorise, session), self._connect)

    async def _keep_alive(self) -> None:
        """What the venue wants done for the account as long as it is open."""
        await self.account.run()

    async def _carry_requests(self, session: RequestSession) -> None:
        """Keep the connection for requests; while it is down they go by REST."""
        line = Line(session, self._connect_requests, self._clock, Backoff(self._chance), self._connects)
        session.poke = line.poke
        try:
            await line.run()
        except Error as error:
            _log.error("the connection for requests is over, orders go by REST: %s", error)

    async def _stay_connected(self) -> None:
        try:
            await self.desk.lines.run()
        except Error as error:
            self.failure = error
            _log.error("the account's stream is over, orders go by REST: %s", error)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files of a venue's accounts lie; `folder` is the venue's own."""

    folder: Path
    venue: str

    def journal(self, settings: AccountSettings, clock: Clock) -> SqliteJournal:
        """The order journal of an account, not open yet."""
        owner = Owner(self.venue, settings.fingerprint, settings.formerly)
        return SqliteJournal(self.folder / settings.name / "orders.sqlite", owner, clock)

    def key_state(self, settings: AccountSettings, clock: Clock) -> SqliteKeyState:
        """What all programs on this machine share of a key, not open yet."""
        return SqliteKeyState(self.folder / "keys", settings.key.api_key, clock)
