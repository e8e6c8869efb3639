"""The circuit breaker of one venue: it keeps from a failing venue what can wait.

Rule: what is essential always passes, and every trip has its reason and its evidence.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

import msgspec
from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.errors import BreakerOpen

FAILURES = 3
WINDOW_S = 30
OPEN_S = 300.0
PROBE_S = 30
"""A probe of which nothing has been heard for so long is given up, and another may go."""
KEPT_TRIPS = 32
_EVIDENCE = 8


class BreakerState(Enum):
    """Whether requests pass."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"  # the span is over; one harmless request finds out
    OPEN = "open"


class Trip(Struct, frozen=True):
    """Why it opened: when (monotonic), for how long, and what was observed."""

    at_ns: int
    span_s: float
    reason: str
    evidence: tuple[str, ...]


class _Kept(Struct, frozen=True):
    """What outlives the process, with both clocks as they stood when it was written."""

    mono_ns: int
    wall_ns: int
    open_until_ns: int | None
    forced: BreakerState | None
    why: str
    trips: tuple[Trip, ...]


class Breaker:
    """Opens after 3 failures in 30 s for 300 s, or at a rate limit for what the venue said; then one probe.

    Times are monotonic nanoseconds. Whoever changes it stores `dump` where `changed` says that it must
    outlive the process.
    """

    def __init__(self) -> None:
        self.trips: deque[Trip] = deque(maxlen=KEPT_TRIPS)
        self.opened = 0
        """Trips of this process; `trips` holds those before it too."""
        self.forced: BreakerState | None = None
        self.changed = False
        """Set when something has changed that must survive a restart; whoever has stored it resets it."""
        self._why = ""
        self._failures: deque[tuple[int, str]] = deque(maxlen=_EVIDENCE)
        self._answered_ns: int | None = None
        self._open_until_ns: int | None = None
        self._probed_ns: int | None = None

    def state(self, now_ns: int) -> BreakerState:
        """Whether requests pass now."""
        if self.forced is not None:
            return self.forced
        if self._open_until_ns is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now_ns < self._open_until_ns else BreakerState.HALF_OPEN

    def check(self, essential: bool, now_ns: int, *, harmless: bool = True) -> None:
        """Let a request pass, as the probe if it is the one that finds out; raises BreakerOpen.

        Only a harmless request can be the probe: one that moves no money.
        """
        state = self.state(now_ns)
        if essential or state is BreakerState.CLOSED:
            return
        if state is BreakerState.HALF_OPEN and harmless and not self._probing(now_ns):
            self._probed_ns = now_ns
            return
        raise BreakerOpen(self._refusal(state), self._retry_s(state, now_ns))

    def failed(self, what: str, now_ns: int) -> None:
        """A request found the venue failing: no connection, no answer, a 5xx; `what` is kept as evidence."""
        self._failures.append((now_ns, what))
        state = self.state(now_ns)
        if self._open_until_ns is not None and state is BreakerState.HALF_OPEN:
            self._trip(OPEN_S, "the probe failed", (what,), now_ns)
            return
        recent = [text for at_ns, text in self._failures if now_ns - at_ns < WINDOW_S * NS_PER_S]
        if len(recent) >= FAILURES and self._open_until_ns is None:
            self._trip(OPEN_S, f"{len(recent)} failures within {WINDOW_S} s", tuple(recent), now_ns)

    def limited(self, retry_s: float | None, what: str, now_ns: int) -> None:
        """The venue limits the account or the address: opens at once, for what it said, else 300 s."""
        span_s = OPEN_S if retry_s is None else max(0.0, retry_s)
        until_ns = now_ns + round(span_s * NS_PER_S)
        if self._open_until_ns is None or until_ns > self._open_until_ns:
            self._trip(span_s, "the venue limits our rate", (what,), now_ns)

    def failing(self, now_ns: int) -> int:
        """Failures within the last 30 s of which none was followed by an answer."""
        since_ns = now_ns - WINDOW_S * NS_PER_S
        if self._answered_ns is not None:
            since_ns = max(since_ns, self._answered_ns)
        return sum(at_ns > since_ns for at_ns, _ in self._failures)

    def succeeded(self, now_ns: int) -> None:
        """A request was answered as it should be; while half-open that closes the breaker."""
        self._answered_ns = now_ns
        if self._open_until_ns is not None and now_ns >= self._open_until_ns:
            self._open_until_ns = self._probed_ns = None
            self._failures.clear()
            self.changed = True

    def force(self, state: BreakerState | None, why: str) -> None:
        """Hold it open or closed until further notice, or (None) let it decide itself again."""
        if state is BreakerState.HALF_OPEN:
            raise ValueError("a breaker is forced open or closed")
        self.forced = state
        self._why = why
        self.changed = True

    def dump(self, now_ns: int, wall_ns: int) -> bytes:
        """Everything that must outlive the process; `wall_ns` is Unix time."""
        return msgspec.json.encode(
            _Kept(now_ns, wall_ns, self._open_until_ns, self.forced, self._why, tuple(self.trips))
        )

    def load(self, kept: bytes, now_ns: int, wall_ns: int) -> None:
        """Take up what was dumped, perhaps before a restart of the machine; raises ValueError if unreadable.

        Monotonic time goes on while the machine runs, so a stepped clock changes nothing; where the machine
        was restarted Unix time counts, and no clock makes the rest of a trip longer than it was.
        """
        try:
            old = msgspec.json.decode(kept, type=_Kept)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not the state of a breaker: {error}") from error
        passed_ns = now_ns - old.mono_ns
        if passed_ns < 0:
            passed_ns = max(now_ns, wall_ns - old.wall_ns)
        shift_ns = now_ns - passed_ns - old.mono_ns
        self.forced, self._why = old.forced, old.why
        self.trips = deque(
            (msgspec.structs.replace(trip, at_ns=trip.at_ns + shift_ns) for trip in old.trips), KEPT_TRIPS
        )
        self._open_until_ns = None if old.open_until_ns is None else old.open_until_ns + shift_ns

    def _probing(self, now_ns: int) -> bool:
        return self._probed_ns is not None and now_ns - self._probed_ns < PROBE_S * NS_PER_S

    def _trip(self, span_s: float, reason: str, evidence: tuple[str, ...], now_ns: int) -> None:
        self.opened += 1
        self.trips.append(Trip(now_ns, span_s, reason, evidence))
        self._open_until_ns = now_ns + round(span_s * NS_PER_S)
        self._probed_ns = None
        self.changed = True

    def _refusal(self, state: BreakerState) -> str:
        if self.forced is not None:
            return f"the breaker is held open: {self._why}"
        reason = self.trips[-1].reason if self.trips else "a trip before the restart"
        if state is BreakerState.HALF_OPEN:
            return f"the breaker waits for a harmless request to succeed ({reason})"
        return f"the breaker is open ({reason})"

    def _retry_s(self, state: BreakerState, now_ns: int) -> float:
        if self.forced is not None:
            return OPEN_S
        if self._open_until_ns is None or state is BreakerState.HALF_OPEN:
            return 1.0
        return (self._open_until_ns - now_ns) / NS_PER_S
