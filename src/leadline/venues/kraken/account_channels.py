"""One private channel of a connection: asked for, confirmed, heard, and each message in its place.

Rule: the numbers of a channel's messages rise by one from its snapshot on; anything else is a hole.
"""

from __future__ import annotations

from enum import Enum, auto

from leadline.clock import NS_PER_S
from leadline.core.session import Coverage
from leadline.core.subscriptions import (
    ANSWER_TIMEOUT_NS,
    BACKOFF_S,
    FIRST_DATA_TIMEOUT_NS,
    PROVEN_NS,
)
from leadline.venues.kraken.order_wire import Members

TIMEOUTS_ENDURED = 1
"""A channel that leaves an answer or its snapshot out is asked for once more; then the line is at fault."""


class Step(Enum):
    """Where a message stands in its channel."""

    NEXT = auto()
    REPEATED = auto()  # the very frame that came before it
    BROKEN = auto()  # some number is missing, or came twice with another content
    UNPLACED = auto()  # a snapshot is awaited, to which this belongs or not


class PrivateChannel:
    """The book-keeping of `executions` or `balances`; times are monotonic nanoseconds."""

    def __init__(self, name: str, options: Members) -> None:
        self.name = name
        self.named: Members = (("channel", f'"{name}"'),)
        self.options = options
        """Parameters of the subscription beside channel and token."""
        self.state = Coverage.WANTED
        self.asked = False
        self.unsubscribe_first = False
        self.due_ns: int | None = None
        """When to ask; once asked, until when the answer, then the snapshot may take; None: not at all."""
        self.request_id: int | None = None
        self.heard_ns = 0
        """When a message last came in its place."""
        self.asked_ns = 0
        """When it was asked for last: its snapshot shows nothing older."""
        self.repeated_count = 0
        self.broken_count = 0
        self._sequence = 0
        self._last_frame = b""
        self._receiving_ns = 0
        self._failures = 0
        self._timeouts = 0

    @property
    def receiving(self) -> bool:
        """Whether its snapshot and everything after it has come."""
        return self.state is Coverage.RECEIVING

    def opened(self, now_ns: int) -> None:
        """A new connection, on which nothing is subscribed."""
        self._forget()
        self.due_ns = now_ns
        self._failures = self._timeouts = 0
        self.heard_ns = now_ns

    def closed(self) -> None:
        """The connection is gone."""
        self._forget()
        self.due_ns = None

    def _forget(self) -> None:
        self.state = Coverage.WANTED
        self.asked = self.unsubscribe_first = False
        self.request_id = None
        self._last_frame = b""

    def asks(self, now_ns: int) -> bool:
        """Whether the time has come to ask the venue for it."""
        return (
            self.state is Coverage.WANTED
            and not self.asked
            and self.due_ns is not None
            and now_ns >= self.due_ns
        )

    def sent(self, request_id: int, now_ns: int) -> None:
        """The subscription has been asked for in that request."""
        self.asked, self.unsubscribe_first = True, False
        self.request_id = request_id
        self.asked_ns = now_ns
        self.due_ns = now_ns + ANSWER_TIMEOUT_NS

    def confirmed(self, now_ns: int) -> None:
        """The venue has acknowledged it; its snapshot is awaited."""
        self.request_id = None
        if self.state is Coverage.WANTED:
            self.state = Coverage.CONFIRMED
            self.due_ns = now_ns + FIRST_DATA_TIMEOUT_NS

    def refused(self) -> None:
        """The venue will not stream it on this connection."""
        self._forget()
        self.state, self.due_ns = Coverage.REFUSED, None

    def hold(self) -> None:
        """Ask no more until a new credential has come."""
        self._forget()
        self.due_ns = None

    def renew(self, now_ns: int, least_s: float = 0.0) -> None:
        """Cancel it and ask again, the later the oftener that was needed without 30 s of data in between."""
        if self.state is Coverage.REFUSED or (self.state is Coverage.WANTED and not self.asked):
            return
        if self.receiving and now_ns - self._receiving_ns >= PROVEN_NS:
            self._failures = 0
        delay_s = max(least_s, BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)])
        self._failures += 1
        self._forget()
        self.unsubscribe_first = True
        self.due_ns = now_ns + round(delay_s * NS_PER_S)

    def timed_out(self, now_ns: int) -> bool:
        """Whether an answer or a snapshot is overdue once too often; the first time it is asked for again."""
        if not self.asked or self.due_ns is None or now_ns < self.due_ns:
            return False
        self._timeouts += 1
        self.renew(now_ns)
        return self._timeouts > TIMEOUTS_ENDURED

    def begin(self, sequence: int, frame: bytes, now_ns: int) -> bool:
        """A snapshot has come: whether it is the awaited one, from which messages are counted on.

        It is complete by itself, so that any number may be its own.
        """
        if not self.asked or self.receiving:
            return False
        self.state, self.due_ns, self.request_id = Coverage.RECEIVING, None, None
        self._receiving_ns = now_ns
        self._timeouts = 0
        self._place(sequence, frame, now_ns)
        return True

    def step(self, sequence: int, frame: bytes, now_ns: int) -> Step:
        """Where an update stands."""
        if not self.receiving:
            return Step.UNPLACED
        if sequence == self._sequence + 1:
            self._place(sequence, frame, now_ns)
            return Step.NEXT
        if self.repeats(frame):
            return Step.REPEATED
        self.broken_count += 1
        return Step.BROKEN

    def repeats(self, frame: bytes) -> bool:
        """Whether this is, byte for byte, the message before it; counts it."""
        if frame != self._last_frame:
            return False
        self.repeated_count += 1
        return True

    def expects(self) -> int:
        """The number of the next message."""
        return self._sequence + 1

    def _place(self, sequence: int, frame: bytes, now_ns: int) -> None:
        self._sequence, self._last_frame = sequence, frame
        self.heard_ns = now_ns
