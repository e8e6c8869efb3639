"""The Http port: one request at a time leaves for a venue, in order of priority, inside a budget."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Protocol


class Purpose(Enum):
    """Why a REST call is made; every call is counted by it."""

    REFERENCE = "reference"
    SNAPSHOT = "snapshot"  # first value of something, or the stream has none
    FALLBACK = "fallback"  # the stream is lost
    VALIDATION = "validation"  # is a silent stream quiet or dead?
    BACKFILL = "backfill"
    HISTORY = "history"
    STATUS = "status"
    DIAGNOSIS = "diagnosis"


class Priority(IntEnum):
    """Lower leaves first."""

    EMERGENCY = 0
    FALLBACK = 1
    NORMAL = 2
    BACKGROUND = 3


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP exchange; `path` begins with a slash, `query` is ordered, `cost` is in the venue's own points."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cost: float = 1.0


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Http(Protocol):
    """Sends requests to one venue."""

    async def send(
        self, request: Request, purpose: Purpose, priority: Priority = Priority.NORMAL
    ) -> Response:
        """The venue's answer, whatever its status.

        Raises ConnectFailed when no byte left, ConnectionLost when the answer never came, Throttled when the
        budget leaves no room within the request's patience.
        """
