"""Where one line's values of a stream stand against those that readers have had from another.

Values are aligned by equality; where the value that readers had last has not been seen, the venue's own time
or count decides. assumed: the venue tells the same values on every connection, in the same order.
"""

from __future__ import annotations

from msgspec.structs import replace

from leadline.model.market import BarBatch, DayStats, FrozenBook, MarkPrice, Ticker, parse_time_ns

Value = Ticker | BarBatch | MarkPrice | DayStats | FrozenBook

MOST_BEYOND = 1000
"""Values that a line may be ahead; beyond, the oldest is passed over, as each replaces its predecessor."""


def later(one: Value, other: Value) -> bool:
    """Whether the venue said `one` after `other`; also where it gave no time to tell by."""
    if isinstance(one, BarBatch):
        assert isinstance(other, BarBatch)
        return _progress(one) > _progress(other)
    assert not isinstance(other, BarBatch)
    ours, theirs = one.venue_time, other.venue_time
    if ours is None or theirs is None:
        return one != other
    if isinstance(ours, int) and isinstance(theirs, int):
        return ours > theirs
    if isinstance(ours, str) and isinstance(theirs, str) and len(ours) == len(theirs):
        return ours > theirs
    return (parse_time_ns(ours) or 0) > (parse_time_ns(theirs) or 0)


def same(one: Value, other: Value) -> bool:
    """Whether both are one message of the venue; a snapshot may repeat what an update has said."""
    if isinstance(one, BarBatch) and isinstance(other, BarBatch):
        return one.bars == other.bars
    return one == other


def repeats(snapshot: Value, value: Value) -> bool:
    """Whether a snapshot says what an earlier value has said; assumed: its time may be that of the asking."""
    if isinstance(snapshot, BarBatch):
        assert isinstance(value, BarBatch)
        return snapshot.bars[-1:] == value.bars[-1:]
    assert not isinstance(value, BarBatch)
    return replace(snapshot, venue_time=value.venue_time) == value


def _progress(batch: BarBatch) -> tuple[int, int]:
    """A running bar counts its trades up."""
    return max(((bar.begin_ns, bar.trades) for bar in batch.bars), default=(0, 0))


class Trail:
    """What a line has told beyond what readers have had, each with its time of receipt."""

    __slots__ = ("_at", "_first", "_items")

    def __init__(self) -> None:
        self._at: Value | None = None
        self._first: Value | None = None
        self._items: list[tuple[Value, int]] = []

    def add(self, value: Value, now_ns: int, told: Value | None) -> None:
        """The line's next value; `told` is what readers have had last."""
        self._align(told)
        if self._first is None:
            self._first = value
        if told is not None and self._at is not told and self._says(value, told):
            self._at = told
            self._items.clear()
        elif told is None or self._at is told or later(value, told):
            self._items.append((value, now_ns))
            if len(self._items) > MOST_BEYOND:
                del self._items[0]

    def beyond(self, told: Value | None) -> list[tuple[Value, int]]:
        """What readers have not had, oldest first, with its monotonic times of receipt."""
        self._align(told)
        return self._items

    def level_with(self, told: Value | None) -> bool:
        """Whether the line has come as far as readers have; one behind will repeat what they have had."""
        self._align(told)
        return self._at is told or bool(self._items)

    def clear(self) -> None:
        """The line begins anew."""
        self._at = self._first = None
        self._items.clear()

    def _says(self, value: Value, told: Value) -> bool:
        return same(value, told) or (value is self._first and repeats(value, told))

    def _align(self, told: Value | None) -> None:
        if self._at is told or told is None:
            return
        self._at = None
        for at, (item, _) in enumerate(self._items):
            if self._says(item, told):
                del self._items[: at + 1]
                self._at = told
                return
        self._items = [entry for entry in self._items if later(entry[0], told)]
