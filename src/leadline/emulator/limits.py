"""How much the venue takes from one address or connection; nothing here waits, it only says yes or no."""

from __future__ import annotations

from collections import deque

from leadline.emulator.numbers import NS_PER_S


class TokenBucket:
    """`burst` at once, then `per_s` a second."""

    def __init__(self, per_s: float, burst: float, now_ns: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._at_ns = now_ns

    def take(self, now_ns: int, cost: int = 1) -> bool:
        """Whether one more, or one that counts for `cost`, fits now."""
        gained = (now_ns - self._at_ns) / NS_PER_S * self._per_s
        self._tokens = min(self._burst, self._tokens + gained)
        self._at_ns = now_ns
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True


class ConnectBudget:
    """So many connects in a rolling window; the next one bans the address for as long as that.

    Kraken's, unless said: 150 in 10 minutes (dossier §3.5).
    """

    CONNECTS = 150
    WINDOW_NS = 600 * NS_PER_S

    def __init__(self, connects: int = CONNECTS, window_ns: int = WINDOW_NS) -> None:
        self._most = connects
        self._window_ns = window_ns
        self._connects: deque[int] = deque()
        self.banned_until_ns = 0

    def take(self, now_ns: int) -> bool:
        """Whether one more connect is let in now."""
        if now_ns < self.banned_until_ns:
            return False
        while self._connects and self._connects[0] <= now_ns - self._window_ns:
            self._connects.popleft()
        if len(self._connects) >= self._most:
            self.banned_until_ns = now_ns + self._window_ns
            return False
        self._connects.append(now_ns)
        return True
