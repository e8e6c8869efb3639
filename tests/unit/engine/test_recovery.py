"""Reconciliation converges, or says what differs and halts that symbol only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from deskrig import DeskRig, buy, owned
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.account_session import AccountDoubted, BalancesReported, OrdersSnapshot
from leadline.engine.account_events import Mismatch, Reconciled
from leadline.engine.balances import BalanceDrift
from leadline.engine.journal import MemoryJournal
from leadline.engine.records import Drifted, OpeningBalance, Resumed
from leadline.engine.recovery import LISTED_S
from leadline.errors import Held, VenueDown
from leadline.model.market import Side
from leadline.model.order import (
    ConditionalClose,
    OrderKind,
    OrderReport,
    OrderRequest,
    OrderState,
    Provenance,
)
from leadline.net.http import Purpose
from leadline.venues.memory_account import MemoryAccount


class Counting(MemoryAccount):
    """Counts how often it is asked for the open orders."""

    asked = 0

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        self.asked += 1
        return await super().fetch_open_orders(purpose)


class Stubborn(MemoryAccount):
    """A venue whose list of open orders keeps naming an order that it knows nothing else of."""

    phantom: OrderReport | None = None

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        told = list(await super().fetch_open_orders(purpose))
        return [*told, self.phantom] if self.phantom else told


async def test_two_equal_views_are_reconciled_in_one_round() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        await rig.desk.orders.submit(buy())
        await rig.deliver()
        assert await rig.desk.reconcile("a test")
        last = rig.told(Reconciled)[-1]
        assert isinstance(last, Reconciled)
        assert (last.reason, last.rounds) == ("a test", 1)


async def test_what_happened_unseen_is_known_afterwards_each_fill_once() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        order = await rig.desk.orders.submit(buy(qty="3"))
        await rig.deliver()
        await rig.cut()
        (true,) = rig.venue.orders.every
        for qty in ("1", "2"):
            rig.venue.orders.fill(true, Decimal(qty), Decimal(10))
        rig.venue.orders.outbox.clear()
        await rig.passing(16)
        known = rig.desk.orders.get(order.client_id)
        assert known is not None
        assert (known.state, known.filled_qty) == (OrderState.FILLED, Decimal(3))
        await rig.connect()
        known = rig.desk.orders.get(order.client_id)
        assert known is not None
        assert known.filled_qty == Decimal(3)


async def test_an_order_of_another_program_is_adopted_and_no_fill_invented() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        rig.venue.orders.foreign(buy("ETH/USD"))
        rig.venue.orders.outbox.clear()
        await rig.desk.reconcile()
        (adopted,) = rig.desk.orders.open()
        assert (adopted.symbol, adopted.provenance, adopted.fills) == ("ETH/USD", Provenance.ADOPTED, ())


async def test_what_cannot_be_brought_together_halts_its_symbol_only_and_agreement_ends_that() -> None:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = Stubborn(clock, ["BTC/USD", "ETH/USD"])
    async with DeskRig(clock=clock, venue=venue) as rig:
        await rig.connect()
        order = await rig.desk.orders.submit(buy())
        await rig.deliver()
        (true,) = venue.orders.every
        venue.phantom = true.stands()
        await rig.desk.orders.cancel(order.client_id)
        await rig.deliver()
        rig.clock.advance(5)
        looking = asyncio.ensure_future(rig.desk.reconcile())
        await rig.passing(8)
        assert not await looking
        (mismatch,) = rig.told(Mismatch)
        assert isinstance(mismatch, Mismatch)
        assert mismatch.symbol == "BTC/USD"
        assert "canceled" in mismatch.ours
        assert any(isinstance(record, Drifted) for record in rig.journal.kept)
        with pytest.raises(Held, match="differ"):
            await rig.desk.orders.submit(buy())
        assert (await rig.desk.orders.submit(buy("ETH/USD"))).state is OrderState.WORKING
        await rig.deliver()
        venue.phantom = None
        assert await rig.desk.reconcile()
        assert any(isinstance(record, Resumed) for record in rig.journal.kept)
        assert (await rig.desk.orders.submit(buy())).state is OrderState.WORKING


async def test_balances_that_stay_different_are_told_with_both_sides() -> None:
    async with DeskRig() as rig:
        rig.venue.balances = owned(USD="100")
        await rig.connect()
        rig.venue.balances = owned(USD="99")
        looking = asyncio.ensure_future(rig.desk.reconcile())
        await rig.passing(8)
        assert not await looking
        (event,) = rig.told(BalanceDrift)
        assert isinstance(event, BalanceDrift)
        assert (event.drift.ours, event.drift.theirs) == (Decimal(100), Decimal(99))


async def test_what_the_account_held_at_first_is_journalled_once() -> None:
    rig = DeskRig()
    rig.venue.balances = owned(USD="100", BTC="2")
    async with rig:
        await rig.connect()
        await rig.desk.reconcile()
    openings = [record for record in rig.journal.kept if isinstance(record, OpeningBalance)]
    assert {(record.asset, record.qty) for record in openings} == {
        ("USD", Decimal(100)),
        ("BTC", Decimal(2)),
    }
    again = DeskRig(journal=rig.journal)
    again.venue.balances = owned(USD="5")
    async with again:
        await again.connect()
    assert len([record for record in rig.journal.kept if isinstance(record, OpeningBalance)]) == 2


async def test_a_venue_that_cannot_be_asked_raises_what_it_said() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        rig.venue.failing = VenueDown("EService:Unavailable")
        with pytest.raises(VenueDown):
            await rig.desk.reconcile()


async def test_a_halt_from_before_the_restart_ends_when_the_views_agree() -> None:
    kept = [Drifted(at_ns=1, symbol="BTC/USD", ours="working", theirs="not known")]
    async with DeskRig(journal=MemoryJournal(kept)) as rig:
        assert "BTC/USD" not in rig.desk.orders.halts()
        assert any(isinstance(record, Resumed) for record in rig.journal.kept)


async def test_every_order_of_other_programs_is_known_at_once() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        for _ in range(3):
            rig.venue.orders.foreign(buy("ETH/USD"))
        rig.venue.orders.outbox.clear()
        assert await rig.desk.reconcile()
        assert len(rig.desk.orders.open()) == 3


async def test_an_order_the_venue_made_of_ours_and_filled_while_nobody_heard_is_known_afterwards() -> None:
    closing = ConditionalClose(OrderKind.LIMIT, limit_price=Decimal(12))
    async with DeskRig() as rig:
        await rig.connect()
        await rig.desk.orders.submit(replace(buy(), close=closing))
        await rig.deliver()
        await rig.cut()
        (parent,) = rig.venue.orders.every
        rig.venue.orders.fill(parent, Decimal(1), Decimal(10))
        child = rig.venue.orders.foreign(
            OrderRequest(symbol="BTC/USD", side=Side.SELL, kind=OrderKind.LIMIT, qty=Decimal(1)),
            parent_id=parent.order_id,
        )
        rig.venue.orders.fill(child, Decimal(1), Decimal(12))
        rig.venue.orders.outbox.clear()
        await rig.connect()
        await rig.passing(1)
        known = rig.desk.orders.get(child.order_id)
        assert known is not None
        assert (known.provenance, known.state) == (Provenance.VENUE, OrderState.FILLED)
        assert known.filled_qty == Decimal(1)


async def _differing(rig: DeskRig, venue: Stubborn) -> None:
    """Have the venue list an order as open that is cancelled, and find that it does not agree."""
    await rig.connect()
    order = await rig.desk.orders.submit(buy())
    await rig.deliver()
    (true,) = venue.orders.every
    venue.phantom = true.stands()
    await rig.desk.orders.cancel(order.client_id)
    await rig.deliver()
    rig.clock.advance(5)
    await _reconciled(rig)


async def _reconciled(rig: DeskRig) -> None:
    looking = asyncio.ensure_future(rig.desk.reconcile())
    await rig.passing(8)
    await looking


async def test_a_symbol_that_is_resumed_while_the_views_still_differ_is_halted_again() -> None:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = Stubborn(clock, ["BTC/USD", "ETH/USD"])
    async with DeskRig(clock=clock, venue=venue) as rig:
        await _differing(rig, venue)
        rig.desk.orders.resume("BTC/USD", "an operator thought so")
        await _reconciled(rig)
        assert "differ" in rig.desk.orders.halts()["BTC/USD"]


async def test_agreement_does_not_end_the_halt_of_an_operator() -> None:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = Stubborn(clock, ["BTC/USD", "ETH/USD"])
    async with DeskRig(clock=clock, venue=venue) as rig:
        await _differing(rig, venue)
        rig.desk.orders.halt("BTC/USD", "an operator looks into it")
        venue.phantom = None
        await _reconciled(rig)
        assert rig.desk.orders.halts() == {"BTC/USD": "an operator looks into it"}


def counting() -> tuple[DeskRig, Counting]:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = Counting(clock, ["BTC/USD", "ETH/USD"])
    return DeskRig(clock=clock, venue=venue), venue


async def bring(rig: DeskRig, age_s: float | None, *, doubted: bool = False) -> None:
    """The line comes up; its snapshot was asked of REST so long ago, or told by the stream itself."""
    now_ns = rig.clock.mono_ns()
    asked_ns = None if age_s is None else now_ns - round(age_s * NS_PER_S)
    standing = tuple(order.stands() for order in rig.venue.orders.every if not order.state.final)
    rig.venue.streaming = True
    rig.session.opened(now_ns)
    rig.session.say(OrdersSnapshot(standing, asked_ns), now_ns)
    rig.session.say(BalancesReported(rig.venue.balances), now_ns)
    if doubted:
        rig.session.say(AccountDoubted("a test"), now_ns)
    await rig.turns()


async def test_a_list_of_open_orders_that_rest_has_just_told_is_not_asked_for_again() -> None:
    rig, venue = counting()
    async with rig:
        before = venue.asked
        order = await rig.desk.orders.submit(buy())
        foreign = venue.orders.foreign(buy("ETH/USD"))
        (ours, _) = venue.orders.every
        rig.clock.advance(3)
        await bring(rig, 0.5)
        assert venue.asked == before
        assert rig.desk.orders.get(foreign.order_id) is not None
        assert isinstance(rig.told(Reconciled)[-1], Reconciled)
        await rig.cut()
        venue.orders.fill(ours, ours.qty, Decimal(10))
        rig.clock.advance(3)
        before = venue.asked
        await bring(rig, 0.5)
        await rig.passing(3)
        told = rig.desk.orders.get(order.client_id)
        assert told is not None
        assert told.state is OrderState.FILLED
        assert venue.asked - before <= 1  # what differed is held against a list of its own


@pytest.mark.parametrize(("age_s", "doubted"), [(None, False), (LISTED_S + 0.1, False), (0.5, True)], ids=str)
async def test_it_is_asked_for_where_the_stream_told_it_or_it_is_old_or_there_is_another_reason(
    age_s: float | None, doubted: bool
) -> None:
    rig, venue = counting()
    async with rig:
        before = venue.asked
        await bring(rig, age_s, doubted=doubted)
        assert venue.asked == before + 1
        assert await rig.desk.reconcile()
        assert venue.asked == before + 2
