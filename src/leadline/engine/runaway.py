"""Orders that come faster than any of the program's should: everything that places stops.

Rule: only a person lets orders leave again, and a restart is not one.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable

from leadline.clock import NS_PER_S, Clock
from leadline.engine.order_news import OrderNews, RateAllowed, RateExceeded
from leadline.engine.records import AnyRecord, RateReset, RateTripped
from leadline.errors import CheckFailed
from leadline.model.order import OrderRequest

EVIDENCE = 8
"""So many of the orders that led to it are kept as evidence."""


class Runaway:
    """Counts the orders that pass all other checks; `per_s` None counts nothing.

    It trips with the first order beyond `per_s` within a second (below one a second: within the time of one
    order), which is refused as all after it.
    """

    def __init__(
        self,
        per_s: float | None,
        clock: Clock,
        note: Callable[[AnyRecord], None],
        publish: Callable[[OrderNews], None],
    ) -> None:
        if per_s is not None and not 0 < per_s < math.inf:
            raise CheckFailed(f"orders_per_s is {per_s:g}; give a number above 0, or None for no limit")
        self._per_s = per_s
        self._clock = clock
        self._note = note
        self._publish = publish
        most = math.ceil(per_s) if per_s is not None else 0
        self._window_ns = round(most * NS_PER_S / per_s) if per_s is not None else 0
        self._passed: deque[tuple[int, OrderRequest]] = deque(maxlen=most + 1)
        self.tripped: str | None = None
        """Why nothing leaves, once that is so."""

    def replay(self, records: Iterable[AnyRecord]) -> None:
        """Be as tripped as an earlier run was."""
        for record in records:
            if isinstance(record, RateTripped):
                self.tripped = _why(record.per_s)
            elif isinstance(record, RateReset):
                self.tripped = None

    def check(self) -> None:
        """Raise CheckFailed while it is tripped."""
        if self.tripped is not None:
            raise CheckFailed(
                f"{self.tripped}: no order is placed or changed until a person has looked at what asked for"
                " them and calls orders.reset_rate(why); cancels pass"
            )

    def count(self, request: OrderRequest) -> None:
        """One order is about to pass; raises CheckFailed where it is one too many."""
        if self._per_s is None:
            return
        now_ns = self._clock.mono_ns()
        self._passed.append((now_ns, request))
        if len(self._passed) == self._passed.maxlen and now_ns - self._passed[0][0] < self._window_ns:
            self._trip(self._per_s, now_ns)
            self.check()

    def reset(self, why: str) -> None:
        """Let orders leave again; nothing where they may."""
        if self.tripped is None:
            return
        self.tripped = None
        self._passed.clear()
        self._note(RateReset(at_ns=self._clock.wall_ns(), why=why))
        self._publish(RateAllowed(why))

    def _trip(self, per_s: float, now_ns: int) -> None:
        self.tripped = _why(per_s)
        last = [_told(request, now_ns - at_ns) for at_ns, request in list(self._passed)[-EVIDENCE:]]
        self._note(RateTripped(at_ns=self._clock.wall_ns(), per_s=per_s, evidence=tuple(last)))
        self._publish(RateExceeded(per_s, tuple(last)))


def _why(per_s: float) -> str:
    return f"more than {per_s:g} orders a second were asked for"


def _told(request: OrderRequest, ago_ns: int) -> str:
    qty = "" if request.qty is None else f" {request.qty}"
    return f"{ago_ns / NS_PER_S:.3f} s before: {request.side.value}{qty} {request.symbol}"
