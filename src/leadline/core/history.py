"""The last changes of something, numbered, in a ring: what falls out is counted, never silently gone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

C = TypeVar("C")

KEPT_CHANGES = 10_000
"""At the bound the oldest change is forgotten and counted."""


class History(Generic[C]):
    """Changes in the order in which they happened; the first one ever has the number 0."""

    def __init__(self, kept: int = KEPT_CHANGES) -> None:
        self._ring: deque[C] = deque(maxlen=kept)
        self.count = 0
        """Changes so far."""

    def add(self, change: C) -> int:
        """Keep a change; returns its number."""
        self._ring.append(change)
        self.count += 1
        return self.count - 1

    @property
    def forgotten(self) -> int:
        """Changes that are kept no longer."""
        return self.count - len(self._ring)

    def since(self, number: int) -> tuple[C, ...]:
        """Changes from this number on that are still kept; compare `forgotten` to learn whether all are."""
        return tuple(islice(self._ring, max(0, number - self.forgotten), None))

    def __iter__(self) -> Iterator[C]:
        return iter(tuple(self._ring))

    def __len__(self) -> int:
        return len(self._ring)
