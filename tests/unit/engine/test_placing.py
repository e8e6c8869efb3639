from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from leadline.core.level import FULL, Deed, Verdict
from leadline.engine.journal import MemoryJournal
from leadline.engine.records import AnyRecord, Intent
from leadline.errors import (
    CheckFailed,
    ConnectionLost,
    Held,
    JournalError,
    Rejected,
    Throttled,
    UnknownSymbol,
)
from leadline.model.level import Level
from leadline.model.order import ConditionalClose, Order, OrderKind, OrderRequest, OrderState
from leadline.venues.memory import MemoryReference
from leadline.venues.memory_account import Outcome
from leadline.venues.ports import Action
from orderrig import BTC, ETH, OrderRig, SlowDisk, buy, sell, settle, trading


def slow_rig() -> tuple[OrderRig, SlowDisk]:
    disk = SlowDisk()
    return OrderRig(disk), disk


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


async def test_an_order_whose_level_falls_while_it_waits_to_leave_by_rest_never_leaves() -> None:
    async with trading() as rig:
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.QUEUED)
        level = Leveled(rig)
        level.recovers()
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        level.verdict = EMERGENCY
        rig.venue.depart()
        order = await task

        assert order.state is OrderState.REJECTED
        assert order.reason.startswith("never sent: the service level is EMERGENCY_ONLY")
        assert rig.venue.sent == []


async def test_an_order_whose_turn_by_rest_comes_after_its_time_never_leaves() -> None:
    async with trading() as rig:
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.QUEUED)
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=2.0))
        await settle()
        await rig.passes(2)
        rig.venue.depart()
        order = await task

        assert order.state is OrderState.REJECTED
        assert order.reason.startswith("never sent: not let go within 2 s")
        assert rig.venue.sent == []


async def test_an_order_whose_turn_in_the_order_counter_comes_after_its_time_is_not_written() -> None:
    async with trading() as rig:
        rig.venue.room_s = 3.0
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=2.0))
        await settle()
        await rig.passes(2)
        rig.venue.room_s = 0.0
        await rig.passes(3)

        with pytest.raises(Held, match="not let go within 2 s"):
            await task
        assert rig.journal.kept == []


async def test_an_order_that_the_disk_keeps_beyond_its_time_never_leaves() -> None:
    rig, disk = slow_rig()
    async with trading(rig):
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=2.0))
        await settle()
        await rig.passes(2)
        disk.gate.set()
        order = await task

        assert order.reason.startswith("never sent: not let go within 2 s")
        assert rig.venue.sent == []


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


@pytest.mark.parametrize("removed", [False, True])
async def test_a_sender_that_leaves_on_the_way_to_the_disk_sends_nothing(removed: bool) -> None:
    rig, disk = slow_rig()
    async with trading(rig):
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        if removed:
            await rig.orders.cancel("client-1")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        disk.gate.set()
        await settle()

        assert rig.venue.sent == []
        assert rig.only().state is (OrderState.CANCELED if removed else OrderState.REJECTED)


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


# --- what waits for a better service level ---

EMERGENCY = Verdict(Level.EMERGENCY_ONLY, ("none of 4 required streams is live",))


class Leveled:
    """A service level that a test sets."""

    def __init__(self, rig: OrderRig) -> None:
        self.verdict = EMERGENCY
        rig.orders.obey(lambda deed: self.verdict, None)

    def recovers(self) -> None:
        self.verdict = FULL


async def test_what_the_level_does_not_permit_is_refused_and_nothing_of_it_is_kept() -> None:
    async with trading() as rig:
        Leveled(rig)
        for work in (rig.orders.submit(buy()), rig.orders.batch([buy(), buy()]), rig.orders.submit(sell())):
            with pytest.raises(Held, match=r"EMERGENCY_ONLY \(none of 4 .*wait_s"):
                await work

        assert (rig.venue.sent, rig.journal.kept, rig.orders.queued()) == ([], [], [])


async def test_what_may_wait_is_neither_journalled_nor_sent_before_and_leaves_once_after() -> None:
    async with trading() as rig:
        level = Leveled(rig)
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=60.0))
        await rig.passes(30)
        assert (rig.venue.sent, rig.journal.kept) == ([], [])
        assert [order.client_id for order in rig.orders.queued()] == ["client-1"]
        assert rig.orders.counts.queued == 1
        assert rig.orders.get("client-1") is not None

        level.recovers()
        await rig.passes(1)
        order = await task
        assert order.state is OrderState.WORKING
        assert [sent.names for sent in rig.venue.sent] == [("client-1",)]
        assert isinstance(rig.journal.kept[0], Intent)
        level.verdict = EMERGENCY
        await rig.passes(1)
        level.recovers()
        await rig.passes(60)
        assert len(rig.venue.sent) == 1
        assert rig.causes()[:3] == ["queued", "submitted", "acknowledged"]


