"""Signed requests of one API key: each leaves with a larger nonce than the one before, and in that order.

Rule: a request takes its nonce at the moment of leaving, and the next waits for its answer; only what cancels
or rescues waits for nobody's answer.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from leadline.clock import NS_PER_S, Clock
from leadline.core.limits import Budget
from leadline.core.nonce import Floor, Scale
from leadline.errors import AuthError, ConnectFailed, Error, Refused
from leadline.net.departures import Departures, Priority
from leadline.net.http import TOO_MANY_REQUESTS, Exchange, Purpose, Request, Response
from leadline.net.key_state import KeyState

OVERTAKE_S = 5.0
"""So long a request waits for the answer to the one before it."""
URGENT_OVERTAKE_S = 0.04
"""So long a cancel waits for the answer to the cancel before it."""
OVERTAKEN_LIMIT = 15
OVERTAKEN_WINDOW_S = 60
"""More refusals than these within so long, none below a nonce that the venue took, are not our doing."""

_LOOK_AGAIN_S = 0.05
_KEPT_OVERTAKEN = 256

_URGENT = frozenset({Purpose.EMERGENCY, Purpose.CANCEL})

_MANNERS = {
    Purpose.EMERGENCY: (Priority.EMERGENCY, 30.0),
    Purpose.CANCEL: (Priority.EMERGENCY, 30.0),
    Purpose.LOOKUP: (Priority.EMERGENCY, 30.0),
    Purpose.CREDENTIAL: (Priority.EMERGENCY, 30.0),  # without the stream everything must be looked up
    Purpose.RECOVERY: (Priority.FALLBACK, 60.0),
    Purpose.ORDER: (Priority.ORDER, 2.5),  # its deadline lies 3 s beyond the nearest that the venue takes
    Purpose.HISTORY: (Priority.BACKGROUND, math.inf),
    Purpose.CROSS_CHECK: (Priority.BACKGROUND, 10.0),
}
_ORDINARY = (Priority.NORMAL, 30.0)
"""How urgent a purpose is and how many seconds it may wait."""


@dataclass(frozen=True)
class Call:
    """One private request, not signed yet; `cost` in points of the venue's REST counter (trading: 0)."""

    name: str
    cost: float
    seal: Callable[[int], Request]
    """Makes the signed request of a nonce."""
    masked: tuple[tuple[str, str], ...]
    """The parameters as they may be shown and kept."""


class Recall:
    """Handed in with a call, takes it back as long as it has not left.

    Each of `may_leave` is asked at the moment of leaving, and keeps the call by raising a Refused.
    """

    def __init__(self, may_leave: Iterable[Callable[[], None]] = ()) -> None:
        self._may_leave = tuple(may_leave)
        self._left = False
        self._taken_back = False

    def take_back(self) -> bool:
        """Whether the request will not leave any more; false once it has left."""
        self._taken_back = not self._left
        return self._taken_back

    def leave(self) -> None:
        """It leaves now, perhaps once more; raises Refused where it was taken back or must not leave."""
        if self._taken_back:
            raise Refused("it was taken back before it left")
        for ask in self._may_leave:
            ask()
        self._left = True

    def came_back(self) -> None:
        """The venue has refused it unread, and it will leave once more: until then it can be taken back."""
        self._left = False


class Verdict(Enum):
    """What to do after a refused nonce."""

    RETRY = "retry"  # the request was not executed; the same call may go once more
    STOP = "stop"  # nothing leaves on this key any more


class _Flight:
    """A request that has left, or is just leaving; while it is young those after it wait for its answer."""

    def __init__(self, urgent: bool) -> None:
        self.urgent = urgent
        self.young = True
        self.young_for_urgent = urgent
        self.timers: list[asyncio.TimerHandle] = []


