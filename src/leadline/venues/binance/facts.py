"""What is known of market and account while an order is checked."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Facts:
    """The mark price of the order's symbol, how many orders of it are open without a trigger, and how many of
    the account wait for one; what is not known is None, and no rule is held against it.
    """

    waiting: int = 0
    mark: Decimal | None = None
    open_orders: int | None = None
