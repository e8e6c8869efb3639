from __future__ import annotations

from typing import Any

from leadline.emulator.fault_board import FaultBoard, RefusedConnect
from leadline.emulator.fault_forms import decoded
from leadline.emulator.replies import replied
from leadline.emulator.wire import Answer

USUAL = Answer(200, b"usual", headers=(("x-mbx-used-weight-1m", "7"),))


class Venue:
    """Answers one call that trades, and counts how often it has been carried out."""

    def __init__(self, **fault: Any) -> None:
        self.acted = 0
        self.board = FaultBoard({"order"})
        self.board.put(decoded({"venue": "binance", **fault}, ()), 0)

    def asked(self) -> Answer | RefusedConnect:
        return replied(self.board, "/fapi/v1/order", "order", self._act)

    def _act(self) -> Answer:
        self.acted += 1
        return USUAL


def test_a_refused_request_is_not_carried_out() -> None:
    venue = Venue(kind="REFUSE", route="rest", status=503)
    assert (venue.asked(), venue.acted) == (RefusedConnect(503), 0)


def test_another_answer_stands_in_the_place_of_what_was_never_done() -> None:
    venue = Venue(kind="REPLY", path="/order", status=502, body="edge", count=1)
    assert (venue.asked(), venue.acted) == (Answer(502, b"edge"), 0)
    assert (venue.asked(), venue.acted) == (USUAL, 1)


def test_another_answer_to_what_was_done_all_the_same() -> None:
    venue = Venue(kind="REPLY", path="/order", status=502, body="edge", accepted=True)
    assert (venue.asked(), venue.acted) == (Answer(502, b"edge"), 1)


def test_an_answer_that_comes_late_is_whole_with_its_headers() -> None:
    venue = Venue(kind="REPLY", path="/order", delay_s=1.5)
    assert venue.asked() == Answer(200, b"usual", 1.5, USUAL.headers)


def test_a_lost_answer_is_of_something_done() -> None:
    venue = Venue(kind="ACCEPT_THEN_DROP", count=1)
    assert (venue.asked(), venue.acted) == (RefusedConnect(None, executed=True), 1)
    assert venue.asked() == USUAL
