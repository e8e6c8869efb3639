from __future__ import annotations

import random

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.retry import Backoff, ConnectBudget
from leadline.core.session import Emit
from leadline.engine.carriers import Carriers
from leadline.engine.events import RotationPutOff
from leadline.engine.lanes import Lane, whole
from leadline.engine.rotation import Rotation, Verdict
from leadline.engine.strands import Stream
from leadline.model.market import Subscription
from leadline.net.connection import Line
from leadline.venues.memory import MemorySession
from linesrig import TICKER, ticker
from quiet_socket import quiet_socket


def unheard(news: object, now_ns: int = 0) -> None:
    """Nobody listens."""


class Two:
    """An old line and a young one of the same number, neither connected by itself."""

    def __init__(self, *wanted: Subscription) -> None:
        self.clock = ManualClock()
        carriers = Carriers(unheard, unheard, self.clock)
        self.old, self.young = self._lane(carriers, unheard), self._lane(carriers, unheard)
        for subscription in wanted:
            stream = Stream(subscription)
            self.old.add(stream, 0)
            self.young.add(stream, 0)
        self.reason: str | None = None
        self.told: list[RotationPutOff] = []
        self.rotation = Rotation(100.0, 10.0, lambda: self.reason, whole, self.told.append)

    def _lane(self, carriers: Carriers, emit: Emit) -> Lane:
        lane = Lane(1, carriers, emit)
        session = MemorySession(lane.receive)
        lane.join(
            session, Line(session, quiet_socket, self.clock, Backoff(random.Random(1)), ConnectBudget())
        )
        return lane

    def open(self, lane: Lane) -> None:
        lane.session.opened(0)
        lane.line.since_ns = 0

    def due(self, at_s: float) -> Lane | None:
        return self.rotation.due([self.old], round(at_s * NS_PER_S))

    def say(self, lane: Lane, news: object) -> None:
        assert isinstance(lane.session, MemorySession)
        lane.session.say(news, 0)  # type: ignore[arg-type]


def test_a_line_is_due_when_it_has_stood_for_so_long() -> None:
    two = Two()
    two.open(two.old)

    assert two.due(99.9) is None
    assert two.due(100) is two.old


def test_a_line_that_does_not_stand_is_never_due() -> None:
    assert Two().due(1000) is None


def test_a_reason_against_it_is_told_once_and_puts_it_off() -> None:
    two = Two()
    two.open(two.old)
    two.reason = "an order is UNKNOWN"

    assert [two.due(at_s) for at_s in (100, 101, 102)] == [None] * 3
    assert two.told == [RotationPutOff(1, "an order is UNKNOWN")]
    two.reason = None
    assert two.due(103) is two.old


def test_one_line_is_replaced_at_a_time() -> None:
    two = Two()
    two.open(two.old)
    two.rotation.begin(two.old, two.young, 0)

    assert two.due(1000) is None


def test_a_young_line_takes_over_once_it_is_whole() -> None:
    two = Two(TICKER)
    two.open(two.old)
    two.say(two.old, ticker(1))
    two.rotation.begin(two.old, two.young, NS_PER_S)
    assert two.rotation.verdict(NS_PER_S) is Verdict.WAIT

    two.open(two.young)
    two.say(two.young, ticker(1))
    assert two.rotation.verdict(NS_PER_S) is Verdict.TAKE_OVER
    assert two.rotation.done(3 * NS_PER_S) == 2.0
    assert two.rotation.young is None


def test_a_reason_that_comes_up_meanwhile_keeps_the_old_line() -> None:
    two = Two()
    two.open(two.old)
    two.open(two.young)
    two.rotation.begin(two.old, two.young, 0)
    two.reason = "an order is UNKNOWN"

    assert two.rotation.verdict(1) is Verdict.WAIT
    assert two.told == [RotationPutOff(1, "an order is UNKNOWN")]


def test_a_young_line_that_does_not_become_whole_in_time_is_given_up_and_tried_later() -> None:
    two = Two()
    two.open(two.old)
    two.rotation.begin(two.old, two.young, 100 * NS_PER_S)

    assert two.rotation.verdict(110 * NS_PER_S - 1) is Verdict.WAIT
    assert two.rotation.verdict(110 * NS_PER_S) is Verdict.GIVE_UP
    two.rotation.given_up(110 * NS_PER_S)
    assert two.due(119) is None
    assert two.due(120) is two.old
