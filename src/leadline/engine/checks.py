"""What cross-checks know of one channel of one symbol, and when it is looked at again.

Rule: intervals are short while confidence is low or something has just differed, and grow with confidence up
to a bound; critical symbols are looked at more often.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from leadline.core.book import BookView
from leadline.core.confidence import WITHIN_TOLERANCE, Confidence
from leadline.core.crosscheck import Outcome, Verdict
from leadline.core.patterns import KEPT_LOOKS, Look, Past, recognise
from leadline.engine.topics import Topic
from leadline.engine.witness import Witness
from leadline.model.market import Channel, FrozenBook, MarkPrice, Ticker

DOUBTED_S = 6.0
"""Between two looks at what stands contradicted or has just been."""

SHORTEST_S = 15.0
LONGEST_S = 120.0
"""Between two looks: the shortest while nothing is known, the longest at high confidence."""

CRITICAL_SHARE = 1 / 3
"""Critical symbols are looked at after this part of the time of others."""

_SURE = 0.9  # the confidence from which on the longest interval holds
_UNSURE = 0.5
_KEPT_SLIPS = 8
_MOST_SLIPS = 3


State = Ticker | FrozenBook | MarkPrice


def price_of(value: Ticker | MarkPrice | BookView) -> Decimal | None:
    """The price by which a value is known again: the best bid, or the mark; None where there is none."""
    match value:
        case Ticker():
            return value.bid
        case MarkPrice():
            return value.mark
    return None if value.best_bid is None else value.best_bid.price


class Check:
    """One channel of one symbol; times are monotonic nanoseconds."""

    def __init__(self, topic: Topic[Any]) -> None:
        self.topic = topic
        self.confidence = Confidence()
        self.past = Past()
        self.due_ns = 0
        self.checked_ns: int | None = None
        """When it was last decided whether the sources agree."""
        self.put_off = False
        """Whether it was due and found no room in the budget."""
        self.contradiction: Found | None = None
        """The last look that contradicted and was to be confirmed."""
        self._follower: Witness[None] | None = None
        self._looks: deque[Look] = deque(maxlen=KEPT_LOOKS)
        self._slips: deque[bool] = deque(maxlen=_KEPT_SLIPS)

    @property
    def channel(self) -> Channel:
        return self.topic.subscription.channel

    def wanted_s(self, now_ns: int, *, doubted: bool, critical: bool) -> float:
        """The time between two looks, as far as the budget has room."""
        if doubted:
            return DOUBTED_S
        sure = (self.confidence.score(now_ns) - _UNSURE) / (_SURE - _UNSURE)
        interval_s = SHORTEST_S + (LONGEST_S - SHORTEST_S) * min(max(sure, 0.0), 1.0)
        return max(DOUBTED_S, interval_s * CRITICAL_SHARE) if critical else interval_s

    def judged(self, verdict: Verdict, now_ns: int) -> None:
        """Take a verdict into confidence; full agreement ends the run of differences before it."""
        self.checked_ns = now_ns
        if verdict is Verdict.DIVERGED:
            self.confidence.disagreed(now_ns)
        elif verdict is Verdict.WITHIN:
            self.confidence.agreed(now_ns, WITHIN_TOLERANCE)
        else:
            self.confidence.agreed(now_ns)
            self._looks.clear()

    def differed(self, look: Look | None) -> str:
        """Remember a look that showed a difference; the name of what it has in common with those before."""
        if look is not None:
            self._looks.append(look)
        pattern = recognise(tuple(self._looks), self.past)
        return "" if pattern is None else str(pattern)

    def follow(self, mono_ns: Callable[[], int]) -> None:
        """Remember every value of the stream from now on, not one a second: a delay shows by them."""
        if self._follower is not None:
            return

        def note(value: Ticker | MarkPrice | BookView) -> None:
            price = price_of(value)
            if price is not None:
                self.past.note(price, mono_ns(), exact=True)

        self._follower = Witness(note)
        self.topic.watched_by(self._follower)

    def unfollow(self) -> None:
        """One value a second is enough again."""
        if self._follower is not None:
            self.topic.dismiss(self._follower)
            self._follower = None

    def slipped(self, contradicted: bool) -> bool:
        """Count a contradiction that was not confirmed, or none; whether too many have come of late."""
        self._slips.append(contradicted)
        too_many = sum(self._slips) >= _MOST_SLIPS
        if too_many:
            self._slips.clear()
        return too_many


class Found(Struct, frozen=True):
    """What came of one look at one topic; times are monotonic nanoseconds.

    `count` messages of the stream had come when REST was asked.
    """

    check: Check
    outcome: Outcome
    rest: State
    states: tuple[State, ...]
    asked_ns: int
    answered_ns: int
    count: int
