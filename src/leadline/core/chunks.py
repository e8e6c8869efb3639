"""A long list in parts that a venue takes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """The items in order, at most so many at a time."""
    for start in range(0, len(items), most):
        yield items[start : start + most]
