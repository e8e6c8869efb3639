"""What faults do to connections, whatever venue they belong to: which one is meant, when it is cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from leadline.emulator import faults
from leadline.emulator.fault_board import Active, FaultBoard
from leadline.emulator.numbers import NS_PER_S


class FaultyLine(Protocol):
    """A connection as faults see it."""

    route: str
    opened_ns: int
    ended: bool
    frozen: bool

    def close(self, code: int, reason: str) -> None:
        """End the connection from the venue's side."""

    def freeze(self) -> None:
        """Half open from now on."""

    def thaw(self, now_ns: int) -> None:
        """No longer half open."""


One = TypeVar("One", bound=FaultyLine)


def picked(lines: Iterable[One], line: str | None, only: str | None = None) -> Sequence[One]:
    """The open connections of one address or all, oldest first; of these the `oldest` or `newest`."""
    found = [one for one in lines if not one.ended and line in (None, one.route)]
    return found if only is None else found[:1] if only == faults.OLDEST else found[-1:]


def closings(board: FaultBoard, lines: Sequence[One]) -> list[tuple[int, Active, faults.Close, One]]:
    """When each open connection falls due under each repeating CLOSE."""
    found = []
    for one in board.of(faults.Close):
        if isinstance(one.fault, faults.Close) and one.fault.after_s is not None:
            after_ns = round(one.fault.after_s * NS_PER_S)
            for each in picked(lines, one.fault.line):
                found.append((max(each.opened_ns + after_ns, one.since_ns), one, one.fault, each))
    return found


def close_aged(board: FaultBoard, lines: Sequence[FaultyLine], now_ns: int) -> None:
    """Cut what has fallen due."""
    for aged_ns, one, fault, each in closings(board, lines):
        if aged_ns <= now_ns and one.fault_id in board.active:
            each.close(fault.code, fault.reason)
            board.used(one)


def begin(board: FaultBoard, one: Active, lines: Iterable[FaultyLine]) -> None:
    """Close or freeze what a fault put on now is about."""
    fault = one.fault
    if isinstance(fault, faults.Close) and fault.after_s is None:
        for each in picked(lines, fault.line, fault.only):
            each.close(fault.code, fault.reason)
        board.end(one.fault_id)
    elif isinstance(fault, faults.HalfOpen):
        for each in picked(lines, fault.line, fault.only):
            each.freeze()


def thaw(one: Active, lines: Iterable[FaultyLine], now_ns: int) -> None:
    """A HALF_OPEN is over: what it froze comes back."""
    for each in lines:
        if each.opened_ns <= one.since_ns and each.frozen:
            each.thaw(now_ns)
