from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from leadline.core.level import FULL, Verdict
from leadline.engine.records import AmendEnded, AmendIntent
from leadline.errors import CheckFailed, ConnectFailed, Held, JournalError, Rejected
from leadline.model.level import Level
from leadline.model.order import Amendment, OrderState
from leadline.venues.memory_account import Outcome
from leadline.venues.ports import Action
from orderrig import BTC, OrderRig, SlowDisk, buy, settle, trading

LARGER = Amendment(qty=Decimal(3), limit_price=Decimal(101))


async def placed(rig: OrderRig) -> str:
    order = await rig.orders.submit(buy())
    rig.hear()
    return order.client_id


async def test_a_change_is_on_disk_first_and_shows_when_it_is_taken() -> None:
    async with trading() as rig:
        order = await rig.orders.amend(await placed(rig), LARGER)
        rig.hear()

        assert (order.qty, order.limit_price, order.amending) == (3, 101, None)
        kept = [type(record) for record in rig.journal.kept]
        assert kept.index(AmendIntent) < kept.index(AmendEnded)
        assert rig.venue.charged[-1] == (Action.AMEND, 1)


async def test_a_full_disk_keeps_the_change_from_leaving() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.journal.failing = JournalError("the disk is full")

        with pytest.raises(JournalError):
            await rig.orders.amend(name, LARGER)

        assert len(rig.venue.sent) == 1
        assert rig.only().amending is None


async def test_a_refused_change_leaves_the_order_and_raises_the_refusal() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.venue.script.append(Rejected("EOrder:Post only order"))

        with pytest.raises(Rejected):
            await rig.orders.amend(name, LARGER)

        assert (rig.only().qty, rig.only().amending) == (1, None)


@pytest.mark.parametrize(("outcome", "qty"), [(Outcome.UNANSWERED, 3), (Outcome.LOST, 1)])
async def test_a_lost_answer_leaves_the_values_open_until_a_look_up_past_the_deadline(
    outcome: Outcome, qty: int
) -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.venue.script.append(outcome)

        order = await rig.orders.amend(name, LARGER)
        assert order.amending == LARGER
        with pytest.raises(Held, match="not answered"):
            await rig.orders.amend(name, LARGER)
        await rig.passes(8)

        assert (rig.only().qty, rig.only().amending) == (qty, None)
        assert [sent.action for sent in rig.venue.sent] == [Action.ADD, Action.AMEND]


async def test_the_report_of_the_change_ends_the_doubt_at_once() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.venue.failing = ConnectFailed("no way")
        rig.venue.script.append(Outcome.UNANSWERED)
        await rig.orders.amend(name, LARGER)
        rig.hear()

        assert (rig.only().qty, rig.only().amending) == (3, None)


async def test_while_a_change_is_in_doubt_no_order_is_made_larger() -> None:
    async with trading() as rig:
        name = await placed(rig)
        other = (await rig.orders.submit(buy())).client_id
        rig.venue.script.append(Outcome.LOST)
        await rig.orders.amend(name, LARGER)

        with pytest.raises(Held, match="none is made larger"):
            await rig.orders.amend(other, LARGER)
        assert (await rig.orders.amend(other, Amendment(qty=Decimal("0.5")))).qty == Decimal("0.5")


async def test_what_did_not_leave_on_the_stream_goes_by_rest() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.venue.script.append(Outcome.UNSENT)

        order = await rig.orders.amend(name, LARGER)

        assert order.qty == 3
        assert rig.venue.sent[-1].path.value == "rest"


