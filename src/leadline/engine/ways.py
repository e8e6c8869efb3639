"""How what changes an account leaves: on which path, until when the venue may act, what an error proves.

Rule: only an error that proves that the venue has not acted lets anything leave once more.
"""

from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.errors import Acted, Error, ProtocolError
from leadline.venues.ports import OrderEntry, Path

REST_WAY_S = 3.0
"""What a request by REST is given for its way, on top of the shortest deadline the venue takes there."""


def certain(error: Error) -> bool:
    """Whether an error proves that the venue has not acted and will not; nonsense proves nothing."""
    return error.acted is Acted.NO and not isinstance(error, ProtocolError)


def deadline_ns(entry: OrderEntry, deadline_s: float, path: Path) -> int:
    """Venue time after which what leaves now on this path must not be accepted any more."""
    least_s = entry.rest_deadline_min_s + REST_WAY_S if path is Path.REST else 0.0
    return entry.venue_ns() + round(max(deadline_s, least_s) * NS_PER_S)


def best_path(entry: OrderEntry) -> Path:
    """The stream where it stands, else REST."""
    return Path.STREAM if entry.can_stream() else Path.REST
