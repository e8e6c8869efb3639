from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from feedrig import BTC, Rig
from leadline.clock import NS_PER_S, ManualClock
from leadline.engine.topic_state import RECEIVING, State, TopicState, state_of
from leadline.engine.topics import Desk, Topic
from leadline.errors import Rejected
from leadline.model.market import Channel, GapCause, Subscription

CUT = GapCause.DISCONNECTED


class Stand:
    """One ticker on a route of its own, and the time."""

    def __init__(self) -> None:
        self.clock = ManualClock(mono_ns=100 * NS_PER_S)
        self.topic: Topic[Any] = Topic(Subscription(Channel.TICKER, BTC), Desk(self.clock))
        self.topic.route = "market"

    @property
    def now(self) -> int:
        return self.clock.mono_ns()

    def told(self, line: str = "") -> TopicState:
        return state_of(self.topic, self.now, line)

    def confirmed(self) -> None:
        self.topic.confirmed(self.now)
        self.clock.advance(3)

    def still(self) -> None:
        self.confirmed()
        self.topic.still = True

    def data(self) -> None:
        self.topic.take(Rig().ticker(), self.now)

    def silent(self) -> None:
        self.data()
        self.clock.advance(10.5)

    def vouched(self) -> None:
        self.silent()
        self.topic.vouch(self.now)

    def lost(self) -> None:
        self.data()
        self.topic.lose(CUT, "cut", self.now)

    def unsteady(self) -> None:
        for _ in range(3):
            self.lost()
        self.data()

    def quarantined(self) -> None:
        self.data()
        self.topic.quarantine("REST says otherwise", self.now)

    def refused(self) -> None:
        self.topic.refuse(Rejected("no"))


CASES: list[tuple[Callable[[Stand], None] | None, State, str]] = [
    (None, State.WANTED, "not acknowledged yet"),
    (Stand.confirmed, State.ACKED_NO_DATA, "acknowledged by route market 3.0 s ago, no data since"),
    (
        Stand.still,
        State.ACKED_QUIET,
        "acknowledged by route market 3.0 s ago, and REST tells of no change since",
    ),
    (Stand.data, State.LIVE, ""),
    (Stand.silent, State.SUSPECT, "silent for 10.5 s, not confirmed by REST"),
    (Stand.vouched, State.QUIET, ""),
    (Stand.lost, State.LOST, "cut"),
    (Stand.unsteady, State.HELD, ""),
    (Stand.quarantined, State.QUARANTINED, "REST says otherwise"),
    (Stand.refused, State.REFUSED, "no"),
]


@pytest.mark.parametrize(("happens", "state", "reason"), CASES, ids=[state.value for _, state, _ in CASES])
def test_what_has_happened_is_told_in_one_word_with_its_reason(
    happens: Callable[[Stand], None] | None, state: State, reason: str
) -> None:
    stand = Stand()
    if happens is not None:
        happens(stand)

    assert (stand.told().state, stand.told().reason) == (state, reason)


def test_there_is_a_reason_exactly_where_nothing_is_received() -> None:
    assert {state for _, state, _ in CASES} == set(State)
    assert {state for _, state, reason in CASES if not reason} == RECEIVING


def test_a_line_that_is_down_is_why_nothing_is_acknowledged() -> None:
    assert Stand().told("the line is down").reason == "the line is down"


def test_counts_and_ages_go_on_and_only_what_is_in_use_is_suspicious() -> None:
    stand = Stand()
    assert (stand.told().updates, stand.told().last_age_s, stand.told().suspicion) == (0, None, 0.0)
    stand.data()
    stand.clock.advance(4)
    told = stand.told()
    assert (told.updates, told.last_age_s) == (1, 4.0)
    assert told.suspicion > 0
    stand.topic.lose(CUT, "cut", stand.now)

    assert (stand.told().suspicion, stand.told().last_age_s) == (0.0, 4.0)
