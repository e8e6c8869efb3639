"""The key of the account's private streams: one for all lines, kept alive, replaced once it is forgotten.

Rule: whoever needs it shares one request, and it is never given up: other programs of the account use the
same one (dossier §9).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from leadline.clock import NS_PER_S, Clock
from leadline.errors import ConnectFailed, Error

KEEP_ALIVE_S = 1800.0
"""Half of how long the venue remembers an unused key."""

QUIET_S = 4.0
"""After so long without any news the key is proven: one that has expired unnoticed tells nothing at all."""

PROVEN_S = 4.0
"""A key that was proven so recently is taken without asking."""

LOOK_S = 1.0
RETRY_S = 15.0
"""Three failures within 30 s would open the breaker, and hold orders because of a key that still lives."""

_log = logging.getLogger("leadline")


class KeyForgotten(Exception):
    """The venue knows no key of this account (-1125)."""


class ListenKey:
    """The key, as the venue last said it.

    `create` asks for the key there is or a new one, `prove` keeps it alive: it returns the key that the venue
    has, empty where it does not say, and raises KeyForgotten. `heard_ns` is when any line last had news (or
    came to stand), None while none stands. `changed` is told when another key has taken the place of one that
    was used, since when that one may have been silent, and why.
    """

    def __init__(
        self,
        create: Callable[[], Awaitable[str]],
        prove: Callable[[], Awaitable[str]],
        heard_ns: Callable[[], int | None],
        changed: Callable[[str, int, str], None],
        clock: Clock,
    ) -> None:
        self._create = create
        self._prove = prove
        self._heard_ns = heard_ns
        self._changed = changed
        self._clock = clock
        self._key = ""
        self._proven_ns = 0
        self._flight: asyncio.Future[Error | None] | None = None
        self.renewed = 0
        """Keys that took the place of another."""
        self.failures = 0
        """Proofs that were not answered, so far."""

    def __repr__(self) -> str:
        return f"ListenKey({'known' if self._key else 'none'}, renewed {self.renewed} times)"

    async def get(self, refused: str = "") -> str:
        """The key, asked for anew unless it was proven just now; `refused` is one that is no good.

        One request however many ask. Raises what asking raises, for those who only waited too.
        """
        while self._flight is not None:
            error = await asyncio.shield(self._flight)
            if error is not None:
                raise error
            if self._key != refused:
                return self._key
        if self._key and self._key != refused and self._age_s() < PROVEN_S:
            return self._key
        return await self._renew("a line asked for it")

    async def keep(self) -> NoReturn:
        """Prove it in time and whenever the lines are silent, for ever; what fails is logged and repeated."""
        told = ""
        while True:
            await self._clock.sleep(LOOK_S if not told else RETRY_S)
            if not self._due():
                continue
            try:
                await self._proof()
                told = ""
            except Error as error:
                self.failures += 1
                if str(error) != told:
                    told = str(error)
                    _log.warning("the key of the account's stream was not kept alive: %s", error)

    def _due(self) -> bool:
        heard_ns = self._heard_ns()
        if not self._key or heard_ns is None or self._flight is not None:
            return False
        quiet_s = (self._clock.mono_ns() - heard_ns) / NS_PER_S
        return self._age_s() >= KEEP_ALIVE_S or min(quiet_s, self._age_s()) >= QUIET_S

    def _age_s(self) -> float:
        return (self._clock.mono_ns() - self._proven_ns) / NS_PER_S

    async def _proof(self) -> None:
        key, since_ns, asked_ns = self._key, self._proven_ns, self._clock.mono_ns()
        try:
            told = await self._prove()
        except KeyForgotten:
            await self._renew("the venue had forgotten the one before")
            return
        if self._key != key:
            return  # another path has replaced it meanwhile
        if told and told != key:
            self._take(told, asked_ns, since_ns, "the venue has another one")
        self._proven_ns = asked_ns

    async def _renew(self, why: str) -> str:
        flight = self._flight = asyncio.get_running_loop().create_future()
        since_ns, asked_ns = self._proven_ns, self._clock.mono_ns()
        outcome: Error | None = ConnectFailed("whoever asked for the key of the stream gave up")
        try:
            key = await self._create()
            outcome = None
        except Error as error:
            outcome = error
            raise
        finally:
            self._flight = None
            flight.set_result(outcome)
        self._take(key, asked_ns, since_ns, why)
        return key

    def _take(self, key: str, asked_ns: int, since_ns: int, why: str) -> None:
        before, self._key, self._proven_ns = self._key, key, asked_ns
        if before and before != key:
            self.renewed += 1
            self._changed(key, since_ns, why)
