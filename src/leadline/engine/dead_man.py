"""The dead-man switch: the venue cancels everything unless we say in time that we are alive and see.

Rule: it is refreshed only while the account's stream can be trusted, and disarmed before the venue rests: an
armed switch would cancel every order when the engine comes back (dossier §10.6).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import NoReturn

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock
from leadline.engine.ways import certain
from leadline.errors import Error
from leadline.model.market import VenueMode
from leadline.model.order import Order
from leadline.venues.ports import OrderEntry, Path

LOOK_S = 1.0
REFRESHES = 3
"""Refreshes within one time-out: two may be lost before it strikes (Kraken advises 15–30 s for 60 s)."""

STREAM_S = 1.0
"""How long the stream may take over what is told last, before REST is asked: who leaves has little time."""

RESTING = frozenset({VenueMode.MAINTENANCE, VenueMode.CANCEL_ONLY})
"""Modes in which the venue takes no new orders."""

_log = logging.getLogger("leadline")


class DeadManChanged(Struct, frozen=True):
    """The switch was armed, disarmed, or is no longer refreshed; `why` is for people."""

    armed: bool
    why: str


class OutlivesNot(Struct, frozen=True):
    """An order is meant to outlive the program, and the armed switch would cancel it all the same."""

    client_id: str
    symbol: str


class DeadMan:
    """Keeps the venue's switch armed for `timeout_s`; 0 means it is never used.

    `healthy` says None, or in words why the account cannot be seen. `surviving` lists the open orders that
    are meant to outlive the program, `symbols` names those with orders of ours. The switch is the account's,
    or at some venues a symbol's: it cancels the orders of others as well.
    """

    def __init__(
        self,
        entry: OrderEntry,
        clock: Clock,
        timeout_s: int,
        healthy: Callable[[], str | None],
        surviving: Callable[[], list[Order]],
        symbols: Callable[[], Collection[str]],
        tell: Callable[[DeadManChanged | OutlivesNot], None],
    ) -> None:
        self._entry = entry
        self._clock = clock
        self._timeout_s = timeout_s
        self._healthy = healthy
        self._surviving = surviving
        self._symbols = symbols
        self._covered: frozenset[str] = frozenset()
        """Symbols of the last refresh that came through."""
        self._tell = tell
        self._warned: set[str] = set()
        self._paused = ""
        self._due_ns = 0
        self.armed_until_ns: int | None = None
        """When it strikes at the latest (monotonic), None while it is certainly not armed."""
        self._told_armed = self._told_lapse = False

    async def run(self) -> NoReturn:
        """Refresh the switch for ever."""
        pause_s = self._timeout_s / REFRESHES
        look_s = min(LOOK_S, pause_s)
        while True:
            why_not = self._paused or self._healthy()
            if why_not:
                self._lapse(why_not)
            elif self._clock.mono_ns() >= self._due_ns or self._uncovered():
                delay_s = pause_s if await self._refresh() else look_s
                self._due_ns = self._clock.mono_ns() + round(delay_s * NS_PER_S)
            await self._clock.sleep(look_s)

    async def mode_changed(self, mode: VenueMode) -> None:
        """Disarm when the venue is about to rest; go on when it trades again."""
        if mode in RESTING:
            await self.pause(f"the venue is in {mode.value}")
        elif mode is VenueMode.ONLINE:
            self.resume()

    async def pause(self, why: str) -> None:
        """Disarm and stay so until `resume`: before a maintenance that was announced elsewhere."""
        self._paused = why
        await self.disarm(why)

    def resume(self) -> None:
        """Arm again, within a second."""
        self._paused = ""
        self._due_ns = 0

    async def disarm(self, why: str) -> None:
        """Take the switch off, by stream or else by REST; a failure is logged: then it strikes in time."""
        if self.armed_until_ns is None:
            return
        for path in (Path.STREAM, Path.REST) if self._entry.can_stream() else (Path.REST,):
            try:
                async with asyncio.timeout(STREAM_S if path is Path.STREAM else None):
                    await self._entry.dead_man(0, (), path)
            except (Error, TimeoutError) as error:
                why_not = str(error) or "no answer in time"
                _log.warning("the dead-man switch could not be disarmed by %s: %s", path.value, why_not)
                continue
            self._disarmed(why)
            return

    def _disarmed(self, why: str) -> None:
        self.armed_until_ns, self._told_armed, self._told_lapse = None, False, False
        self._covered = frozenset()
        self._tell(DeadManChanged(False, why))

    async def _refresh(self) -> bool:
        self._warn()
        path = Path.STREAM if self._entry.can_stream() else Path.REST
        symbols = frozenset(self._symbols())
        before_ns = self.armed_until_ns
        # armed from here on for all we know: an answer that never comes must not keep it from being disarmed
        until_ns = self.armed_until_ns = self._clock.mono_ns() + self._timeout_s * NS_PER_S
        try:
            await self._entry.dead_man(self._timeout_s, symbols, path)
        except Error as error:
            if certain(error) and self.armed_until_ns == until_ns:
                self.armed_until_ns = before_ns
            _log.warning("the dead-man switch was not refreshed: %s", error)
            return False
        self._covered, self._told_lapse = symbols, False
        if not self._told_armed and self.armed_until_ns is not None:
            self._told_armed = True
            self._tell(DeadManChanged(True, f"it strikes {self._timeout_s} s after we were heard last"))
        return True

    def _uncovered(self) -> bool:
        """Whether an order has come up where the venue's switch, one for each symbol, is not armed yet."""
        return self._entry.dead_man_by_symbol and not self._covered.issuperset(self._symbols())

    def _lapse(self, why: str) -> None:
        """Not refreshed: told once when it begins and once when the time is over."""
        until_ns, now_ns = self.armed_until_ns, self._clock.mono_ns()
        if until_ns is None:
            return
        if now_ns >= until_ns:
            self._disarmed(f"it has struck or lapsed: {why}")
        elif not self._told_lapse:
            self._told_lapse = True
            left_s = (until_ns - now_ns) / NS_PER_S
            self._tell(DeadManChanged(True, f"it is not refreshed, and strikes in {left_s:.0f} s: {why}"))

    def _warn(self) -> None:
        for order in self._surviving():
            if order.client_id not in self._warned:
                self._warned.add(order.client_id)
                self._tell(OutlivesNot(order.client_id, order.symbol))
