"""Whether what is read now may have been under way for long: decided by the answers to our pings.

What follows the answer to a ping on a connection was sent after the ping: it is younger than the ping.
"""

from __future__ import annotations

from collections import deque

NEAR_NS = 500_000_000
"""A ping answered within this time shows that the reader is where the venue is."""

PATIENCE_NS = 5_000_000_000
"""A reader that is behind and hears no answer for so long had better connect anew."""

_MOST_PINGS = 64  # unanswered; beyond, the oldest is taken for lost


class Echo:
    """The pings of one connection; nothing is behind when it opens."""

    __slots__ = ("_sent", "behind_ns")

    def __init__(self) -> None:
        self.behind_ns: int | None = None
        """What is read now may be as old as this monotonic time; None while it is young."""
        self._sent: deque[int] = deque(maxlen=_MOST_PINGS)

    def held_up(self, since_ns: int) -> bool:
        """The reader stood still since then; returns whether a ping must be sent to learn of its end."""
        if self.behind_ns is not None:
            return False  # one is under way, and its answer will be found late
        self.behind_ns = since_ns
        return True

    def sent(self, now_ns: int) -> None:
        """A ping leaves."""
        self._sent.append(now_ns)

    def answered(self, now_ns: int) -> bool:
        """The next ping is answered; returns whether another must be sent, because this was late."""
        if not self._sent:
            return False
        sent_ns = self._sent.popleft()
        if now_ns - sent_ns <= NEAR_NS:
            self.behind_ns = None
            return False
        self.behind_ns = sent_ns if self.behind_ns is None else max(self.behind_ns, sent_ns)
        return not self._sent

    def due_ns(self) -> int | None:
        """When the connection should be given up, because it is behind and nothing proves otherwise."""
        if self.behind_ns is None or not self._sent:
            return None
        return self._sent[-1] + PATIENCE_NS
