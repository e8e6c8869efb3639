"""Requests on the private stream: each written once, and each wait for an answer races the connection.

Rule: no answer is no answer; whether the venue has acted is then unknown.
"""

from __future__ import annotations

from collections.abc import Callable

from leadline.clock import Clock
from leadline.errors import ConnectFailed, Error
from leadline.net.audit import Audit
from leadline.net.http import Purpose
from leadline.venues.kraken.account_session import KrakenAccountSession
from leadline.venues.kraken.answers import Answer
from leadline.venues.kraken.order_wire import Members
from leadline.venues.waiting import Wait

Take = Callable[[Answer], bool]
"""Takes an answer, and returns whether it was the last one to be expected."""


class StreamRequests:
    """Puts requests on one session, and has its connection write them at once."""

    def __init__(self, session: KrakenAccountSession, clock: Clock, audit: Audit) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit

    @property
    def ready(self) -> bool:
        """Whether a request can leave now: connected, authorised, account news flowing."""
        return self._session.ready(self._clock.mono_ns())

    async def ask(self, method: str, params: Members, purpose: Purpose, take: Take) -> None:
        """Ask, and return when `take` has had the last answer.

        Raises ConnectFailed when nothing left, ConnectionLost when no answer came in time, and what `take`
        raises.
        """
        began_ns = self._clock.mono_ns()
        outcome = "abandoned"
        try:
            await self._answered(method, params, take)
            outcome = "ok"
        except Error as error:
            outcome = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._audit.record(method, "stream", purpose, params, outcome, began_ns)

    async def _answered(self, method: str, params: Members, take: Take) -> None:
        now_ns = self._clock.mono_ns()
        if not self._session.ready(now_ns):
            raise ConnectFailed("the private stream is not ready for requests")
        wait = Wait(take)
        request_id = self._session.ask(method, params, now_ns, wait)
        self._session.poke()
        try:
            await wait.over(method)
        finally:
            self._session.forget(request_id)
            wait.given_up()
