from __future__ import annotations

import asyncio

import pytest

from leadline.clock import NS_PER_S
from leadline.engine.resolver import AT_ONCE
from leadline.errors import ConnectFailed
from leadline.model.order import Event, OrderReport, OrderState, Provenance
from leadline.venues.memory_account import Outcome
from orderrig import OrderRig, buy, settle, trading


async def in_doubt(rig: OrderRig, outcome: Outcome = Outcome.UNANSWERED) -> str:
    rig.venue.script.append(outcome)
    return (await rig.orders.submit(buy())).client_id


async def test_a_doubt_is_looked_up_at_once() -> None:
    async with trading() as rig:
        await in_doubt(rig)
        await settle()

        assert len(rig.venue.finds) == 1
        assert rig.only().state is OrderState.WORKING


async def test_searches_back_off_while_the_venue_cannot_be_asked_and_ask_the_stream_too() -> None:
    async with trading() as rig:
        rig.venue.failing = ConnectFailed("no way")
        await in_doubt(rig)
        await rig.passes(60)

        assert 15 < len(rig.venue.finds) < 30
        assert 8 < len(rig.resubscribed) < 14
        assert rig.orders.counts.finds_failed == len(rig.venue.finds)


async def test_the_line_coming_up_has_everything_asked_at_once() -> None:
    async with trading() as rig:
        rig.venue.failing = ConnectFailed("no way")
        await in_doubt(rig)
        await rig.passes(60)
        rig.venue.failing = None

        rig.orders.line_up()
        await settle()

        assert rig.only().state is OrderState.WORKING


async def test_a_search_that_began_before_the_deadline_proves_nothing_even_if_it_ends_after() -> None:
    async with trading() as rig:
        rig.venue.search_s = 4.0
        await in_doubt(rig, Outcome.LATE)
        await rig.passes(1.5)
        rig.venue.arrive()
        await rig.passes(3.5)
        assert len(rig.venue.finds) == 2  # the first has found nothing, and ended past the deadline
        assert rig.only().state is OrderState.UNKNOWN

        await rig.passes(5)

        assert rig.only().state is OrderState.WORKING
        assert rig.orders.counts.never_placed == 0


async def test_a_search_that_waited_for_its_turn_counts_from_when_it_left() -> None:
    async with trading() as rig:
        rig.venue.queue_s = 10.0
        await in_doubt(rig, Outcome.LOST)
        await rig.passes(10.5)

        assert len(rig.venue.finds) == 1
        assert rig.only().state is OrderState.REJECTED


async def test_what_was_not_found_is_not_searched_again_before_its_deadline_has_passed() -> None:
    async with trading() as rig:
        await in_doubt(rig, Outcome.LATE)
        await rig.passes(0.5)
        assert len(rig.venue.finds) == 1

        rig.orders.stream_lost(rig.now)
        rig.orders.line_up()
        rig.orders.snapshot([], rig.now)
        await rig.passes(1.5)
        assert len(rig.venue.finds) == 1

        await rig.passes(2)
        assert rig.only().state is OrderState.REJECTED


async def test_it_is_searched_again_only_when_the_venue_s_clock_is_certainly_past_the_deadline() -> None:
    async with trading() as rig:
        rig.venue.uncertain_ns = 5 * NS_PER_S
        await in_doubt(rig, Outcome.LATE)
        await rig.passes(7.5)
        assert len(rig.venue.finds) == 1
        assert rig.only().state is OrderState.UNKNOWN

        await rig.passes(1)

        assert len(rig.venue.finds) == 2
        assert rig.only().state is OrderState.REJECTED


async def test_what_was_taken_in_time_has_as_long_to_come_in_sight_as_the_venue_says() -> None:
    async with trading() as rig:
        rig.venue.sight_lag_s = 4.0
        await in_doubt(rig, Outcome.LOST)
        await rig.passes(5.5)
        assert rig.only().state is OrderState.UNKNOWN

        await rig.passes(1)

        assert rig.only().state is OrderState.REJECTED


async def test_an_order_that_has_an_id_is_never_settled_by_a_search_that_finds_nothing() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.venue.orders.every.clear()
        rig.orders.question(order.client_id, "a test asks")
        await rig.passes(120, 5.0)

        assert rig.only().state is OrderState.WORKING
        assert len(rig.venue.finds) < 25


async def test_few_are_asked_at_the_same_time() -> None:
    async with trading() as rig:
        orders = await rig.orders.batch([buy() for _ in range(AT_ONCE * 3)])
        for order in orders:
            rig.orders.question(order.client_id, "a test asks")
        waves = []
        while len(rig.venue.finds) < len(orders):
            before = len(rig.venue.finds)
            await asyncio.sleep(0)
            waves.append(len(rig.venue.finds) - before)

        assert max(waves) == AT_ONCE


async def test_news_of_a_stranger_leads_to_its_adoption() -> None:
    async with trading() as rig:
        foreign = rig.venue.orders.foreign(buy())
        rig.venue.orders.deliver()
        rig.hear(OrderReport(event=Event.WORKING, order_id=foreign.order_id))
        await rig.passes(3)

        assert rig.only().provenance is Provenance.ADOPTED
        assert rig.orders.counts.reports_parked == 0


async def test_a_stranger_the_venue_does_not_know_is_given_up_and_counted() -> None:
    async with trading() as rig:
        rig.hear(OrderReport(event=Event.WORKING, order_id="O99"))
        await rig.passes(70, 1.0)

        assert rig.orders.counts.reports_dropped == 1
        assert len(rig.venue.finds) == 1


async def test_those_who_ask_about_one_order_share_the_search() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())

        found = await asyncio.gather(*(rig.orders.find(order.client_id) for _ in range(5)))

        assert len(rig.venue.finds) == 1
        assert found == [rig.only()] * 5


async def test_who_asks_is_told_what_kept_the_venue_from_answering() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.venue.failing = ConnectFailed("no way")

        with pytest.raises(ConnectFailed):
            await rig.orders.find(order.client_id)
        rig.venue.failing = None
        assert await rig.orders.find("O77777") is None


async def test_a_clock_that_stepped_does_not_hide_an_order_from_its_search() -> None:
    async with trading() as rig:
        rig.clock.step_wall(3600)
        await in_doubt(rig)
        rig.clock.step_wall(-7200)
        rig.orders.line_up()
        await rig.passes(2)

        assert rig.only().state is OrderState.WORKING


async def test_a_doubt_raised_while_a_search_is_out_is_searched_again() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.orders.question(order.client_id, "first")
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(rig.venue.finds) == 1
        rig.orders.question(order.client_id, "second")
        await settle()

        assert len(rig.venue.finds) == 2


async def test_a_stranger_whose_description_is_not_whole_stays_parked() -> None:
    async with trading() as rig:
        await rig.passes(1)
        rig.venue.orders.foreign(buy())
        _, working = rig.venue.orders.deliver()
        rig.hear(working)
        rig.venue.orders.every.clear()
        await rig.passes(3)

        assert rig.orders.orders() == []
        assert rig.orders.counts.reports_parked == 1
