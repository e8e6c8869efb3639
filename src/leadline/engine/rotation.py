"""When a line is replaced by a younger one, and whether the young one is whole yet: decisions, no deeds.

Make before break: nothing is left before all that it carries is warm on the young line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Generic, Protocol, TypeVar

from leadline.clock import NS_PER_S
from leadline.engine.events import RotationPutOff
from leadline.net.connection import Line


class Replaceable(Protocol):
    """A line of a route, by its number."""

    number: int
    line: Line


L = TypeVar("L", bound=Replaceable)


class Verdict(Enum):
    """What is to be done with a young line."""

    WAIT = auto()
    TAKE_OVER = auto()
    GIVE_UP = auto()


class Rotation(Generic[L]):
    """The replacement of lines, one at a time; `may_rotate` says why it must not be now, or None.

    `whole` says whether all that the old line has could go on from the young one.
    """

    def __init__(
        self,
        rotate_after_s: float,
        handover_s: float,
        may_rotate: Callable[[], str | None],
        whole: Callable[[L, L, int], bool],
        tell: Callable[[RotationPutOff], None],
    ) -> None:
        self._after_ns = round(rotate_after_s * NS_PER_S)
        self._handover_ns = round(handover_s * NS_PER_S)
        self._may_rotate = may_rotate
        self._whole = whole
        self._tell = tell
        self._put_off: set[int] = set()
        self._not_before_ns = 0
        self._began_ns = 0
        self.old: L | None = None
        self.young: L | None = None

    def due(self, lines: Sequence[L], now_ns: int) -> L | None:
        """The line to replace now: the first that has stood for long enough, if it may be."""
        if self.young is not None or now_ns < self._not_before_ns:
            return None
        for each in lines:
            since_ns = each.line.since_ns
            if since_ns is not None and now_ns - since_ns >= self._after_ns and self._may(each.number):
                return each
        return None

    def begin(self, old: L, young: L, now_ns: int) -> None:
        """The young line is on its way."""
        self.old, self.young, self._began_ns = old, young, now_ns

    def verdict(self, now_ns: int) -> Verdict:
        """How the young line stands."""
        assert self.old is not None and self.young is not None
        if self._whole(self.old, self.young, now_ns) and self._may(self.old.number):
            return Verdict.TAKE_OVER
        late = now_ns - self._began_ns >= self._handover_ns
        return Verdict.GIVE_UP if late else Verdict.WAIT

    def done(self, now_ns: int) -> float:
        """The young line has taken over; returns how long that took, in seconds."""
        assert self.old is not None
        self._put_off.discard(self.old.number)
        self.old = self.young = None
        return (now_ns - self._began_ns) / NS_PER_S

    def given_up(self, now_ns: int) -> None:
        """The young line did not become whole in time; the next try waits as long as this one did at most."""
        self.old = self.young = None
        self._not_before_ns = now_ns + self._handover_ns

    def _may(self, number: int) -> bool:
        reason = self._may_rotate()
        if reason is not None and number not in self._put_off:
            self._put_off.add(number)
            self._tell(RotationPutOff(number, reason))
        return reason is None
