"""How the client of a run is set up: how many lines, what they carry, when they are replaced."""

from __future__ import annotations

import random

from msgspec import Struct


class Setup(Struct, frozen=True):
    """The lines of one run's client, the same in all its lives."""

    lines: int
    redundant: bool
    rotate_after_s: float | None
    private_lines: int
    rotate_private_s: float | None


def drawn(luck: random.Random) -> Setup:
    """A set-up by chance; half of the clients have a second line or a third."""
    lines = luck.choice((1, 1, 1, 2, 2, 3))
    return Setup(
        lines=lines,
        redundant=lines == 1 or luck.random() < 0.75,
        rotate_after_s=luck.choice((None, luck.uniform(40.0, 80.0))),
        private_lines=luck.choice((1, 1, 2)),
        rotate_private_s=luck.choice((None, luck.uniform(40.0, 80.0))),
    )
