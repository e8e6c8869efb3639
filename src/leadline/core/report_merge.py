"""News of orders from several lines as if from one: each piece once, from whoever tells it first. Pure.

Rule: a copy is left out; what is told first may be older than another line's news, and orders bear with it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from leadline.core.account_session import OrdersJoined, OrdersReported, OrdersSnapshot
from leadline.model.order import OrderReport

KEPT_REPORTS = 10_000
"""Reports known by heart; a copy that lags by more is told again, and changes no order either."""


class ReportMerge:
    """Lines are told apart by any key; one is whole from its snapshot to its next hole."""

    def __init__(self) -> None:
        self.repeated = 0
        """Reports that another line had told already."""
        self._whole: set[Hashable] = set()
        self._told: OrderedDict[OrderReport, None] = OrderedDict()

    def snapshot(self, line: Hashable, news: OrdersSnapshot) -> OrdersSnapshot | OrdersJoined:
        """A line's snapshot: the truth where no other line is whole, else evidence beside theirs."""
        beside = self._whole - {line}
        self._whole.add(line)
        return OrdersJoined(news.reports) if beside else news

    def reported(self, news: OrdersReported) -> OrdersReported | None:
        """What is new of it; None where nothing is."""
        fresh = [report for report in news.reports if self._is_fresh(report)]
        self.repeated += len(news.reports) - len(fresh)
        return OrdersReported(tuple(fresh)) if fresh else None

    def _is_fresh(self, report: OrderReport) -> bool:
        if report in self._told:
            return False
        self._told[report] = None
        if len(self._told) > KEPT_REPORTS:
            self._told.popitem(last=False)
        return True

    def lost(self, line: Hashable) -> bool:
        """A line has a hole or is gone; whether no line is whole any more."""
        self._whole.discard(line)
        return not self._whole
