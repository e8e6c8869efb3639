"""When silence means dead: the learned rhythm of one stream, and what REST says of a silent one.

Silence alone never kills a stream: at its bound it is suspect, REST decides between quiet and dead.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from leadline.model.market import FrozenBook, Level, Ticker

_S = 1_000_000_000

SHORTEST_BOUND_S = 5.0
LONGEST_BOUND_S = 60.0
UNLEARNED_BOUND_S = 10.0
"""Bound of a stream whose rhythm is not known yet."""

FIRST_DATA_S = 10.0
"""After an acknowledgement, data is due within this time."""

_MEANS_TO_BOUND = 8
_LEAD_S = 1.5  # asking REST this long before the bound lets a quiet stream stay fresh without a break
_MEMORY = 0.95  # weight that the mean keeps per message

DAMPING_LOSSES = 3
DAMPING_WINDOW_S = 300.0
STEADY_S = 30.0
"""After three losses in five minutes a stream must have run this long before readers return to it."""


class Cadence:
    """The rhythm of one stream. The receiver sets `count` and `last_ns`; the rest happens once a second."""

    __slots__ = (
        "_learned_count",
        "_learned_ns",
        "_mean_ns",
        "bound_ns",
        "count",
        "last_ns",
        "vouched_ns",
    )

    def __init__(self) -> None:
        self.count = 0
        self.last_ns: int | None = None
        self.vouched_ns = 0
        self.bound_ns = round(UNLEARNED_BOUND_S * _S)
        self._mean_ns: float | None = None
        self._learned_count = 0
        self._learned_ns: int | None = None

    def learn(self) -> None:
        """Take what has arrived since the last call into the mean interval and the bound."""
        arrived = self.count - self._learned_count
        if not arrived or self.last_ns is None:
            return
        if self._learned_ns is not None:
            interval = (self.last_ns - self._learned_ns) / arrived
            kept = _MEMORY**arrived
            mean = interval if self._mean_ns is None else self._mean_ns * kept + interval * (1 - kept)
            self._mean_ns = mean
            bound_s = min(max(mean * _MEANS_TO_BOUND / _S, SHORTEST_BOUND_S), LONGEST_BOUND_S)
            self.bound_ns = round(bound_s * _S)
        self._learned_count = self.count
        self._learned_ns = self.last_ns

    def interrupted(self) -> None:
        """The stream was lost: the interval across the loss is no part of its rhythm."""
        self._learned_count = self.count
        self._learned_ns = None
        self.vouched_ns = 0

    def vouch(self, now_ns: int) -> None:
        """REST agrees with the last value: silence counts from here.

        A stream without a rhythm yet is given as long as it has proved to be quiet, or a few dozen such
        streams would spend the whole request budget on being asked about.
        """
        self.vouched_ns = now_ns
        if self._mean_ns is None and self.last_ns is not None:
            longest_ns = round(LONGEST_BOUND_S * _S)
            self.bound_ns = min(max(self.bound_ns, now_ns - self.last_ns), longest_ns)

    @property
    def quiet(self) -> bool:
        """Whether the last sign of life is REST's word rather than data."""
        return self.last_ns is None or self.vouched_ns > self.last_ns

    def silent_ns(self, now_ns: int) -> int:
        """How long there has been neither data nor REST's word for the last value."""
        return now_ns - max(self.last_ns or 0, self.vouched_ns)

    def fresh(self, now_ns: int) -> bool:
        """Whether silence is still within the announced bound."""
        return self.silent_ns(now_ns) <= self.bound_ns

    def suspect(self, now_ns: int) -> bool:
        """Whether REST should be asked now."""
        return self.silent_ns(now_ns) >= self.bound_ns - round(_LEAD_S * _S)

    def vouched_bound_s(self) -> float:
        """The age up to which the last value is good: its bound, moved on by REST's word for it."""
        moved = max(0, self.vouched_ns - self.last_ns) if self.last_ns is not None else 0
        return (self.bound_ns + moved) / _S


class Damping:
    """Keeps readers from being thrown to and fro by a stream that keeps breaking."""

    __slots__ = ("_losses",)

    def __init__(self) -> None:
        self._losses: list[int] = []

    def lost(self, now_ns: int) -> None:
        """Count one loss."""
        self._losses = [*self._losses[1 - DAMPING_LOSSES :], now_ns]

    def holds(self, now_ns: int, steady_since_ns: int) -> bool:
        """Whether a stream that has run since `steady_since_ns` must still prove itself."""
        if len(self._losses) < DAMPING_LOSSES:
            return False
        if self._losses[-1] - self._losses[0] > DAMPING_WINDOW_S * _S:
            return False
        return now_ns - steady_since_ns < STEADY_S * _S


def same_ticker(stream: Ticker, rest: Ticker) -> bool:
    """Whether both views tell of the same market: best prices and last trade.

    assumed: the stream reports every change of the best prices (Kraken's `bbo` trigger), not only trades.
    """
    if (stream.bid, stream.ask) != (rest.bid, rest.ask):
        return False
    return stream.last is None or stream.last == rest.last  # REST tells the last trade however old it is


def same_levels(bids: Sequence[Level], asks: Sequence[Level], rest: FrozenBook) -> bool:
    """Whether the books agree level by level, at the coarser digits of REST's quantities (dossier §13.5).

    assumed: those quantities agree with the stream's to within one unit of REST's last digit.
    """
    return _same_side(bids, rest.bids) and _same_side(asks, rest.asks)


def _same_side(ours: Sequence[Level], theirs: Sequence[Level]) -> bool:
    return len(ours) == len(theirs) and all(map(_same_level, ours, theirs))


def _same_level(ours: Level, theirs: Level) -> bool:
    exponent = theirs.qty.as_tuple().exponent
    assert isinstance(exponent, int)
    return ours.price == theirs.price and abs(ours.qty - theirs.qty) < Decimal(1).scaleb(exponent)
