from __future__ import annotations

from dataclasses import replace
from typing import Any

from leadline.core.session import FrameSkipped
from leadline.engine.once import Once
from leadline.model.market import InstrumentsChanged, VenueMode, VenueStatus
from leadline.venues.memory import instrument

A, B = "one line", "another"
ONLINE, RESTING = VenueStatus(VenueMode.ONLINE), VenueStatus(VenueMode.MAINTENANCE)
BTC, ETH = instrument("BTC/USD"), instrument("ETH/USD")


def told(*news: tuple[str, Any]) -> list[Any]:
    """What goes on of what two lines are told."""
    passed: list[Any] = []
    once = Once(lambda news, now_ns: passed.append(news))
    for line, each in news:
        once.receive(line, each, 0)
    return passed


def test_a_mode_is_told_when_it_changes() -> None:
    assert told((A, ONLINE), (B, ONLINE), (B, RESTING), (A, RESTING), (A, ONLINE)) == [
        ONLINE,
        RESTING,
        ONLINE,
    ]


def test_reference_data_goes_on_as_far_as_it_is_new() -> None:
    coarser = replace(BTC, price_precision=1)
    whole, change = InstrumentsChanged((BTC, ETH), snapshot=True), InstrumentsChanged((coarser,))

    assert told((A, whole), (B, whole), (A, change), (B, change)) == [whole, change]
    assert told((A, whole), (B, InstrumentsChanged((coarser, ETH), snapshot=True))) == [whole, change]


def test_a_frame_that_every_line_got_is_told_once_and_one_line_may_repeat_it() -> None:
    frame, other = FrameSkipped(b"{", "no JSON"), FrameSkipped(b"[", "no JSON")

    assert told((A, frame), (B, frame), (A, other), (A, frame)) == [frame, other, frame]
    assert told((A, frame), (A, frame)) == [frame, frame]
