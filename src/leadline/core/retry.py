"""How soon to try again, and how often at most: pure decisions on monotonic nanoseconds.

The rule of both classes: ask, then spend; the answer is a delay.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from leadline.clock import NS_PER_S

WINDOW_S = 600
CONNECTS_PER_WINDOW = 120
UNPROVEN_PER_WINDOW = 40
SPREAD_S = 5.0
"""Those who wait for the same budget come back within so long of each other, not all at one moment."""
PROOF_S = 30
"""How long a connection must have had data before it counts as stable (dossier §3.5)."""


class Randomness(Protocol):
    """A source of chance, such as a seeded `random.Random`."""

    def random(self) -> float:
        """A number from 0 up to but not including 1."""


class Backoff:
    """Exponential back-off with full jitter: each delay is drawn evenly from zero to a doubling ceiling.

    `attempt` counts the delays given since the last proof; nothing but `proven` resets it, because a venue
    that accepts and closes again would otherwise be tried without pause.
    """

    def __init__(self, random: Randomness, base_s: float = 0.5, cap_s: float = 30.0) -> None:
        self._random = random
        self._base_s = base_s
        self._cap_s = cap_s
        self.attempt = 0

    def next_delay_s(self) -> float:
        """How long to wait before the next attempt."""
        ceiling_s = min(self._cap_s, self._base_s * 2.0 ** min(self.attempt, 32))
        self.attempt += 1
        return self._random.random() * ceiling_s

    def spread_s(self) -> float:
        """What to add to a delay that others have been told as well."""
        return self._random.random() * SPREAD_S

    def proven(self) -> None:
        """What was attempted has worked for long enough."""
        self.attempt = 0


class ConnectBudget:
    """How many connects a process may make, within bounds that any venue takes unless others are given.

    At most 120 in any 600 s, and at most 40 of those not yet cleared: above about 150 in ten minutes Kraken's
    edge bans (dossier §3.5). Every connect counts as one that comes to nothing until it is cleared, so that
    several at once cannot overrun the second bound together.
    assumed: a refused connect is none of those 40, but one of the 120.
    """

    def __init__(
        self,
        most: int = CONNECTS_PER_WINDOW,
        most_unproven: int = UNPROVEN_PER_WINDOW,
        window_s: float = WINDOW_S,
    ) -> None:
        self.most = most
        self._most_unproven = most_unproven
        self._window_ns = round(window_s * NS_PER_S)
        self._connects: deque[int] = deque()
        self._uncleared: deque[int] = deque()

    def delay_s(self, now_ns: int) -> float:
        """How long until one more connect fits; 0 when it does now."""
        expired_ns = now_ns - self._window_ns
        delay_ns = 0
        for starts, limit in ((self._connects, self.most), (self._uncleared, self._most_unproven)):
            while starts and starts[0] <= expired_ns:
                starts.popleft()
            if len(starts) >= limit:
                delay_ns = max(delay_ns, starts[len(starts) - limit] - expired_ns)
        return delay_ns / NS_PER_S

    def spent(self, now_ns: int) -> int:
        """How many connects count against the window now."""
        return sum(began_ns > now_ns - self._window_ns for began_ns in self._connects)

    def spend(self, now_ns: int) -> None:
        """A connect begins now."""
        self._connects.append(now_ns)
        self._uncleared.append(now_ns)

    def clear(self, spent_ns: int) -> None:
        """The connect that began then was proven stable, or the venue never accepted it."""
        if spent_ns in self._uncleared:
            self._uncleared.remove(spent_ns)
