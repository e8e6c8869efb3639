"""What a run has found: violations that reproduce from their seed, and counts that add up over seeds."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.model.level import Level

KEPT_VIOLATIONS = 50
"""Of one seed; the counts go on."""

SERVED_WRONG = "served_wrong"
STALE_AS_FRESH = "stale_as_fresh"
GAP_UNEXPLAINED = "gap_unexplained"
NOT_LIVE = "not_live"
ESCAPED = "escaped"
TOO_MANY = "too_many_requests"
LOST = "lost"
DUPLICATED = "duplicated"
MISJUDGED = "misjudged"
FILLS_MISSED = "fills_missed"
FILLS_DOUBLED = "fills_doubled"
UNRESOLVED = "unresolved"
NONCE_REFUSED = "nonce_refused"
LIMIT_REFUSED = "limit_refused"
FALSE_ALARM = "false_alarms"
MISSED_DIVERGENCE = "missed_divergences"
FLAPPING = "flapping"
FORBIDDEN = "forbidden"
REPLAYED = "replayed"
LATE = "sent_late"
BROKEN_WHILE_WHOLE = "broken_while_whole"

ACCOUNT_KINDS = (
    LOST,
    DUPLICATED,
    MISJUDGED,
    FILLS_MISSED,
    FILLS_DOUBLED,
    UNRESOLVED,
    NONCE_REFUSED,
    LIMIT_REFUSED,
)
"""What must not happen to the orders of an account."""


class Violation(Struct, frozen=True):
    """One promise broken: at which virtual second, what a reader saw and what was true."""

    seed: int
    at_s: float
    kind: str
    symbol: str
    seen: str
    true: str
    command: str


class Report(Struct):
    """One seed's result, and with `add` the sum of several."""

    seeds: int = 0
    virtual_s: float = 0.0
    faults: int = 0
    books_compared: int = 0
    readings_compared: int = 0
    trades: int = 0
    orders: int = 0
    """Orders that the venue took of the client, those it made of its fills included."""
    fills: int = 0
    restarts: int = 0
    refused_by_fault: int = 0
    """Nonces and limits refused through a fault of the network or another client's use of the budget."""
    kinds: Counter[str] = Counter()
    round_trip_ms: Counter[int] = Counter()
    failover_ms: Counter[int] = Counter()
    """How long readers waited for another source after a loss was noticed."""
    levels_seen: list[str] = []
    differences: int = 0
    """Differences between stream and REST that lasted long enough to be found."""
    violations: list[Violation] = []
    trace: str = ""
    """A digest of everything that readers were given and when; the same for every run of a seed."""

    def add(self, other: Report) -> None:
        """Take in the report of further seeds."""
        self.seeds += other.seeds
        self.virtual_s += other.virtual_s
        self.faults += other.faults
        self.books_compared += other.books_compared
        self.readings_compared += other.readings_compared
        self.trades += other.trades
        self.orders += other.orders
        self.fills += other.fills
        self.restarts += other.restarts
        self.refused_by_fault += other.refused_by_fault
        self.kinds = self.kinds + other.kinds
        self.round_trip_ms = self.round_trip_ms + other.round_trip_ms
        self.failover_ms = self.failover_ms + other.failover_ms
        self.levels_seen = [
            level.name for level in Level if level.name in {*self.levels_seen, *other.levels_seen}
        ]
        self.differences += other.differences
        self.violations = self.violations + other.violations
        self.trace = hashlib.sha256(f"{self.trace}{other.trace}".encode()).hexdigest()

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.kinds


class Findings:
    """Collects the violations of one run."""

    def __init__(self, seed: int, command: str) -> None:
        self.violations: list[Violation] = []
        self.kinds: Counter[str] = Counter()
        self._seed = seed
        self._command = command

    def add(self, kind: str, symbol: str, seen: Any, true: Any, now_ns: int) -> None:
        """Note one."""
        self.kinds[kind] += 1
        if len(self.violations) < KEPT_VIOLATIONS:
            at_s = round(now_ns / NS_PER_S, 6)
            self.violations.append(
                Violation(self._seed, at_s, kind, symbol, str(seen), str(true), self._command)
            )
