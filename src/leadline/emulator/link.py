"""What a connection of an emulated venue has, whichever it is: an outbox, a diary, a half-open state.

Whoever drives it drains `outputs` after every step and lets the exchange call `woke`; the time is Unix
nanoseconds and is always handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.market import NEVER
from leadline.emulator.wire import Close, Frame, Ping

CUT = 1006
# assumed: a reader this far behind is cut off
BACKLOG_FRAMES = 100_000


class Link:
    """One connection of a client; `route` is the address it came by."""

    def __init__(self, route: str, connection_id: int, board: FaultBoard, now_ns: int) -> None:
        self.route = route
        self.connection_id = connection_id
        self.opened_ns = now_ns
        self.ended = False
        self.frozen = False
        self.board = board
        self._out: deque[Frame | Ping | Close] = deque()
        self._unread: list[str] = []
        self._due: list[tuple[int, int, Callable[[int], None]]] = []
        self._turns = count()

    def act(self, text: str, now_ns: int) -> None:
        """What this kind of connection does with a text."""
        raise NotImplementedError

    def woke(self, now_ns: int) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= now_ns:
            heappop(self._due)[2](now_ns)

    def wake_at(self) -> int:
        """The next moment `woke` has something to do; `NEVER` after the end."""
        return self._due[0][0] if self._due else NEVER

    def touched(self, now_ns: int) -> None:
        """A ping of the client counts for nothing but its pong."""

    def ponged(self, payload: bytes) -> None:
        """A pong nobody asked for counts for nothing."""

    def received(self, text: str, now_ns: int) -> None:
        """Act on one text frame of the client."""
        if self.ended:
            return
        if self.frozen:
            self._unread.append(text)
            if len(self._unread) > BACKLOG_FRAMES:
                self.close(CUT, "never read")
            return
        self.act(text, now_ns)

    def outputs(self) -> list[Frame | Ping | Close]:
        """What is to go out now, in order; each is handed over once. Nothing while the link is half open."""
        if self.frozen:
            return []
        drained = list(self._out)
        self._out.clear()
        return drained

    def deliver(self, frame: Frame) -> None:
        """Queue one frame, through whatever faults are on."""
        if self.ended:
            return
        self._out.extend(self.board.outgoing(self.connection_id, frame))
        if len(self._out) > BACKLOG_FRAMES:
            self._out.clear()
            self.close(CUT, "reader too slow")

    def later(self, due_ns: int, act: Callable[[int], None]) -> None:
        """Do something at that moment, unless the connection has ended by then."""
        heappush(self._due, (due_ns, next(self._turns), act))

    def close(self, code: int, reason: str) -> None:
        """End the connection from the venue's side."""
        if not self.ended:
            self._out.append(Close(code, reason))
            self.closed()

    def closed(self) -> None:
        """The connection is over, whoever ended it."""
        self.ended = True
        self._due.clear()
        self.board.connection_gone(self.connection_id)

    def freeze(self) -> None:
        """Half open: nothing is read and nothing goes out any more, and nobody is told."""
        self.frozen = True

    def thaw(self, now_ns: int) -> None:
        """The black hole is over: what was held back arrives late, what was sent is read late."""
        self.frozen = False
        unread, self._unread = self._unread, []
        for text in unread:
            self.received(text, now_ns)
