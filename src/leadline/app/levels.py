"""Puts the watch over the service level together, and has the account obey it."""

from __future__ import annotations

from collections.abc import Callable

from leadline.app.account import LiveAccount
from leadline.app.cross_checks import guard_orders
from leadline.clock import Clock
from leadline.core.level import Deed
from leadline.engine.feed import Feed
from leadline.engine.levels import LevelWatch
from leadline.engine.observer import Observer, Streams
from leadline.venues.ports import MarketData


def watch_levels(
    market: MarketData,
    feed: Feed,
    up: Callable[[int], bool],
    clock: Clock,
    required: Streams,
    account: LiveAccount | None,
) -> LevelWatch:
    """The watch over a system whose reference data is loaded and whose account, if any, is open.

    `up` says whether a public line stands at a monotonic time. Orders of a system that requires no streams
    do not depend on books: whoever trades there has prices from elsewhere.
    """
    desk = None if account is None else account.desk
    observer = Observer(
        market,
        feed,
        clock,
        required=required,
        up=up,
        divergences=lambda: len(feed.validator.open) + (0 if desk is None else len(desk.crosscheck.open)),
        venue_ns=None if account is None else account.account.venue_ns,
        desk=desk,
        breaker=None if account is None else account.breaker,
    )
    levels = LevelWatch(observer, clock, feed.tell, journal=None if desk is None else desk.orders.journal)
    feed.listen(levels.hear)
    feed.obey(lambda: levels.require(Deed.READ))
    feed.validator.permitted = lambda: levels.permits(Deed.BACKGROUND)
    if desk is not None and account is not None:
        guard_orders(feed, desk)
        desk.log.listen(levels.hear)
        desk.orders.obey(levels.standing, observer.book_problem if required else None)
        levels.on(account.level_changed)
    return levels
