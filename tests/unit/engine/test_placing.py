from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from leadline.clock import NS_PER_S
from leadline.engine.journal import MemoryJournal
from leadline.engine.placing import certain, deadline_ns
from leadline.engine.records import AnyRecord, Intent
from leadline.errors import (
    CheckFailed,
    ConnectFailed,
    ConnectionLost,
    Held,
    JournalError,
    ProtocolError,
    Rejected,
    Throttled,
)
from leadline.model.order import ConditionalClose, OrderKind, OrderState
from leadline.venues.memory_account import MemoryAccount, Outcome
from leadline.venues.ports import Action, Path
from orderrig import BTC, ETH, OrderRig, SlowDisk, buy, sell, settle, trading


def slow_rig() -> tuple[OrderRig, SlowDisk]:
    disk = SlowDisk()
    return OrderRig(disk), disk


def test_only_a_definite_no_is_certain() -> None:
    assert certain(Rejected("EOrder:no"))
    assert certain(ConnectFailed("no way"))
    assert not certain(ConnectionLost("gone"))
    assert not certain(ProtocolError("nonsense"))


def test_a_deadline_by_rest_is_no_shorter_than_the_venue_takes_there() -> None:
    venue = MemoryAccount(OrderRig().clock, [BTC])

    assert deadline_ns(venue, 2.0, Path.STREAM) - venue.venue_ns() == 2 * NS_PER_S
    assert deadline_ns(venue, 2.0, Path.REST) - venue.venue_ns() == 5 * NS_PER_S
    assert deadline_ns(venue, 9.0, Path.REST) - venue.venue_ns() == 9 * NS_PER_S


async def test_an_order_cancelled_on_its_way_to_the_disk_is_not_sent() -> None:
    rig, disk = slow_rig()
    async with trading(rig):
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        (outcome,) = await rig.orders.cancel("client-1")
        disk.gate.set()
        order = await task

        assert outcome.order is not None and outcome.order.state is OrderState.CANCELED
        assert (order.state, order.reason) == (OrderState.CANCELED, "removed before it was sent")
        assert rig.venue.sent == []
        assert rig.make().get("client-1") is not None  # the journal knows how it ended


async def test_an_order_cancelled_while_it_waits_to_leave_by_rest_is_taken_back() -> None:
    async with trading() as rig:
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.QUEUED)
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        (outcome,) = await rig.orders.cancel("client-1")
        order = await task

        assert outcome.error is None
        assert (order.state, order.reason) == (OrderState.CANCELED, "removed before it was sent")
        assert rig.venue.sent == []
        again = rig.make().get("client-1")
        assert again is not None and again.state is OrderState.CANCELED


async def test_an_order_that_has_left_by_rest_is_cancelled_at_the_venue() -> None:
    async with trading() as rig:
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.SLOW)
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        (outcome,) = await rig.orders.cancel("client-1")
        rig.venue.release()
        await task

        assert outcome.error is None
        assert [sent.action for sent in rig.venue.sent] == [Action.ADD, Action.CANCEL]
        assert rig.truth().state is OrderState.CANCELED


async def test_the_rest_of_a_batch_leaves_when_one_of_it_is_taken_back() -> None:
    async with trading() as rig:
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.QUEUED)
        task = asyncio.ensure_future(rig.orders.batch([buy(price=price) for price in ("1", "2", "3")]))
        await settle()
        await rig.orders.cancel("client-2")
        orders = await task

        states = [OrderState.WORKING, OrderState.CANCELED, OrderState.WORKING]
        assert [order.state for order in orders] == states
        assert [sent.names for sent in rig.venue.sent] == [("client-1", "client-3")]


async def test_a_cancel_of_everything_takes_back_what_waits_to_leave_by_rest() -> None:
    async with trading() as rig:
        rig.venue.streaming = False
        rig.venue.script.extend([Outcome.QUEUED, Outcome.QUEUED])
        tasks = [asyncio.ensure_future(rig.orders.submit(buy())) for _ in range(2)]
        await settle()
        assert await rig.orders.cancel_all() == 0
        rig.venue.depart()
        orders = await asyncio.gather(*tasks)

        assert [order.state for order in orders] == [OrderState.CANCELED] * 2
        assert [sent.action for sent in rig.venue.sent] == [Action.CANCEL]


async def test_a_sender_that_leaves_on_the_way_to_the_disk_sends_nothing() -> None:
    rig, disk = slow_rig()
    async with trading(rig):
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        disk.gate.set()
        await settle()

        assert rig.venue.sent == []
        assert rig.only().state is OrderState.CANCELED


async def test_a_batch_is_one_write_and_one_request() -> None:
    async with trading() as rig:
        orders = await rig.orders.batch([buy(), sell(), buy("2")])

        assert [order.state for order in orders] == [OrderState.WORKING] * 3
        assert [sent.names for sent in rig.venue.sent] == [("client-1", "client-2", "client-3")]
        assert [type(record) for record in rig.journal.kept[:3]] == [Intent] * 3
        assert rig.venue.charged == [(Action.ADD, 3)]


@pytest.mark.parametrize(("count", "sizes"), [(15, [15]), (16, [8, 8]), (31, [11, 10, 10])])
async def test_a_larger_batch_is_split_so_that_no_order_is_left_alone(
    count: int, sizes: Sequence[int]
) -> None:
    async with trading() as rig:
        await rig.orders.batch([buy() for _ in range(count)])

        assert [len(sent.names) for sent in rig.venue.sent] == sizes


async def test_rows_of_a_batch_are_accepted_and_refused_alone() -> None:
    async with trading() as rig:
        rig.venue.rows = [None, Rejected("EOrder:Insufficient funds")]
        first, second, third = await rig.orders.batch([buy(), buy(), buy()])

        assert first.state is OrderState.WORKING
        assert (second.state, second.reason) == (OrderState.REJECTED, "EOrder:Insufficient funds")
        assert third.state is OrderState.UNKNOWN  # the answer leaves it out


