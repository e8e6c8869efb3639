"""The key of the account's private streams: one for all lines, kept alive, replaced once it is forgotten.

Rule: whoever needs it shares one request, and it is never given up: other programs of the account use the
same one (dossier §9).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from leadline.clock import NS_PER_S, Clock
from leadline.errors import ConnectFailed, ConnectionLost, Error

KEEP_ALIVE_S = 1800.0
"""Half of how long the venue remembers an unused key."""

QUIET_S = 4.0
"""After so long without any news the key is proven: one that has expired unnoticed tells nothing at all.

A whole quiet minute costs at most 15 of the 2 400 points the address has."""

PROOF_S = 5.0
"""How long one way may take to prove it, before the next one is tried."""

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

    `create` asks for the key there is or a new one, each of `proofs` keeps it alive: it returns the key that
    the venue has, empty where it does not say, and raises KeyForgotten; where one is not answered the next is
    tried. `heard_ns` is when any line last had news (or came to stand), None while none stands. `changed` is
    told when another key has taken the place of one that was used, since when that one may have been silent,
    and why; `doubted` when no proof was to be had, and why.
    """

    def __init__(
        self,
        create: Callable[[], Awaitable[str]],
        proofs: Sequence[Callable[[], Awaitable[str]]],
        heard_ns: Callable[[], int | None],
        changed: Callable[[str, int, str], None],
        doubted: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self.doubted_ns: int | None = None
        """Since when it is not known whether the venue still serves it; None while that is proven."""
        self._create = create
        self._proofs = proofs
        self._heard_ns = heard_ns
        self._changed = changed
        self._doubted = doubted
        self._clock = clock
        self._told: set[str] = set()
        """Failures that are logged already; forgotten once the first way of proving it works."""
        self._key = ""
        self._proven_ns = 0
        self._flight: asyncio.Future[Error | None] | None = None
        self.renewed = 0
        """Keys that took the place of another."""
        self.failures = 0
        """Requests for it, or for its proof, that did not bring it so far."""

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
        pause_s = LOOK_S
        while True:
            await self._clock.sleep(pause_s)
            if not self._due():
                continue
            try:
                await self._proof()
                pause_s = LOOK_S
            except Error as error:
                pause_s = RETRY_S
                if self._quiet_s() >= QUIET_S:  # else what was just told proves it
                    self._doubt(str(error))

    def _doubt(self, why: str) -> None:
        """Told again only where there was news since."""
        before_ns, self.doubted_ns = self.doubted_ns, self._clock.mono_ns()
        if before_ns is None or before_ns < (self._heard_ns() or 0):
            self._doubted(why)

    def _due(self) -> bool:
        if not self._key or self._heard_ns() is None or self._flight is not None:
            return False
        return self._age_s() >= KEEP_ALIVE_S or min(self._quiet_s(), self._age_s()) >= QUIET_S

    def _quiet_s(self) -> float:
        return (self._clock.mono_ns() - (self._heard_ns() or 0)) / NS_PER_S

    def _age_s(self) -> float:
        return (self._clock.mono_ns() - self._proven_ns) / NS_PER_S

    async def _proof(self) -> None:
        key, since_ns, asked_ns = self._key, self._proven_ns, self._clock.mono_ns()
        try:
            told = await self._any_proof()
        except KeyForgotten:
            self._doubt("the venue has forgotten it")
            await self._renew("the venue had forgotten the one before")
            return
        if self._key != key:
            return  # another path has replaced it meanwhile
        if told and told != key:
            self._take(told, asked_ns, since_ns, "the venue has another one")
        self._proven_ns, self.doubted_ns = asked_ns, None

    async def _any_proof(self) -> str:
        """What the first way says that is answered; raises what kept the last one from it."""
        failed: Error = ConnectFailed("there is no way to ask")
        for prove in self._proofs:
            try:
                async with asyncio.timeout(PROOF_S):
                    told = await prove()
            except TimeoutError:
                failed = ConnectionLost(f"no answer within {PROOF_S:g} s")
            except Error as error:
                failed = error
            else:
                if prove is self._proofs[0]:
                    self._told.clear()
                return told
            self._failed(str(failed))
        raise failed

    def _failed(self, why: str) -> None:
        self.failures += 1
        if why not in self._told:
            self._told.add(why)
            _log.warning("the key of the account's stream was not kept alive: %s", why)

    async def _renew(self, why: str) -> str:
        flight = self._flight = asyncio.get_running_loop().create_future()
        since_ns, asked_ns = self._proven_ns, self._clock.mono_ns()
        outcome: Error | None = ConnectFailed("whoever asked for the key of the stream gave up")
        try:
            key = await self._create()
            outcome = None
        except Error as error:
            self.failures += 1
            outcome = error
            raise
        finally:
            self._flight = None
            flight.set_result(outcome)
        self._take(key, asked_ns, since_ns, why)
        return key

    def _take(self, key: str, asked_ns: int, since_ns: int, why: str) -> None:
        before, self._key, self._proven_ns, self.doubted_ns = self._key, key, asked_ns, None
        if before and before != key:
            self.renewed += 1
            self._changed(key, since_ns, why)
