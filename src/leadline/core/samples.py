"""One reading of every metric, as plain values: what an endpoint shows and alert rules are held against."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""


class Sample(Struct, frozen=True, gc=False):
    """The value of one metric under one set of labels."""

    name: str
    labels: Labels
    value: float


def labelled(**labels: str) -> Labels:
    """Labels in their one order."""
    return tuple(sorted(labels.items()))


def by_name(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Samples of each metric."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.name, []).append(sample)
    return found
