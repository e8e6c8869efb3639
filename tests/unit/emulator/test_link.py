from __future__ import annotations

from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.link import BACKLOG_FRAMES, Link
from leadline.emulator.wire import Close, Frame

S = 10**9


class Noting(Link):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__("ws_public", 7, FaultBoard(), 0)
        self.acted: list[tuple[int, str]] = []

    def act(self, text: str, now_ns: int) -> None:
        self.acted.append((now_ns, text))


def frame(text: str) -> Frame:
    return Frame(text, "update")


def test_what_is_put_off_is_done_in_the_order_of_time_and_then_of_asking() -> None:
    link, done = Noting(), []
    for name, due_ns in (("second", 2 * S), ("third", 2 * S), ("first", S), ("never yet", 3 * S)):
        link.later(due_ns, lambda now_ns, name=name: done.append((name, now_ns)))
    assert link.wake_at() == S
    link.woke(2 * S)
    assert done == [("first", 2 * S), ("second", 2 * S), ("third", 2 * S)]
    assert link.wake_at() == 3 * S


def test_a_frame_goes_out_once() -> None:
    link, sent = Noting(), frame("a")
    link.deliver(sent)
    assert link.outputs() == [sent]
    assert link.outputs() == []


def test_a_half_open_link_neither_reads_nor_sends_and_makes_up_for_both_later() -> None:
    link, sent = Noting(), frame("a")
    link.freeze()
    link.received("hello", S)
    link.deliver(sent)
    assert (link.acted, link.outputs()) == ([], [])
    link.thaw(5 * S)
    assert link.acted == [(5 * S, "hello")]
    assert link.outputs() == [sent]


def test_a_closed_link_says_one_thing_more_and_does_nothing_again() -> None:
    link = Noting()
    link.later(S, lambda now_ns: link.acted.append((now_ns, "late")))
    link.close(1001, "bye")
    link.close(1001, "twice")
    link.deliver(frame("late"))
    link.received("late", S)
    link.woke(2 * S)
    assert link.ended
    assert link.outputs() == [Close(1001, "bye")]
    assert link.acted == []


def test_who_does_not_read_is_cut_off() -> None:
    link = Noting()
    for _ in range(BACKLOG_FRAMES + 1):
        link.deliver(frame("a"))
    assert link.outputs() == [Close(1006, "reader too slow")]


def test_who_writes_into_a_black_hole_for_ever_is_cut_off() -> None:
    link = Noting()
    link.freeze()
    for _ in range(BACKLOG_FRAMES + 1):
        link.received("a", 0)
    assert link.ended
