from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from leadline.clock import ManualClock
from leadline.engine.journal import MemoryJournal
from leadline.engine.order_news import Cause, NewsGap, SymbolHalted, SymbolResumed
from leadline.engine.orders import Orders, new_client_id
from leadline.engine.records import Acknowledged, Doubted, Drifted, Intent, Reported, Resumed, Settled
from leadline.errors import (
    CheckFailed,
    ConnectFailed,
    Held,
    JournalError,
    Rejected,
)
from leadline.model.market import VenueMode
from leadline.model.order import Event, OrderReport, OrderState, Provenance
from leadline.venues.memory_account import MemoryAccount, Outcome
from orderrig import BTC, ETH, OrderRig, buy, sell, settle, trading

LOST_ANSWERS = [Outcome.UNANSWERED, Outcome.LOST, Outcome.LATE]


async def test_an_accepted_order_works_and_its_life_is_journalled() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.hear()
        rig.venue.orders.fill(rig.truth(), Decimal(1), Decimal(100))
        rig.hear()

        assert order.state is OrderState.WORKING
        assert order.order_id == rig.truth().order_id
        assert rig.only().state is OrderState.FILLED
        assert [type(record) for record in rig.journal.kept[:2]] == [Intent, Acknowledged]
        assert {type(record) for record in rig.journal.kept[2:]} == {Reported}


async def test_the_intent_is_on_disk_before_anything_leaves() -> None:
    async with trading() as rig:
        rig.journal.failing = JournalError("the disk is full")

        with pytest.raises(JournalError):
            await rig.orders.submit(buy())

        assert rig.venue.sent == []
        assert rig.orders.orders() == []


async def test_cancels_work_with_a_full_disk() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.journal.failing = JournalError("the disk is full")

        outcome = (await rig.orders.cancel(order.client_id))[0]
        rig.hear()

        assert outcome.error is None
        assert rig.only().state is OrderState.CANCELED


@pytest.mark.parametrize("outcome", LOST_ANSWERS)
async def test_an_unanswered_order_is_unknown_and_sent_once(outcome: Outcome) -> None:
    async with trading() as rig:
        rig.venue.failing = ConnectFailed("no way")
        rig.venue.script.append(outcome)

        order = await rig.orders.submit(buy())
        await rig.passes(600, 5.0)

        assert order.state is OrderState.UNKNOWN
        assert rig.only().state is OrderState.UNKNOWN  # no timer ends it
        assert len(rig.venue.sent) == 1
        assert rig.orders.counts.unconfirmed == 1


async def test_an_unknown_order_is_found_as_soon_as_the_venue_can_be_asked() -> None:
    async with trading() as rig:
        rig.venue.failing = ConnectFailed("no way")
        rig.venue.script.append(Outcome.UNANSWERED)
        await rig.orders.submit(buy())
        await rig.passes(60, 1.0)

        rig.venue.failing = None
        await rig.passes(5)

        assert rig.only().state is OrderState.WORKING
        assert rig.orders.counts.unconfirmed == 0
        assert [type(record) for record in rig.journal.kept] == [Intent, Doubted, Reported]


async def test_while_the_stream_is_lost_nobody_vouches_for_an_open_order() -> None:
    async with trading() as rig:
        await rig.orders.submit(buy())
        rig.hear()
        assert rig.orders.counts.unconfirmed == 0

        rig.orders.stream_lost(rig.now)
        assert rig.orders.counts.unconfirmed == 1

        rig.orders.snapshot(rig.venue.orders.snapshot(), rig.now)
        assert rig.orders.counts.unconfirmed == 0


async def test_nothing_found_settles_only_after_the_deadline_on_the_venue_s_clock() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.LOST)
        await rig.orders.submit(buy())

        await rig.passes(2.75)
        assert rig.only().state is OrderState.UNKNOWN
        await rig.passes(5)

        assert rig.only().state is OrderState.REJECTED
        assert "never placed" in rig.only().reason
        assert isinstance(rig.journal.kept[-1], Settled)


async def test_while_the_venue_s_clock_is_unknown_nothing_found_proves_nothing() -> None:
    async with trading() as rig:
        rig.venue.clock_known = False
        rig.venue.script.append(Outcome.LOST)
        await rig.orders.submit(buy())
        await rig.passes(60, 1.0)
        assert rig.only().state is OrderState.UNKNOWN

        rig.venue.clock_known = True
        await rig.passes(5)

        assert rig.only().state is OrderState.REJECTED


async def test_an_order_that_arrives_late_is_found_and_not_placed_again() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.LATE)
        await rig.orders.submit(buy())
        await rig.passes(1)
        rig.venue.arrive()
        await rig.passes(5)

        assert rig.only().state is OrderState.WORKING
        assert len(rig.venue.orders.every) == 1


