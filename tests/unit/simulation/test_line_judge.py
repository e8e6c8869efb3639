from __future__ import annotations

import pytest

from leadline.emulator.wire import Frame
from leadline.model.market import Channel, Gap, GapCause
from leadline.simulation.line_judge import AFTERMATH_S, LineJudge
from leadline.simulation.network import Arrival
from leadline.simulation.report import Findings
from leadline.simulation.strikes import Event, Strike
from simrig import BTC, stopwatch

LOST = Gap(Channel.BOOK, BTC, GapCause.DISCONNECTED, 1)


class Rig:
    """Connection 2 has told of the book."""

    def __init__(self) -> None:
        self.loop = stopwatch()
        self.findings = Findings(1, "again")
        self.judge = LineJudge(self.loop, self.findings)
        self.frame("snapshot")

    def frame(self, kind: str = "update", link: int = 2, channel: str = "book") -> None:
        self.judge.arrived(Arrival(Frame("", kind, channel, BTC), link, self.loop.now_ns))

    def broken(self, gap: Gap = LOST) -> bool:
        before = self.findings.kinds["broken_while_whole"]
        self.judge.heard(gap)
        return self.findings.kinds["broken_while_whole"] > before


def test_a_stream_that_is_lost_although_a_connection_has_it_whole_is_found() -> None:
    assert Rig().broken()


def test_it_is_not_whole_once_the_connection_is_gone_or_silent() -> None:
    gone, silent = Rig(), Rig()
    gone.judge.gone(2)
    silent.loop.block(3.5)

    assert not gone.broken()
    assert not silent.broken()
    silent.frame(channel="heartbeat", kind="control")
    assert silent.broken()


def test_it_is_not_whole_between_asking_for_it_anew_and_its_data() -> None:
    rig = Rig()
    rig.judge.asked(2, '{"method":"unsubscribe","params":{"channel":"book","symbol":["BTC/USD"]}}')
    assert not rig.broken()
    rig.frame("ack")
    assert not rig.broken()
    rig.frame("snapshot")
    assert rig.broken()


def test_another_stream_or_a_question_changes_nothing() -> None:
    rig = Rig()
    rig.judge.asked(2, '{"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD"]}}')
    rig.judge.asked(2, '{"method":"ping"}')

    assert rig.broken()
    assert not rig.broken(Gap(Channel.TICKER, BTC, GapCause.DISCONNECTED, 1))


@pytest.mark.parametrize(
    "strike",
    [
        Strike(0.0, 5.0, fields={"kind": "STALL", "channel": "book"}),
        Strike(0.0, 5.0, Event.BLACK_HOLE),
    ],
)
def test_while_something_is_kept_back_nothing_is_judged(strike: Strike) -> None:
    rig = Rig()
    rig.judge.struck(strike)
    assert not rig.broken()
    rig.loop.block(5.0 + AFTERMATH_S)
    rig.frame()
    assert rig.broken()


def test_other_holes_and_those_that_are_over_are_of_another_kind() -> None:
    rig = Rig()

    assert not rig.broken(Gap(Channel.BOOK, BTC, GapCause.DROPPED, 1))
    assert not rig.broken(Gap(Channel.BOOK, BTC, GapCause.DISCONNECTED, 1, 2))
