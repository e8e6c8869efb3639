"""Recurring kinds of difference between two sources, named: a constant factor, a constant delay.

Rule: a name fits the newest looks within the precision the numbers were told with, and would hardly do so by
chance: that theirs repeats ours' movements is the evidence, what stands still gives none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice

from msgspec import Struct

from leadline.core.crosscheck import PRICE_TOLERANCE, last_unit, same_at_rounding

FEWEST_LOOKS = 3
"""So many looks in a row must fit before a name is given."""

KEPT_LOOKS = 16
HISTORY_S = 90.0
"""How far back a stream's values are remembered, and so the longest delay that is recognised."""

MOST_VALUES = 4096
"""Values remembered of a symbol; at the bound the oldest is forgotten."""

CHANCE = 1e-4
"""A name is given where values that go their own way would fit less often than this."""

_STEP_S = 0.5
_SHORTEST_DELAY_S = 1.0
_LONGEST_WINDOW_S = 4.0  # delays that fit over a wider span than this are none in particular
_SLACK = Decimal("0.0001")  # of the price: what stands between two remembered values is not known
_ONE = Decimal(1)
_HALF = Decimal("0.5001")  # of a unit: rounding to the nearest, and that of a division
_Span = tuple[Decimal, Decimal]
_NS = 1_000_000_000


class Look(Struct, frozen=True):
    """One comparison of one number: what REST told, and the values (at least one) that ours had meanwhile."""

    asked_ns: int
    answered_ns: int
    ours: tuple[Decimal, ...]
    theirs: Decimal


class Factor(Struct, frozen=True):
    """Theirs is this many times ours."""

    ratio: Decimal
    times: int

    def __str__(self) -> str:
        return f"theirs is {self.ratio:f} × ours, {self.times} times"


class Delay(Struct, frozen=True):
    """Theirs is what ours was this long ago."""

    lag_s: float
    times: int

    def __str__(self) -> str:
        return f"theirs is what ours was {self.lag_s:.1f} s ago, {self.times} times"


Pattern = Factor | Delay


class Past:
    """The values of one stream number over the last while, each with the span in which it may have begun."""

    __slots__ = ("_begins", "_seen_ns", "_times", "_values")

    def __init__(self) -> None:
        self._begins: deque[int] = deque(maxlen=MOST_VALUES)
        self._times: deque[int] = deque(maxlen=MOST_VALUES)
        self._values: deque[Decimal] = deque(maxlen=MOST_VALUES)
        self._seen_ns: int | None = None

    def __len__(self) -> int:
        return len(self._times)

    def note(self, value: Decimal, now_ns: int, *, exact: bool = False) -> None:
        """Remember what it is now; `exact` says that it has just become so. Times go forward."""
        seen_ns, self._seen_ns = self._seen_ns, now_ns
        if self._values and self._values[-1] == value:
            return
        self._begins.append(now_ns if exact or seen_ns is None else seen_ns)
        self._times.append(now_ns)
        self._values.append(value)
        while len(self._times) > 1 and now_ns - self._times[1] > HISTORY_S * _NS:
            for kept in (self._begins, self._times, self._values):
                kept.popleft()

    def during(self, from_ns: int, until_ns: int) -> tuple[tuple[Decimal, ...], bool]:
        """The values it may have had in a span, and whether it had no others; nothing beyond the memory."""
        first = bisect_right(self._times, from_ns) - 1
        if first < 0:
            return (), False
        end = bisect_right(self._begins, until_ns)
        exact = all(self._begins[at] == self._times[at] for at in range(first + 1, end))
        return tuple(islice(self._values, first, end)), exact


def recognise(looks: Sequence[Look], past: Past) -> Pattern | None:
    """What the newest of these looks have in common, as many as do; None without a name."""
    return constant_factor(looks) or constant_delay(looks, past)


