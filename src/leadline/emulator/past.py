"""The market as it was a while ago, for LAG: a second listing that follows the first at a distance.

It begins as a copy of the present, so nothing from before its beginning is ever shown.
"""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from dataclasses import replace

from leadline.emulator.market import Batch, Best, Listing
from leadline.emulator.matching import OrderBook


class Past:
    """One listing, and what has happened to it that its follower has not seen yet."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._ahead: deque[tuple[Batch, Best]] = deque()
        self._then = self._copied()

    def note(self, batch: Batch) -> None:
        """Keep an event of the market for later."""
        self._ahead.append((batch, self._listing.best))

    def at(self, time_ns: int) -> Listing:
        """The listing as it stood then; times must not go back."""
        while self._ahead and self._ahead[0][0].time_ns <= time_ns:
            self._happen(*self._ahead.popleft())
        return self._then

    def restart(self) -> None:
        """Forget the past: ticks and lots have changed."""
        self._ahead.clear()
        self._then = self._copied()

    def _happen(self, batch: Batch, best: Best) -> None:
        then = self._then
        for change in batch.changes:
            then.book.sides[change.side].put(change.key, change.qty, batch.time_ns)
        for one in batch.trades:
            then.tape.print_trade(one.time_ns, one.price, one.qty, one.taker_side, one.market)
        then.best = best

    def _copied(self) -> Listing:
        """The listing now, with totals in the place of the orders behind them."""
        listing = self._listing
        book = OrderBook()
        for side in listing.book.sides:
            for key, level in side.levels.items():
                book.sides[side.side].put(key, level.qty, level.changed_ns)
        return replace(listing, book=book, tape=deepcopy(listing.tape), spreads=listing.spreads.copy())
