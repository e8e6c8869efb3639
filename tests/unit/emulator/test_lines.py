from __future__ import annotations

from dataclasses import dataclass, field

from leadline.emulator import lines
from leadline.emulator.fault_board import Active, FaultBoard
from leadline.emulator.faults import decoded

S = 10**9


@dataclass
class Line:
    route: str = "ws_public"
    opened_ns: int = 0
    ended: bool = False
    frozen: bool = False
    said: list[tuple[int, str]] = field(default_factory=list)

    def close(self, code: int, reason: str) -> None:
        self.ended = True
        self.said.append((code, reason))

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self, now_ns: int) -> None:
        self.frozen = False


def put(board: FaultBoard, **fields: object) -> Active:
    return board.put(decoded(fields, ()), 0)


def test_the_oldest_and_the_newest_open_line_of_an_address_are_picked() -> None:
    found = [Line(ended=True), Line("ws_private"), Line(), Line()]
    assert lines.picked(found, "ws_public") == found[2:]
    assert lines.picked(found, None, "oldest") == [found[1]]
    assert lines.picked(found, None, "newest") == [found[3]]


def test_a_close_acts_at_once_and_is_over() -> None:
    board, line = FaultBoard(), Line()
    lines.begin(board, put(board, kind="CLOSE", code=1012, reason="restart"), [line])
    assert line.said == [(1012, "restart")]
    assert board.active == {}


def test_a_repeating_close_waits_for_each_lines_age() -> None:
    board, found = FaultBoard(), [Line(), Line(opened_ns=3 * S)]
    put(board, kind="CLOSE", after_s=5)
    assert [due_ns for due_ns, *_ in lines.closings(board, found)] == [5 * S, 8 * S]
    lines.close_aged(board, found, 5 * S)
    assert [one.ended for one in found] == [True, False]


def test_half_open_freezes_what_is_open_and_thaws_it_again() -> None:
    board, line = FaultBoard(), Line()
    one = put(board, kind="HALF_OPEN")
    lines.begin(board, one, [line])
    assert line.frozen
    lines.thaw(one, [line], S)
    assert not line.frozen
