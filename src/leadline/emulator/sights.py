"""What the public is shown of the market: the present or, under LAG and SKEW, something else.

The market itself is never touched, so whatever asks it directly is told the truth.
"""

from __future__ import annotations

from decimal import Decimal

from leadline.emulator.fault_board import Active, FaultBoard
from leadline.emulator.faults import Lag
from leadline.emulator.market import Batch, Listing, Market, Ratio
from leadline.emulator.past import Past


class Sights:
    """The pasts that the active LAGs need, and the factors of the active SKEWs.

    A route is `rest` or `ws`, a channel `ticker` or `book`.
    """

    def __init__(self, market: Market, board: FaultBoard) -> None:
        self._market = market
        self._board = board
        self._pasts: dict[tuple[int, str], Past] = {}
        market.regrid_listeners.append(self._regridded)

    def listing(self, route: str, channel: str, listing: Listing, now_ns: int) -> Listing:
        """The listing to be shown instead of this one."""
        lag = self._board.lag(route, channel, listing.pair.symbol) if self._pasts else None
        if lag is None:
            return listing
        fault_id, lag_ns = lag
        return self._pasts[fault_id, listing.pair.symbol].at(now_ns - lag_ns)

    def factor(self, route: str, channel: str, symbol: str) -> Decimal | None:
        """What the prices shown are to be multiplied by; None where they are right."""
        return self._board.skew(route, channel, symbol)

    def seen_ns(self, route: str, channel: str, symbol: str, now_ns: int) -> int:
        """The moment that is shown in the place of the present."""
        lag = self._board.lag(route, channel, symbol) if self._pasts else None
        if lag is None:
            return now_ns
        fault_id, lag_ns = lag
        return max(now_ns - lag_ns, self._board.active[fault_id].since_ns)

    def lag(self, channel: str, symbol: str) -> tuple[int, int] | None:
        """Which fault delays a stream, and by how many nanoseconds."""
        return self._board.lag("ws", channel, symbol) if self._pasts else None

    def still(self, fault_id: int) -> bool:
        """Whether that fault is on."""
        return fault_id in self._board.active

    def begin(self, one: Active) -> None:
        """Keep the past from now on, where the fault is a LAG."""
        if not isinstance(one.fault, Lag):
            return
        if not self._pasts:
            self._market.listeners.append(self._note)
        for symbol, listing in self._market.listings.items():
            if one.fault.symbol in (None, symbol):
                self._pasts[one.fault_id, symbol] = Past(listing)

    def end(self, fault_id: int) -> None:
        """Forget the past kept for that fault."""
        kept = {key: past for key, past in self._pasts.items() if key[0] != fault_id}
        if self._pasts and not kept:
            self._market.listeners.remove(self._note)
        self._pasts = kept

    def _note(self, batch: Batch) -> None:
        for (_, symbol), past in self._pasts.items():
            if symbol == batch.symbol:
                past.note(batch)

    def _regridded(self, symbol: str, price: Ratio, qty: Ratio) -> None:
        for (_, name), past in self._pasts.items():
            if name == symbol:
                past.restart()
