"""Kraken's limits of one key: the REST counter, and one counter for each pair (dossier §12, §13.4).

Rule: what adds risk uses four fifths of a counter; the rest is kept for what cancels or looks up.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum

from leadline.clock import NS_PER_S
from leadline.core.cells import Cells
from leadline.core.limits import Budget, SharedBudget, Standing
from leadline.net.departures import Priority
from leadline.venues.ports import Action


@dataclass(frozen=True, slots=True)
class Figures:
    """What a tier allows: two counters, each with its limit and its decay per second."""

    rest_limit: float
    rest_decay: float
    order_limit: float
    order_decay: float


class Tier(Enum):
    """How far Kraken trusts an account; sub-accounts share their master's."""

    STARTER = Figures(15, 0.33, 60, 1.0)
    INTERMEDIATE = Figures(20, 0.5, 125, 2.34)
    PRO = Figures(20, 1.0, 180, 3.75)


REST_RESERVE = {
    Priority.EMERGENCY: 1.0,
    Priority.FALLBACK: 7.0,
    Priority.ORDER: 4.0,
    Priority.NORMAL: 7.0,
    Priority.BACKGROUND: 8.0,
}
"""Points of the REST counter that each kind of request leaves untouched: at least a fifth of the 15 or 20,
save for look-ups and emergencies, and room for one look-up of an order in doubt (open, then closed: 6)."""

USED_SHARE = 0.8
JITTER_S = 2.0
"""So much closer together two requests may arrive than they left; cancels leave room for the decay of it."""

_AGE_BANDS_S = (5, 10, 15, 45, 90, 300)
_FIXED = {Action.ADD: 1.0, Action.AMEND: 1.0, Action.REPLACE: 1.0, Action.CANCEL: 0.0}
_BY_AGE = {
    Action.ADD: (0, 0, 0, 0, 0, 0, 0),
    Action.AMEND: (3, 2, 1, 0, 0, 0, 0),
    Action.REPLACE: (6, 5, 4, 2, 1, 0, 0),
    Action.CANCEL: (8, 6, 5, 4, 2, 1, 0),
}


def cost(action: Action, age_s: float = 0.0, count: int = 1) -> float:
    """Points of the pair's counter; the age is that since the order was created or last amended.

    `count` above 1 is a batch of adds (half a point each) or of cancels of one age.
    """
    if action is Action.ADD and count > 1:
        return count / 2
    return count * (_FIXED[action] + _BY_AGE[action][bisect_right(_AGE_BANDS_S, age_s)])


def tier_of(max_rate_count: float) -> Tier:
    """The tier that the acknowledgement of executions shows by its `maxratecount` (dossier §9.1).

    assumed: a figure that is in no table belongs to the highest tier it reaches.
    """
    return max(
        (tier for tier in Tier if tier.value.order_limit <= max_rate_count),
        key=lambda tier: tier.value.order_limit,
        default=Tier.STARTER,
    )


class KeyLimits:
    """Both kinds of counters of one key, shared through its state with all that use it on this machine."""

    def __init__(self, state: Cells, tier: Tier) -> None:
        figures = tier.value
        self.tier = tier
        self.rest: Budget = SharedBudget(state.cell("rest", Standing), figures.rest_limit, figures.rest_decay)
        """For KeyedHttp, with REST_RESERVE."""
        self._state = state
        self._pairs: dict[str, Budget] = {}

    def charge(
        self, symbol: str, action: Action, now_ns: int, touched_ns: int | None = None, count: int = 1
    ) -> float:
        """Spend what a request costs and return 0, or spend nothing and return the seconds until it fits.

        `touched_ns` (monotonic) is when the order was created or last amended, as we heard of it; an unknown
        age is charged as the youngest. The venue takes a batch of cancels whatever its counter says, so it is
        always charged.
        """
        age_s = 0.0 if touched_ns is None else (now_ns - touched_ns) / NS_PER_S
        points = cost(action, age_s, count)
        pair = self._pair(symbol)
        if action is Action.CANCEL and count > 1:
            pair.spend(points, now_ns)
            return 0.0
        return pair.take(points, now_ns, self._reserve(action))

    def cancelled(self, symbol: str, now_ns: int, touched_ns: int | None = None, count: int = 1) -> None:
        """Count cancels that leave whatever the counter says: whether it takes them is the venue's affair."""
        age_s = 0.0 if touched_ns is None else (now_ns - touched_ns) / NS_PER_S
        self._pair(symbol).spend(cost(Action.CANCEL, age_s, count), now_ns)

    def all_cancelled(self, symbols: frozenset[str], now_ns: int) -> None:
        """A cancel of everything leaves, or a dead-man switch is set: one point for each pair it touches.

        assumed: as Kraken's own kit counts (dossier §12).
        """
        for symbol in symbols:
            self._pair(symbol).spend(1.0, now_ns)

    def refused(self, symbol: str, now_ns: int) -> None:
        """The venue refused a request of this pair for its counter; only this pair waits."""
        self._pair(symbol).exceeded(now_ns)

    def level(self, symbol: str, now_ns: int) -> float:
        """Where the pair's counter stands, in points."""
        return self._pair(symbol).read(now_ns).level(now_ns)

    def fullest(self, now_ns: int) -> float:
        """Where the fullest of the order counters stands of the pairs that this program trades, in points."""
        return max((self.level(symbol, now_ns) for symbol in self._pairs), default=0.0)

    def learned(self, max_rate_count: float, now_ns: int) -> None:
        """The venue has shown the account's tier; it counts from now on, be it higher or lower."""
        tier = tier_of(max_rate_count)
        if tier is self.tier:
            return
        self.tier = tier
        self.rest.resize(tier.value.rest_limit, tier.value.rest_decay, now_ns)
        for pair in self._pairs.values():
            pair.resize(tier.value.order_limit, tier.value.order_decay, now_ns)

    def _pair(self, symbol: str) -> Budget:
        if symbol not in self._pairs:
            figures = self.tier.value
            cell = self._state.cell(f"orders {symbol}", Standing)
            self._pairs[symbol] = SharedBudget(cell, figures.order_limit, figures.order_decay)
        return self._pairs[symbol]

    def _reserve(self, action: Action) -> float:
        figures = self.tier.value
        if action is Action.CANCEL:
            return 1.0 + JITTER_S * figures.order_decay
        return (1.0 - USED_SHARE) * figures.order_limit
