"""What requests cost an address and when it is turned away: fixed UTC windows, 429, then bans (dossier §3).

A refused request costs nothing but patience: who keeps asking after a 429 is banned, each time longer.
"""

from __future__ import annotations

from leadline.emulator.binance.errors import Refused
from leadline.emulator.numbers import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
POOL_NS = 300 * NS_PER_S
FIRST_BAN_S = 120
LONGEST_BAN_S = 3 * 86_400
# assumed: how many requests after the first 429 of a minute bring the ban
PATIENCE = 20
LIMIT = 2_400
FUNDING_POOL = 500
DATA_POOL = 1_000
TOO_MANY = -1003
ADDRESS = "127.0.0.1"
ADVICE = "Please use the websocket for live updates to avoid bans."


class Turned(Refused):
    """A refusal for want of weight; `retry_after_s` is what the header says, None without one."""

    def __init__(self, message: str, status: int, retry_after_s: int | None) -> None:
        super().__init__(TOO_MANY, message, status)
        self.retry_after_s = retry_after_s


class Window:
    """A count that begins anew at every boundary of UTC time."""

    def __init__(self, span_ns: int, limit: int) -> None:
        self.limit = limit
        self._span_ns = span_ns
        self._number = -1
        self._count = 0

    def used(self, now_ns: int) -> int:
        """The count of the window that time falls into."""
        number = now_ns // self._span_ns
        if number != self._number:
            self._number, self._count = number, 0
        return self._count

    def add(self, cost: int, now_ns: int) -> None:
        """Count so much more."""
        self._count = self.used(now_ns) + cost

    def ends_ns(self, now_ns: int) -> int:
        """When the window that time falls into is over."""
        return (now_ns // self._span_ns + 1) * self._span_ns


class AddressWeights:
    """The request weight of the one address there is, and the pools beside it."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.banned_until_ns = 0
        self._minute = Window(MINUTE_NS, limit)
        self._refused = Window(MINUTE_NS, PATIENCE)
        self._ban_s = FIRST_BAN_S
        self.funding = Window(POOL_NS, FUNDING_POOL)
        self.data = Window(POOL_NS, DATA_POOL)

    def used(self, now_ns: int) -> int:
        """What this minute has cost so far."""
        return self._minute.used(now_ns)

    def spend(self, cost: int, now_ns: int) -> None:
        """Count weight that another client of the address has used."""
        self._minute.add(cost, now_ns)

    def charge(self, cost: int, now_ns: int) -> None:
        """Spend weight; raises `Turned` with 429 where the minute has none left, 418 while banned."""
        self._check_ban(now_ns)
        if self._minute.used(now_ns) + cost > self.limit:
            raise self._turned(f"{self.limit} requests per minute", self._minute, now_ns)
        self._minute.add(cost, now_ns)

    def draw(self, pool: Window, now_ns: int) -> None:
        """Spend one of a pool that has its own limit; raises as `charge` does."""
        self._check_ban(now_ns)
        if pool.used(now_ns) >= pool.limit:
            raise self._turned(f"{pool.limit} requests per 5 minutes", pool, now_ns)
        pool.add(1, now_ns)

    def _check_ban(self, now_ns: int) -> None:
        if now_ns < self.banned_until_ns:
            until_ms = self.banned_until_ns // 1_000_000
            text = f"Way too many requests; IP({ADDRESS}) banned until {until_ms}. {ADVICE}"
            raise Turned(text, 418, None)

    def _turned(self, limit: str, window: Window, now_ns: int) -> Turned:
        """One more refusal; from one too many on, a ban."""
        self._refused.add(1, now_ns)
        if self._refused.used(now_ns) > PATIENCE:
            self.banned_until_ns = now_ns + self._ban_s * NS_PER_S
            self._ban_s = min(LONGEST_BAN_S, 2 * self._ban_s)
        wait_s = -(-(window.ends_ns(now_ns) - now_ns) // NS_PER_S)
        text = f"Too many requests; current limit of IP({ADDRESS}) is {limit}. {ADVICE}"
        return Turned(text, 429, wait_s)
