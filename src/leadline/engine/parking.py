"""Reports of orders nobody here knows yet, kept until an acknowledgement names their owner.

Rule: bounded in number and time, and what is given up at a bound is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from leadline.clock import NS_PER_S
from leadline.model.order import OrderReport

MOST_REPORTS = 5_000
KEPT_NS = 60 * NS_PER_S
ASK_NS = NS_PER_S
"""How long the venue has to name the order by itself before it is looked up."""


class _Group:
    """The reports of one order, in the order of arrival."""

    __slots__ = ("asked", "reports", "since_ns")

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.reports: list[OrderReport] = []
        self.asked = False

    @property
    def history(self) -> bool:
        """Only matches from a snapshot: of an order that was over before we came, as a rule."""
        return all(report.snapshot for report in self.reports)


class Parking:
    """Reports by order id; `dropped` is told of each order whose news is given up."""

    def __init__(self, dropped: Callable[[str], None]) -> None:
        self._dropped = dropped
        self._groups: dict[str, _Group] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._groups))

    def reports(self, order_id: str) -> tuple[OrderReport, ...]:
        """What is kept of an order, oldest first."""
        group = self._groups.get(order_id)
        return () if group is None else tuple(group.reports)

    def park(self, report: OrderReport, now_ns: int) -> None:
        """Keep one report; a duplicate is kept once, and at the bound the oldest order's news goes."""
        group = self._groups.setdefault(report.order_id, _Group(now_ns))
        if report in group.reports:
            return
        group.reports.append(report)
        self._count += 1
        while self._count > MOST_REPORTS:
            self._give_up(next(iter(self._groups)))

    def take(self, order_id: str) -> list[OrderReport]:
        """The reports of an order, which are parked no longer."""
        group = self._groups.pop(order_id, None)
        if group is None:
            return []
        self._count -= len(group.reports)
        return group.reports

    def to_look_up(self, now_ns: int, held: Callable[[OrderReport], bool]) -> list[str]:
        """Orders to ask the venue about, each once; what is older than the bound goes, unless held."""
        ids = []
        for order_id, group in tuple(self._groups.items()):
            if held(group.reports[0]):
                continue
            if now_ns - group.since_ns > KEPT_NS:
                self._give_up(order_id)
            elif not group.asked and not group.history and now_ns - group.since_ns >= ASK_NS:
                group.asked = True
                ids.append(order_id)
        return ids

    def _give_up(self, order_id: str) -> None:
        history = self._groups[order_id].history
        self.take(order_id)
        if not history:
            self._dropped(order_id)
