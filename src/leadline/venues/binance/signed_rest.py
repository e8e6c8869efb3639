"""Asks Binance's signed REST: through the breaker, timed and signed as it leaves, and into the audit.

Rule: a call goes out once; only one whose timestamp was refused, and which the venue therefore did not act
on, may go a second time, by a clock that was measured anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from leadline.clock import NS_PER_MS, Clock
from leadline.core.breaker import Breaker
from leadline.core.venue_time import VenueTime
from leadline.errors import (
    Acted,
    Error,
    Held,
    ProtocolError,
    RateLimited,
    TransportError,
    VenueDown,
    VenueError,
)
from leadline.net.audit import Audit
from leadline.net.departures import Priority
from leadline.net.http import ESSENTIAL, Http, Purpose, Request, Response
from leadline.net.keyed_http import Recall
from leadline.venues.binance import rest
from leadline.venues.binance.auth import Signer
from leadline.venues.binance.refusals import (
    TOO_MANY_ORDERS,
    Retry,
    code_of,
    retry_of,
    status_error,
)
from leadline.venues.binance.rest import Endpoint
from leadline.venues.binance.timing import moment

T = TypeVar("T")

_URGENCY = {
    Purpose.EMERGENCY: Priority.EMERGENCY,
    Purpose.CANCEL: Priority.EMERGENCY,
    Purpose.LOOKUP: Priority.EMERGENCY,
    Purpose.CREDENTIAL: Priority.EMERGENCY,  # without the stream everything must be looked up
    Purpose.RECOVERY: Priority.FALLBACK,
    Purpose.ORDER: Priority.ORDER,
    Purpose.HISTORY: Priority.BACKGROUND,
    Purpose.CROSS_CHECK: Priority.BACKGROUND,
}
_MONEY = frozenset({Purpose.ORDER})
_EMERGENCY_READS = (
    "/fapi/v1/openOrders",
    "/fapi/v1/openAlgoOrders",
    "/fapi/v3/account",
    "/fapi/v3/positionRisk",
)
_IN_BODY = frozenset({"POST", "PUT"})
_FORM = ("Content-Type", "application/x-www-form-urlencoded")

_log = logging.getLogger("leadline")


class SignedRest:
    """The signed REST of one key, over the Http port of its address."""

    def __init__(
        self,
        http: Http,
        signer: Signer,
        breaker: Breaker,
        audit: Audit,
        venue_time: VenueTime,
        clock: Clock,
    ) -> None:
        self.emergency_only = False
        """While set nothing leaves but what makes the account safer or tells how it stands."""
        self.reads_held = ""
        """Why reads that can wait do not leave now; empty while they do. Orders are held elsewhere."""
        self.signer = signer
        self.breaker = breaker
        self.audit = audit
        self.venue_time = venue_time
        self.heard: Callable[[Response], None] = _nobody
        """Called with every answer: its headers tell the venue's counts."""
        self._http = http
        self._clock = clock

    async def ask(
        self,
        endpoint: Endpoint[T],
        purpose: Purpose,
        *,
        until_ns: int | None = None,
        recall: Recall | None = None,
        leaving: Callable[[], None] | None = None,
    ) -> T:
        """What a signed endpoint answers; until it leaves, when `leaving` is called, `recall` takes it back.

        `until_ns`, in the venue's time, is when it may be taken at the latest. Raises a Refused or
        ConnectFailed when nothing left; ConnectionLost, ProtocolError or a VenueError as its `acted` says;
        AuthError where the key is not good for it.
        """
        if not self.venue_time.known:
            await self.learn_time()
        left = _Leaving(recall, leaving)
        try:
            return await self._audited(endpoint, purpose, self._sealed(endpoint, until_ns, left))
        except VenueError as error:
            if retry_of(error) is not Retry.RETIMED:
                raise
        if recall is not None:
            recall.came_back()
        await self.learn_time()
        return await self._audited(endpoint, purpose, self._sealed(endpoint, until_ns, left))

    async def keyed(self, endpoint: Endpoint[T], purpose: Purpose) -> T:
        """What an endpoint answers that wants the key and no signature: listen keys (§9)."""
        request = replace(endpoint.request, headers=self.signer.headers)
        return await self._audited(endpoint, purpose, request)

    async def learn_time(self) -> None:
        """Ask for the venue's time; what fails leaves it as it is known."""
        sent_ns = self._clock.mono_ns()
        endpoint = rest.time()
        try:
            response = await self._http.send(endpoint.request, Purpose.LOOKUP, Priority.EMERGENCY)
            venue_ns = endpoint.answer(response)
        except Error as error:
            _log.warning("the venue's clock could not be asked: %s", error)
            return
        self.venue_time.sample(sent_ns, self._clock.mono_ns(), venue_ns, venue_ns, NS_PER_MS)

    # One exchange

    def _sealed(self, endpoint: Endpoint[Any], until_ns: int | None, left: _Leaving) -> Request:
        def seal(request: Request) -> Request:
            now = moment(self.venue_time, self._clock, until_ns)
            left.now()
            timed = (*request.query, ("recvWindow", str(now.window_ms)), ("timestamp", str(now.at_ms)))
            text = self.signer.query(timed)
            if request.method in _IN_BODY:
                headers = (*request.headers, _FORM)
                return replace(request, query=(), headers=headers, body=text.encode(), seal=None)
            signature = text.rpartition("=")[2]
            return replace(request, query=(*timed, ("signature", signature)), seal=None)

        return replace(endpoint.request, headers=self.signer.headers, seal=seal)

    async def _audited(self, endpoint: Endpoint[T], purpose: Purpose, request: Request) -> T:
        began_ns = self._clock.mono_ns()
        name = f"{request.method} {request.path}"
        outcome = "abandoned"
        try:
            purpose = self._in_emergency(request.path, purpose)
            self.breaker.check(purpose in ESSENTIAL, began_ns, harmless=purpose not in _MONEY)
            value = await self._judged(endpoint, purpose, request)
            outcome = "ok"
            return value
        except Error as error:
            outcome = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.audit.record(name, "rest", purpose, request.query, outcome, began_ns)

    def _in_emergency(self, path: str, purpose: Purpose) -> Purpose:
        """What a request is for while only emergencies are: the reads that are left go ahead of all."""
        if purpose in ESSENTIAL:
            return purpose
        if not self.emergency_only:
            if self.reads_held and purpose not in _MONEY and path not in _EMERGENCY_READS:
                raise Held(f"{self.reads_held}: {path} does not leave until that is over")
            return purpose
        if path in _EMERGENCY_READS:
            return Purpose.EMERGENCY
        raise Held(f"emergency-only mode: {path} does not leave until it is ended")

    async def _judged(self, endpoint: Endpoint[T], purpose: Purpose, request: Request) -> T:
        """Exchange, and tell the breaker how the venue stands."""
        try:
            response = await self._http.send(request, purpose, _URGENCY.get(purpose, Priority.NORMAL))
            self.heard(response)
            value = self._read(endpoint, response)
        except (TransportError, ProtocolError, VenueError) as error:
            self.judge(error)
            raise
        self.breaker.succeeded(self._clock.mono_ns())
        return value

    def _read(self, endpoint: Endpoint[T], response: Response) -> T:
        if response.status != 200:
            reached_ns = self.venue_time.now_ns(self._clock.mono_ns())
            raise status_error(response, venue_ms=None if reached_ns is None else reached_ns // NS_PER_MS)
        try:
            return endpoint.answer(response)
        except ProtocolError as error:
            error.acted = Acted.MAYBE  # it came, so the request had arrived
            raise

    def judge(self, error: TransportError | ProtocolError | VenueError) -> None:
        """Tell the breaker of a failure, by whichever way the request went; a no is an answer."""
        now_ns = self._clock.mono_ns()
        match error:
            case RateLimited() if code_of(error) == TOO_MANY_ORDERS:
                self.breaker.succeeded(now_ns)  # the account's count of orders: cancels and reads pass
            case RateLimited():
                self.breaker.limited(error.retry_s, error.text, now_ns)
            case VenueDown() if code_of(error) == -1008:
                self.breaker.succeeded(now_ns)  # new orders are held back; what reduces still passes
            case VenueDown() | TransportError() | ProtocolError():
                self.breaker.failed(str(error), now_ns)
            case _:
                self.breaker.succeeded(now_ns)


class _Leaving:
    """The moment a request leaves: noted, told, or forbidden because it was taken back."""

    def __init__(self, recall: Recall | None = None, leaving: Callable[[], None] | None = None) -> None:
        self._recall = recall
        self._leaving = leaving

    def now(self) -> None:
        """It leaves now; raises Refused where it was taken back."""
        if self._recall is not None:
            self._recall.leave()
        if self._leaving is not None:
            self._leaving()


def _nobody(response: Response) -> None:
    """Nobody counts."""