async def test_a_definite_refusal_is_the_end_with_the_venue_s_words() -> None:
    async with trading() as rig:
        rig.venue.script.append(Rejected("EOrder:Insufficient funds"))

        order = await rig.orders.submit(buy())

        assert order.state is OrderState.REJECTED
        assert order.reason == "EOrder:Insufficient funds"


async def test_what_never_left_the_stream_goes_by_rest_once_with_a_deadline_that_holds_there() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.UNSENT)

        order = await rig.orders.submit(buy())

        assert order.state is OrderState.WORKING
        assert [sent.path.value for sent in rig.venue.sent] == ["rest"]
        first, second = (record for record in rig.journal.kept if isinstance(record, Intent))
        assert second.deadline_ns > first.deadline_ns


async def test_what_neither_path_takes_is_rejected_as_never_sent() -> None:
    async with trading() as rig:
        rig.venue.script += [Outcome.UNSENT, Outcome.UNSENT]

        order = await rig.orders.submit(buy())

        assert order.state is OrderState.REJECTED
        assert "never sent" in order.reason


async def test_a_sender_cancelled_while_waiting_leaves_the_order_unknown_and_it_is_resolved() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.SLOW)
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert rig.only().state is OrderState.UNKNOWN

        await rig.passes(1)

        assert rig.only().state is OrderState.WORKING


async def test_a_fill_may_overtake_the_acknowledgement_and_counts_once() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.SLOW)
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        rig.venue.orders.fill(rig.truth(), Decimal(1), Decimal(100))
        reports = rig.venue.orders.deliver()
        rig.hear(*reversed(reports))
        rig.hear(*reports)
        rig.venue.release()
        order = await task

        assert order.state is OrderState.FILLED
        assert order.filled_qty == 1
        assert [record for record in rig.journal.kept if isinstance(record, Reported)]
        assert rig.orders.counts.fills == 1


async def test_news_without_a_name_waits_for_the_intent_that_may_own_it() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.SLOW)
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        fill = rig.venue.orders.fill(rig.truth(), Decimal("0.5"), Decimal(100))
        rig.venue.orders.deliver()
        rig.hear(
            OrderReport(
                event=Event.FILL,
                order_id=fill.order_id,
                symbol=BTC,
                side=fill.side,
                kind=buy().kind,
                fill=fill,
            )
        )
        assert rig.orders.counts.reports_parked == 1
        assert rig.orders.counts.adopted == 0
        rig.venue.release()
        await task

        assert rig.only().filled_qty == Decimal("0.5")
        assert rig.orders.counts.adopted == 0


async def test_an_order_of_another_program_is_adopted() -> None:
    async with trading() as rig:
        rig.venue.orders.foreign(sell())
        rig.hear()

        await settle()

        assert rig.only().provenance is Provenance.ADOPTED
        assert rig.only().requested is None
        assert rig.events()[0].cause is Cause.ADOPTED


async def test_a_conditional_close_of_ours_is_the_venue_s() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.hear()
        rig.venue.orders.foreign(sell(), parent_id=order.order_id)
        rig.hear()

        assert [item.provenance for item in rig.orders.orders()] == [Provenance.OURS, Provenance.VENUE]


async def test_while_an_order_is_unknown_only_what_reduces_leaves() -> None:
    async with trading() as rig:
        rig.venue.failing = ConnectFailed("no way")
        rig.venue.script.append(Outcome.LOST)
        await rig.orders.submit(buy())

        with pytest.raises(Held, match="at worst 1 more bought"):
            await rig.orders.submit(buy())

        assert (await rig.orders.submit(sell())).state is OrderState.WORKING
        assert (await rig.orders.submit(buy(symbol=ETH))).state is OrderState.WORKING


async def test_cancelling_what_is_queued_sends_nothing() -> None:
    async with trading() as rig:
        rig.venue.room_s = 5.0
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        (waiting,) = rig.orders.queued()

        outcome = (await rig.orders.cancel(waiting.client_id))[0]
        order = await task

        assert outcome.order is not None and outcome.order.state is OrderState.CANCELED
        assert order.state is OrderState.CANCELED
        assert order.reason == "removed before it was sent"
        assert rig.venue.sent == []
        assert rig.journal.kept == []
        await settle()
        assert rig.causes() == ["queued", "removed"]


async def test_cancel_all_takes_out_what_is_queued_and_cancels_the_rest() -> None:
    async with trading() as rig:
        await rig.orders.submit(buy())
        rig.venue.room_s = 5.0
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()

        assert await rig.orders.cancel_all() == 1
        rig.hear()

        assert (await task).state is OrderState.CANCELED
        assert rig.only().state is OrderState.CANCELED


