from __future__ import annotations

import pytest

from binance_rig import BTC, WIRE, BinanceRig
from leadline.emulator.wire import Frame
from leadline.model.market import Channel, Gap, GapCause
from leadline.simulation.binance_line_judge import BinanceLineJudge
from leadline.simulation.http import Answered
from leadline.simulation.network import Arrival


class Rig(BinanceRig):
    """Connection 2 has told of the book from id 4 to id 9."""

    def __init__(self) -> None:
        super().__init__()
        self.line_judge = BinanceLineJudge(self.evidence, self.loop, self.findings)
        self.told(Channel.BOOK, '{"pu":4,"u":7}')
        self.passes(1.0)
        self.told(Channel.BOOK, '{"pu":7,"u":9}')

    def told(self, channel: Channel, text: str) -> None:
        frame = Frame(text, "update", channel.value, BTC)
        self.line_judge.arrived(Arrival(frame, 2, self.loop.now_ns))

    def snapshot(self, reached: int, limit: int = 500) -> None:
        body = b'{"lastUpdateId":%d}' % reached
        asked, now_ns = {"symbol": WIRE, "limit": str(limit)}, self.loop.now_ns
        self.evidence.answer(Answered("/fapi/v1/depth", asked, body, now_ns, now_ns, False))

    def broken(self, channel: Channel = Channel.BOOK) -> bool:
        self.line_judge.heard(Gap(channel, BTC, GapCause.DISCONNECTED, 1))
        return self.findings.kinds["broken_while_whole"] > 0


def test_a_book_is_whole_once_a_snapshot_has_come_that_joins_its_messages() -> None:
    rig = Rig()
    assert not rig.broken()
    rig.snapshot(9)
    assert rig.broken()


@pytest.mark.parametrize(("reached", "limit"), [(3, 500), (10, 500), (9, 10)])
def test_a_snapshot_that_is_too_old_too_new_or_too_small_begins_no_book(reached: int, limit: int) -> None:
    rig = Rig()
    rig.snapshot(reached, limit)
    assert not rig.broken()


def test_a_snapshot_from_before_the_connection_was_asked_is_none_of_its_own() -> None:
    rig = Rig()
    rig.snapshot(7)
    rig.passes(1.0)
    rig.line_judge.asked(2, '{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":3}')
    rig.told(Channel.BOOK, '{"pu":6,"u":12}')
    assert not rig.broken()


def test_what_comes_whole_with_every_message_needs_no_snapshot() -> None:
    rig = Rig()
    rig.told(Channel.TICKER, "{}")
    assert rig.broken(Channel.TICKER)
