"""The connections of an emulated venue and the faults put on it, each begun and ended at its time.

What a fault does to connections and to what is shown is the same at every venue and is done here; of the
rest the venue is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from leadline.emulator import faults
from leadline.emulator.fault_board import Active, FaultBoard
from leadline.emulator.faults import AnyFault
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.sights import Sights


class FaultyLine(Protocol):
    """A connection as faults see it."""

    route: str
    opened_ns: int
    connection_id: int
    ended: bool
    frozen: bool

    def wake_at(self) -> int:
        """The next moment `woke` has something to do."""

    def woke(self, now_ns: int) -> None:
        """Do what is due."""

    def close(self, code: int, reason: str) -> None:
        """End the connection from the venue's side."""

    def freeze(self) -> None:
        """Half open from now on."""

    def thaw(self, now_ns: int) -> None:
        """No longer half open."""


class Afflicted(Protocol):
    """A venue as its faults see it."""

    def route_of(self, channel: str | None) -> str:
        """The address a channel is served at."""

    def fault_began(self, one: Active, now_ns: int) -> None:
        """A fault is on: do what it does to this venue."""

    def fault_ended(self, one: Active, now_ns: int) -> None:
        """A fault is off: undo what it did to this venue."""


One = TypeVar("One", bound=FaultyLine)


class Lines(Generic[One]):
    """The connections of one venue and its faults, driven by whoever tells it the time."""

    def __init__(self, board: FaultBoard, sights: Sights, venue: Afflicted) -> None:
        self.open: list[One] = []
        self._board = board
        self._sights = sights
        self._venue = venue

    def add(self, line: One) -> None:
        """Take in a new connection."""
        self.open = [one for one in self.open if not one.ended] + [line]

    def next_ns(self) -> int:
        """When `strike` next has something to do."""
        due_ns = self._board.next_expiry_ns()
        for line in self.open:
            due_ns = min(due_ns, line.wake_at())
        if self._board.active:
            due_ns = min((due_ns, *(aged_ns for aged_ns, *_ in self._closings())))
        return due_ns

    def strike(self, now_ns: int) -> None:
        """End the faults that are over, cut the connections that have reached their age, wake the others."""
        for fault_id in [one.fault_id for one in self._board.active.values() if one.until_ns <= now_ns]:
            self._end(fault_id, now_ns)
        for aged_ns, one, fault, line in self._closings():
            if aged_ns <= now_ns and one.fault_id in self._board.active:
                line.close(fault.code, fault.reason)
                self._board.used(one)
        for line in self.open:
            if line.wake_at() <= now_ns:
                line.woke(now_ns)
        self.open = [one for one in self.open if not one.ended]

    def put(self, fault: AnyFault, now_ns: int) -> Active:
        """Put a fault on; what acts but once is off again."""
        one = self._board.put(fault, now_ns)
        if isinstance(fault, faults.Close) and fault.after_s is None:
            for line in picked(self.open, fault.line, fault.only):
                line.close(fault.code, fault.reason)
            self._board.end(one.fault_id)
        elif isinstance(fault, faults.HalfOpen):
            for line in picked(self.open, fault.line, fault.only):
                line.freeze()
        elif isinstance(fault, faults.Stall | faults.OnFrames) and fault.only is not None:
            # Where none is open it is about none.
            found = picked(self.open, self._venue.route_of(fault.channel), fault.only)
            one.only = found[0].connection_id if found else -1
        elif isinstance(fault, faults.Skew | faults.Lag):
            self._sights.begin(one)
        self._venue.fault_began(one, now_ns)
        return one

    def end(self, now_ns: int, fault_id: int | None = None) -> int:
        """End one fault, or all; returns how many were on."""
        ids = [one for one in self._board.active if fault_id in (None, one)]
        for each in ids:
            self._end(each, now_ns)
        return len(ids)

    def _end(self, fault_id: int, now_ns: int) -> None:
        one = self._board.end(fault_id)
        if isinstance(one.fault, faults.HalfOpen):
            for line in self.open:
                if line.opened_ns <= one.since_ns and line.frozen:
                    line.thaw(now_ns)
        elif isinstance(one.fault, faults.Skew | faults.Lag):
            self._sights.end(fault_id)
        self._venue.fault_ended(one, now_ns)

    def _closings(self) -> list[tuple[int, Active, faults.Close, One]]:
        """When each open connection falls due under each repeating CLOSE."""
        found = []
        for one in self._board.of(faults.Close):
            if isinstance(one.fault, faults.Close) and one.fault.after_s is not None:
                after_ns = round(one.fault.after_s * NS_PER_S)
                for line in picked(self.open, one.fault.line):
                    found.append((max(line.opened_ns + after_ns, one.since_ns), one, one.fault, line))
        return found


def picked(lines: Iterable[One], line: str | None, only: str | None = None) -> Sequence[One]:
    """The open connections of one address or all, oldest first; of these the `oldest` or `newest`."""
    found = [one for one in lines if not one.ended and line in (None, one.route)]
    return found if only is None else found[:1] if only == faults.OLDEST else found[-1:]
