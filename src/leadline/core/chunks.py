"""A long list in parts that a venue takes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """The items in order, at most so many at a time."""
    for start in range(0, len(items), most):
        yield items[start : start + most]


def even_chunks(items: Sequence[T], most: int) -> list[Sequence[T]]:
    """The items in order, at most so many at a time, as even as can be: none is left with a single one."""
    count = -(-len(items) // most)
    size, longer = divmod(len(items), count)
    ends = [number * size + min(number, longer) for number in range(count + 1)]
    return [items[start:end] for start, end in pairwise(ends)]
