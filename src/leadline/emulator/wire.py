"""What an emulated venue puts on its wires: text frames, pings, closes, and HTTP answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Frame:
    """One text frame, with what the fault switchboard must know about it.

    `kind` is ack, snapshot, update or control. `telling` says that a client can notice its loss or
    displacement; `target` is a part of a book frame whose alteration the venue's own proof must show.
    """

    text: str
    kind: str
    channel: str = ""
    symbol: str = ""
    telling: bool = False
    target: str = ""


@dataclass(frozen=True, slots=True)
class Ping:
    """A WebSocket ping of the venue, to be answered by a pong with the same payload."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The venue ends the connection; code 1006 stands for a cut without a close frame."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `delay_s` is how long the venue takes over it."""

    status: int
    body: bytes
    delay_s: float = 0.0
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