async def test_a_replacement_waits_like_an_order_and_asks_anew_what_it_would_replace() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.venue.replaces_named = True
        level = Leveled(rig)
        task = asyncio.ensure_future(rig.orders.replace(order.client_id, buy("2"), wait_s=60.0))
        await rig.passes(5)
        assert [one.sent for one in rig.orders.queued()] == [None]
        assert len(rig.venue.sent) == 1
        level.recovers()
        await rig.passes(1)
        assert (await task).qty == 2
        assert rig.venue.sent[-1].action is Action.REPLACE

        level.verdict = EMERGENCY
        late = asyncio.ensure_future(rig.orders.replace((await task).client_id, buy("3"), wait_s=60.0))
        await rig.passes(5)
        rig.venue.orders.cancel_all()
        rig.hear()
        level.recovers()
        await rig.passes(1)
        with pytest.raises(CheckFailed, match="only an open order"):
            await late
        assert len(rig.venue.sent) == 2


async def test_at_its_deadline_what_waits_is_refused_with_the_reason_and_told_of() -> None:
    async with trading() as rig:
        Leveled(rig)
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=5.0))
        await rig.passes(5.5)

        with pytest.raises(Held, match="not let go within 5 s: the service level is EMERGENCY_ONLY"):
            await task
        assert rig.causes() == ["queued", "removed"]
        assert (rig.venue.sent, rig.journal.kept, rig.orders.queued()) == ([], [], [])


@pytest.mark.parametrize("way", ["cancel", "cancel_all", "emergency_only"])
async def test_a_cancel_takes_out_what_waits(way: str) -> None:
    async with trading() as rig:
        level = Leveled(rig)
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=60.0))
        await settle()
        if way == "cancel":
            (outcome,) = await rig.orders.cancel("client-1")
            assert outcome.order is not None and outcome.order.state is OrderState.CANCELED
        elif way == "cancel_all":
            await rig.orders.cancel_all()
        else:
            rig.orders.emergency_only = True
        order = await task
        level.recovers()
        await rig.passes(1)

        assert (order.state, order.reason) == (OrderState.CANCELED, "removed before it was sent")
        assert Action.ADD not in [sent.action for sent in rig.venue.sent]
        assert rig.causes() == ["queued", "removed"]


async def test_of_a_batch_that_waits_what_was_taken_out_stays_behind() -> None:
    async with trading() as rig:
        level = Leveled(rig)
        requests = [buy(price=price) for price in ("1", "2", "3")]
        task = asyncio.ensure_future(rig.orders.batch(requests, wait_s=60.0))
        await settle()
        await rig.orders.cancel("client-2")
        level.recovers()
        await rig.passes(1)

        states = [OrderState.WORKING, OrderState.CANCELED, OrderState.WORKING]
        assert [order.state for order in await task] == states
        assert [sent.names for sent in rig.venue.sent] == [("client-1", "client-3")]


async def test_what_reduces_leaves_before_what_adds() -> None:
    async with trading() as rig:
        level = Leveled(rig)
        adds = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=60.0))
        await settle()
        reduces_ = asyncio.ensure_future(rig.orders.submit(sell(), wait_s=60.0))
        await settle()
        level.recovers()
        await rig.passes(1)
        await asyncio.gather(adds, reduces_)

        assert [sent.names for sent in rig.venue.sent] == [("client-2",), ("client-1",)]


async def test_what_waits_is_checked_anew_when_it_may_leave() -> None:
    async with trading() as rig:
        level = Leveled(rig)
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=60.0))
        await settle()
        rig.orders.halt(BTC, "they differ")
        level.recovers()
        await rig.passes(5)
        assert rig.venue.sent == []
        rig.orders.resume(BTC, "looked at")
        await settle()

        assert (await task).state is OrderState.WORKING


async def test_what_no_wait_would_cure_is_refused_while_it_waits() -> None:
    async with trading() as rig:
        level = Leveled(rig)
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=60.0))
        await settle()
        rig.venue.reference = MemoryReference([ETH])
        await rig.passes(1)

        with pytest.raises(UnknownSymbol):
            await task
        assert level.verdict is EMERGENCY
        assert rig.causes() == ["queued", "removed"]


async def test_a_second_that_waits_meets_what_the_first_has_changed() -> None:
    async with trading() as rig:
        shut = [True]

        def standing(deed: Deed) -> Verdict:
            taken = rig.venue.sent or rig.orders._placing.leaving()
            return EMERGENCY if shut or taken else FULL

        rig.orders.obey(standing, None)
        tasks = [asyncio.ensure_future(rig.orders.submit(buy(), wait_s=5.0)) for _ in range(3)]
        await settle()
        shut.clear()
        await rig.passes(6)
        results = await asyncio.gather(*tasks, return_exceptions=True)

        assert [type(result) for result in results] == [Order, Held, Held]
        assert len(rig.venue.sent) == 1


async def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    async with trading() as rig:
        level = Leveled(rig)
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=60.0))
        await settle()
        task.cancel()
        await settle()
        level.recovers()
        await rig.passes(1)

        assert (rig.venue.sent, rig.orders.queued()) == ([], [])
        assert rig.causes() == ["queued", "removed"]


