from __future__ import annotations

from binance_rig import BTC, BinanceRig
from leadline.emulator.wire import Frame
from leadline.model.market import Channel
from leadline.simulation.binance_evidence import update_id
from leadline.simulation.evidence import ALL
from leadline.simulation.http import Answered


def test_a_frame_says_when_it_was_told_and_how_far_it_reaches() -> None:
    frame = Frame('{"e":"depthUpdate","E":1790000000123,"T":1,"U":5,"u":9,"pu":4}', "update", "book")
    rig = BinanceRig()

    assert rig.evidence.made_ns(frame) == 1_790_000_000_123_000_000
    assert update_id(frame) == 9
    assert (rig.evidence.made_ns(Frame("{", "update")), update_id(Frame("{", "update"))) == (0, -1)


def test_a_snapshot_is_evidence_of_a_book_as_a_message_is() -> None:
    rig = BinanceRig()
    assert rig.evidence.newest_ns(Channel.BOOK, BTC) is None
    rig.frame(u=5)
    rig.passes(2.0)
    assert rig.evidence.newest_ns(Channel.BOOK, BTC) == 0
    rig.answer("/fapi/v1/depth", b'{"lastUpdateId":7,"E":1}', made_ns=1)

    now_ns = rig.loop.now_ns
    assert rig.evidence.newest_ns(Channel.BOOK, BTC) == now_ns
    assert rig.evidence.snapshots_at(BTC, now_ns) == [(1, 7)]
    assert rig.evidence.ids_until(BTC, now_ns) == {5}


def test_an_answer_is_about_its_symbol_or_about_all_of_them() -> None:
    rig = BinanceRig()
    one = Answered("/fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}, b"", 0, 0, False)
    every = Answered("/fapi/v1/premiumIndex", {}, b"", 0, 1, False)
    other = Answered("/fapi/v1/time", {}, b"", 0, 2, False)

    assert [rig.evidence.about(each) for each in (one, every, other)] == [
        (Channel.MARK, BTC),
        (Channel.MARK, ALL),
        None,
    ]
    rig.evidence.answer(one)
    rig.evidence.answer(every)
    assert rig.evidence.answers_at(Channel.MARK, BTC, 0) == [one, every]