async def test_only_an_order_known_to_be_open_is_changed() -> None:
    async with trading() as rig:
        with pytest.raises(CheckFailed, match="find"):
            await rig.orders.amend("nobody", LARGER)
        name = await placed(rig)
        with pytest.raises(CheckFailed):
            await rig.orders.amend(name, Amendment(qty=Decimal("0.00000001")))
        rig.venue.orders.cancel_all()
        rig.hear()
        with pytest.raises(CheckFailed, match="canceled"):
            await rig.orders.amend(name, LARGER)
        rig.venue.failing = ConnectFailed("no way")
        rig.venue.script.append(Outcome.LOST)
        unknown = await rig.orders.submit(buy())
        with pytest.raises(Held, match="not known"):
            await rig.orders.amend(unknown.client_id, LARGER)


async def test_an_order_that_ended_while_its_change_waited_is_not_changed() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.venue.room_s = 1.0
        task = asyncio.ensure_future(rig.orders.amend(name, LARGER))
        await settle()
        rig.venue.orders.cancel_all()
        rig.hear()
        rig.venue.room_s = 0.0
        await rig.passes(1)

        with pytest.raises(CheckFailed):
            await task
        assert rig.only().state is OrderState.CANCELED


async def test_a_sender_cancelled_while_waiting_leaves_the_values_open() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.venue.script.append(Outcome.SLOW)
        task = asyncio.ensure_future(rig.orders.amend(name, LARGER))
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert rig.only().amending == LARGER
        assert [order.client_id for order in rig.orders.blotter.doubted(BTC)] == [name]

        await rig.passes(5)

        assert (rig.only().qty, rig.only().amending) == (3, None)


async def test_a_change_overtaken_on_its_way_to_the_disk_is_not_sent() -> None:
    disk = SlowDisk()
    rig = OrderRig(disk)
    disk.gate.set()
    async with trading(rig):
        name = await placed(rig)
        disk.gate.clear()
        ended = asyncio.ensure_future(rig.orders.amend(name, LARGER))
        await settle()
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)
        assert isinstance(rig.journal.kept[-1], AmendEnded)

        late = asyncio.ensure_future(rig.orders.amend(name, LARGER))
        await settle()
        rig.venue.orders.cancel_all()
        rig.hear()
        disk.gate.set()
        with pytest.raises(CheckFailed, match="cannot be changed any more"):
            await late
        assert isinstance(rig.journal.kept[-1], AmendEnded)

        assert [sent.action for sent in rig.venue.sent] == [Action.ADD]


async def test_an_acceptance_told_after_a_change_was_answered_does_not_undo_it() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        await rig.orders.amend(order.client_id, Amendment(limit_price=Decimal(90)))
        acceptance = rig.venue.orders.deliver()[:2]
        rig.hear(*acceptance)
        rig.orders.snapshot(rig.venue.orders.snapshot(), rig.now)

        assert rig.only().limit_price == Decimal(90)


EMERGENCY = Verdict(Level.EMERGENCY_ONLY, ("none of 4 required streams is live",))


async def test_a_change_waits_for_a_better_level_and_leaves_once() -> None:
    async with trading() as rig:
        name = await placed(rig)
        verdict = [EMERGENCY]
        rig.orders.obey(lambda deed: verdict[0], None)
        with pytest.raises(Held, match="EMERGENCY_ONLY"):
            await rig.orders.amend(name, LARGER)
        task = asyncio.ensure_future(rig.orders.amend(name, LARGER, wait_s=60.0))
        await rig.passes(5)
        assert [sent.action for sent in rig.venue.sent] == [Action.ADD]
        assert AmendIntent not in [type(record) for record in rig.journal.kept]

        verdict[0] = FULL
        await rig.passes(1)
        assert (await task).limit_price == 101
        assert [sent.action for sent in rig.venue.sent] == [Action.ADD, Action.AMEND]


