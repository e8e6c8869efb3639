"""What waits for a better service level: by priority, each with a deadline, none of it written down or sent.

Rule: nothing here outlives the program. What is let go is checked anew, leaves once, and is forgotten here.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Callable, Mapping

from leadline.clock import NS_PER_S, Clock
from leadline.core.level import Deed
from leadline.engine.alarm import Alarm, Spawn
from leadline.errors import CheckFailed, Held, Refused
from leadline.model.order import Order

MOST_WAITING = 1000
"""Operations that may wait at once; one more is refused."""

LONGEST_WAIT_S = 3600.0

_NEVER_NS = 1 << 62
_LOOK_S = 0.1
_AT_ONCE = 20  # judged in one go, before others have their turn: each may look at the whole system

PRIORITY: Mapping[Deed, int] = {Deed.REDUCE: 1, Deed.CHANGE: 2, Deed.INCREASE: 3}
"""Who goes first; before all of them the cancels, which never wait. Equals go in the order of arrival."""


def check_wait(wait_s: float) -> None:
    """Raises CheckFailed for a time that nothing waits for."""
    if not 0 < wait_s <= LONGEST_WAIT_S:
        raise CheckFailed(f"wait_s is {wait_s:g}; give more than 0 and at most {LONGEST_WAIT_S:g} seconds")


class Expiry:
    """When what may wait `wait_s` seconds must have left, counted from now; what need not wait has all time.

    Raises CheckFailed for a time that nothing waits for.
    """

    __slots__ = ("_clock", "_wait_s", "until_ns")

    def __init__(self, clock: Clock, wait_s: float | None) -> None:
        if wait_s is not None:
            check_wait(wait_s)
        self._clock = clock
        self._wait_s = wait_s
        self.until_ns = _NEVER_NS if wait_s is None else clock.mono_ns() + round(wait_s * NS_PER_S)

    @property
    def waits(self) -> bool:
        """Whether to wait at all for what is not permitted now."""
        return self._wait_s is not None

    @property
    def over(self) -> bool:
        """Whether it is too late."""
        return self._clock.mono_ns() >= self.until_ns

    def check(self, why: str = "its turn came too late") -> None:
        """Asked whenever there was a wait, and at the moment of leaving; raises Held once it is too late."""
        if self.over:
            raise Held(f"not let go within {self._wait_s:g} s: {why}; nothing was sent")


class Wish:
    """One operation that may not leave yet.

    `blocked` says what keeps it, and None when nothing does or nothing ever will let it: whoever waits finds
    out. `orders` are those it would place, by client id; None for a change of an open order.
    """

    __slots__ = ("blocked", "deed", "done", "expiry", "number", "orders")

    def __init__(
        self,
        deed: Deed,
        expiry: Expiry,
        blocked: Callable[[], Refused | None],
        orders: dict[str, Order] | None,
    ) -> None:
        self.deed = deed
        self.expiry = expiry
        self.blocked = blocked
        self.orders = orders
        self.number = 0
        self.done: asyncio.Future[None] | None = None

    @property
    def turn(self) -> tuple[int, int]:
        """Its place among those that wait."""
        return PRIORITY[self.deed], self.number

    def end(self, error: Refused | None = None) -> None:
        """Let whoever waits go on, or tell it why not."""
        if self.done is None or self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Deferred:
    """The operations of one account that wait."""

    def __init__(self, clock: Clock, spawn: Spawn) -> None:
        self._clock = clock
        self._spawn = spawn
        self._alarm = Alarm(clock, spawn)
        self._wishes: list[Wish] = []
        self._arrived = 0
        self._looking = False

    def waiting(self) -> list[Order]:
        """Every order that waits, by turn."""
        return [order for wish in self._wishes for order in (wish.orders or {}).values()]

    def remove(self, client_id: str) -> Order | None:
        """Take an order out; None when it does not wait here."""
        for wish in self._wishes:
            order = wish.orders.pop(client_id, None) if wish.orders else None
            if order is not None:
                if not wish.orders:
                    wish.end()
                return order
        return None

    def look_again(self) -> None:
        """Something has changed that may let one of them go."""
        self._alarm.wake()

    async def turn(self, wish: Wish) -> None:
        """Return when nothing blocks it any more, or when nothing of it is left.

        Raises Held at its deadline with what blocked it to the end, and where too many wait already.
        """
        if len(self._wishes) >= MOST_WAITING:
            raise Held(f"{MOST_WAITING} operations wait for a better service level already; cancel some")
        if not wish.number:
            self._arrived += 1
            wish.number = self._arrived
        wish.done = asyncio.get_running_loop().create_future()
        insort(self._wishes, wish, key=lambda one: one.turn)
        if not self._looking:
            self._looking = True
            self._spawn(self._look())
        try:
            await wish.done
        finally:
            self._wishes.remove(wish)

    async def _look(self) -> None:
        try:
            while self._wishes:
                for number, wish in enumerate(tuple(self._wishes), 1):
                    if number % _AT_ONCE == 0:
                        await self._clock.sleep(0)
                    if wish.done is None or wish.done.done():
                        continue
                    if self._ended(wish):
                        await self._clock.sleep(0)  # it leaves before the next one is judged
                await self._clock.sleep(0)  # who was let go has left the list
                if self._wishes:
                    await self._alarm.wait(self._pause_s())
        finally:
            self._looking = False
            for wish in self._wishes:  # none but where its owner leaves
                wish.end(Held("the program is leaving; nothing was sent"))

    def _ended(self, wish: Wish) -> bool:
        """Let one go that nothing keeps any more, or tell it that it is too late."""
        why = wish.blocked()
        try:
            wish.expiry.check(str(why or "nobody looked in time"))  # first: too late is too late
        except Held as late:
            wish.end(late)
            return True
        if why is None:
            wish.end()
        return why is None

    def _pause_s(self) -> float:
        first_ns = min(wish.expiry.until_ns for wish in self._wishes)
        return min(_LOOK_S, max(0.0, (first_ns - self._clock.mono_ns()) / NS_PER_S))
