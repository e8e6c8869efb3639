"""The states a stream goes through while REST is on its way: what its answer is held against.

Rule: a witness is no reader; it costs a stream nothing but while it is attached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from leadline.model.reading import Reading, Source

T = TypeVar("T")

MOST_STATES = 512
"""At the bound the oldest state is forgotten: an answer may then match none, and the tolerance decides."""


class Witness(Generic[T]):
    """Keeps what it is shown; `keep` makes a value of a live one that will have moved on."""

    __slots__ = ("_keep", "states")

    def __init__(self, keep: Callable[[Any], T]) -> None:
        self.states: deque[T] = deque(maxlen=MOST_STATES)
        self._keep = keep

    def take(self, reading: Reading[Any]) -> None:
        """What a reader of the stream would get; where REST stands in, that is no state of the stream."""
        if reading.source is Source.STREAM:
            self.saw(reading.value)

    def saw(self, value: Any) -> None:
        """A state of the stream, in use or not."""
        self.states.append(self._keep(value))
