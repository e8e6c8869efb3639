"""What a soak has measured and what is to be made of it: does memory grow, does anything stay behind?

Pure: figures in, a verdict in words out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import median

from msgspec import Struct
from msgspec.structs import asdict

from leadline.bench.filling import Kept

LEEWAY = 5
"""So many tasks, descriptors, streams or orders more than at the beginning are no leak: some just end."""

MOST_MB_H = 15.0
"""Memory that grows no faster is called flat: at 3 000 messages a second that is a byte and a half a message,
less than anything that could be kept of each; the allocators keep what bursts have needed."""

JUDGED_FROM_S = 300.0
"""A line through less than this after the warm-up says more of the allocator than of the program."""

_HOUR_S = 3600.0
_MOST_PAIRED = 500


class Sample(Struct, frozen=True):
    """Resident memory, in megabytes (10^6 bytes), so long after the beginning."""

    at_s: float
    memory_mb: float


class Held(Struct, frozen=True):
    """What the process holds at one moment.

    `streams` are wanted of the venue, `orders` are not finished.
    """

    tasks: int
    descriptors: int
    streams: int
    orders: int


class Soak(Struct, frozen=True, kw_only=True):
    """A whole soak; `memory_empty_mb` is from before what is kept was filled, which took `filled_s`.

    Both slopes are of the samples after the warm-up, None where there are fewer than two:
    `slope_mb_h` is by least squares, `steady_mb_h` the median of the slopes between any two samples: a single
    step, of a burst that once needed room, is in the first alone, and a leak in both.
    """

    seconds: float
    warm_up_s: float
    lines: int
    messages: int
    messages_s: float
    cuts: int
    reconnects: int
    switches: int
    gaps: int
    joined: int
    orders: int
    orders_refused: int
    filled_s: float
    kept_first: Kept
    kept_last: Kept
    memory_empty_mb: float
    memory_first_mb: float
    memory_last_mb: float
    memory_most_mb: float
    slope_mb_h: float | None
    steady_mb_h: float | None
    delivery_p99_us: float
    delivery_max_ms: float
    arrival_p99_ms: float
    arrival_max_ms: float
    before: Held
    after: Held
    problems: tuple[str, ...] = ()


def slope_mb_h(samples: Iterable[Sample], warm_up_s: float) -> float | None:
    """Megabytes an hour, by least squares over the samples after the warm-up."""
    counted = _after(samples, warm_up_s)
    if len(counted) < 2:
        return None
    middle_s = sum(sample.at_s for sample in counted) / len(counted)
    middle_mb = sum(sample.memory_mb for sample in counted) / len(counted)
    spread = sum((sample.at_s - middle_s) ** 2 for sample in counted)
    if not spread:
        return None
    together = sum((sample.at_s - middle_s) * (sample.memory_mb - middle_mb) for sample in counted)
    return together / spread * _HOUR_S


def steady_mb_h(samples: Iterable[Sample], warm_up_s: float) -> float | None:
    """Megabytes an hour, as the median of the slopes between any two samples after the warm-up."""
    counted = _after(samples, warm_up_s)
    counted = counted[:: len(counted) // _MOST_PAIRED + 1]
    slopes = [
        (later.memory_mb - earlier.memory_mb) / (later.at_s - earlier.at_s)
        for earlier, later in combinations(counted, 2)
        if later.at_s > earlier.at_s
    ]
    return median(slopes) * _HOUR_S if slopes else None


def _after(samples: Iterable[Sample], warm_up_s: float) -> list[Sample]:
    return [sample for sample in samples if sample.at_s >= warm_up_s]


def problems_of(soak: Soak) -> tuple[str, ...]:
    """What is not as it must be, in words; nothing where all is well."""
    return (*_growth(soak), *_left_behind(soak.before, soak.after))


def _growth(soak: Soak) -> Sequence[str]:
    slope = soak.steady_mb_h
    if slope is None or soak.seconds - soak.warm_up_s < JUDGED_FROM_S or slope <= MOST_MB_H:
        return ()
    return (f"memory grows by {slope:.1f} MB an hour, more than {MOST_MB_H:g}",)


def _left_behind(before: Held, after: Held) -> Sequence[str]:
    then = asdict(before)
    return [
        f"{now} {name} at the end, {then[name]} at the beginning"
        for name, now in asdict(after).items()
        if now > then[name] + LEEWAY
    ]
