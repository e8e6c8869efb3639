"""Values that several users change, be they coroutines, systems or processes; the rule: nobody in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

S = TypeVar("S")
T = TypeVar("T")


class Cell(Protocol[S]):
    """One value that is replaced as a whole."""

    def kept(self) -> S | None:
        """What is kept now; None before anything was."""

    def change(self, change: Callable[[S | None], tuple[S, T]]) -> T:
        """Replace what is kept by what the change makes of it, and return what else it tells.

        It may be asked more than once, where somebody else was faster.
        """


class Cells(Protocol):
    """A place for such values, by name."""

    def cell(self, name: str, kind: type[S]) -> Cell[S]:
        """The value of this name, always of the same kind: a msgspec Struct."""


class MemoryCell(Cell[S]):
    """A value in memory."""

    def __init__(self) -> None:
        self._kept: S | None = None

    def kept(self) -> S | None:
        return self._kept

    def change(self, change: Callable[[S | None], tuple[S, T]]) -> T:
        self._kept, told = change(self._kept)
        return told


class MemoryCells:
    """Implements `Cells` for the users on one loop."""

    def __init__(self) -> None:
        self._cells: dict[str, MemoryCell[Any]] = {}

    def cell(self, name: str, kind: type[S]) -> Cell[S]:
        return self._cells.setdefault(name, MemoryCell())
