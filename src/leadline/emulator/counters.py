"""The venue's two rate counters: REST calls per key and matching-engine transactions per pair and user.

Points fall continuously, so they are kept as integers of 10^-11 point: every tier's fall per nanosecond is
then a whole number (dossier §12, §13.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leadline.emulator.numbers import NS_PER_S

Tier = Literal["starter", "intermediate", "pro"]
POINT = 10**11


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a tier may have on its counter at most, in points, and how fast it falls, in 10^-11 point/ns."""

    most: int
    fall_per_ns: int


ORDER_ALLOWANCES: dict[Tier, Allowance] = {
    "starter": Allowance(60, 100),
    "intermediate": Allowance(125, 234),
    "pro": Allowance(180, 375),
}
REST_ALLOWANCES: dict[Tier, Allowance] = {
    "starter": Allowance(15, 33),
    "intermediate": Allowance(20, 50),
    "pro": Allowance(20, 100),
}
OPEN_ORDERS_PER_PAIR: dict[Tier, int] = {"starter": 60, "intermediate": 80, "pro": 225}

_BANDS_S = (5, 10, 15, 45, 90, 300)
_AGE_POINTS = {"amend": (3, 2, 1, 0, 0, 0), "edit": (6, 5, 4, 2, 1, 0), "cancel": (8, 6, 5, 4, 2, 1)}
_HISTORY_CALLS = frozenset({"Ledgers", "QueryLedgers", "TradesHistory", "QueryTrades", "ClosedOrders"})
_ENGINE_CALLS = frozenset(
    {
        "AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder",
        "CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter",
    }
)  # fmt: skip


def age_points(act: Literal["amend", "edit", "cancel"], age_ns: int) -> int:
    """What the youth of an order adds to the cost of an act; the bands are half-open (dossier §12)."""
    for below_s, points in zip(_BANDS_S, _AGE_POINTS[act], strict=True):
        if age_ns < below_s * NS_PER_S:
            return points
    return 0


def rest_points(endpoint: str, *, by_client_id: bool = False) -> int:
    """What a private REST call costs on the key's counter; trading calls cost nothing there (§13.4).

    `by_client_id`: an OpenOrders looked up by cl_ord_id costs 2.
    """
    if endpoint in _ENGINE_CALLS:
        return 0
    # assumed: QueryLedgers and QueryTrades count as history calls too
    if endpoint in _HISTORY_CALLS:
        return 4
    return 2 if by_client_id else 1


class Counter:
    """Points that were charged and have not fallen yet."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self._units = 0
        self._at_ns = 0

    def points(self, now_ns: int) -> float:
        """The points at that time, for people and for `ratecounter` fields."""
        return self.units(now_ns) / POINT

    def units(self, now_ns: int) -> int:
        """The points at that time in 10^-11 point."""
        if now_ns > self._at_ns:
            self._units = max(0, self._units - (now_ns - self._at_ns) * self.allowance.fall_per_ns)
            self._at_ns = now_ns
        return self._units

    def charge(self, points: float, now_ns: int) -> None:
        """Add points (halves are exact), whether or not the allowance has room for them."""
        self._units = self.units(now_ns) + round(points * 2) * POINT // 2

    def room(self, points: int, now_ns: int) -> bool:
        """Whether that many more points are within the allowance."""
        return self.units(now_ns) + points * POINT <= self.allowance.most * POINT


class OrderCounter(Counter):
    """One pair's transactions of one account."""

    def __init__(self, tier: Tier) -> None:
        super().__init__(ORDER_ALLOWANCES[tier])

    def set_tier(self, tier: Tier) -> None:
        """Go on with the points there are, under another allowance."""
        self.allowance = ORDER_ALLOWANCES[tier]


class RestCounter(Counter):
    """The private REST calls of one key."""

    def __init__(self, tier: Tier) -> None:
        super().__init__(REST_ALLOWANCES[tier])

    def set_tier(self, tier: Tier) -> None:
        """Go on with the points there are, under another allowance."""
        self.allowance = REST_ALLOWANCES[tier]

    def take(self, points: int, now_ns: int) -> bool:
        """Charge a call; False where the answer is `EAPI:Rate limit exceeded`.

        assumed: a refused call leaves the counter at its most, so that going on calling stays limited.
        """
        most = self.allowance.most * POINT
        wanted = self.units(now_ns) + points * POINT
        self._units = min(wanted, max(most, self._units))
        return points == 0 or wanted <= most
