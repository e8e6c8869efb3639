"""Requests on the private stream: each written once, and each wait for an answer races the connection.

Rule: no answer is no answer; whether the venue has acted is then unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from leadline.clock import Clock
from leadline.errors import ConnectFailed, ConnectionLost, Error
from leadline.net.audit import Audit
from leadline.net.connection import HELD_UP_S
from leadline.net.http import Purpose
from leadline.venues.kraken.account_session import KrakenAccountSession
from leadline.venues.kraken.answers import Answer
from leadline.venues.kraken.order_wire import Members

ANSWER_TIMEOUT_S = 5.0
"""How long an answer may take; the venue's own take milliseconds (dossier §10.1)."""

_LATE_S = 0.05  # a timer that rings later than this was held up, and so was what lies in the buffers

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
            self._fail(error)
            return True
        if complete:
            self.over.set_result(None)
        return complete

    def lost(self, reason: str) -> None:
        if not self.over.done():
            self._fail(ConnectionLost(f"the stream went down before the answer: {reason}"))

    def _fail(self, error: Error) -> None:
        self.over.set_exception(error)
        self.over.exception()  # whoever waited may have gone

    def given_up(self) -> None:
        """Nobody waits any more; what it ended with in this very turn is not left behind unread."""
        if not self.over.cancel():
            self.over.exception()


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
        wait = _Wait(take)
        request_id = self._session.ask(method, params, now_ns, wait)
        self._session.poke()
        try:
            if not await _in_time(wait.over):
                raise ConnectionLost(f"no answer to {method} within {ANSWER_TIMEOUT_S:g} s")
            await wait.over
        finally:
            self._session.forget(request_id)
            wait.given_up()


async def _in_time(over: asyncio.Future[None]) -> bool:
    """Whether it was over in time; after a loop that was held up, once what had come meanwhile is read."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + ANSWER_TIMEOUT_S
    await asyncio.wait((over,), timeout=ANSWER_TIMEOUT_S)
    if not over.done() and loop.time() - until_s > _LATE_S:
        await asyncio.wait((over,), timeout=HELD_UP_S)
    return over.done()
