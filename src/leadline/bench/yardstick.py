"""How fast a callable works through frames, and the yardstick beside it: untyped decoding of the same frames.

Absolute times on shared machines mean little; the two are measured in turn, in one process, and compared.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

import msgspec

from leadline.clock import Clock

ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Pace:
    """Medians over the rounds: microseconds a frame, the yardstick's, their ratio, and frames a second."""

    us: float
    yardstick_us: float
    ratio: float
    messages_s: int

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def measure(
    clock: Clock,
    frames: Sequence[bytes],
    prepare: Callable[[], Callable[[bytes], None]],
    rounds: int = ROUNDS,
) -> Pace:
    """Time `prepare()`'s callable over all frames, each round beside the yardstick."""
    ours: list[float] = []
    yardstick: list[float] = []
    gc.collect()
    gc.freeze()  # what was there before is not gone through again in every round
    try:
        for _ in range(rounds):
            yardstick.append(_seconds(clock, frames, msgspec.json.decode))
            ours.append(_seconds(clock, frames, prepare()))
    finally:
        gc.unfreeze()
    us, yardstick_us = (median(seconds) / len(frames) * 1e6 for seconds in (ours, yardstick))
    return Pace(round(us, 3), round(yardstick_us, 3), round(us / yardstick_us, 2), round(1e6 / us))


def _seconds(clock: Clock, frames: Sequence[bytes], receive: Callable[[bytes], object]) -> float:
    gc.collect()
    started_ns = clock.mono_ns()
    for frame in frames:
        receive(frame)
    return (clock.mono_ns() - started_ns) / 1e9
