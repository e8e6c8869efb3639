"""The price of one thing at both venues, and the difference between them.

Rule: where one of the two streams is not live there is no difference, however fresh the other is.
"""

from __future__ import annotations

from decimal import Decimal

from leadline.demo.result import PriceReport
from leadline.engine.between import Between

_BASIS_POINTS = 10_000


class PriceBetween:
    """Looks at what `Between` finds again and again, and keeps the ends of the span."""

    def __init__(self, between: Between, symbols: tuple[str, str]) -> None:
        self.between = between
        self.symbols = symbols
        self.least_bp: float | None = None
        """The lowest difference seen, in basis points of the first price."""
        self.most_bp: float | None = None
        """The highest one."""

    def look(self) -> None:
        """Take the difference of now into account."""
        _, apart_bp = self._difference()
        if apart_bp is not None:
            self.least_bp = apart_bp if self.least_bp is None else min(self.least_bp, apart_bp)
            self.most_bp = apart_bp if self.most_bp is None else max(self.most_bp, apart_bp)

    def report(self) -> PriceReport:
        """Both prices and what lies between them, now."""
        self.look()
        now = self.between.now
        difference, apart_bp = self._difference()
        return PriceReport(
            self.symbols, now.mids, difference, apart_bp, self.least_bp, self.most_bp, now.agreement.value
        )

    def _difference(self) -> tuple[Decimal | None, float | None]:
        first, second = self.between.now.mids
        if first is None or second is None:
            return None, None
        return second - first, round(float((second - first) / first * _BASIS_POINTS), 2)
