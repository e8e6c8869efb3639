"""When a request is said to be made, and until when the venue may take it (dossier §2.5).

Rule: a timestamp is never ahead of the venue's clock, which would fail whatever the window; a window never
reaches beyond the deadline it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass

from leadline.clock import NS_PER_MS, Clock
from leadline.core.venue_time import VenueTime
from leadline.errors import Held

READ_WINDOW_MS = 5_000
"""The venue's own default, for what no deadline limits."""
LONGEST_WINDOW_MS = 60_000
"""assumed: the longest window there is."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`timestamp` and `recvWindow` of a request, in milliseconds of the venue."""

    at_ms: int
    window_ms: int


def moment(venue_time: VenueTime, clock: Clock, until_ns: int | None) -> Moment:
    """Now, by what the venue's clock has certainly reached; before it was ever heard, by this machine's.

    `until_ns` is Unix time of the venue. Raises Held where it has passed.
    """
    reached_ns = venue_time.at_least_ns(clock.mono_ns())
    at_ms = (clock.wall_ns() if reached_ns is None else reached_ns) // NS_PER_MS
    if until_ns is None:
        return Moment(at_ms, READ_WINDOW_MS)
    left_ms = until_ns // NS_PER_MS - at_ms
    if left_ms <= 0:
        raise Held("its deadline passed before it could leave; ask for it again if it is still wanted")
    return Moment(at_ms, min(left_ms, LONGEST_WINDOW_MS))
