from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.engine.events import Event, LineSwitched, Reconverged, SourceChanged, StreamDead
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source
from leadline.simulation.alarms import AFTERMATH_S, BIRTH_S, UNANSWERED_S, Alarms
from leadline.simulation.report import Findings
from leadline.simulation.strikes import Event as Striking
from leadline.simulation.strikes import Strike
from simrig import BTC, stopwatch

DEAD = StreamDead(Subscription(Channel.BOOK, BTC, 10), "silent")
SWITCHED = LineSwitched(1, 2, 3, "the connection broke", 0.2)


class Rig:
    def __init__(self) -> None:
        self.loop = stopwatch()
        self.findings = Findings(1, "again")
        self.alarms = Alarms(self.loop, self.findings)

    def passes(self, for_s: float) -> None:
        self.loop.block(for_s)

    def struck(self, lasts_s: float, event: Striking | None = None, **fields: object) -> None:
        self.alarms.struck(Strike(0.0, lasts_s, event, fields))

    def false(self, *events: Event) -> int:
        """How many of these are false now."""
        before = self.findings.kinds["false_alarms"]
        for event in events:
            self.alarms.heard(event)
        return self.findings.kinds["false_alarms"] - before


def changed(cause: str = "the connection broke", took_ms: float = 0.0) -> SourceChanged:
    return SourceChanged(Channel.BOOK, BTC, Source.REST, Source.STREAM, cause, took_ms)


def test_a_failover_without_anything_withheld_is_false() -> None:
    rig = Rig()

    assert rig.false(DEAD, SWITCHED, changed()) == 3
    assert rig.findings.violations[0].symbol == BTC


def test_a_fault_explains_what_concerns_its_stream_until_its_aftermath_is_over() -> None:
    rig = Rig()
    rig.struck(10.0, kind="STALL", channel="book", symbol=BTC)
    assert rig.false(DEAD, SWITCHED, changed()) == 0
    rig.passes(10.0 + AFTERMATH_S)
    assert rig.false(DEAD) == 0
    rig.passes(0.1)
    assert rig.false(DEAD) == 1


def test_a_fault_of_another_stream_explains_nothing() -> None:
    rig = Rig()
    rig.struck(10.0, kind="STALL", channel="book", symbol="ETH/USD")
    rig.struck(10.0, kind="STALL", channel="ticker", symbol=BTC)
    rig.struck(10.0, kind="DROP", channel="executions")

    assert rig.false(DEAD) == 1


def test_what_keeps_nothing_of_a_stream_back_explains_nothing() -> None:
    rig = Rig()
    rig.struck(10.0, kind="REPLY", path="Depth", status=503)
    rig.struck(10.0, kind="REFUSE", route="rest")
    rig.struck(0.0, Striking.CLOCK_STEP)

    assert rig.false(DEAD, SWITCHED) == 2


def test_the_world_of_the_client_and_its_birth_explain_everything() -> None:
    rig = Rig()
    rig.struck(0.0, Striking.CUT)
    assert rig.false(DEAD, SWITCHED) == 0
    rig.passes(AFTERMATH_S + 1)
    rig.alarms.born()
    assert rig.false(DEAD) == 0
    rig.passes(BIRTH_S + 1)
    assert rig.false(DEAD) == 1


def test_a_deeper_book_and_a_question_to_rest_are_no_failover() -> None:
    rig = Rig()

    assert rig.false(changed("subscribed anew at depth 25"), changed("the stream is silent", 9.0)) == 0
    assert rig.alarms.failover_ms.total() == 0


def test_all_streams_of_a_loss_count_once_with_the_slowest() -> None:
    rig = Rig()
    rig.struck(0.0, Striking.CUT)
    rig.passes(5.0)
    for event in (SWITCHED, changed(), changed()):
        rig.alarms.heard(event)
    rig.passes(0.03)
    rig.alarms.heard(changed(took_ms=30.0))
    rig.passes(5.0)
    rig.alarms.heard(changed())

    assert dict(rig.alarms.failover_ms) == {30: 1, 0: 1}


def test_what_was_lost_before_a_reader_came_is_no_failover_of_his() -> None:
    rig = Rig()
    rig.struck(0.0, Striking.CUT)
    rig.passes(5.0)
    rig.alarms.came(Channel.BOOK, BTC)
    rig.passes(0.5)
    rig.alarms.heard(changed(took_ms=3_000.0))
    assert rig.alarms.failover_ms.total() == 0
    rig.passes(5 * 1.0)
    rig.alarms.heard(changed(took_ms=20.0))
    assert dict(rig.alarms.failover_ms) == {20: 1}
    assert rig.loop.now_ns > 10 * NS_PER_S


def test_a_stream_that_rest_could_not_bear_out_is_no_false_alarm_where_its_answer_was_lost() -> None:
    rig = Rig()
    doubted = StreamDead(DEAD.subscription, "silent for 25.3 s while REST did not answer")
    assert rig.false(doubted) == 1
    rig.alarms.unanswered()
    assert rig.false(doubted) == 0
    assert rig.false(DEAD) == 1
    rig.passes(UNANSWERED_S)
    assert rig.false(doubted) == 1


def test_who_believes_what_rest_tells_wrongly_of_a_stream_is_misled() -> None:
    rig = Rig()
    rig.struck(10.0, kind="SKEW", channel="book", symbol=BTC, route="rest", factor="2")

    assert rig.false(DEAD) == 0
    assert rig.false(SWITCHED) == 1
    assert not rig.alarms.excused(Channel.BOOK, BTC)


def test_while_rest_is_rightly_doubted_nobody_waits_for_it_too_long() -> None:
    rig = Rig()
    rig.struck(10.0, kind="SKEW", channel="ticker", symbol=BTC, route="rest", factor="2")
    rig.struck(30.0, Striking.CUT)
    rig.passes(20.0)
    rig.alarms.heard(Reconverged("ticker", BTC, 15.0))
    rig.passes(0.02)
    rig.alarms.heard(changed(took_ms=5_000.0))
    assert dict(rig.alarms.failover_ms) == {20: 1}


def test_who_doubts_rest_long_after_the_lie_serves_its_readers_late() -> None:
    rig = Rig()
    rig.struck(10.0, kind="SKEW", channel="ticker", symbol=BTC, route="rest", factor="2")
    rig.struck(10.0, Striking.CUT)
    rig.passes(10.0 + AFTERMATH_S + 3.0)
    rig.alarms.heard(Reconverged("ticker", BTC, 15.0))
    rig.alarms.heard(changed(took_ms=5_000.0))
    assert dict(rig.alarms.failover_ms) == {3_000: 1}


def test_a_fault_after_the_lie_keeps_rest_from_being_found_true() -> None:
    rig = Rig()
    rig.struck(10.0, kind="SKEW", channel="ticker", symbol=BTC, route="rest", factor="2")
    rig.passes(50.0)
    rig.struck(10.0, Striking.NO_NAMES)
    rig.passes(30.0)
    rig.alarms.heard(Reconverged("ticker", BTC, 15.0))
    rig.alarms.heard(changed(took_ms=20_000.0))
    assert dict(rig.alarms.failover_ms) == {0: 1}


def test_a_doubt_without_a_lie_excuses_no_wait() -> None:
    rig = Rig()
    rig.struck(30.0, Striking.CUT)
    rig.passes(20.0)
    rig.alarms.heard(Reconverged("ticker", BTC, 15.0))
    rig.alarms.heard(changed(took_ms=5_000.0))
    assert dict(rig.alarms.failover_ms) == {5_000: 1}
