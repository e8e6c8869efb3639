"""Requests waiting for room in the venue's order counter, first come first served by symbol.

Rule: what waits here is neither written down nor sent, so that a cancel simply takes it out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from leadline.clock import NS_PER_S, Clock
from leadline.engine.alarm import Alarm, Spawn
from leadline.errors import Throttled
from leadline.model.order import Order, OrderState

REMOVED = "removed before it was sent"


def removed(order: Order) -> Order:
    """The order as it ends when it is taken out in time."""
    return replace(order, state=OrderState.CANCELED, reason=REMOVED)


class Ticket:
    """One request's place in the line of its symbol."""

    __slots__ = ("alarm", "charge", "orders", "symbol")

    def __init__(self, symbol: str, charge: Callable[[], float], orders: dict[str, Order] | None) -> None:
        self.symbol = symbol
        self.charge = charge
        """Seconds until it fits; at 0 it has been charged."""
        self.orders = orders
        """What it will place, by client id; a cancel takes them out. None for a change of an open order."""
        self.alarm: Alarm | None = None

    @property
    def emptied(self) -> bool:
        """Whether everything it was to place has been taken out."""
        return self.orders is not None and not self.orders

    def remove(self, client_id: str) -> Order | None:
        """Take one order out; the last one ends the wait."""
        order = self.orders.pop(client_id, None) if self.orders else None
        if order is not None and self.emptied:
            self.wake()
        return order

    def wake(self) -> None:
        """Have the wait look again."""
        if self.alarm is not None:
            self.alarm.wake()


class OrderQueue:
    """One line per symbol."""

    def __init__(self, clock: Clock, spawn: Spawn, patience_s: float) -> None:
        self._clock = clock
        self._spawn = spawn
        self._patience_s = patience_s
        self._lines: dict[str, deque[Ticket]] = {}
        self.delayed = 0
        """Requests that had to wait so far."""

    def waiting(self) -> list[Order]:
        """Every order that waits, by symbol and turn."""
        return [
            order
            for line in self._lines.values()
            for ticket in line
            for order in (ticket.orders or {}).values()
        ]

    def remove(self, client_id: str) -> Order | None:
        """Take an order out; None when it does not wait here."""
        for line in self._lines.values():
            for ticket in line:
                order = ticket.remove(client_id)
                if order is not None:
                    return order
        return None

    def at_once(self, ticket: Ticket) -> bool:
        """Whether it need not wait: nobody is before it, and it has been charged."""
        return ticket.symbol not in self._lines and ticket.charge() <= 0

    async def turn(self, ticket: Ticket) -> None:
        """Return when the ticket has been charged, or when nothing of it is left.

        Raises Throttled when its turn does not come within the patience.
        """
        self.delayed += 1
        ticket.alarm = Alarm(self._clock, self._spawn)
        line = self._lines.setdefault(ticket.symbol, deque())
        line.append(ticket)
        give_up_ns = self._clock.mono_ns() + round(self._patience_s * NS_PER_S)
        try:
            while not ticket.emptied:
                left_s = (give_up_ns - self._clock.mono_ns()) / NS_PER_S
                first = line[0] is ticket and left_s >= 0  # room that comes too late is not taken
                delay_s = ticket.charge() if first else self._patience_s
                if delay_s <= 0:
                    return
                if left_s <= 0:
                    raise Throttled(
                        f"no room for {ticket.symbol} in the venue's order counter within"
                        f" {self._patience_s:g} s; nothing was sent",
                        delay_s,
                    )
                await ticket.alarm.wait(min(delay_s, left_s))
        finally:
            line.remove(ticket)
            if line:
                line[0].wake()
            else:
                del self._lines[ticket.symbol]
