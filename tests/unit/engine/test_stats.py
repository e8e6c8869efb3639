from __future__ import annotations

from leadline.engine.gaps import GapCounts
from leadline.engine.stats import FailoverCounts, FeedStats, ReadingCounts
from leadline.engine.topic_state import State, TopicState
from leadline.model.market import Channel, Subscription


def stats(*states: tuple[State, str]) -> FeedStats:
    topics = tuple(
        TopicState(Subscription(Channel.TICKER, "A"), state, reason, None, 1, 0, None, 5.0)
        for state, reason in states
    )
    return FeedStats("", ReadingCounts(), GapCounts(0, 0, 0, 0), FailoverCounts(0, 0.0, 0.0), 0, topics)


def test_live_quiet_and_held_streams_receive_and_the_others_need_a_reason() -> None:
    whole = stats((State.LIVE, ""), (State.QUIET, ""), (State.HELD, ""), (State.REFUSED, "no"))

    assert (whole.wanted, whole.receiving, whole.explained) == (4, 3, 1)


def test_a_stream_without_data_and_reason_is_not_explained() -> None:
    assert stats((State.LOST, "")).explained == 0
