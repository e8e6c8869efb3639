"""Has an account's orders held where the market's sources contradict each other.

Rule: whoever holds a symbol says so by name, so that nobody lets go for another.
"""

from __future__ import annotations

from leadline.engine.desk import Desk
from leadline.engine.feed import Feed
from leadline.engine.halts import CROSS_CHECK


def guard_orders(feed: Feed, desk: Desk) -> None:
    """Hold orders of every symbol that diverges, and look more often at those with live orders."""
    feed.validator.guard(
        hold=lambda symbol, why: desk.orders.halt(symbol, why, CROSS_CHECK),
        release=lambda symbol: desk.orders.resume(symbol, "stream and REST agree again", CROSS_CHECK),
        critical=lambda: {order.symbol for order in desk.orders.live()},
    )
