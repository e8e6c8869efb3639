"""Trading requests on the WebSocket API: each written once, and each wait races the connection.

Rule: one whose timestamp was refused was not acted on, and may go once more by a clock measured anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from leadline.clock import NS_PER_MS, Clock
from leadline.errors import Acted, ConnectFailed, Error, ProtocolError, RateLimited, VenueError
from leadline.net.http import Purpose
from leadline.venues.binance.limits import OrderLimits
from leadline.venues.binance.refusals import (
    TOO_MANY_ORDERS,
    Retry,
    code_of,
    refusal,
    retry_of,
    told_wait_s,
)
from leadline.venues.binance.signed_rest import SignedRest
from leadline.venues.binance.symbols import RateLimitRow
from leadline.venues.binance.timing import moment
from leadline.venues.binance.trading_calls import TradingCall
from leadline.venues.binance.ws_api import ApiAnswer, ApiError, WsApiSession
from leadline.venues.waiting import Wait

T = TypeVar("T")


class ApiRequests:
    """Puts requests on the one session of the WebSocket API, and has its connection write them at once."""

    def __init__(self, rest: SignedRest, limits: OrderLimits, clock: Clock) -> None:
        self.session = WsApiSession(rest.signer, rest.venue_time, _Counts(limits))
        self._rest = rest
        self._limits = limits
        self._clock = clock

    async def ask(self, call: TradingCall[T], purpose: Purpose, until_ns: int | None = None) -> T:
        """The answer to a request; `until_ns`, in the venue's time, is when it may be taken at the latest.

        Raises a Refused or ConnectFailed when nothing left, ConnectionLost when no answer came in time,
        ProtocolError where it cannot be read, or the refusal.
        """
        try:
            return await _Exchange(self, call, purpose, until_ns).answer()
        except VenueError as error:
            if not _is_late(error):
                raise
        await self._rest.learn_time()
        try:
            return await _Exchange(self, call, purpose, until_ns).answer()
        except ConnectFailed as error:  # the first was refused, and this never left: it is as if never sent
            raise ConnectFailed(f"the clock was measured anew, and then {error}") from None

    async def ask_all(
        self, calls: Sequence[TradingCall[T]], purpose: Purpose, until_ns: int | None = None
    ) -> list[T | Error]:
        """The answers to requests that leave together, or what kept each of them away.

        Raises a Refused or ConnectFailed when none has left.
        """
        outcomes = await self._together(calls, purpose, until_ns)
        late = [number for number, one in enumerate(outcomes) if _is_late(one)]
        if late:
            await self._rest.learn_time()
            again = await self._together([calls[number] for number in late], purpose, until_ns, began=True)
            for number, one in zip(late, again, strict=True):
                outcomes[number] = one
        return outcomes

    async def _together(
        self, calls: Sequence[TradingCall[T]], purpose: Purpose, until_ns: int | None, *, began: bool = False
    ) -> list[T | Error]:
        """`began`: something has left already, so that nothing is raised for all."""
        exchanges: list[_Exchange[T] | Error] = []
        for call in calls:
            try:
                exchanges.append(_Exchange(self, call, purpose, until_ns))
            except Error as error:
                if not exchanges and not began:
                    raise
                exchanges.append(error)
        waits = [each.outcome() for each in exchanges if isinstance(each, _Exchange)]
        told = iter(await asyncio.gather(*waits))
        return [each if isinstance(each, Error) else next(told) for each in exchanges]

    def put(self, call: TradingCall[T], wait: Wait[ApiAnswer], until_ns: int | None) -> int:
        """Write a request; returns its number. Raises a Refused or ConnectFailed."""
        assert call.ws is not None, "the WebSocket API has no such request"
        call.may_leave()
        now = moment(self._rest.venue_time, self._clock, until_ns) if call.signed else None
        number = self.session.ask(call.ws, call.params, now, call.cost, self._clock.mono_ns(), wait)
        self.session.poke()
        return number

    def refused(self, answer: ApiAnswer) -> VenueError:
        """The error of a refusal, of which the breaker and the counts of orders hear too."""
        told = answer.error or ApiError()
        now_ns = self._clock.mono_ns()
        venue_ns = self._rest.venue_time.now_ns(now_ns)
        venue_ms = None if venue_ns is None else venue_ns // NS_PER_MS
        error = refusal(told.code, answer.status, told.msg, venue_ms=venue_ms)
        self._rest.judge(error)
        if isinstance(error, RateLimited):
            if code_of(error) == TOO_MANY_ORDERS:
                self._limits.refused(told.msg, now_ns)
            else:
                self._limits.address.refused(told_wait_s(answer.status, told.msg, venue_ms), now_ns)
        return error

    def noted(self, call: TradingCall[T], purpose: Purpose, outcome: str, began_ns: int) -> None:
        """Enter a request that has ended in the audit."""
        self._rest.audit.record(call.ws or "", "stream", purpose, call.params, outcome, began_ns)

    def now_ns(self) -> int:
        """Monotonic time."""
        return self._clock.mono_ns()


def _is_late(outcome: object) -> bool:
    return isinstance(outcome, VenueError) and retry_of(outcome) is Retry.RETIMED


class _Exchange(Generic[T]):
    """One request, which has left when this has been made, and the wait for its answer."""

    def __init__(
        self, requests: ApiRequests, call: TradingCall[T], purpose: Purpose, until_ns: int | None
    ) -> None:
        self._requests = requests
        self._call = call
        self._purpose = purpose
        self._told: list[T] = []
        self._wait: Wait[ApiAnswer] = Wait(self._take)
        self._began_ns = requests.now_ns()
        try:
            self._number = requests.put(call, self._wait, until_ns)
        except Error as error:
            self._wait.given_up()
            requests.noted(call, purpose, f"{type(error).__name__}: {error}", self._began_ns)
            raise

    async def answer(self) -> T:
        """What was answered; raises as `ApiRequests.ask`."""
        outcome = "abandoned"
        try:
            await self._wait.over(self._call.ws or "")
            outcome = "ok"
        except Error as error:
            outcome = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._requests.session.forget(self._number)
            self._wait.given_up()
            self._requests.noted(self._call, self._purpose, outcome, self._began_ns)
        return self._told[0]

    async def outcome(self) -> T | Error:
        """What was answered, or what kept the answer away."""
        try:
            return await self.answer()
        except Error as error:
            return error

    def _take(self, answer: ApiAnswer) -> bool:
        if not answer.ok:
            raise self._requests.refused(answer)
        try:
            self._told.append(self._call.read(bytes(answer.result)))
        except (msgspec.MsgspecError, ValueError, ArithmeticError) as why:
            text = f"the answer to {self._call.ws} cannot be read: {why}"
            error = ProtocolError(text, bytes(answer.result))
            error.acted = Acted.MAYBE
            raise error from why
        return True


class _Counts:
    """What the venue counts of this connection: weight by our address, orders by account."""

    def __init__(self, limits: OrderLimits) -> None:
        self._limits = limits

    def spend(self, points: float, now_ns: int) -> None:
        self._limits.spend(points, now_ns)

    def pause_s(self, now_ns: int) -> float:
        return self._limits.address.pause_s(now_ns)

    def refused(self, retry_s: float | None, now_ns: int) -> None:
        self._limits.address.refused(retry_s, now_ns)

    def told(self, rows: list[RateLimitRow], sent_ns: int, now_ns: int) -> None:
        self._limits.told(rows, sent_ns, now_ns)
