"""What falls due by the clock: expiries, effective times, dead-man timers; put off while the engine is down.

A timer whose pair or system cannot act keeps; it strikes as soon as that is over (dossier §10.6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Literal

from leadline.emulator.accounts import Account
from leadline.emulator.market import NEVER, Market
from leadline.emulator.orders import AccountOrder


@dataclass(order=True, slots=True)
class Timer:
    """One moment. `order` is None for a dead-man timer; `cancel` is what that one does to each order."""

    due_ns: int
    number: int
    kind: Literal["expire", "effective", "dead_man", "cancel"] = field(compare=False)
    account: Account = field(compare=False)
    order: AccountOrder | None = field(compare=False, default=None)


class Timers:
    """All timers, soonest first, and those put off."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._heap: list[Timer] = []
        self._put_off: list[Timer] = []
        self._numbers = count(1)

    def set(
        self,
        due_ns: int,
        kind: Literal["expire", "effective", "dead_man", "cancel"],
        account: Account,
        order: AccountOrder | None = None,
    ) -> None:
        """Let something happen at a time, unless it has lost its point by then."""
        heappush(self._heap, Timer(due_ns, next(self._numbers), kind, account, order))

    def next_ns(self) -> int:
        """When the next one can strike; 0 where one put off can now."""
        self._put_off = [timer for timer in self._put_off if _has_point(timer)]
        if any(self._possible(timer) for timer in self._put_off):
            return 0
        while self._heap and not _has_point(self._heap[0]):
            heappop(self._heap)
        return self._heap[0].due_ns if self._heap else NEVER

    def due(self, now_ns: int) -> Timer | None:
        """Take out one that can strike by now."""
        for timer in list(self._put_off):
            if not _has_point(timer):
                self._put_off.remove(timer)
            elif self._possible(timer):
                self._put_off.remove(timer)
                return timer
        while self._heap and self._heap[0].due_ns <= now_ns:
            timer = heappop(self._heap)
            if not _has_point(timer):
                continue
            if self._possible(timer):
                return timer
            self._put_off.append(timer)
        return None

    def _possible(self, timer: Timer) -> bool:
        if timer.order is None:
            return self._market.system != "maintenance"
        mode = self._market.mode(timer.order.ticket.symbol)
        # assumed: a scheduled order waits for a mode in which orders match
        return mode in ("online", "limit_only") if timer.kind == "effective" else mode != "maintenance"


def _has_point(timer: Timer) -> bool:
    if timer.order is None:
        return timer.account.armed_ns == timer.due_ns
    return timer.order.open
