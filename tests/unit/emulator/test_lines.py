from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emulated import emulated
from leadline.emulator.fault_board import Active, FaultBoard
from leadline.emulator.fault_forms import decoded
from leadline.emulator.lines import Lines, picked
from leadline.emulator.sights import Sights

S = 10**9
NEVER = 1 << 62


@dataclass
class Line:
    route: str = "ws_public"
    opened_ns: int = 0
    connection_id: int = 0
    ended: bool = False
    frozen: bool = False
    due_ns: int = NEVER
    said: list[tuple[int, str]] = field(default_factory=list)

    def wake_at(self) -> int:
        return self.due_ns

    def woke(self, now_ns: int) -> None:
        self.due_ns = NEVER
        self.said.append((now_ns, "woke"))

    def close(self, code: int, reason: str) -> None:
        self.ended = True
        self.said.append((code, reason))

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self, now_ns: int) -> None:
        self.frozen = False


class Stage:
    """A venue that only notes what it is told of its faults."""

    def __init__(self, *found: Line) -> None:
        self.told: list[str] = []
        self.board = FaultBoard()
        self.lines: Lines[Line] = Lines(self.board, Sights(emulated().market, self.board), self)
        for one in found:
            self.lines.add(one)

    def put(self, now_ns: int = 0, **fields: Any) -> Active:
        return self.lines.put(decoded(fields, ("BTC/USD",)), now_ns)

    def route_of(self, channel: str | None) -> str:
        return "ws_private" if channel == "executions" else "ws_public"

    def fault_began(self, one: Active, now_ns: int) -> None:
        self.told.append(f"{type(one.fault).__name__} began at {now_ns // S}")

    def fault_ended(self, one: Active, now_ns: int) -> None:
        self.told.append(f"{type(one.fault).__name__} ended at {now_ns // S}")


def test_the_oldest_and_the_newest_open_line_of_an_address_are_picked() -> None:
    found = [Line(ended=True), Line("ws_private"), Line(), Line()]
    assert picked(found, "ws_public") == found[2:]
    assert picked(found, None, "oldest") == [found[1]]
    assert picked(found, None, "newest") == [found[3]]


def test_a_close_acts_at_once_and_is_over() -> None:
    stage = Stage(line := Line())
    stage.put(kind="CLOSE", code=1012, reason="restart")
    assert line.said == [(1012, "restart")]
    assert stage.board.active == {}


def test_a_repeating_close_waits_for_each_lines_age() -> None:
    stage = Stage(first := Line(), second := Line(opened_ns=3 * S))
    stage.put(kind="CLOSE", after_s=5)
    assert stage.lines.next_ns() == 5 * S
    stage.lines.strike(5 * S)
    assert (first.ended, second.ended) == (True, False)
    assert stage.lines.open == [second]
    assert stage.lines.next_ns() == 8 * S


def test_half_open_freezes_what_is_open_and_thaws_it_again() -> None:
    stage = Stage(line := Line())
    stage.put(kind="HALF_OPEN", for_s=2)
    stage.lines.add(later := Line(opened_ns=S))
    assert (line.frozen, later.frozen) == (True, False)
    stage.lines.strike(2 * S)
    assert not line.frozen


def test_a_fault_on_one_line_is_about_that_which_serves_the_channel() -> None:
    stage = Stage(
        Line(connection_id=1), Line("ws_private", connection_id=2), Line("ws_private", connection_id=3)
    )
    assert stage.put(kind="STALL", channel="executions", only="newest").only == 3
    assert stage.put(kind="DROP", channel="executions", only="oldest").only == 2
    assert stage.put(kind="STALL", channel="book").only is None


def test_a_fault_on_one_line_is_about_none_where_none_is_open() -> None:
    assert Stage().put(kind="STALL", channel="executions", only="newest").only == -1


def test_the_venue_is_told_when_a_fault_begins_and_when_it_ends_by_its_time_or_by_hand() -> None:
    stage = Stage()
    stage.put(S, kind="STATUS", mode="maintenance", for_s=3)
    one = stage.put(S, kind="SKEW", factor="2")
    assert stage.lines.next_ns() == 4 * S
    stage.lines.strike(4 * S)
    assert stage.lines.end(5 * S, one.fault_id) == 1
    assert stage.lines.end(6 * S) == 0
    assert stage.told == ["Status began at 1", "Skew began at 1", "Status ended at 4", "Skew ended at 5"]


def test_lines_are_woken_when_they_are_due() -> None:
    stage = Stage(early := Line(due_ns=S), Line(due_ns=3 * S))
    assert stage.lines.next_ns() == S
    stage.lines.strike(S)
    assert early.said == [(S, "woke")]
    assert stage.lines.next_ns() == 3 * S
