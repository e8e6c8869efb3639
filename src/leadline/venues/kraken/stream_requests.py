"""Requests on the private stream: each written once, and each wait for an answer races the connection.

Rule: no answer is no answer; whether the venue has acted is then unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from leadline.clock import Clock
from leadline.errors import ConnectFailed, ConnectionLost, Error
from leadline.net.audit import Audit
from leadline.net.http import Purpose
from leadline.venues.kraken.account_session import KrakenAccountSession
from leadline.venues.kraken.answers import Answer
from leadline.venues.kraken.order_wire import Members

ANSWER_TIMEOUT_S = 5.0
"""How long an answer may take; the venue's own take milliseconds (dossier §10.1)."""

Take = Callable[[Answer], bool]
"""Takes an answer, and returns whether it was the last one to be expected."""


class _Wait:
    """One request and the end of the wait for it; a `Waiter`."""

    def __init__(self, take: Take) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._take = take

    def answered(self, answer: Answer, now_ns: int) -> bool:
        if self.over.done():
            return True
        try:
            complete = self._take(answer)
        except Error as error:
            self.over.set_exception(error)
            return True
        if complete:
            self.over.set_result(None)
        return complete

    def lost(self, reason: str) -> None:
        if not self.over.done():
            self.over.set_exception(ConnectionLost(f"the stream went down before the answer: {reason}"))


class StreamRequests:
    """Puts requests on one session; `poke` has the connection write what the session wants sent."""

    def __init__(self, session: KrakenAccountSession, poke: Callable[[], None], clock: Clock, audit: Audit):
        self._session = session
        self._poke = poke
        self._clock = clock
        self._audit = audit

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
        wait = _Wait(take)
        request_id = self._session.ask(method, params, now_ns, wait)
        self._poke()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await wait.over
        except TimeoutError:
            raise ConnectionLost(f"no answer to {method} within {ANSWER_TIMEOUT_S:g} s") from None
        finally:
            self._session.forget(request_id)
