"""Fills that nobody told us of: looked for where a position has moved by more than the fills we know.

Rule: a missed fill is told as its order's, by the venue's evidence of that order, whoever has placed it; one
whose order cannot be told yet stays missing, and is looked for again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from leadline.clock import NS_PER_S, Clock
from leadline.core.chunks import chunks
from leadline.engine.orders import Orders
from leadline.engine.positions import Positions
from leadline.net.http import Purpose
from leadline.venues.ports import Account

LOOKED_UP_AT_ONCE = 50
"""Ids one request takes (dossier §14.2)."""

TRIES = 3
SETTLE_S = 2.0
"""Between tries: news of a fill may be on its way, and a list of fills may lag behind a position."""

BEHIND_S = 3_600
"""So long before it was noticed a hole may have begun: a stream may tell nothing and look well."""

OVERLAP_S = 60
"""Our clock and the venue's may differ by less than so much."""

_log = logging.getLogger("leadline")


class MissedFills:
    """Looks for them after a hole; costs nothing where every move of a position is explained."""

    def __init__(self, account: Account, orders: Orders, positions: Positions, clock: Clock) -> None:
        self._account = account
        self._orders = orders
        self._positions = positions
        self._clock = clock
        self._first_ns = self._explained_ns = clock.wall_ns()
        """Unix time of the beginning, and of the last moment at which everything was explained."""

    async def find(self) -> None:
        """Look until all moves are explained, three times at most. Raises what asking the venue raises."""
        begun_ns = self._clock.wall_ns()
        missing: Collection[str] = ()
        for number in range(TRIES):
            if number:
                await self._clock.sleep(SETTLE_S)
            moved = self._positions.unexplained()
            if moved is None:
                return  # the stream has another hole, after which it is asked again
            if not moved:
                break
            missing = await self._look(moved)
        else:
            if missing or not self._give_up():
                return
        self._explained_ns = begun_ns

    async def _look(self, symbols: Collection[str]) -> set[str]:
        """Have the orders of unknown fills told; the symbols of those that could not be."""
        earliest_ns = self._first_ns - OVERLAP_S * NS_PER_S
        since_ns = max(self._explained_ns - BEHIND_S * NS_PER_S, earliest_ns)
        asked_ns = self._clock.mono_ns()
        fills = await self._account.fetch_fills(since_ns, Purpose.RECOVERY, symbols)
        known = self._known(symbols)
        names = dict.fromkeys(fill.order_id for fill in fills if fill.exec_id not in known)
        for ids in chunks(list(names), LOOKED_UP_AT_ONCE):
            reports = await self._account.fetch_orders(ids, Purpose.RECOVERY)
            self._orders.looked_up(tuple(reports), asked_ns, self._clock.mono_ns())
        known = self._known(symbols)
        return {fill.symbol for fill in fills if fill.exec_id not in known}

    def _known(self, symbols: Collection[str]) -> set[str]:
        orders = (order for order in self._orders.orders() if order.symbol in symbols)
        return {fill.exec_id for order in orders for fill in order.fills}

    def _give_up(self) -> bool:
        """No fill says why: that is told, once. Whether it could be said of all."""
        moved = self._positions.unexplained()
        for symbol, qty in (moved or {}).items():
            _log.warning("the position in %s has moved by %s, and no fill says why", symbol, qty)
            self._positions.accept(symbol)
        return moved is not None
