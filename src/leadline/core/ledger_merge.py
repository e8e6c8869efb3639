"""Bookings of one account from several lines as if from one: each once, and no balance steps back. Pure.

Rule: what is told rests on one line's snapshot, the base. Another line adds to it only once both have told
the same booking, and takes its place only where it lacks nothing that was told.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from leadline.clock import NS_PER_S
from leadline.core.account_session import BalancesReported, LedgerReported
from leadline.core.ledger import KEPT_IDS, Ledger
from leadline.model.account import BalancesSnapshot, LedgerEntry

SETTLE_NS = 2 * NS_PER_S
"""assumed: what a line has not repeated by then was in its snapshot, and it never will."""

Bookkeeping = BalancesReported | LedgerReported


class _Own:
    """What one line says by itself: its snapshot and its bookings since."""

    def __init__(self, news: BalancesReported) -> None:
        self.ledger = Ledger()
        self.ledger.open(news.snapshot)
        self.asked_ns = news.asked_ns
        self.in_step = False
        """Whether its bookings follow those that were told; its snapshot may be ahead of them."""
        self.held: OrderedDict[str, LedgerEntry] = OrderedDict()
        """Its bookings since the snapshot while it is not in step, not in its ledger yet."""
        self.behind: OrderedDict[str, None] = OrderedDict()
        """Bookings told by others that it has not told: to come, or in its snapshot."""

    def passes(self, ledger_id: str) -> None:
        """It has told this one, and will tell none any more that came before."""
        while self.behind:
            oldest, _ = self.behind.popitem(last=False)
            if oldest == ledger_id:
                return

    def take_held(self) -> list[LedgerEntry]:
        """Its bookings that were kept back, in its ledger now: it is in step."""
        held = list(self.held.values())
        for entry in held:
            self.ledger.book(entry)
        self.held.clear()
        self.in_step = True
        return held

    def stands(self) -> BalancesReported:
        return BalancesReported(BalancesSnapshot(tuple(self.ledger.balances().values())))


class LedgerMerge:
    """Lines are told apart by any key; times are monotonic nanoseconds. What a call returns is to be told.

    When the base is lost another line becomes it, and what that line says by itself replaces what was told as
    soon as it lacks nothing of that.
    """

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Own] = {}
        self._told: OrderedDict[str, int] = OrderedDict()
        """Bookings told, and when."""
        self._base: Hashable | None = None
        self._due_ns: int | None = None
        """Until when a new base has time to repeat what was told; None once it has taken its place."""
        self._lags = False
        """Whether the base took its place although it had not repeated everything."""

    @property
    def whole(self) -> bool:
        """Whether any line has told its snapshot and everything since."""
        return bool(self._lines)

    def snapshot(self, line: Hashable, news: BalancesReported, now_ns: int) -> list[Bookkeeping]:
        """A line's snapshot."""
        told = self.lost(line, now_ns)
        own = self._lines[line] = _Own(news)
        if len(self._lines) > 1:
            own.behind.update((name, None) for name, at_ns in self._told.items() if at_ns >= news.asked_ns)
            return told
        own.in_step = True
        self._told.clear()
        self._base, self._due_ns, self._lags = line, None, False
        return [news]

    def booked(self, line: Hashable, news: LedgerReported, now_ns: int) -> list[Bookkeeping]:
        """A line's bookings; before its snapshot they mean nothing."""
        own = self._lines.get(line)
        if own is None:
            return []
        told: list[Bookkeeping] = []
        for entry in news.entries:
            if entry.ledger_id in self._told:
                told += self._copy(line, own, entry)
            elif own.in_step:
                told += self._first(line, own, entry, now_ns)
            else:
                own.behind.clear()
                own.held[entry.ledger_id] = entry
                told += self._overflow(line, own, now_ns)
        return told

    def lost(self, line: Hashable, now_ns: int) -> list[Bookkeeping]:
        """A line has a hole or is gone."""
        gone = self._lines.pop(line, None)
        if gone is None or line != self._base or not self._lines:
            return []
        self._base = min(self._lines, key=lambda key: len(self._lines[key].behind))
        self._due_ns = now_ns + SETTLE_NS
        own = self._lines[self._base]
        if own.behind:  # nothing is kept back then, and what comes next decides
            own.in_step = True
            return []
        if not own.in_step and own.asked_ns < gone.asked_ns:
            return []  # its snapshot is the older one: what it lacks may be on its way, and is kept back
        return self._rebased(now_ns)

    def due(self, now_ns: int) -> list[Bookkeeping]:
        """What the passing of time leads to."""
        if self._due_ns is None or now_ns < self._due_ns or not self._lines:
            return []
        return self._rebased(now_ns)

    def _copy(self, line: Hashable, own: _Own, entry: LedgerEntry) -> list[Bookkeeping]:
        """A booking that another line has told before."""
        own.in_step = True
        own.ledger.book(entry)
        if entry.ledger_id not in own.behind:
            return []
        own.passes(entry.ledger_id)
        if line != self._base or not (self._lags or (self._due_ns is not None and not own.behind)):
            return []
        self._due_ns, self._lags = None, bool(own.behind)
        return [own.stands()]

    def _first(self, line: Hashable, own: _Own, entry: LedgerEntry, now_ns: int) -> list[Bookkeeping]:
        """A booking that no line has told before."""
        own.behind.clear()
        told = self._rebased(now_ns) if line == self._base and self._due_ns is not None else []
        own.ledger.book(entry)
        return [*told, *self._tell([entry], line, now_ns)]

    def _tell(self, entries: list[LedgerEntry], line: Hashable, now_ns: int) -> list[Bookkeeping]:
        """Tell these and what others kept back after them."""
        for entry in entries:
            self._told[entry.ledger_id] = now_ns
            if len(self._told) > KEPT_IDS:
                self._told.popitem(last=False)
        told: list[Bookkeeping] = [LedgerReported(tuple(entries))] if entries else []
        for key, other in self._lines.items():
            if key == line:
                continue
            if any(entry.ledger_id in other.held for entry in entries):
                kept_back = other.take_held()
                told += self._tell([one for one in kept_back if one.ledger_id not in self._told], key, now_ns)
            elif not other.held:
                other.behind.update((entry.ledger_id, None) for entry in entries)
        return told

    def _overflow(self, line: Hashable, own: _Own, now_ns: int) -> list[Bookkeeping]:
        """Nobody lags so far behind: the base is as good as lost."""
        if len(own.held) <= KEPT_IDS:
            return []
        self._base, self._due_ns = line, now_ns
        return self._rebased(now_ns)

    def _rebased(self, now_ns: int) -> list[Bookkeeping]:
        """The base takes its place, and tells what it had kept back."""
        assert self._base is not None
        own = self._lines[self._base]
        self._due_ns, self._lags = None, bool(own.behind)
        stands = own.stands()
        held, own.in_step = own.take_held(), True
        return [stands, *self._tell(held, self._base, now_ns)]
