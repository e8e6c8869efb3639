"""Asks Kraken's private REST: through the breaker, with one nonce each, and into the audit.

Rule: a call goes out once; only one whose nonce was refused, and which the venue therefore never saw as a
request, may go a second time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from leadline.clock import Clock
from leadline.core.breaker import OPEN_S, Breaker
from leadline.errors import (
    Acted,
    AuthError,
    Error,
    Held,
    ProtocolError,
    RateLimited,
    TransportError,
    VenueDown,
    VenueError,
)
from leadline.net.audit import Audit
from leadline.net.http import ESSENTIAL, Purpose, Request
from leadline.net.key_state import KeyState, keep_breaker
from leadline.net.keyed_http import Call, KeyedHttp, Recall, Verdict
from leadline.venues.kraken.auth import Signer
from leadline.venues.kraken.refusals import Retry, refusal
from leadline.venues.kraken.rest_private import PrivateEndpoint

T = TypeVar("T")

NONCE_REFUSED = "EAPI:Invalid nonce"
_MONEY = frozenset({Purpose.ORDER})
_EMERGENCY_READS = frozenset({"BalanceEx", "OpenOrders"})

_log = logging.getLogger("leadline")


class PrivateRest:
    """The private REST of one key."""

    def __init__(
        self, http: KeyedHttp, signer: Signer, breaker: Breaker, state: KeyState, clock: Clock, audit: Audit
    ) -> None:
        self.emergency_only = False
        """While set nothing leaves but what makes the account safer or tells how it stands."""
        self.reads_held = ""
        """Why reads that can wait do not leave now; empty while they do. Orders are held elsewhere."""
        self.breaker = breaker
        self.audit = audit
        self._http = http
        self._signer = signer
        self._state = state
        self._clock = clock

    async def ask(
        self,
        endpoint: PrivateEndpoint[T],
        purpose: Purpose,
        recall: Recall | None = None,
        leaving: Callable[[], None] | None = None,
    ) -> T:
        """What an endpoint answers; until it leaves, when `leaving` is called, `recall` can take it back.

        Raises a Refused or ConnectFailed when nothing left; ConnectionLost, ProtocolError or a VenueError as
        its `acted` says; AuthError where the key is not, or no longer, good for it.
        """
        began_ns = self._clock.mono_ns()
        call = _told(self._signer.call(endpoint), leaving)
        outcome = "abandoned"
        try:
            purpose = self._in_emergency(endpoint.name, purpose)
            self.breaker.check(purpose in ESSENTIAL, began_ns, harmless=purpose not in _MONEY)
            value = await self._judged(call, endpoint, purpose, recall)
            outcome = "ok"
            return value
        except Error as error:
            outcome = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.audit.record(call.name, "rest", purpose, call.masked, outcome, began_ns)

    def _in_emergency(self, name: str, purpose: Purpose) -> Purpose:
        """What a request is for while only emergencies are: the reads that are left go ahead of all."""
        if purpose in ESSENTIAL:
            return purpose
        if not self.emergency_only:
            if self.reads_held and purpose not in _MONEY and name not in _EMERGENCY_READS:
                raise Held(f"{self.reads_held}: {name} does not leave until that is over")
            return purpose
        if name in _EMERGENCY_READS:
            return Purpose.EMERGENCY
        raise Held(f"emergency-only mode: {name} does not leave until it is ended")

    async def _judged(
        self, call: Call, endpoint: PrivateEndpoint[T], purpose: Purpose, recall: Recall | None
    ) -> T:
        """Exchange, and tell the breaker how the venue stands."""
        try:
            value = await self._exchanged(call, endpoint, purpose, recall)
        except (TransportError, ProtocolError, VenueError) as error:
            self._judge(error)
            raise
        else:
            self.breaker.succeeded(self._clock.mono_ns())
            return value
        finally:
            await self._keep()

    async def _exchanged(
        self, call: Call, endpoint: PrivateEndpoint[T], purpose: Purpose, recall: Recall | None
    ) -> T:
        try:
            return await self._once(call, endpoint, purpose, recall)
        except _NonceRefused as refused:
            if await self._http.nonce_refused(refused.nonce) is not Verdict.RETRY:
                raise AuthError(self._http.stopped or refused.error.text) from None
        try:
            return await self._once(call, endpoint, purpose, recall)
        except _NonceRefused as refused:
            await self._http.nonce_refused(refused.nonce)
            raise AuthError(self._http.stopped or refused.error.text) from None

    async def _once(
        self, call: Call, endpoint: PrivateEndpoint[T], purpose: Purpose, recall: Recall | None
    ) -> T:
        response, nonce = await self._http.call(call, purpose, recall)
        try:
            value = endpoint.answer(response, self._clock.wall_ns()).value
        except AuthError as error:
            if error.text.startswith(NONCE_REFUSED):
                raise _NonceRefused(nonce, error) from error
            raise
        except ProtocolError as error:
            error.acted = Acted.MAYBE  # it came, so the request had arrived
            raise
        self._http.nonce_passed(nonce)
        return value

    def _judge(self, error: TransportError | ProtocolError | VenueError) -> None:
        now_ns = self._clock.mono_ns()
        match error:
            case RateLimited() if error.text.startswith("EOrder:"):
                self.breaker.succeeded(now_ns)  # the matching engine's counter of one pair
            case RateLimited():
                self._http.exceeded()
                self.breaker.limited(_limited_s(error), error.text, now_ns)
            case VenueDown() if refusal(error.text).retry is Retry.LATER:
                self.breaker.succeeded(now_ns)  # a mode of the market; the venue is well
            case VenueDown() | TransportError() | ProtocolError():
                self.breaker.failed(str(error), now_ns)
            case AuthError() if self._http.stopped is not None:
                pass  # said on our own side
            case _:
                self.breaker.succeeded(now_ns)  # a no is an answer

    async def _keep(self) -> None:
        """Store the breaker; a disk that will not take it says nothing about what became of the request."""
        try:
            await keep_breaker(self._state, self.breaker, self._clock)
        except Error as error:
            _log.warning("the breaker is not kept for a restart: %s", error)


def _told(call: Call, leaving: Callable[[], None] | None) -> Call:
    """The call, which tells when it leaves: a request is sealed at that moment."""
    if leaving is None:
        return call

    def seal(nonce: int) -> Request:
        leaving()
        return call.seal(nonce)

    return replace(call, seal=seal)


class _NonceRefused(Exception):
    """The nonce of a call was refused."""

    def __init__(self, nonce: int, error: AuthError) -> None:
        super().__init__(error.text)
        self.nonce = nonce
        self.error = error


def _limited_s(error: RateLimited) -> float | None:
    """How long the venue said; what only our table assumes never shortens the breaker's own span."""
    assumed_s = refusal(error.text).delay_s
    return error.retry_s if assumed_s is None or error.retry_s is None else max(assumed_s, OPEN_S)
