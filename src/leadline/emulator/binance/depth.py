"""Update ids and the diff chains of order books (dossier §11, §15.5).

One ascending sequence of ids runs through all contracts, so one contract's ids are sparse and only `pu`
proves that nothing is missing; each speed of a stream is a chain of its own.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque

from leadline.emulator.market import Batch, Listing, Market
from leadline.emulator.matching import ASK, BID

FIRST_ID = 11_757_092_616_661
MOST_SKIPPED = 130
KEPT = 20_000
"""How many marks of the past are kept a contract, for snapshots that lag; beyond it the oldest is told."""


class UpdateIds:
    """The ids of every change of every book."""

    def __init__(self, market: Market, rng: random.Random) -> None:
        self._rng = rng
        self._next = FIRST_ID
        self._last: dict[str, int] = {}
        self._past: dict[str, deque[tuple[int, int]]] = {}
        for symbol in market.listings:
            self._past[symbol] = deque(maxlen=KEPT)
            self._last[symbol] = self._drawn(1)[1]
        self.first: dict[str, int] = dict(self._last)
        """The id of the first change of the newest event, by symbol."""
        market.listeners.append(self._number)

    def last(self, symbol: str) -> int:
        """The id of the last applied change of a contract."""
        return self._last[symbol]

    def at(self, symbol: str, time_ns: int) -> int:
        """The id of the last change applied by then."""
        past = self._past[symbol]
        found = bisect_right(past, time_ns, key=lambda one: one[0])
        if found:
            return past[found - 1][1]
        return past[0][1] if past else self._last[symbol]

    def _number(self, batch: Batch) -> None:
        symbol = batch.symbol
        if not self._past[symbol]:
            self._past[symbol].append((0, self._last[symbol]))
        self.first[symbol], self._last[symbol] = self._drawn(len(batch.changes))
        self._past[symbol].append((batch.time_ns, self._last[symbol]))

    def _drawn(self, changes: int) -> tuple[int, int]:
        """The ids of the first and the last of so many changes."""
        first = self._next + self._rng.randint(1, MOST_SKIPPED)
        last = first + changes - 1
        self._next = last + 1
        return first, last


class Chain:
    """What one diff stream has not told yet; `pu` is the last id of what it told before."""

    def __init__(self, listing: Listing, ids: UpdateIds) -> None:
        self._listing = listing
        self._ids = ids
        self.pu = ids.last(listing.pair.symbol)
        self.first = 0
        self.last = self.pu
        self.time_ns = 0
        self._changed: tuple[set[int], set[int]] = (set(), set())

    @property
    def waiting(self) -> bool:
        """Whether anything has changed since the last event."""
        return self.last != self.pu

    def note(self, batch: Batch) -> None:
        """Take an event of the engine in."""
        symbol = batch.symbol
        if not self.waiting:
            self.first = self._ids.first[symbol]
        self.last = self._ids.last(symbol)
        self.time_ns = batch.time_ns
        for change in batch.changes:
            self._changed[change.side].add(change.key)

    def taken(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The changed levels with what they now are, bids and asks by ascending price; 0 is gone."""
        sides = []
        for side in (BID, ASK):
            book = self._listing.book.sides[side]
            rows = []
            for key in self._changed[side]:
                level = book.levels.get(key)
                rows.append((key * book.sign, level.qty if level is not None else 0))
            sides.append(sorted(rows))
            self._changed[side].clear()
        return sides[0], sides[1]

    def told(self) -> None:
        """Begin the next event."""
        self.pu = self.last
