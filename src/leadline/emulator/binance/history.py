"""Which requests were carried out, for judges; the newest `KEPT`, older ones are forgotten."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Executed:
    """One request that acted: a method and path of REST, or a method of the WebSocket API; as sent."""

    time_ns: int
    account: str
    name: str
    params: dict[str, str]


class History:
    """The requests that executed, oldest first."""

    def __init__(self) -> None:
        self.executed: deque[Executed] = deque(maxlen=KEPT)

    def note(self, one: Executed) -> None:
        """Enter a request that has executed."""
        self.executed.append(one)