@pytest.mark.parametrize("case", ["filled", "cancelled", "never accepted", "accepted later"])
async def test_an_unknown_order_answer_to_a_cancel_is_never_a_verdict(case: str) -> None:
    refusal = Rejected("EOrder:Unknown order")
    async with trading() as rig:
        rig.venue.script.append(
            {"never accepted": Outcome.LOST, "accepted later": Outcome.LATE}.get(case, Outcome.ANSWERED)
        )
        order = await rig.orders.submit(buy())
        if case == "filled":
            rig.venue.orders.fill(rig.truth(), Decimal(1), Decimal(100))
        elif case == "cancelled":
            rig.venue.orders.cancel_all()
        rig.venue.orders.deliver()  # the stream tells nothing
        rig.venue.script.append(refusal)
        outcome = (await rig.orders.cancel(order.client_id))[0]
        assert outcome.error is refusal
        assert outcome.order is not None and not outcome.order.state.final
        await rig.passes(0.25)
        rig.venue.arrive()
        await rig.passes(8)

        assert (
            rig.only().state
            is {
                "filled": OrderState.FILLED,
                "cancelled": OrderState.CANCELED,
                "never accepted": OrderState.REJECTED,
                "accepted later": OrderState.WORKING,
            }[case]
        )


async def test_what_a_snapshot_leaves_out_is_looked_up() -> None:
    async with trading() as rig:
        await rig.orders.submit(buy())
        await rig.orders.submit(buy())
        rig.hear()
        rig.orders.stream_lost(rig.now)
        rig.venue.orders.fill(rig.venue.orders.every[0], Decimal(1), Decimal(100))
        rig.venue.orders.deliver()

        rig.orders.snapshot(rig.venue.orders.snapshot(), rig.now)
        await rig.passes(3)

        assert [order.state for order in rig.orders.orders()] == [OrderState.FILLED, OrderState.WORKING]
        assert rig.orders.counts.fills == 1


async def test_the_gap_is_told_before_what_follows_it() -> None:
    async with trading() as rig:
        await rig.orders.submit(buy())
        await settle()
        rig.news.clear()
        lost = rig.now
        rig.orders.stream_lost(lost)
        rig.clock.advance(2)
        rig.venue.orders.fill(rig.truth(), Decimal(1), Decimal(100))
        rig.orders.snapshot(rig.venue.orders.snapshot(), rig.now)
        await settle()

        assert rig.news[:2] == [NewsGap(lost), NewsGap(lost, rig.now)]
        assert rig.causes() == ["reported"]


async def test_a_match_the_stream_did_not_tell_is_fetched() -> None:
    async with trading() as rig:
        await rig.orders.submit(buy("2"))
        rig.hear()
        rig.venue.orders.fill(rig.truth(), Decimal(1), Decimal(100))
        rig.venue.orders.fill(rig.truth(), Decimal(1), Decimal(100))
        _, *rest = rig.venue.orders.deliver()
        rig.hear(*rest)
        assert rig.only().fills_missing

        await rig.passes(3)

        assert not rig.only().fills_missing
        assert rig.orders.counts.fills == 2


async def test_validate_places_nothing_and_leaves_nothing() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy(validate=True))

        assert order.reason.startswith("validated")
        assert rig.venue.orders.every == []
        assert rig.journal.kept == []


async def test_a_replacement_is_known_by_its_userref_even_when_its_answer_is_lost() -> None:
    async with trading() as rig:
        old = await rig.orders.submit(buy())
        rig.venue.script.append(Outcome.UNANSWERED)
        new = await rig.orders.replace(old.client_id, buy("2"))
        assert new.state is OrderState.UNKNOWN
        rig.hear()
        await rig.passes(3)

        assert [order.state for order in rig.orders.orders()] == [OrderState.CANCELED, OrderState.WORKING]
        assert rig.orders.orders()[1].qty == 2


async def test_a_restart_knows_every_order_and_resolves_what_was_in_flight() -> None:
    rig = OrderRig()
    async with trading(rig):
        await rig.orders.submit(buy())
        rig.hear()
        rig.venue.script.append(Outcome.SLOW)
        task = asyncio.ensure_future(rig.orders.submit(sell()))
        await settle()
        kept = MemoryJournal(rig.journal.kept)  # as it is at the moment of death
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    rig.journal = kept
    async with trading(rig):
        states = [order.state for order in rig.orders.orders()]
        await rig.passes(3)

        assert OrderState.WORKING in states
        assert [order.state for order in rig.orders.orders()] == [OrderState.WORKING] * 2
        assert len(rig.venue.orders.every) == 2


