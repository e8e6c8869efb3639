"""The learned judgement of silence beside fixed time-outs, over generated feeds that live and die.

Pure and in virtual time: the same seed gives the same figures on every machine.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from math import cos, exp, log, pi

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.core.liveness import Cadence

TIME_OUTS_S = (5.0, 10.0, 30.0)
LEARNED = "learned"

_DEATHS = 200
_WARM_UP_S = 3600  # neither alarms nor deaths count before: every rule has been listening for an hour
_HOUR_S = 3600
_FAILING_S = 120  # a failing feed loses more and more in this time, then everything
_GIVEN_UP_S = 3600


class Sample(Struct, frozen=True):
    """A kind of feed: what it is like, for how long it is played, and when its messages come, in seconds."""

    name: str
    words: str
    hours: int
    arrivals: Callable[[random.Random, float], Iterator[float]]


class Judged(Struct, frozen=True):
    """What one rule made of one kind of feed; a death is found when REST is asked and knows newer data."""

    feed: str
    rule: str
    questions_h: float
    """Suspicions of a living stream an hour, each of which costs a question to REST."""
    alarms_h: float
    """Silences of a living stream an hour that would have been called a loss, could REST not be asked."""
    dead_p50_s: float
    dead_p99_s: float
    """From the first message withheld, of streams that fall silent at once."""
    failing_p50_s: float
    failing_p99_s: float
    """From their end, of streams that lose more and more for two minutes before it; negative when before."""


FIGURES = Judged.__struct_fields__[2:]

# --- feeds ---


def _steady(per_s: float) -> Callable[[random.Random, float], Iterator[float]]:
    def arrivals(chance: random.Random, until_s: float) -> Iterator[float]:
        at_s = chance.expovariate(per_s)
        while at_s < until_s:
            yield at_s
            at_s += chance.expovariate(per_s)

    return arrivals


def _bursts(chance: random.Random, until_s: float) -> Iterator[float]:
    """Ten messages in half a second, then a pause: half of them under four seconds, one in twenty over 20."""
    at_s = 0.0
    while at_s < until_s:
        for _ in range(1 + int(chance.expovariate(0.1))):
            at_s += chance.expovariate(20)
            if at_s < until_s:
                yield at_s
        at_s += chance.lognormvariate(log(4), 1.0)


def _day_and_night(chance: random.Random, until_s: float) -> Iterator[float]:
    """Three messages a second at noon, one in a minute at midnight, and everything between."""
    at_s, most = 0.0, 3.0
    while True:
        at_s += chance.expovariate(most)
        if at_s >= until_s:
            return
        if chance.random() < exp(-5.2 * (0.5 - 0.5 * cos(2 * pi * at_s / (24 * _HOUR_S)))):
            yield at_s


FEEDS = (
    Sample("busy", "5 messages a second", 4, _steady(5)),
    Sample("bursty", "ten at once, then 0.5 to 40 s nothing", 12, _bursts),
    Sample("day and night", "3 a second to 1 a minute", 24, _day_and_night),
    Sample("quiet", "one message in 20 s", 24, _steady(0.05)),
)


# --- rules ---


class TimeOut(Cadence):
    """A fixed bound in place of the learned one."""

    __slots__ = ()

    def __init__(self, bound_s: float) -> None:
        super().__init__()
        self.bound_ns = self.ask_ns = round(bound_s * NS_PER_S)

    def learn(self, now_ns: int) -> None:
        """A fixed bound learns nothing."""

    def vouch(self, now_ns: int) -> None:
        """REST agrees: silence counts from here."""
        self.vouched_ns = now_ns


def _rules() -> dict[str, Callable[[], Cadence]]:
    return {LEARNED: Cadence} | {f"{bound_s:.0f} s": partial(TimeOut, bound_s) for bound_s in TIME_OUTS_S}


# --- the play ---


class _Stream:
    """One feed's messages, by the second in which they are looked at."""

    def __init__(self, arrivals_s: Sequence[float]) -> None:
        self.arrivals_ns = [round(at_s * NS_PER_S) for at_s in arrivals_s]
        self.by_second: dict[int, tuple[int, int]] = {}
        """How many came in a second, and when the last of them."""
        for at_ns in self.arrivals_ns:
            second = -(-at_ns // NS_PER_S)
            self.by_second[second] = (self.by_second.get(second, (0, 0))[0] + 1, at_ns)


def as_report(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """The figures by feed, each named by its rule."""
    report: dict[str, dict[str, float]] = {}
    for one in judged:
        figures = report.setdefault("silence_" + one.feed.replace(" ", "_"), {})
        rule = one.rule.replace(" ", "")
        for name in FIGURES:
            figures[f"{rule}_{name}"] = getattr(one, name)
    return report


def compare(seed: int = 1, feeds: Sequence[Sample] = FEEDS) -> list[Judged]:
    """Every rule over every feed."""
    judged = []
    for feed in feeds:
        chance = random.Random(f"{seed} {feed.name}")  # noqa: S311
        stream = _Stream(list(feed.arrivals(chance, feed.hours * _HOUR_S)))
        last_s = feed.hours * _HOUR_S - _GIVEN_UP_S - _FAILING_S
        deaths = sorted(chance.randrange(_WARM_UP_S, last_s) for _ in range(_DEATHS))
        for name, rule in _rules().items():
            judged.append(_judge(feed, stream, deaths, name, rule, seed))
    return judged


def _judge(
    feed: Sample, stream: _Stream, deaths: list[int], name: str, rule: Callable[[], Cadence], seed: int
) -> Judged:
    seconds = feed.hours * _HOUR_S
    hours = (seconds - _WARM_UP_S) / _HOUR_S
    questions, copies = _live(stream, seconds, rule(), deaths)
    dead, failing = [], []
    for number, (second, cadence) in enumerate(zip(deaths, copies, strict=True)):
        chance = random.Random(f"{seed} {feed.name} {number}")  # noqa: S311
        dead.append(_death(stream, second, deepcopy(cadence), None))
        failing.append(_death(stream, second, cadence, chance))
    return Judged(
        feed.name,
        name,
        round(questions / hours, 2),
        round(_alarms(stream, seconds, rule()) / hours, 2),
        *_p50_p99(dead),
        *_p50_p99(failing),
    )


def _live(stream: _Stream, seconds: int, cadence: Cadence, deaths: list[int]) -> tuple[int, list[Cadence]]:
    """Play the living feed, REST vouching for it: the questions, and the rule as it stood at each death."""
    questions, copies = 0, []
    coming = iter([*deaths, -1])
    death = next(coming)
    for second in range(1, seconds):
        _look(stream, second, cadence)
        now_ns = second * NS_PER_S
        if cadence.last_ns is not None and cadence.suspect(now_ns):
            cadence.vouch(now_ns)
            questions += second > _WARM_UP_S
        while second == death:
            copies.append(deepcopy(cadence))
            death = next(coming)
    return questions, copies


def _alarms(stream: _Stream, seconds: int, cadence: Cadence) -> int:
    """Play the living feed without REST: the silences beyond the bound."""
    alarms, silent = 0, False
    for second in range(1, seconds):
        silent = silent and second not in stream.by_second
        _look(stream, second, cadence)
        if not silent and cadence.last_ns is not None and not cadence.fresh(second * NS_PER_S):
            silent = True
            alarms += second > _WARM_UP_S
    return alarms


def _look(stream: _Stream, second: int, cadence: Cadence) -> None:
    """What the receiver does within a second, and the look at its end."""
    arrived, last_ns = stream.by_second.get(second, (0, 0))
    if arrived:
        cadence.count += arrived
        cadence.last_ns = last_ns
    cadence.learn(second * NS_PER_S)


def _death(stream: _Stream, died_s: int, cadence: Cadence, chance: random.Random | None) -> float:
    """Seconds from the first message withheld until REST contradicts the stream.

    With `chance` the stream fails slowly: ever fewer messages arrive, and before their end the seconds to it
    count, as negative.
    """
    end_ns = (died_s if chance is None else died_s + _FAILING_S) * NS_PER_S
    place = bisect_right(stream.arrivals_ns, died_s * NS_PER_S)
    outdated_ns: int | None = None
    for second in range(died_s + 1, died_s + _GIVEN_UP_S):
        now_ns = second * NS_PER_S
        while place < len(stream.arrivals_ns) and stream.arrivals_ns[place] <= now_ns:
            at_ns = stream.arrivals_ns[place]
            place += 1
            if chance is not None and chance.random() * _FAILING_S * NS_PER_S > at_ns - died_s * NS_PER_S:
                cadence.count += 1
                cadence.last_ns = at_ns
                outdated_ns = None
            elif outdated_ns is None:
                outdated_ns = at_ns
        cadence.learn(now_ns)
        if cadence.suspect(now_ns):
            if outdated_ns is not None:
                since_ns = end_ns if now_ns < end_ns else max(end_ns, outdated_ns)
                return (now_ns - since_ns) / NS_PER_S
            cadence.vouch(now_ns)
    return float(_GIVEN_UP_S)


def _p50_p99(delays_s: list[float]) -> tuple[float, float]:
    ordered = sorted(delays_s)
    return round(ordered[len(ordered) // 2], 1), round(ordered[round(len(ordered) * 0.99) - 1], 1)
