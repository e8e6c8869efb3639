"""The wait for the answer to one request on a connection; it races the connection and a time-out.

Rule: no answer is no answer; whether the venue has acted is then unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from leadline.errors import ConnectionLost, Error
from leadline.net.connection import HELD_UP_S

A = TypeVar("A")

ANSWER_TIMEOUT_S = 5.0
"""How long an answer may take; the venues' own take milliseconds (Kraken: dossier §10.1)."""

_LATE_S = 0.05  # a timer that rings later than this was held up, and so was what lies in the buffers


class Wait(Generic[A]):
    """One request and the end of the wait for it; `take` has each answer and says whether it was the last."""

    def __init__(self, take: Callable[[A], bool]) -> None:
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._take = take

    def answered(self, answer: A, now_ns: int) -> bool:
        """Whether no further answer is waited for."""
        if self._over.done():
            return True
        try:
            complete = self._take(answer)
        except Error as error:
            self._fail(error)
            return True
        if complete:
            self._over.set_result(None)
        return complete

    def lost(self, reason: str) -> None:
        """No answer will come any more: the connection is gone."""
        if not self._over.done():
            self._fail(ConnectionLost(f"the stream went down before the answer: {reason}"))

    async def over(self, method: str) -> None:
        """Return when the last answer was taken; raises what `take` did, ConnectionLost without an answer."""
        if not await _in_time(self._over):
            raise ConnectionLost(f"no answer to {method} within {ANSWER_TIMEOUT_S:g} s")
        await self._over

    def _fail(self, error: Error) -> None:
        self._over.set_exception(error)
        self._over.exception()  # whoever waited may have gone

    def given_up(self) -> None:
        """Nobody waits any more; what it ended with in this very turn is not left behind unread."""
        if not self._over.cancel():
            self._over.exception()


async def _in_time(over: asyncio.Future[None]) -> bool:
    """Whether it was over in time; after a loop that was held up, once what had come meanwhile is read."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + ANSWER_TIMEOUT_S
    await asyncio.wait((over,), timeout=ANSWER_TIMEOUT_S)
    if not over.done() and loop.time() - until_s > _LATE_S:
        await asyncio.wait((over,), timeout=HELD_UP_S)
    return over.done()
