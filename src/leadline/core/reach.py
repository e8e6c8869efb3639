"""Whether requests on one way get through, from how they end and from nothing else."""

from __future__ import annotations


class Reach:
    """The last outcomes on one way; times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self.failures = 0
        """In a row: no connection, no answer, or an answer that the venue is down."""
        self.limited = False
        """Whether the last answer was that we ask too much."""
        self.heard_ns: int | None = None
        """When a request last ended, however."""

    def answered(self, now_ns: int) -> None:
        """The venue has answered, whatever it said."""
        self.failures, self.limited, self.heard_ns = 0, False, now_ns

    def failed(self, now_ns: int) -> None:
        """No answer came, or that of an edge in the venue's place."""
        self.failures += 1
        self.heard_ns = now_ns

    def exceeded(self, now_ns: int) -> None:
        """The venue has answered that we ask too much."""
        self.answered(now_ns)
        self.limited = True