async def test_emergency_mode_and_halts_hold_new_orders_and_let_cancels_pass() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.orders.halt(BTC, "ours and theirs differ")
        with pytest.raises(Held, match="differ"):
            await rig.orders.submit(buy())
        rig.orders.emergency_only = True
        with pytest.raises(Held, match="emergency"):
            await rig.orders.submit(buy(symbol=ETH))
        assert (await rig.orders.cancel(order.client_id))[0].error is None

        rig.orders.emergency_only = False
        rig.orders.resume(BTC, "looked at")
        await rig.orders.submit(buy())
        await settle()

        assert [news for news in rig.news if isinstance(news, SymbolHalted | SymbolResumed)] == [
            SymbolHalted(BTC, "ours and theirs differ", "operator"),
            SymbolResumed(BTC, "looked at"),
        ]


async def test_a_halt_outlives_the_program() -> None:
    rig = OrderRig(MemoryJournal([Drifted(at_ns=1, symbol=BTC, ours="1", theirs="2")]))
    async with trading(rig):
        assert list(rig.orders.halts()) == [BTC]
    rig.journal.note(Resumed(at_ns=2, symbol=BTC, why="looked at"))
    assert rig.make().halts() == {}


async def test_the_venue_s_mode_holds_orders() -> None:
    async with trading() as rig:
        rig.orders.mode_changed(VenueMode.CANCEL_ONLY)
        with pytest.raises(Held, match="cancel_only"):
            await rig.orders.submit(buy())


async def test_nothing_is_asked_of_orders_that_are_not_entered() -> None:
    rig = OrderRig()
    with pytest.raises(CheckFailed):
        await rig.orders.submit(buy())


async def test_refusals_of_the_first_attempt_settle_nothing_that_evidence_has_settled() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.SLOW)
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()
        rig.hear()
        assert rig.only().state is OrderState.WORKING
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert rig.only().state is OrderState.WORKING


async def test_evidence_against_a_rejection_wins_and_is_told_loudly() -> None:
    async with trading() as rig:
        rig.venue.script.append(Outcome.UNANSWERED)
        rig.venue.offset_ns = 0
        await rig.orders.submit(buy())
        rig.orders.blotter.settle("client-1", OrderState.REJECTED, "never placed", rig.now)
        rig.hear()
        await settle()

        assert rig.only().state is OrderState.WORKING
        assert "contradicted" in rig.causes()
        assert rig.orders.counts.contradicted == 1


def test_client_ids_are_uuids() -> None:
    assert new_client_id() != new_client_id()
    assert len(new_client_id()) == 36


def test_it_says_how_it_stands() -> None:
    clock = ManualClock()
    orders = Orders(MemoryAccount(clock, [BTC]), MemoryJournal(), clock)
    assert repr(orders) == "Orders(0 open, 0 unconfirmed, 0 queued)"


async def test_what_waits_is_known_by_its_name_until_it_leaves() -> None:
    async with trading() as rig:
        rig.venue.room_s = 2.0
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()

        waiting = rig.orders.get("client-1")
        assert waiting is not None and waiting.state is OrderState.UNKNOWN
        assert (rig.orders.unknown(), rig.orders.counts.queued) == ([], 1)
        rig.venue.room_s = 0.0
        await rig.passes(2)
        assert (await task).state is OrderState.WORKING


async def test_a_look_up_by_somebody_else_is_taken_in() -> None:
    async with trading() as rig:
        await rig.orders.submit(buy())
        rig.venue.orders.fill(rig.truth(), Decimal(1), Decimal(100))
        rig.orders.looked_up(rig.truth().described(), rig.now, rig.now)

        assert rig.only().state is OrderState.FILLED


async def test_a_stream_that_is_back_with_a_doubt_has_it_asked_at_once() -> None:
    async with trading() as rig:
        rig.venue.failing = ConnectFailed("no way")
        rig.venue.script.append(Outcome.UNANSWERED)
        await rig.orders.submit(buy())
        await rig.passes(60, 1.0)
        rig.venue.failing = None
        rig.orders.snapshot([], rig.now)
        await settle()

        assert rig.only().state is OrderState.WORKING


async def test_a_body_that_is_cancelled_ends_with_its_tasks() -> None:
    rig = OrderRig()

    async def live() -> None:
        async with rig.orders:
            rig.orders.on(rig.news.append)
            await asyncio.get_running_loop().create_future()

    task = asyncio.ensure_future(live())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(CheckFailed):
        rig.orders.on(rig.news.append)


async def test_what_has_not_left_when_the_emergency_begins_does_not_leave() -> None:
    async with trading() as rig:
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.QUEUED)
        placing = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()

        rig.orders.emergency_only = True
        rig.venue.depart()

        assert (await placing).state is OrderState.CANCELED
        assert rig.venue.sent == []


async def test_who_waits_for_room_when_the_orders_are_left_is_told_so() -> None:
    async with trading() as rig:
        rig.venue.room_s = 60.0
        task = asyncio.ensure_future(rig.orders.submit(buy()))
        await settle()

    with pytest.raises(CheckFailed, match="inside their `async with`"):
        await asyncio.wait_for(task, 1.0)
    assert rig.venue.sent == []
