"""When silence means dead: how long one stream may be silent, and what REST says of a silent one.

Silence alone never kills a stream: at its bound it is suspect, REST decides between quiet and dead.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import log10

from leadline.core.accrual import EDGES_S, Accrual
from leadline.model.market import FrozenBook, Level, Ticker

_S = 1_000_000_000

SHORTEST_BOUND_S = 5.0
LONGEST_BOUND_S = 60.0
UNLEARNED_BOUND_S = 10.0
"""Bound of a stream whose rhythm is not known yet."""

LEAD_S = 1.5
"""REST is asked at least this long before the bound: so a quiet stream stays fresh without a break."""

SUSPECT_AT = 3.0
STALE_AT = 4.0
"""Suspicion is the power of ten of seconds in which one silence as long is to be expected.

At the lower REST is asked (such a silence comes three or four times an hour), at the higher the stream is
not fresh any more (once in three hours), both within the bounds above.
"""

FIRST_DATA_S = 10.0
"""After an acknowledgement, data is due within this time."""

_FOLD_S = 10.0  # a busy stream without silences is taken into the estimate this often
_DEAF_NS = 3 * _S  # looked at later than this, what came was not heard when it came
_SILENCE_NS = round(EDGES_S[0] * _S)

DAMPING_LOSSES = 3
DAMPING_WINDOW_S = 300.0
STEADY_S = 30.0
"""After three losses in five minutes a stream must have run this long before readers return to it."""


class Cadence:
    """The rhythm of one stream. The receiver sets `count` and `last_ns`; the rest happens once a second."""

    __slots__ = (
        "_accrual",
        "_learned_count",
        "_looked_ns",
        "_pending",
        "_pending_ns",
        "_since_ns",
        "ask_ns",
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
        self.ask_ns = self.bound_ns - round(LEAD_S * _S)
        """How long it may be silent before REST is asked."""
        self._accrual = Accrual()
        self._learned_count = 0
        self._since_ns: int | None = None  # the last sign of life learned from; None across a loss
        self._looked_ns: int | None = None
        self._pending = 0  # messages, and the time they took, not yet in the estimate
        self._pending_ns = 0

    def learn(self, now_ns: int) -> None:
        """Take what has arrived since the last call, a second ago, into the estimate and the bound.

        A call that comes late teaches nothing: what arrived meanwhile has waited unread.
        """
        looked_ns, self._looked_ns = self._looked_ns, now_ns
        if looked_ns is not None and now_ns - looked_ns > _DEAF_NS:
            self._forget_running()
            return
        arrived = self.count - self._learned_count
        if not arrived or self.last_ns is None:
            return
        if self._since_ns is not None and looked_ns is not None:
            self._arrived(arrived, self.last_ns - self._since_ns, max(0, looked_ns - self._since_ns))
        self._learned_count = self.count
        self._since_ns = self.last_ns

    def _arrived(self, arrived: int, span_ns: int, silent_ns: int) -> None:
        """Learn from messages within `span_ns`; the first of them ended a silence of `silent_ns` or more."""
        self._pending += arrived
        self._pending_ns += span_ns
        first_ns = silent_ns + (span_ns - silent_ns) // arrived  # of one it is exact, of several even steps
        if first_ns >= _SILENCE_NS:
            self._fold(first_ns, ended=True)
        elif self._pending_ns >= min(_FOLD_S, self._accrual.listened_s) * _S:
            self._fold(0, ended=False)

    def _fold(self, silent_ns: int, *, ended: bool) -> None:
        """Take what is pending into the estimate, with a silence known to be honest up to this age."""
        accrual = self._accrual
        accrual.heard(self._pending, self._pending_ns / _S)
        self._pending = self._pending_ns = 0
        if silent_ns:
            accrual.lasted(silent_ns / _S, ended=ended)
        if accrual.learned:
            bound_s = min(max(accrual.length_s(10**STALE_AT), SHORTEST_BOUND_S), LONGEST_BOUND_S)
            earliest_s, latest_s = SHORTEST_BOUND_S - LEAD_S, bound_s - LEAD_S
            ask_s = min(max(accrual.length_s(10**SUSPECT_AT), earliest_s), latest_s)
            self.bound_ns, self.ask_ns = round(bound_s * _S), round(ask_s * _S)

    def interrupted(self) -> None:
        """The stream was lost: the interval across the loss is no part of its rhythm."""
        self._forget_running()
        self.vouched_ns = 0

    def _forget_running(self) -> None:
        self._learned_count = self.count
        self._since_ns = None

    def vouch(self, now_ns: int) -> None:
        """REST agrees with the last value: silence counts from here, and that so far was honest.

        A stream without a rhythm yet is given as long as it has proved to be quiet, or a few dozen such
        streams would spend the whole request budget on being asked about.
        """
        self.vouched_ns = now_ns
        if self.last_ns is None or self.count != self._learned_count:
            return
        if self._since_ns is not None and now_ns > self._since_ns:
            self._pending_ns += now_ns - self._since_ns
            self._fold(now_ns - self._since_ns, ended=False)
        self._since_ns = now_ns
        if not self._accrual.learned:
            self.bound_ns = min(max(self.bound_ns, now_ns - self.last_ns), round(LONGEST_BOUND_S * _S))
            self.ask_ns = self.bound_ns - round(LEAD_S * _S)

    def quiet(self, now_ns: int) -> bool:
        """Whether data has been missing for as long as it takes to ask REST, whose word stands in for it."""
        if self.last_ns is None:
            return True
        return self.vouched_ns > self.last_ns and now_ns - self.last_ns >= self.ask_ns

    def silent_ns(self, now_ns: int) -> int:
        """How long there has been neither data nor REST's word for the last value."""
        return now_ns - max(self.last_ns or 0, self.vouched_ns)

    def suspicion(self, now_ns: int) -> float:
        """How unlikely the present silence is: one as long is to be expected once in 10^suspicion seconds.

        A stream without a rhythm is as suspicious as the share of its bound that has passed.
        """
        silent_ns = self.silent_ns(now_ns)
        if not self._accrual.learned:
            return STALE_AT * silent_ns / self.bound_ns
        return log10(self._accrual.period_s(silent_ns / _S))

    def fresh(self, now_ns: int) -> bool:
        """Whether silence is still within the announced bound."""
        return self.silent_ns(now_ns) <= self.bound_ns

    def suspect(self, now_ns: int) -> bool:
        """Whether REST should be asked now."""
        return self.silent_ns(now_ns) >= self.ask_ns

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
    """Whether both views tell of the same best prices.

    assumed: the stream reports every change of the best prices (Kraken's `bbo` trigger). A trade that moves
    neither is told with the next change only, so the last trade says nothing of a stream's life.
    """
    return (stream.bid, stream.ask) == (rest.bid, rest.ask)


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