def constant_factor(looks: Sequence[Look]) -> Factor | None:
    """A factor that the newest looks allow; a power of ten needs no movement to be believed."""
    allowed: list[_Span] = []
    run: list[Look] = []
    chance = 1.0
    for look in reversed(looks):
        spans = _ratios(look)
        common = _both(allowed, spans) if run else spans
        if not common:
            break
        allowed = common
        chance *= _surprise(sum(float(high / low) - 1 for low, high in spans), look, run)
        run.append(look)
    if len(run) < FEWEST_LOOKS:
        return None
    ratio = min((_simplest(*span) for span in allowed), key=lambda ratio: len(ratio.as_tuple().digits))
    if abs(ratio - 1) <= PRICE_TOLERANCE:
        return None
    unit_slip = ratio.as_tuple().digits == (1,)
    return Factor(ratio, len(run)) if unit_slip or chance <= CHANCE else None


def _ratios(look: Look) -> list[_Span]:
    """The factors that a look allows, one span for each value of ours, as wide as digits are rounded."""
    if look.theirs <= 0:
        return []
    unit = max(last_unit(look.theirs), last_unit(look.ours[0])) * _HALF
    return [((look.theirs - unit) / ours, (look.theirs + unit) / ours) for ours in look.ours if ours > 0]


def _both(some: list[_Span], others: list[_Span]) -> list[_Span]:
    """What lies in a span of each, in order, with those joined that overlap."""
    shared = sorted((max(one[0], other[0]), min(one[1], other[1])) for one in some for other in others)
    joined: list[_Span] = []
    for low, high in shared:
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        elif low <= high:
            joined.append((low, high))
    return joined


def constant_delay(looks: Sequence[Look], past: Past) -> Delay | None:
    """A delay that the newest looks allow, while theirs has moved by more than the tolerance."""
    lags = [step * _STEP_S for step in range(round(_SHORTEST_DELAY_S / _STEP_S), round(HISTORY_S / _STEP_S))]
    run: list[Look] = []
    chance = HISTORY_S / _SHORTEST_DELAY_S  # so many delays are tried
    for look in reversed(looks):
        widths = {lag_s: width for lag_s in lags if (width := _fits(look, lag_s, past)) is not None}
        if not widths or look.theirs <= 0:
            break
        lags = list(widths)
        chance *= _surprise(max(widths.values()), look, run)
        run.append(look)
    told = [look.theirs for look in run]
    if len(run) < FEWEST_LOOKS or max(told) / min(told) <= _ONE + PRICE_TOLERANCE:
        return None
    if chance > CHANCE or lags[-1] - lags[0] > _LONGEST_WINDOW_S:
        return None
    return Delay((lags[0] + lags[-1]) / 2, len(run))


def _surprise(width: float, look: Look, run: Sequence[Look]) -> float:
    """How likely a look of such precision fits by chance, given how far theirs has moved since."""
    if not run:
        return 1.0
    moved = abs(float(look.theirs / run[-1].theirs) - 1)
    return min(1.0, width / moved) if moved else 1.0


def _fits(look: Look, lag_s: float, past: Past) -> float | None:
    """How wide a part of all prices would fit as well, if theirs may be what ours was so long ago."""
    lag_ns, theirs = round(lag_s * _NS), look.theirs
    values, exact = past.during(look.asked_ns - lag_ns, look.answered_ns - lag_ns)
    if any(same_at_rounding(value, theirs) for value in values):
        return float(len(values) * max(map(last_unit, (*values, theirs))) / theirs)
    if exact or not values:
        return None
    slack = theirs * _SLACK
    low, high = min(values) - slack, max(values) + slack
    return float((high - low) / high) if low <= theirs <= high else None


def _simplest(low: Decimal, high: Decimal) -> Decimal:
    """The number of fewest digits in a span."""
    middle = (low + high) / 2
    for digits in range(1, 12):
        rounded = middle.quantize(Decimal(1).scaleb(middle.adjusted() - digits + 1))
        if low <= rounded <= high:
            return rounded.normalize()
    return middle
