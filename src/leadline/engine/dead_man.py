"""The dead-man switch: the venue cancels everything unless we say in time that we are alive and see.

Rule: it is refreshed only while the account's stream can be trusted, and disarmed before the venue rests: an
armed switch would cancel every order when the engine comes back (dossier §10.6).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NoReturn

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock
from leadline.errors import Error
from leadline.model.market import VenueMode
from leadline.model.order import Order
from leadline.venues.ports import OrderEntry, Path

REFRESHES = 3
"""Refreshes within one time-out: two may be lost before it strikes (Kraken advises 15–30 s for 60 s)."""

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
    are meant to outlive the program. The switch is the account's: it cancels the orders of others as well.
    """

    def __init__(
        self,
        entry: OrderEntry,
        clock: Clock,
        timeout_s: int,
        healthy: Callable[[], str | None],
        surviving: Callable[[], list[Order]],
        tell: Callable[[DeadManChanged | OutlivesNot], None],
    ) -> None:
        self._entry = entry
        self._clock = clock
        self._timeout_s = timeout_s
        self._healthy = healthy
        self._surviving = surviving
        self._tell = tell
        self._warned: set[str] = set()
        self._paused = ""
        self.armed_until_ns: int | None = None
        """When it strikes at the latest (monotonic), None while it is not armed."""

    async def run(self) -> NoReturn:
        """Refresh the switch for ever."""
        pause_s = self._timeout_s / REFRESHES
        while True:
            why_not = self._paused or self._healthy()
            if why_not:
                self._lapse(why_not)
                await self._clock.sleep(min(1.0, pause_s))
            else:
                delay_s = pause_s if await self._refresh() else min(1.0, pause_s)
                await self._clock.sleep(delay_s)

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
        """Arm again from the next refresh on."""
        self._paused = ""

    async def disarm(self, why: str) -> None:
        """Take the switch off, by stream or else by REST; a failure is logged: then it strikes in time."""
        if self.armed_until_ns is None:
            return
        for path in (Path.STREAM, Path.REST) if self._entry.can_stream() else (Path.REST,):
            try:
                await self._entry.dead_man(0, path)
            except Error as error:
                _log.warning("the dead-man switch could not be disarmed by %s: %s", path.value, error)
                continue
            self.armed_until_ns = None
            self._tell(DeadManChanged(False, why))
            return

    async def _refresh(self) -> bool:
        self._warn()
        left_ns = self._clock.mono_ns()
        path = Path.STREAM if self._entry.can_stream() else Path.REST
        try:
            await self._entry.dead_man(self._timeout_s, path)
        except Error as error:
            _log.warning("the dead-man switch was not refreshed: %s", error)
            return False
        was_armed = self.armed_until_ns is not None
        self.armed_until_ns = left_ns + self._timeout_s * NS_PER_S
        if not was_armed:
            self._tell(DeadManChanged(True, f"all orders are cancelled {self._timeout_s} s after a silence"))
        return True

    def _lapse(self, why: str) -> None:
        """Not refreshed: told once when it begins and once when the time is over."""
        until_ns = self.armed_until_ns
        if until_ns is not None and self._clock.mono_ns() >= until_ns:
            self.armed_until_ns = None
            self._tell(DeadManChanged(False, f"it has struck or lapsed: {why}"))

    def _warn(self) -> None:
        for order in self._surviving():
            if order.client_id not in self._warned:
                self._warned.add(order.client_id)
                self._tell(OutlivesNot(order.client_id, order.symbol))
