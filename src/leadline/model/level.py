"""How much of the service can be vouched for, in four words; higher numbers are worse."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """FULL: all as wanted. DEGRADED: something is replaced or in doubt, and named.

    EMERGENCY_ONLY: the view of the venue cannot be traded on. OUTAGE: no path reaches the venue.
    """

    FULL = 0
    DEGRADED = 1
    EMERGENCY_ONLY = 2
    OUTAGE = 3
