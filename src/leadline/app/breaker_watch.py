"""Looks after the breaker of an account: trips go into the journal, what is forced is kept, and half-open it
is probed.

Rule: the probe is a read, so that no order ever has to find out whether the venue is well again.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import NoReturn

from leadline.clock import Clock
from leadline.core.breaker import Breaker, BreakerState
from leadline.engine.journal import Journal
from leadline.engine.records import Tripped
from leadline.errors import Error
from leadline.net.http import Purpose
from leadline.net.key_state import KeyState, keep_breaker
from leadline.venues.ports import Account

LOOK_S = 1.0

_log = logging.getLogger("leadline")


class BreakerWatch:
    """One breaker, seen once a second; trips of before the restart are in the journal already."""

    def __init__(
        self, breaker: Breaker, state: KeyState, account: Account, journal: Journal, clock: Clock
    ) -> None:
        self._breaker = breaker
        self._key = state
        self._account = account
        self._journal = journal
        self._clock = clock
        self._told = breaker.trips[-1] if breaker.trips else None
        self._state = breaker.state(clock.mono_ns())

    async def run(self) -> NoReturn:
        """Look after it for ever; what an operator forced is stored here: no request may leave for long."""
        while True:
            self.look()
            with suppress(Error):  # a full disk, say; until it takes it the breaker holds here alone
                await keep_breaker(self._key, self._breaker, self._clock)
            if self._state is BreakerState.HALF_OPEN:
                with suppress(Error):  # what came of it the breaker has heard already
                    await self._account.fetch_balances(Purpose.ACCOUNT)
                self.look()
            await self._clock.sleep(LOOK_S)

    def look(self) -> None:
        """Journal and log what has changed since the last look."""
        state = self._breaker.state(self._clock.mono_ns())
        trip = self._breaker.trips[-1] if self._breaker.trips else None
        if trip is not None and trip is not self._told:
            self._told = trip
            self._tell("open", f"{trip.reason}: {'; '.join(trip.evidence)}", trip.span_s)
        elif state is not self._state and self._breaker.forced is not None:
            self._tell(state.value, "held so by an operator", None)
        elif state is BreakerState.CLOSED and self._state is not BreakerState.CLOSED:
            self._tell("closed", "the venue answers again", None)
        self._state = state

    def _tell(self, state: str, reason: str, retry_s: float | None) -> None:
        at_ns = self._clock.wall_ns()
        self._journal.note(Tripped(at_ns=at_ns, state=state, reason=reason, retry_s=retry_s))
        _log.warning("the breaker is %s: %s", state, reason)
