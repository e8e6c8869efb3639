"""One Binance book: a chain of changes joined to a snapshot, and levels only while the chain holds.

Every message names the one before it (`pu`), which alone proves continuity: ids are sparse (dossier §11). A
break empties the book at once; what follows is kept for the snapshot to come.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from leadline.core.book import BookCounts
from leadline.core.range_book import RangeBook
from leadline.model.instrument import Instrument
from leadline.venues.binance.snapshots import DepthSnapshot, limit_for
from leadline.venues.binance.wire import WireDepth, decode_depth_frame

MOST_KEPT = 200
"""Messages kept for a snapshot; beyond, the oldest go, and a snapshot that old is fetched anew."""

_LOOK_EVERY = 32  # messages between two looks at how much of the book is still certain

_Kept = tuple[int, int, bytes]
"""The message before, the message itself, and its frame: bytes take a quarter of what its levels do."""


class Verdict(Enum):
    """What a message did to the book."""

    APPLIED = auto()  # the chain holds
    KEPT = auto()  # there is no snapshot to apply it to yet
    BROKEN = auto()  # the chain is broken, or what it leads to cannot be: the book is empty now


class Fit(Enum):
    """What became of a snapshot."""

    BRIDGED = auto()  # the chain goes on from it
    EARLY = auto()  # newer than all that has been said; the message that reaches it joins the two
    LAGGING = auto()  # older than the first message kept: another is needed
    WRONG = auto()  # it makes no book, alone or with what was said since


_APPLIED = Verdict.APPLIED  # once, not per message: reading a member through its class is a call in 3.11


@dataclass(slots=True)
class ChainCounts:
    """What became of a book's messages: `applied`, or `stale` because the snapshot held them already."""

    updates: int = 0
    applied: int = 0
    stale: int = 0
    bridges: int = 0
    breaks: int = 0


class BookStream:
    """The book of one symbol on one connection."""

    __slots__ = ("_kept", "_last_id", "_waiting", "book", "chain", "counts", "live", "needs_snapshot", "view")

    def __init__(self, instrument: Instrument, depth: int) -> None:
        self.book = RangeBook(instrument.symbol, depth, instrument.price_precision, instrument.qty_precision)
        self.view = self.book.view
        self.counts = BookCounts()
        self.chain = ChainCounts()
        self.live = False
        self.needs_snapshot = False
        """Set when a snapshot is needed that has not been wished for; whoever wishes calls `wished`."""
        self._last_id: int | None = None
        self._waiting: DepthSnapshot | None = None
        self._kept: deque[_Kept] | None = None
        """What was said since a snapshot became needed; None while none is."""

    def fits(self, instrument: Instrument) -> bool:
        """Whether the book counts in the instrument's decimals."""
        book = self.book
        return (book.price_precision, book.qty_precision) == (
            instrument.price_precision,
            instrument.qty_precision,
        )

    def drop(self) -> bool:
        """Forget everything, the chain as well; True when there was a live book."""
        held = self.live
        self.book.clear()
        self.live = self.needs_snapshot = False
        self._last_id = self._waiting = self._kept = None
        return held

    @property
    def last_id(self) -> int | None:
        """The id up to which the book is told; None while nothing is."""
        return self._last_id

    def begin(self) -> None:
        """Every change is told from here on, so a snapshot may come before the first of them."""
        if not self.live and self._kept is None:
            self._await()

    def wished(self) -> None:
        """A snapshot has been wished for."""
        self.needs_snapshot = False

    def receive(self, message: WireDepth, frame: bytes) -> Verdict:
        """Take one message; `frame` is its bytes, kept where it cannot be applied yet.

        On BROKEN it is the first of a new chain.
        """
        chain, last_id = self.chain, self._last_id
        chain.updates += 1
        if last_id is not None and message.previous_id != last_id:
            return self._break(message, frame)
        self._last_id = message.last_id
        if not self.live:
            return self._keep(message, frame)
        book = self.book
        try:
            book.apply(message.bids, message.asks)
        except ValueError:
            return self._break(message, frame)
        if not book.servable:
            return self._break(message, frame)
        book.venue_time = message.venue_ms
        chain.applied += 1
        self.counts.proven += 1
        if self._kept is not None:
            return self._keep(message, frame)
        if not chain.applied % _LOOK_EVERY and self._shallow():
            self._await()
        return _APPLIED

    def load(self, snapshot: DepthSnapshot) -> Fit:
        """Join a snapshot to what was said; after LAGGING and WRONG another is needed.

        One that nothing waits for is left aside.
        """
        return Fit.EARLY if self._kept is None else self._join(snapshot, self._kept)

    def _await(self) -> None:
        self.needs_snapshot = True
        if self._kept is None:
            self._kept = deque(maxlen=MOST_KEPT)

    def _shallow(self) -> bool:
        """Whether less of the book is certain than is wanted, and a snapshot could tell more.

        A snapshot holds a thousand levels at most: a book of that depth may lose half before it is worth
        another.
        """
        depth = self.book.depth
        return self.book.certain_depth < min(depth, limit_for(depth) // 2)

    def _break(self, message: WireDepth, frame: bytes) -> Verdict:
        self.drop()
        self._last_id = message.last_id
        self._await()
        self._keep(message, frame)
        self.chain.breaks += 1
        self.counts.wrong += 1
        return Verdict.BROKEN

    def _keep(self, message: WireDepth, frame: bytes) -> Verdict:
        """Keep a message for the snapshot to come, and join the two where the snapshot has come before."""
        was_live = self.live
        if not was_live:
            self.counts.unsynced += 1
        if self._kept is None:
            self._await()
        kept = self._kept
        assert kept is not None
        kept.append((message.previous_id, message.last_id, frame))
        fit = self._join(self._waiting, kept) if self._waiting is not None else Fit.EARLY
        if fit is Fit.WRONG and was_live:
            return Verdict.BROKEN
        return _APPLIED if self.live else Verdict.KEPT

    def _join(self, snapshot: DepthSnapshot, kept: deque[_Kept]) -> Fit:
        """assumed: a message tells all changes after `pu` up to `u`, so any that spans the snapshot joins it.

        That includes one which begins (`U`) after the snapshot: ids in between are other symbols' (§11).
        """
        reached = snapshot.last_update_id
        while kept and kept[0][1] < reached:
            kept.popleft()
            self.chain.stale += not self.live
        self._waiting = None if kept else snapshot
        if not kept:
            return Fit.EARLY
        if kept[0][0] > reached:
            self.needs_snapshot = True
            return Fit.LAGGING
        return self._build(snapshot, kept)

    def _build(self, snapshot: DepthSnapshot, kept: deque[_Kept]) -> Fit:
        book, was_live = self.book, self.live
        if not self._fill(snapshot, kept):
            book.clear()
            self.live, self.needs_snapshot = False, True
            self.chain.breaks += 1
            self.counts.wrong += 1
            return Fit.WRONG
        self.chain.applied += 0 if was_live else len(kept)
        self.chain.bridges += 1
        self.live, self.needs_snapshot, self._kept = True, False, None
        return Fit.BRIDGED

    def _fill(self, snapshot: DepthSnapshot, kept: deque[_Kept]) -> bool:
        """Build the book from a snapshot and what followed; False where that makes none."""
        book = self.book
        try:
            book.load(snapshot.bids, snapshot.asks, snapshot.limit)
            for _, _, frame in kept:
                message = decode_depth_frame(frame).data
                book.apply(message.bids, message.asks)
                book.venue_time = message.venue_ms
        except ValueError:
            return False
        return book.servable
