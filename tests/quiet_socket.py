"""A connection that stands and on which the other side says nothing."""

from __future__ import annotations

from leadline.net.websocket import Socket, memory_pair

_kept: list[Socket] = []


async def quiet_socket() -> Socket:
    """Our end of a new one; the other end is kept, so that it does not close."""
    ours, theirs = memory_pair()
    _kept.append(theirs)
    return ours
