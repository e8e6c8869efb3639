"""What every connection of the emulated Binance keeps to: pings, and an end after a day (dossier §10.1)."""

from __future__ import annotations

from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.link import Link
from leadline.emulator.market import NEVER
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.wire import Ping

PING_NS = 180 * NS_PER_S
PONG_NS = 600 * NS_PER_S
LIFE_NS = 86_400 * NS_PER_S
POLICY = 1008


class PingedLink(Link):
    """A link the venue pings; it closes one that does not answer, and every one when its day is over."""

    def __init__(self, route: str, connection_id: int, board: FaultBoard, now_ns: int) -> None:
        super().__init__(route, connection_id, board, now_ns)
        self._ping_ns = now_ns + PING_NS
        self._unanswered: dict[bytes, int] = {}
        self._own_ns = self._due_ns()

    def ponged(self, payload: bytes) -> None:
        """A pong answers the ping whose payload it carries; others count for nothing."""
        self._unanswered.pop(payload, None)
        self._own_ns = self._due_ns()

    def woke(self, now_ns: int) -> None:
        """Do what is due: what was put off, pings, the end for want of a pong or of age."""
        super().woke(now_ns)
        if self.ended:
            return
        if now_ns >= self.opened_ns + LIFE_NS:
            self.close(1000, "")
        elif self._unanswered and now_ns >= self._pong_due_ns():
            self.close(POLICY, "Pong timeout")
        elif self._ping_ns <= now_ns:
            self._ping_ns += PING_NS
            payload = str(now_ns // 1_000_000).encode()
            self._unanswered[payload] = now_ns
            self._out.append(Ping(payload))
            self._own_ns = self._due_ns()

    def wake_at(self) -> int:
        if self.ended:
            return NEVER
        return min(super().wake_at(), self._own_ns)

    def _due_ns(self) -> int:
        """When a ping or an end is next due; asked far more often than it changes, and therefore kept."""
        return min(self._ping_ns, self._pong_due_ns(), self.opened_ns + LIFE_NS)

    def _pong_due_ns(self) -> int:
        return min(self._unanswered.values(), default=NEVER - PONG_NS) + PONG_NS