async def test_what_waited_is_gone_after_a_restart() -> None:
    rig = OrderRig()
    async with trading(rig):
        Leveled(rig)
        task = asyncio.ensure_future(rig.orders.submit(buy(), wait_s=600.0))
        await rig.passes(1)
    with pytest.raises((asyncio.CancelledError, Held)):
        task.cancel()
        await task
    async with trading(rig):
        await rig.passes(60)

        assert (rig.venue.sent, rig.orders.orders(), rig.orders.queued()) == ([], [], [])


async def test_what_was_sent_and_not_answered_is_never_sent_again_when_the_level_recovers() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.LOST)
        order = await rig.orders.submit(buy())
        assert order.state is OrderState.UNKNOWN
        level = Leveled(rig)
        await rig.passes(1)
        level.recovers()
        await rig.passes(60)

        assert len([sent for sent in rig.venue.sent if sent.action is Action.ADD]) == 1


async def test_what_the_stream_could_not_take_goes_not_by_rest_where_the_level_has_fallen() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.UNSENT)
        rig.orders.obey(lambda deed: FULL if rig.venue.script else EMERGENCY, None)
        order = await rig.orders.submit(buy())

        assert order.state is OrderState.REJECTED
        assert order.reason.startswith("never sent: the service level is EMERGENCY_ONLY")
        assert rig.venue.sent == []


async def test_a_wish_that_was_cancelled_keeps_the_rest_of_its_batch_from_nothing() -> None:
    async with trading() as rig:
        rig.orders.obey(lambda deed: EMERGENCY if deed is Deed.INCREASE else FULL, None)
        task = asyncio.ensure_future(rig.orders.batch([sell(), buy()], wait_s=60.0))
        await settle()
        await rig.orders.cancel("client-2")
        await rig.passes(1)

        assert [sent.names for sent in rig.venue.sent] == [("client-1",)]
        await task


async def test_an_order_whose_level_fell_while_the_disk_was_slow_is_not_sent() -> None:
    rig, disk = slow_rig()
    async with trading(rig):
        level = Leveled(rig)
        level.recovers()
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        level.verdict = EMERGENCY
        disk.gate.set()
        order = await task

        assert order.state is OrderState.REJECTED
        assert order.reason.startswith("never sent: the service level is EMERGENCY_ONLY")
        assert rig.venue.sent == []


def sixteen() -> list[OrderRequest]:
    """One more than fits into a request."""
    return [buy(price=str(price)) for price in range(1, 17)]


@pytest.mark.parametrize("way", ["cancel", "cancel_all", "emergency_only"])
async def test_a_cancel_takes_out_the_part_of_a_batch_whose_turn_has_not_come(way: str) -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.SLOW)
        task = asyncio.ensure_future(rig.orders.batch(sixteen()))
        await settle()
        if way == "cancel":
            await rig.orders.cancel(*(f"client-{number}" for number in range(9, 17)))
        elif way == "cancel_all":
            await rig.orders.cancel_all()
        else:
            rig.orders.emergency_only = True
        rig.venue.release()
        orders = await task

        assert [len(sent.names) for sent in rig.venue.sent if sent.action is Action.ADD] == [8]
        assert {order.reason for order in orders[8:]} == {"removed before it was sent"}
        assert [order.client_id for order in orders[8:]] == [f"client-{number}" for number in range(9, 17)]


@pytest.mark.parametrize("change", ["level", "halt", "doubt"])
async def test_a_later_part_of_a_batch_is_checked_anew_when_its_turn_comes(change: str) -> None:
    async with trading() as rig:
        level = Leveled(rig)
        level.recovers()
        rig.venue.script.append(ConnectionLost("cut") if change == "doubt" else Outcome.SLOW)
        task = asyncio.ensure_future(rig.orders.batch(sixteen()))
        await settle()
        if change == "level":
            level.verdict = EMERGENCY
        elif change == "halt":
            rig.orders.halt(BTC, "they differ")
        rig.venue.release()
        orders = await task

        assert [len(sent.names) for sent in rig.venue.sent] == [8]
        assert {order.state for order in orders[8:]} == {OrderState.REJECTED}
        assert all(order.reason.startswith("not sent: ") for order in orders[8:])


async def test_many_that_have_waited_and_leave_at_once_are_no_program_run_wild() -> None:
    async with trading(orders_per_s=2) as rig:
        level = Leveled(rig)
        tasks = []
        for _ in range(5):
            tasks.append(asyncio.ensure_future(rig.orders.submit(buy(), wait_s=60.0)))
            await rig.passes(1)
        level.recovers()
        await rig.passes(1)

        assert {order.state for order in await asyncio.gather(*tasks)} == {OrderState.WORKING}
        await rig.orders.submit(buy())


async def test_a_program_that_runs_wild_is_stopped_although_all_it_asks_for_waits() -> None:
    async with trading(orders_per_s=2) as rig:
        level = Leveled(rig)
        tasks = [asyncio.ensure_future(rig.orders.submit(buy(), wait_s=5.0)) for _ in range(3)]
        await rig.passes(6)
        level.recovers()

        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in ended] == [Held, Held, CheckFailed]
        with pytest.raises(CheckFailed, match="more than 2 orders a second were asked for"):
            await rig.orders.submit(sell())