async def test_a_batch_is_checked_whole_before_anything_is_written() -> None:
    async with trading() as rig:
        for requests in ([], [buy(), buy(symbol=ETH)], [buy(), buy("0.00000001")], [buy(validate=True)]):
            with pytest.raises(CheckFailed):
                await rig.orders.batch(requests)

        assert rig.journal.kept == []


async def test_a_later_part_that_cannot_leave_is_told_as_the_end_of_its_orders() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.SLOW)
        requests = [buy() for _ in range(16)]
        task = asyncio.ensure_future(rig.orders.batch(requests))
        await settle()
        rig.journal.failing = JournalError("the disk is full")
        rig.venue.release()
        orders = await task

        assert [order.state for order in orders] == [OrderState.WORKING] * 8 + [OrderState.REJECTED] * 8
        assert "the disk is full" in orders[-1].reason


async def test_a_placement_waits_for_room_and_gives_up_in_time() -> None:
    async with trading(patience_s=5.0) as rig:
        rig.venue.room_s = 2.0
        first = asyncio.ensure_future(rig.orders.submit(buy()))
        second = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        assert rig.venue.sent == []
        assert [order.client_id for order in rig.orders.queued()] == ["client-1", "client-2"]
        rig.venue.room_s = 0.0
        await rig.passes(2.0)
        assert (await first).state is (await second).state is OrderState.WORKING

        rig.venue.room_s = 2.0
        third = asyncio.ensure_future(rig.orders.submit(buy()))
        await rig.passes(6.0)
        with pytest.raises(Throttled):
            await third
        assert rig.orders.queued() == []


async def test_what_changed_while_it_waited_is_looked_at_again() -> None:
    async with trading() as rig:
        rig.venue.room_s = 2.0
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        rig.orders.halt(BTC, "they differ")
        rig.venue.room_s = 0.0
        await rig.passes(2.0)

        with pytest.raises(Held, match="they differ"):
            await task
        assert rig.venue.sent == []


async def test_an_order_with_a_conditional_close_is_named_by_a_userref() -> None:
    close = ConditionalClose(kind=OrderKind.LIMIT, limit_price=Decimal(120))
    async with trading() as rig:
        order = await rig.orders.submit(buy(close=close))

        assert order.userref == rig.truth().userref is not None
        assert rig.truth().client_id is None


async def test_only_an_open_order_is_replaced_and_by_one_of_its_symbol() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        with pytest.raises(CheckFailed):
            await rig.orders.replace(order.client_id, buy(symbol=ETH))
        rig.venue.orders.cancel_all()
        rig.hear()
        with pytest.raises(CheckFailed):
            await rig.orders.replace(order.client_id, buy())


async def test_a_validation_says_what_the_venue_would_refuse_and_raises_what_kept_it_from_saying() -> None:
    async with trading() as rig:
        rig.venue.script += [Rejected("EOrder:Insufficient funds"), Outcome.LOST]

        refused = await rig.orders.submit(buy(validate=True))
        assert (refused.state, refused.reason) == (OrderState.REJECTED, "EOrder:Insufficient funds")
        with pytest.raises(ConnectionLost):
            await rig.orders.submit(buy(validate=True))
        assert rig.orders.orders() == []


async def test_a_full_disk_between_the_paths_leaves_the_order_unsent() -> None:
    async with trading() as rig:

        class Failing(MemoryJournal):
            async def write(self, *records: AnyRecord) -> None:
                if self.kept:
                    raise JournalError("the disk is full")
                await super().write(*records)

        rig.journal = Failing()
        orders = rig.make()
        async with orders:
            rig.venue.script.append(Outcome.UNSENT)
            order = await orders.submit(buy())

        assert (order.state, order.reason) == (OrderState.REJECTED, "never sent: the disk is full")
        assert rig.venue.sent == []


async def test_a_sender_that_leaves_between_the_paths_leaves_the_order_unsent() -> None:
    rig = OrderRig(SlowDisk(free=1))
    async with trading(rig):
        rig.venue.script.append(Outcome.UNSENT)
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert rig.only().state is OrderState.REJECTED
        assert rig.venue.sent == []


async def test_a_validation_taken_out_while_it_waits_asks_nothing() -> None:
    async with trading() as rig:
        rig.venue.room_s = 2.0
        task = asyncio.ensure_future(rig.orders.submit(buy(validate=True)))
        await settle()
        await rig.orders.cancel("client-1")

        assert (await task).state is OrderState.CANCELED
        assert rig.venue.sent == []


async def test_a_later_part_is_refused_while_nothing_of_the_batch_has_left() -> None:
    async with trading() as rig:
        rig.journal.failing = JournalError("the disk is full")

        with pytest.raises(JournalError):
            await rig.orders.batch([buy() for _ in range(16)])


async def test_a_named_order_is_not_replaced_where_the_venue_does_not_and_the_cure_is_said() -> None:
    rig = OrderRig()
    async with rig.orders:
        order = await rig.orders.submit(buy())
        rig.venue.replaces_named = False
        before = len(rig.venue.sent)
        with pytest.raises(CheckFailed, match="amend it, or cancel and submit"):
            await rig.orders.replace(order.client_id, buy())
        assert len(rig.venue.sent) == before


async def test_a_replacement_that_only_asks_is_refused_before_anything_is_written() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        written = len(rig.journal.kept)
        with pytest.raises(CheckFailed, match="validated"):
            await rig.orders.replace(order.client_id, buy(validate=True))
        assert len(rig.journal.kept) == written
