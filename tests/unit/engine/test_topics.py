from __future__ import annotations

import asyncio
from typing import Any

import pytest

from feedrig import BTC, Rig
from leadline.clock import NS_PER_S, ManualClock
from leadline.engine.answers import view_of
from leadline.engine.bars import BarTopic
from leadline.engine.events import SourceChanged
from leadline.engine.topic_state import State, state_of
from leadline.engine.topics import Desk, Topic
from leadline.errors import Rejected
from leadline.model.market import Channel, GapCause, Subscription
from leadline.model.reading import Reading, Source


class Stand:
    """One ticker topic on its own."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.clock = ManualClock(mono_ns=100 * NS_PER_S)
        self.desk = Desk(self.clock)
        self.topic: Topic[Any] = Topic(Subscription(Channel.TICKER, BTC), self.desk)

    @property
    def now(self) -> int:
        return self.clock.mono_ns()

    @property
    def state(self) -> State:
        return state_of(self.topic, self.now, "the line is down").state

    def data(self, last: str = "100") -> None:
        self.topic.take(self.rig.ticker(last), self.now)


def test_only_data_makes_a_topic_live() -> None:
    stand = Stand()
    assert stand.state is State.WANTED
    stand.topic.confirmed(stand.now)
    assert stand.state is State.ACKED_NO_DATA
    stand.data()

    assert stand.state is State.LIVE


def test_silence_beyond_the_bound_is_suspect_until_rest_vouches_for_it() -> None:
    stand = Stand()
    stand.data()
    stand.clock.advance(10.5)
    assert stand.state is State.SUSPECT
    stand.topic.vouch(stand.now)

    assert stand.state is State.QUIET


def test_a_loss_is_explained_by_its_reason() -> None:
    stand = Stand()
    stand.data()
    stand.topic.lose(GapCause.DISCONNECTED, "cut", stand.now)
    state = state_of(stand.topic, stand.now, "")

    assert (state.state, state.reason) == (State.LOST, "cut")


def test_a_loss_of_what_was_never_there_is_no_gap() -> None:
    stand = Stand()
    stand.topic.lose(GapCause.DISCONNECTED, "cut", stand.now)

    assert stand.desk.ledger.gaps == ()
    assert state_of(stand.topic, stand.now, "the line is down").reason == "the line is down"


def test_a_second_loss_before_any_data_is_the_same_gap() -> None:
    stand = Stand()
    stand.data()
    stand.topic.lose(GapCause.DROPPED, "wrong", stand.now)
    stand.topic.lose(GapCause.DISCONNECTED, "cut", stand.now)

    assert [gap.cause for gap in stand.desk.ledger.gaps] == [GapCause.DROPPED]


def test_the_gap_begins_with_the_last_data_and_ends_with_the_next() -> None:
    stand = Stand()
    stand.data()
    begin_ns = stand.clock.wall_ns()
    stand.clock.advance(7)
    stand.topic.lose(GapCause.SILENT, "silent", stand.now)
    stand.clock.advance(3)
    stand.data()
    (gap,) = stand.desk.ledger.gaps

    assert (gap.from_ns, gap.until_ns) == (begin_ns, begin_ns + 10 * NS_PER_S)


def test_a_refusal_ends_with_the_acknowledgement_of_a_later_try() -> None:
    stand = Stand()
    stand.topic.refuse(Rejected("no"))
    assert state_of(stand.topic, stand.now, "").reason == "no"
    stand.topic.confirmed(stand.now)

    assert stand.state is State.ACKED_NO_DATA


def test_many_losses_hold_a_stream_back_until_it_has_run_steadily() -> None:
    stand = Stand()
    for _ in range(3):
        stand.data()
        stand.topic.lose(GapCause.DROPPED, "wrong", stand.now)
    stand.data()
    assert stand.state is State.HELD
    stand.clock.advance(30)
    stand.topic.tick(stand.now)

    assert stand.topic.live
    assert stand.desk.ledger.gaps[-1].until_ns == stand.clock.wall_ns()


class Kept:
    """A reader that keeps what it gets."""

    eager = True

    def __init__(self) -> None:
        self.got: list[Any] = []

    def take(self, reading: Reading[Any]) -> None:
        self.got.append(reading)

    def wake(self) -> None: ...

    def gap(self, gap: object) -> None:
        self.got.append(gap)

    def fail(self, error: object) -> None:
        self.got.append(error)


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_a_failover_is_counted_and_timed_from_the_loss_to_the_request(stand: Stand) -> None:
    stand.topic.add(Kept())
    stand.data()
    stand.topic.lose(GapCause.SILENT, "silent", stand.now)
    stand.clock.advance(0.02)
    asked_ns = stand.now
    stand.topic.request_leaves(asked_ns)
    stand.topic.request_leaves(asked_ns)
    stand.clock.advance(0.3)
    stand.topic.answered(stand.rig.ticker("7"), asked_ns, stand.now)
    failovers = stand.desk.failovers

    assert (failovers.count, failovers.max_ms, failovers.answer_ms_max) == (1, 20.0, 300.0)
    assert stand.topic.source is Source.REST


def test_the_way_back_is_told_with_the_whole_time_away(stand: Stand) -> None:
    stand.topic.add(Kept())
    stand.data()
    stand.topic.lose(GapCause.SILENT, "silent", stand.now)
    stand.topic.request_leaves(stand.now)
    stand.clock.advance(2)
    stand.data()
    changes = [event for event in stand.desk.events.recent if isinstance(event, SourceChanged)]

    assert [(each.source, each.took_ms) for each in changes] == [(Source.REST, 0.0), (Source.STREAM, 2000.0)]


def test_a_change_of_source_says_of_bars_which(stand: Stand) -> None:
    bars = BarTopic(Subscription(Channel.BARS, BTC, 300), stand.desk)
    bars.add(Kept())
    bars.take(stand.rig.bars(stand.rig.bar(0)), stand.now)
    bars.lose(GapCause.SILENT, "silent", stand.now)
    bars.request_leaves(stand.now)
    [change] = [event for event in stand.desk.events.recent if isinstance(event, SourceChanged)]

    assert (change.interval_s, change.stream) == (300, "bars BTC/USD 300 s")


def test_a_way_back_by_what_was_received_before_the_loss_was_noticed_took_no_time(stand: Stand) -> None:
    stand.topic.add(Kept())
    stand.data()
    received_ns = stand.now
    stand.clock.advance(0.4)
    stand.topic.lose(GapCause.DROPPED, "wrong", stand.now)
    stand.topic.request_leaves(stand.now)
    stand.topic.take(stand.rig.ticker(), received_ns)
    changes = [event for event in stand.desk.events.recent if isinstance(event, SourceChanged)]

    assert [(each.source, each.took_ms) for each in changes] == [(Source.REST, 0.0), (Source.STREAM, 0.0)]


def test_a_silent_stream_gives_way_to_rest_and_comes_back_with_its_next_word(stand: Stand) -> None:
    kept = Kept()
    stand.topic.add(kept)
    stand.data("1")
    stand.clock.advance(11)
    stand.topic.doubted_ns = stand.now
    stand.clock.advance(0.01)
    stand.topic.request_leaves(stand.now)
    stand.topic.answered(stand.rig.ticker("7"), stand.now, stand.now)
    stand.clock.advance(1)
    stand.data("8")
    stand.topic.tick(stand.now)

    assert [(each.source, each.value.last) for each in kept.got] == [
        (Source.STREAM, 1),
        (Source.REST, 7),
        (Source.STREAM, 8),
    ]
    changes = [event for event in stand.desk.events.recent if isinstance(event, SourceChanged)]
    assert [(each.source, each.took_ms) for each in changes] == [(Source.REST, 10.0), (Source.STREAM, 1010.0)]


def test_a_reader_who_comes_during_a_loss_is_told_of_it(stand: Stand) -> None:
    stand.data()
    stand.topic.lose(GapCause.SILENT, "silent", stand.now)
    kept = Kept()
    stand.topic.add(kept)

    assert [gap.cause for gap in kept.got] == [GapCause.SILENT]


def test_a_step_of_the_wall_clock_is_no_part_of_a_gap() -> None:
    for step_s in (-3600, 3600):
        stand = Stand()
        stand.data()
        stand.topic.lose(GapCause.DISCONNECTED, "cut", stand.now)
        stand.clock.step_wall(step_s)
        stand.clock.advance(3)
        stand.data()

        (gap,) = stand.desk.ledger.gaps
        assert gap.until_ns is not None
        assert gap.until_ns - gap.from_ns == 3 * NS_PER_S


async def test_who_waits_for_a_stream_in_vain_leaves_nothing_behind(stand: Stand) -> None:
    task = asyncio.create_task(stand.topic.in_use())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    waits = asyncio.create_task(stand.topic.in_use())
    await asyncio.sleep(0)
    stand.data()

    await waits
    assert not stand.topic._waiting


def test_an_answer_asked_for_before_the_last_word_of_the_stream_is_not_handed_on(stand: Stand) -> None:
    kept = Kept()
    stand.data("100")
    asked_ns = stand.now
    stand.clock.advance(0.1)
    stand.data("101")
    stand.topic.add(kept)
    stand.topic.lose(GapCause.DISCONNECTED, "cut", stand.now)
    stand.topic.polled_ns = stand.now
    stand.topic.answered(stand.rig.ticker("100"), asked_ns, stand.now)

    assert [item for item in kept.got if isinstance(item, Reading)] == []
    assert stand.topic.polled_ns is None


def test_who_comes_to_a_stream_after_its_loss_has_waited_since_then_only(stand: Stand) -> None:
    stand.data()
    stand.topic.lose(GapCause.DISCONNECTED, "cut", stand.now)
    stand.clock.advance(10)
    stand.topic.add(Kept())
    stand.clock.advance(0.05)
    stand.topic.add(Kept())
    stand.topic.request_leaves(stand.now)

    (changed,) = (event for event in stand.desk.events.recent if isinstance(event, SourceChanged))
    assert changed.took_ms == 50.0


def test_a_value_of_a_stream_that_is_out_of_use_is_fresh_for_no_time() -> None:
    stand = Stand()
    stand.data()
    stand.clock.advance(0.5)
    in_use = stand.topic.from_stream()
    stand.topic.lose(GapCause.DISCONNECTED, "cut", stand.now)
    lost = stand.topic.from_stream()

    assert in_use is not None and in_use.bound_s > in_use.age_s
    assert lost is not None and lost.bound_s == 0.0


def test_a_quarantined_book_is_neither_fresh_nor_verified_whatever_it_says() -> None:
    stand = Stand()
    view = view_of(stand.rig.rest_book(), 10)
    book: Topic[Any] = Topic(Subscription(Channel.BOOK, BTC, 10), stand.desk)
    book.take(view, stand.now)
    good = book.from_stream()
    book.quarantine("REST and the ticker differ from it", stand.now)
    book.take(view, stand.now)
    doubted = book.from_stream()

    assert good is not None and good.verified and good.bound_s > 0
    assert doubted is not None and not doubted.verified and doubted.bound_s == 0.0
