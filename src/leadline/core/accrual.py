"""How surprising a silence is: its hazard at every age, learned from the silences that turned out honest.

Silence is cut by age into spans. In each the estimator sums how long it has listened and how often data came
then; a span seldom reached borrows from the one before it. A silence still running teaches nothing: its end
does, or REST's word that nothing has happened.
"""

from __future__ import annotations

from math import exp, expm1, log, log1p

EDGES_S = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
"""Ages between which the hazard is taken as constant; a pause shorter than the first is no silence."""

MEMORY_S = 600.0
"""Evidence loses two thirds of its weight in this time."""

_PRIOR_ENDS = 2.0  # what a span borrows: so many ends at the hazard of the span before it,
_PRIOR_SPANS = 2.0  # but at most what it would see in so many passages
_PRIOR_S = 10.0  # the time for which silences are assumed to begin as often as at an even rate
_LEAST_RATE = 1e-9  # a second; keeps the logarithm of a rhythm long forgotten
_GREATEST_LOG = 300.0  # periods beyond e to this many seconds are told as that

_SPANS = len(EDGES_S) - 1
_FIRST_S = EDGES_S[0]


class Accrual:
    """The silences of one stream: how often one of a given length is to be expected.

    A piecewise exponential model: the hazard of a span has a gamma posterior of the ends seen and the time
    spent in it, and a silence outlasts the span with the probability which that predicts, so little evidence
    means long silences. How often silences begin is counted: the rate in a burst says nothing of its pauses.
    """

    __slots__ = (
        "_arrivals",
        "_ends",
        "_log_rates",
        "_scales_s",
        "_shapes",
        "_silences",
        "_spent_s",
        "listened_s",
    )

    def __init__(self) -> None:
        self.listened_s = 0.0
        """For how long the stream has been listened to, faded like all evidence."""
        self._arrivals = 0.0
        self._silences = 0.0
        self._spent_s = [0.0] * _SPANS
        self._ends = [0.0] * _SPANS
        self._shapes: list[float] = []
        self._scales_s: list[float] = []
        self._log_rates: list[float] = []

    @property
    def learned(self) -> bool:
        """Whether a rhythm is known: two messages at least."""
        return self._arrivals > 0

    def heard(self, arrivals: int, elapsed_s: float) -> None:
        """Count what came in the time listened to since the last call, and let all evidence fade by it."""
        kept = exp(-elapsed_s / MEMORY_S)
        self._arrivals = self._arrivals * kept + arrivals
        self.listened_s = self.listened_s * kept + elapsed_s
        self._silences *= kept
        self._spent_s = [spent_s * kept for spent_s in self._spent_s]
        self._ends = [ends * kept for ends in self._ends]
        self._log_rates = []

    def lasted(self, silent_s: float, *, ended: bool) -> None:
        """Count an honest silence: `ended` by data, or else by REST's word, after which another begins."""
        self._silences += silent_s > _FIRST_S
        for span in range(_SPANS):
            begin_s, end_s = EDGES_S[span], EDGES_S[span + 1]
            if begin_s >= silent_s:
                break
            self._spent_s[span] += min(silent_s, end_s) - begin_s
            if ended and silent_s <= end_s:
                self._ends[span] += 1
        self._log_rates = []

    def period_s(self, silent_s: float) -> float:
        """The time in which one silence as long as this is to be expected; it grows with the silence."""
        self._estimate()
        first = self._log_rates[0]
        if silent_s <= _FIRST_S:
            always = max(log(self._rate()), first)
            return exp((always - first) * silent_s / _FIRST_S - always)
        span = next((n for n in range(_SPANS) if silent_s < EDGES_S[n + 1]), _SPANS - 1)
        outlasted = self._shapes[span] * log1p((silent_s - EDGES_S[span]) / self._scales_s[span])
        return exp(min(outlasted - self._log_rates[span], _GREATEST_LOG))

    def length_s(self, period_s: float) -> float:
        """The silence to be expected once in this time, between the first edge and the last."""
        self._estimate()
        wanted = -log(period_s)
        if self._log_rates[0] <= wanted:
            return _FIRST_S
        for span in range(_SPANS):
            if self._log_rates[span + 1] <= wanted:
                excess = (self._log_rates[span] - wanted) / self._shapes[span]
                return EDGES_S[span] + self._scales_s[span] * expm1(excess)
        return EDGES_S[-1]

    def _rate(self) -> float:
        return max(self._arrivals / max(self.listened_s, _FIRST_S), _LEAST_RATE)

    def _estimate(self) -> None:
        """How often silences reach each edge, as logarithms of times a second, from the evidence at hand."""
        if self._log_rates:
            return
        hazard = self._rate()
        assumed = _PRIOR_S * hazard * exp(-hazard * _FIRST_S)
        begun = max((self._silences + assumed) / (self.listened_s + _PRIOR_S), _LEAST_RATE)
        rates = [log(begun)]
        self._shapes, self._scales_s = [], []
        for span in range(_SPANS):
            width_s = EDGES_S[span + 1] - EDGES_S[span]
            borrowed_s = min(_PRIOR_ENDS / hazard, _PRIOR_SPANS * width_s)
            shape = self._ends[span] + hazard * borrowed_s
            scale_s = self._spent_s[span] + borrowed_s
            hazard = shape / scale_s
            rates.append(rates[-1] - shape * log1p(width_s / scale_s))
            self._shapes.append(shape)
            self._scales_s.append(scale_s)
        self._log_rates = rates
