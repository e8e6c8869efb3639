"""Two views of one fact, the stream's and REST's: do they agree?

Rule: REST's values carry no usable time, so one agrees when it equals, at REST's own rounding, some state the
stream was in between the request's leaving and the answer's arrival; else the nearest state is held against
the tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from leadline.model.market import FrozenBook, Level, MarkPrice, Ticker
from leadline.model.reading import Source

PRICE_TOLERANCE = Decimal("0.001")
"""Relative difference of two prices that is still agreement, counted apart."""

COMPARED_LEVELS = 10
"""Levels a side of a book that are held against each other."""

OLDEST_S = 300.0
"""Values older than this are not compared: they say nothing of how the sources stand now."""

_NEARER_BY = 4  # times, for a third view to take a side
_ZERO = Decimal(0)


class Verdict(Enum):
    """What came of one comparison."""

    AGREED = "agreed"
    WITHIN = "within tolerance"
    DIVERGED = "diverged"


class Difference(Struct, frozen=True):
    """One number of which both views tell different things; `what` names it."""

    what: str
    ours: Decimal
    theirs: Decimal

    @property
    def relative(self) -> Decimal:
        """How far they lie apart, as a share of the larger one; 0 to 1 for prices."""
        largest = max(abs(self.ours), abs(self.theirs))
        return abs(self.ours - self.theirs) / largest if largest else _ZERO


class Outcome(Struct, frozen=True):
    """A verdict; `difference` is the largest one to the nearest state, None where the views agree."""

    verdict: Verdict
    difference: Difference | None = None


AGREED = Outcome(Verdict.AGREED)


class Divergence(Struct, frozen=True):
    """A disagreement with both sides as evidence, in their exact digits.

    `asked_ns` and `answered_ns` are Unix time; `states` says how many states of the stream REST's value was
    held against.
    """

    channel: str
    symbol: str
    what: str
    ours: str
    theirs: str
    relative: Decimal
    asked_ns: int
    answered_ns: int
    states: int = 1


def compare_tickers(states: Sequence[Ticker], rest: Ticker) -> Outcome:
    """Hold REST's best prices against the states of the stream; `states` is not empty.

    Quantities are left out: REST tells those of the best prices in lots of its own (dossier §14.1). So
    is the last trade: one that moves neither price reaches the stream only with the next that does.
    assumed: bid and ask of one REST row are of one moment.
    """
    return _nearest(_ticker_differences(state, rest) for state in states)


def compare_marks(states: Sequence[MarkPrice], rest: MarkPrice) -> Outcome:
    """Hold REST's mark and index price against the states of the stream; `states` is not empty."""
    return _nearest(_mark_differences(state, rest) for state in states)


def compare_books(states: Sequence[FrozenBook], rest: FrozenBook) -> Outcome | None:
    """Hold REST's best levels against the states of the stream; None where a side of REST's is empty.

    Prices and quantities must equal those of one state; where none does, prices alone decide.
    assumed: REST's quantities agree with the stream's to within one unit of REST's last digit (§13.5).
    """
    if not rest.bids or not rest.asks:
        return None
    if any(_same_book(state, rest) for state in states):
        return AGREED
    nearest = _nearest(_book_differences(state, rest) for state in states)
    return Outcome(Verdict.WITHIN, nearest.difference) if nearest.verdict is Verdict.AGREED else nearest


Best = tuple[Decimal, Decimal]
"""The best bid and the best ask."""


def outvoted(stream: Best, rest: Best, third: Best) -> Source | None:
    """Which of two a third source contradicts while it bears the other out; None where it settles nothing.

    The third one may have moved a little since: it sides with the nearer, if that is nearer by far.
    """
    from_stream, from_rest = _apart(stream, third), _apart(rest, third)
    if max(from_stream, from_rest) <= PRICE_TOLERANCE:
        return None
    if from_stream * _NEARER_BY < from_rest:
        return Source.REST
    return Source.STREAM if from_rest * _NEARER_BY < from_stream else None


def _apart(ours: Best, theirs: Best) -> Decimal:
    return max(Difference("", mine, other).relative for mine, other in zip(ours, theirs, strict=True))


def same_at_rounding(ours: Decimal, theirs: Decimal) -> bool:
    """Whether they are equal in as many digits as `theirs` has; coarser digits may be rounded or cut."""
    return ours == theirs or abs(ours - theirs) < last_unit(theirs)


def last_unit(number: Decimal) -> Decimal:
    """One in the last digit that a finite number is written with."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(1).scaleb(exponent)


def _nearest(candidates: Iterable[Difference | None]) -> Outcome:
    """By the largest difference to each state, None for a state that is the same."""
    found = []
    for difference in candidates:
        if difference is None:
            return AGREED
        found.append(difference)
    nearest = min(found, key=lambda difference: difference.relative)
    within = nearest.relative <= PRICE_TOLERANCE
    return Outcome(Verdict.WITHIN if within else Verdict.DIVERGED, nearest)


def _largest(differences: Iterable[Difference]) -> Difference | None:
    apart = (each for each in differences if not same_at_rounding(each.ours, each.theirs))
    return max(apart, key=lambda difference: difference.relative, default=None)


def _ticker_differences(state: Ticker, rest: Ticker) -> Difference | None:
    return _largest([Difference("bid", state.bid, rest.bid), Difference("ask", state.ask, rest.ask)])


def _mark_differences(state: MarkPrice, rest: MarkPrice) -> Difference | None:
    differences = [Difference("mark", state.mark, rest.mark)]
    if state.index is not None and rest.index is not None:
        differences.append(Difference("index", state.index, rest.index))
    return _largest(differences)


def _book_differences(state: FrozenBook, rest: FrozenBook) -> Difference | None:
    return _largest([*_side("bid", state.bids, rest.bids), *_side("ask", state.asks, rest.asks)])


def _side(name: str, ours: Sequence[Level], theirs: Sequence[Level]) -> list[Difference]:
    count = min(COMPARED_LEVELS, max(len(ours), len(theirs)))
    return [
        Difference(f"{name} {place + 1}", _price(ours, place), _price(theirs, place))
        for place in range(count)
    ]


def _price(levels: Sequence[Level], place: int) -> Decimal:
    return levels[place].price if place < len(levels) else _ZERO


def _same_book(state: FrozenBook, rest: FrozenBook) -> bool:
    return _same_side(state.bids, rest.bids) and _same_side(state.asks, rest.asks)


def _same_side(ours: Sequence[Level], theirs: Sequence[Level]) -> bool:
    mine, other = ours[:COMPARED_LEVELS], theirs[:COMPARED_LEVELS]
    return len(mine) == len(other) and all(map(_same_level, mine, other))


def _same_level(ours: Level, theirs: Level) -> bool:
    return same_at_rounding(ours.price, theirs.price) and same_at_rounding(ours.qty, theirs.qty)