class KeyedHttp:
    """Sends the calls of one key, one at a time, by urgency, within the shared REST budget.

    Where several processes use the key, the one whose request is on its way has the turn. `reserve` is how
    many points of the budget each priority leaves untouched; `floor` is where to go, once, when the key turns
    out to have been used with a larger nonce.
    """

    def __init__(
        self,
        exchange: Exchange,
        state: KeyState,
        clock: Clock,
        budget: Budget,
        reserve: Mapping[Priority, float],
        *,
        floor: Floor | None = None,
        spacing_s: float = 0.1,
    ) -> None:
        self._exchange = exchange
        self._state = state
        self._clock = clock
        self._floor = floor
        self._departures = Departures(clock, budget, reserve, round(spacing_s * NS_PER_S))
        self._flights: set[_Flight] = set()
        self._changed = asyncio.Event()
        self._has_turn = False
        self._overtaken: deque[int] = deque(maxlen=_KEPT_OVERTAKEN)
        self._excused: deque[tuple[int, int]] = deque()
        """Nonces that were refused and may have been overtaken, each with its time (monotonic)."""
        self._passed = -1
        """The largest nonce that the venue has taken of us."""
        self.stopped: str | None = None
        """Why nothing leaves any more, once that is so."""
        self.counts: Counter[Purpose] = Counter()
        """How many have left for each purpose."""
        self.waiting: Counter[Purpose] = Counter()
        """How many have not left yet."""
        self.nonces_refused = 0

    async def call(self, call: Call, purpose: Purpose, recall: Recall | None = None) -> tuple[Response, int]:
        """The venue's answer, whatever its status, and the nonce the request left with.

        Raises ConnectFailed when no byte left, ConnectionLost when the answer never came, Throttled when the
        budget leaves no room within the purpose's patience, Refused when it was taken back, AuthError once
        the key is stopped.
        """
        self._check()
        urgent = purpose in _URGENT
        priority, patience_s = _MANNERS.get(purpose, _ORDINARY)
        ticket = self._departures.join(call.cost, priority, patience_s)
        self.waiting[purpose] += 1
        try:
            await self._departures.leave(ticket, self._clear_for_urgent if urgent else self._clear)
        finally:
            self.waiting[purpose] -= 1
        flight = self._take_off(urgent)
        try:
            self._check()
            nonce = await self._state.next_nonce(self._clock.wall_ns())
            if recall is not None:
                recall.leave()
            self.counts[purpose] += 1
            response = await self._exchange.exchange(call.seal(nonce))
            if self._was_overtaken(nonce):
                self._overtaken.append(nonce)
        except ConnectFailed:
            self._departures.never_left(ticket)
            raise
        finally:
            self._land(flight)
        if response.status == TOO_MANY_REQUESTS:
            self.exceeded()
        return response, nonce

    def _was_overtaken(self, nonce: int) -> bool:
        """Whether somebody has taken a later nonce; what files cannot tell now does not undo the answer."""
        try:
            return self._state.last_nonce() > nonce
        except Error:
            return False

    def nonce_passed(self, nonce: int) -> None:
        """The venue has taken this nonce: what it refused below was overtaken, by nobody but us."""
        self._passed = max(self._passed, nonce)

    async def nonce_refused(self, nonce: int) -> Verdict:
        """The venue has refused the nonce of a call; says whether that call may go once more.

        It may when a later request of ours got there first, or when the configured floor, gone above now and
        for good, is higher than what was refused. Otherwise sending on this key ends.
        """
        self.nonces_refused += 1
        if self.stopped is not None:
            return Verdict.STOP
        if nonce in self._overtaken and self._is_excused(nonce):
            return Verdict.RETRY
        if self._floor is not None and _below(self._floor, nonce, self._clock.wall_ns()):
            await self._state.move_nonce(self._floor)
            return Verdict.RETRY
        self.stopped = self._explanation(nonce)
        return Verdict.STOP

    def exceeded(self) -> None:
        """The venue has said in the body of an answer that we ask too much: the budget counts as spent."""
        self._departures.exceeded()

    def _check(self) -> None:
        if self.stopped is not None:
            raise AuthError(self.stopped)

    async def _clear(self) -> bool:
        """Whether no answer is outstanding and the turn is ours; waits a while for either."""
        if any(flight.young for flight in self._flights):
            await self._change()
            return False
        return await self._turn(_LOOK_AGAIN_S)

    async def _clear_for_urgent(self) -> bool:
        """Only another urgent request is waited for, and that a moment; the turn is taken if it is free."""
        if any(flight.young_for_urgent for flight in self._flights):
            await self._change()
            return False
        await self._turn(0.0)
        return True

    async def _turn(self, patience_s: float) -> bool:
        if not self._has_turn:
            self._has_turn = await self._state.take_turn(patience_s)
            # Who leaves does so before this runs; if none does after all, no other process is kept waiting.
            asyncio.get_running_loop().call_soon(self._after_change)
        return self._has_turn

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _take_off(self, urgent: bool) -> _Flight:
        flight = _Flight(urgent)
        loop = asyncio.get_running_loop()
        flight.timers.append(loop.call_later(OVERTAKE_S, self._grow_old, flight))
        if urgent:
            flight.timers.append(loop.call_later(URGENT_OVERTAKE_S, self._let_urgent_pass, flight))
        self._flights.add(flight)
        return flight

    def _land(self, flight: _Flight) -> None:
        for timer in flight.timers:
            timer.cancel()
        self._flights.discard(flight)
        self._after_change()

    def _grow_old(self, flight: _Flight) -> None:
        flight.young = False
        self._after_change()

    def _let_urgent_pass(self, flight: _Flight) -> None:
        flight.young_for_urgent = False
        self._changed.set()

    def _after_change(self) -> None:
        if self._has_turn and not any(flight.young for flight in self._flights):
            self._has_turn = False
            self._state.give_turn()
        self._changed.set()

    def _is_excused(self, nonce: int) -> bool:
        """Whether a later one of ours explains the refusal: for certain, or not yet too often to believe."""
        now_ns = self._clock.mono_ns()
        since_ns = now_ns - OVERTAKEN_WINDOW_S * NS_PER_S
        self._excused = deque(
            (at_ns, one) for at_ns, one in self._excused if at_ns >= since_ns and one > self._passed
        )
        if nonce > self._passed:
            if len(self._excused) >= OVERTAKEN_LIMIT:
                return False
            self._excused.append((now_ns, nonce))
        return True

    def _explanation(self, nonce: int) -> str:
        ours = "nanoseconds" if _is_nanoseconds(nonce, self._clock.wall_ns()) else "microseconds"
        larger = (
            "nanoseconds, or by a clock that was ahead" if ours == "microseconds" else "a larger scale still"
        )
        return (
            f"Invalid nonce: the key was used with a larger nonce than ours, {nonce} ({ours}), by another "
            f"program or machine, likely in {larger}; nothing more is sent on this key. Use a key that "
            "nothing else uses, or set nonce_floor: nanoseconds (or a number above the other's largest nonce)"
        )


def _is_nanoseconds(nonce: int, wall_ns: int) -> bool:
    return nonce > Scale.NANOSECONDS.of(wall_ns) // 2


def _below(floor: Floor, nonce: int, wall_ns: int) -> bool:
    """Whether a refused nonce came from before the floor."""
    if floor is Scale.NANOSECONDS:
        return not _is_nanoseconds(nonce, wall_ns)
    return isinstance(floor, int) and nonce <= floor
