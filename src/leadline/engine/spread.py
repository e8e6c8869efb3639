"""Streams each on one of several lines: where each lies, and how it comes to another line.

Rule: a stream on a line that stands leaves it only for one that has the stream already; one whose line stays
away goes where it can.
"""

from __future__ import annotations

from dataclasses import dataclass

from leadline.clock import NS_PER_S
from leadline.engine.carriers import Carriers
from leadline.engine.lanes import Lane
from leadline.engine.strands import Strand, Stream

AWAY_NS = 5 * NS_PER_S
"""A line that has not stood for so long gives its streams to the others: most are back sooner."""

STEADY_NS = 30 * NS_PER_S
"""A line must have stood for so long before it is given streams of others: one that flaps stays empty."""

MOST_MOVES = 10
"""Streams that change their line at the same time: each is streamed twice meanwhile."""

PATIENCE_NS = 60 * NS_PER_S
"""So long a stream may take to be whole on its new line before it stays where it was."""


@dataclass(frozen=True, slots=True)
class _Move:
    """Lines by their number: one may be replaced by a younger meanwhile."""

    stream: Stream
    old: int
    new: int
    began_ns: int


class Spread:
    """Decides for the lines of one route; `look` is called twice a second."""

    def __init__(self, carriers: Carriers) -> None:
        self._carriers = carriers
        self._since_ns: dict[Lane, tuple[bool, int]] = {}
        """Whether a line stands, and since when it was seen to."""
        self._gone: set[Lane] = set()
        self._moves: list[_Move] = []

    def lanes_for(self, stream: Stream) -> list[Lane]:
        """The line that has it, else the emptiest that is not away; a young line has what its old one has."""
        lanes = self._carriers.lanes
        numbers = {strand.lane.number for strand in stream.strands}
        if not numbers:
            at_hand = [lane for lane in lanes if lane not in self._gone] or lanes
            numbers = {_emptiest(at_hand).number}
        return [lane for lane in lanes if lane.number in numbers]

    def look(self, now_ns: int) -> None:
        """Take note of who stands, and have streams moved; not while a line is being replaced."""
        lanes = self._carriers.lanes
        self._since_ns = {lane: self._seen(lane, now_ns) for lane in lanes}
        self._gone = {
            lane
            for lane, (stands, since_ns) in self._since_ns.items()
            if not stands and now_ns - since_ns >= AWAY_NS
        }
        if any(lane.young for lane in lanes):
            return
        self._moves = [move for move in self._moves if not self._over(move, now_ns)]
        standing = [lane for lane in lanes if lane.standing]
        for lane in self._gone if standing else ():
            for strand in list(lane.strands.values()):
                _emptiest(standing).add(strand.stream, now_ns)
                self._carriers.give_up(strand, None, now_ns)
        steady = [lane for lane in standing if now_ns - self._since_ns[lane][1] >= STEADY_NS]
        if len(steady) > 1 and not self._moves:
            self._level(max(standing, key=_count), _emptiest(steady), now_ns)

    def _seen(self, lane: Lane, now_ns: int) -> tuple[bool, int]:
        known = self._since_ns.get(lane)
        return known if known is not None and known[0] is lane.standing else (lane.standing, now_ns)

    def _level(self, full: Lane, empty: Lane, now_ns: int) -> None:
        """Begin to move half of what one has more; the newest, so that the oldest stay where they are."""
        more = (_count(full) - _count(empty)) // 2
        for strand in list(full.strands.values())[-min(more, MOST_MOVES) :] if more > 0 else ():
            empty.add(strand.stream, now_ns)
            self._moves.append(_Move(strand.stream, full.number, empty.number, now_ns))

    def _over(self, move: _Move, now_ns: int) -> bool:
        """Go on from the new line once that can tell all; whether there is nothing left to wait for."""
        old, new = _on(move.stream, move.old), _on(move.stream, move.new)
        if old is None or new is None:
            return True
        if new.follows(old, now_ns) if old.carries else new.streamed:
            self._carriers.give_up(old, new, now_ns)
            return True
        if not new.lane.standing or now_ns - move.began_ns >= PATIENCE_NS:
            self._carriers.give_up(new, old, now_ns)
            return True
        return False


def _on(stream: Stream, number: int) -> Strand | None:
    return next((strand for strand in stream.strands if strand.lane.number == number), None)


def _count(lane: Lane) -> int:
    return len(lane.strands)


def _emptiest(lanes: list[Lane]) -> Lane:
    return min(lanes, key=lambda lane: (len(lane.strands), lane.number))
