from __future__ import annotations

import asyncio

import pytest

from leadline.clock import ManualClock
from leadline.engine.order_queue import REMOVED, OrderQueue, Ticket, removed
from leadline.errors import Throttled
from leadline.model.market import Side
from leadline.model.order import Order, OrderKind, OrderState
from orderrig import BTC, ETH, settle


def order(name: str) -> Order:
    return Order(client_id=name, symbol=BTC, side=Side.BUY, kind=OrderKind.LIMIT, state=OrderState.UNKNOWN)


class Line:
    """A queue whose venue has room when told."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self.clock = ManualClock()
        self.group = group
        self.queue = OrderQueue(self.clock, group.create_task, 10.0)
        self.room_s = 1.0
        self.turns: list[str] = []

    def wait(self, name: str, symbol: str = BTC, *, change: bool = False) -> asyncio.Task[None]:
        ticket = Ticket(symbol, lambda: self.room_s, None if change else {name: order(name)})

        async def turn() -> None:
            await self.queue.turn(ticket)
            self.turns.append(name)

        return self.group.create_task(turn())

    async def passes(self, delay_s: float) -> None:
        self.clock.advance(delay_s)
        await settle()


async def test_turns_come_in_the_order_of_the_asking() -> None:
    async with asyncio.TaskGroup() as group:
        line = Line(group)
        for name in "abc":
            line.wait(name)
        await settle()
        assert line.turns == []
        line.room_s = 0.0
        await line.passes(1.0)

        assert line.turns == ["a", "b", "c"]
        assert line.queue.waiting() == []


async def test_symbols_do_not_wait_for_each_other() -> None:
    async with asyncio.TaskGroup() as group:
        line = Line(group)
        line.wait("a")
        await settle()
        line.room_s = 0.0

        assert line.queue.at_once(Ticket(ETH, lambda: line.room_s, {}))
        assert not line.queue.at_once(Ticket(BTC, lambda: line.room_s, {}))
        assert line.queue.delayed == 1
        await line.passes(1.0)


async def test_what_is_taken_out_waits_no_longer_and_takes_no_room() -> None:
    async with asyncio.TaskGroup() as group:
        line = Line(group)
        first = line.wait("a")
        line.wait("b")
        await settle()

        assert line.queue.remove("a") == order("a")
        assert line.queue.remove("a") is None
        await settle()

        assert first.done()
        assert [item.client_id for item in line.queue.waiting()] == ["b"]
        line.room_s = 0.0
        await line.passes(1.0)


async def test_a_change_waits_in_the_line_and_is_no_order_to_take_out() -> None:
    async with asyncio.TaskGroup() as group:
        line = Line(group)
        line.wait("a", change=True)
        await settle()

        assert line.queue.waiting() == []
        assert line.queue.remove("a") is None
        line.room_s = 0.0
        await line.passes(1.0)
        assert line.turns == ["a"]


async def test_patience_ends_the_wait_of_the_first_and_of_those_behind_it() -> None:
    async with asyncio.TaskGroup() as group:
        line = Line(group)
        refused = []

        async def wait(name: str) -> None:
            try:
                await line.queue.turn(Ticket(BTC, lambda: line.room_s, {name: order(name)}))
            except Throttled as error:
                refused.append(error.delay_s)

        tasks = [group.create_task(wait(name)) for name in "ab"]
        for _ in range(11):
            await line.passes(1.0)

        assert [task.done() for task in tasks] == [True, True]
        assert len(refused) == 2


def test_what_is_taken_out_is_cancelled_with_its_reason() -> None:
    assert (removed(order("a")).state, removed(order("a")).reason) == (OrderState.CANCELED, REMOVED)


async def test_room_that_comes_after_the_patience_is_over_is_not_taken() -> None:
    async with asyncio.TaskGroup() as group:
        line = Line(group)
        ticket = Ticket(BTC, lambda: line.room_s, {"a": order("a")})
        told = asyncio.ensure_future(line.queue.turn(ticket))
        await settle()
        line.room_s = 0.0
        await line.passes(30.0)  # the program stood still meanwhile

        with pytest.raises(Throttled, match="within 10 s; nothing was sent"):
            await told