@pytest.mark.parametrize("falls", [False, True])
async def test_a_change_whose_turn_by_rest_comes_too_late_or_at_a_worse_level_never_leaves(
    falls: bool,
) -> None:
    async with trading() as rig:
        name = await placed(rig)
        verdict = [FULL]
        rig.orders.obey(lambda deed: verdict[0], None)
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.QUEUED)
        task = asyncio.ensure_future(rig.orders.amend(name, LARGER, wait_s=None if falls else 2.0))
        await settle()
        await rig.passes(2)
        if falls:
            verdict[0] = EMERGENCY
        rig.venue.depart()

        with pytest.raises(Held, match="EMERGENCY_ONLY" if falls else "not let go within 2 s"):
            await task
        assert rig.only().amending is None
        assert [sent.action for sent in rig.venue.sent] == [Action.ADD]


async def test_a_change_that_makes_an_order_larger_leaves_when_its_turn_by_rest_comes() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.QUEUED)
        task = asyncio.ensure_future(rig.orders.amend(name, Amendment(qty=Decimal(7))))
        await rig.passes(2)
        rig.venue.depart()

        assert (await task).qty == 7


async def test_a_change_of_an_order_that_ends_meanwhile_is_waited_for_no_longer() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.orders.obey(lambda deed: EMERGENCY, None)
        task = asyncio.ensure_future(rig.orders.amend(name, LARGER, wait_s=60.0))
        await settle()
        await rig.orders.cancel(name)
        rig.hear()
        await rig.passes(1)

        with pytest.raises(CheckFailed, match="the order is canceled"):
            await task


async def test_a_change_that_may_wait_waits_for_the_one_before_it() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.venue.script.append(Outcome.SLOW)
        first = asyncio.ensure_future(rig.orders.amend(name, LARGER))
        await settle()
        with pytest.raises(Held, match="another change"):
            await rig.orders.amend(name, LARGER)
        second = asyncio.ensure_future(rig.orders.amend(name, Amendment(qty=Decimal(2)), wait_s=60.0))
        await settle()
        rig.venue.release()
        await rig.passes(1)

        await first
        assert (await second).qty == 2


async def test_a_change_the_stream_could_not_take_goes_not_by_rest_where_the_level_has_fallen() -> None:
    async with trading() as rig:
        name = await placed(rig)
        rig.venue.script.append(Outcome.UNSENT)
        rig.orders.obey(lambda deed: FULL if rig.venue.script else EMERGENCY, None)
        with pytest.raises(Held, match="EMERGENCY_ONLY"):
            await rig.orders.amend(name, LARGER)

        assert [sent.action for sent in rig.venue.sent] == [Action.ADD]
        assert (rig.only().qty, rig.only().amending) == (1, None)


async def test_a_change_whose_level_fell_while_the_disk_was_slow_is_not_sent() -> None:
    disk = SlowDisk()
    rig = OrderRig(disk)
    disk.gate.set()
    async with trading(rig):
        name = await placed(rig)
        disk.gate.clear()
        late = asyncio.ensure_future(rig.orders.amend(name, LARGER))
        await settle()
        rig.orders.obey(lambda deed: EMERGENCY, None)
        disk.gate.set()
        with pytest.raises(Held, match="EMERGENCY_ONLY"):
            await late

        assert [sent.action for sent in rig.venue.sent] == [Action.ADD]
        assert isinstance(rig.journal.kept[-1], AmendEnded)
        assert (rig.only().qty, rig.only().amending) == (1, None)
        again = rig.make().get(name)
        assert again is not None and (again.qty, again.amending) == (1, None)


async def test_degraded_and_without_its_book_a_buy_pays_no_more_and_may_pay_less() -> None:
    async with trading() as rig:
        name = await placed(rig)
        degraded = Verdict(Level.DEGRADED, ("1 of 2 required streams not live",))
        rig.orders.obey(lambda deed: degraded, lambda symbol: "the book of BTC/USD is lost: cut")
        with pytest.raises(Held, match="the book of BTC/USD is lost"):
            await rig.orders.amend(name, Amendment(limit_price=Decimal(101)))
        await rig.orders.amend(name, Amendment(limit_price=Decimal(99)))

        assert rig.only().limit_price == 99
