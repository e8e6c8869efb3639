from __future__ import annotations

import asyncio

import pytest

from leadline.clock import NS_PER_S
from leadline.engine.cancels import TOLD_S
from leadline.engine.records import CancelIntent
from leadline.errors import CheckFailed, ConnectFailed, ConnectionLost, Rejected
from leadline.model.order import Event, OrderReport, OrderState
from leadline.venues.memory_account import Outcome
from leadline.venues.ports import Action, Path
from orderrig import buy, settle, trading


async def test_several_orders_are_cancelled_in_one_request_in_the_order_asked() -> None:
    async with trading() as rig:
        names = [(await rig.orders.submit(buy())).client_id for _ in range(3)]
        outcomes = await rig.orders.cancel(*reversed(names))
        rig.hear()

        assert [outcome.name for outcome in outcomes] == names[::-1]
        assert {order.state for order in rig.orders.orders()} == {OrderState.CANCELED}
        assert [sent.action for sent in rig.venue.sent[3:]] == [Action.CANCEL]
        assert rig.venue.charged.count((Action.CANCEL, 1)) == 3


async def test_more_than_fit_in_a_request_take_several() -> None:
    async with trading() as rig:
        names = [(await rig.orders.submit(buy())).client_id for _ in range(60)]
        await rig.orders.cancel(*names)

        assert [len(sent.names) for sent in rig.venue.sent[60:]] == [50, 10]


@pytest.mark.parametrize("outcome", [Outcome.UNSENT, Outcome.LOST, Outcome.UNANSWERED])
async def test_what_the_stream_did_not_answer_is_asked_again_by_rest(outcome: Outcome) -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.venue.script.append(outcome)

        await rig.orders.cancel(order.client_id)
        await rig.passes(2)

        assert rig.venue.sent[-1].path is Path.REST
        assert rig.only().state is OrderState.CANCELED


async def test_what_neither_path_answered_is_told_and_looked_up() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.venue.script += [Outcome.LOST, Outcome.UNANSWERED]

        (outcome,) = await rig.orders.cancel(order.client_id)
        assert isinstance(outcome.error, ConnectionLost)
        assert outcome.order is not None and outcome.order.state is OrderState.WORKING
        await rig.passes(1)

        assert rig.only().state is OrderState.CANCELED


async def test_a_cancel_that_was_taken_and_whose_end_the_stream_leaves_out_is_looked_up() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.hear()

        await rig.orders.cancel(order.client_id)
        await rig.passes(TOLD_S - 1)
        assert rig.only().state is OrderState.WORKING
        await rig.passes(2)

        assert rig.venue.sent[-1].path is Path.STREAM
        assert rig.only().state is OrderState.CANCELED


async def test_a_finished_order_is_not_cancelled_again() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        await rig.orders.cancel(order.client_id)
        rig.hear()
        sent = len(rig.venue.sent)

        (outcome,) = await rig.orders.cancel(order.client_id)

        assert (outcome.error, len(rig.venue.sent)) == (None, sent)
        assert sum(isinstance(record, CancelIntent) for record in rig.journal.kept) == 1


async def test_a_name_nobody_here_knows_is_taken_for_the_venue_s() -> None:
    async with trading() as rig:
        foreign = rig.venue.orders.foreign(buy())
        rig.venue.orders.deliver()

        (known,) = await rig.orders.cancel(foreign.order_id)
        (unknown,) = await rig.orders.cancel("O99999")

        assert known.error is None
        assert foreign.state is OrderState.CANCELED
        assert isinstance(unknown.error, Rejected)


async def test_everything_is_cancelled_on_the_path_that_answers() -> None:
    async with trading() as rig:
        await rig.orders.submit(buy())
        await rig.orders.submit(buy())
        rig.venue.script.append(Outcome.LOST)

        assert await rig.orders.cancel_all() == 2
        assert rig.venue.sent[-1].path is Path.REST
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.UNSENT)
        with pytest.raises(ConnectFailed):
            await rig.orders.cancel_all()


async def test_without_a_stream_everything_is_cancelled_by_rest_at_once() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.venue.streaming = False

        assert (await rig.orders.cancel(order.client_id))[0].error is None
        assert await rig.orders.cancel_all() == 0
        rig.venue.script.append(Outcome.LOST)
        (outcome,) = await rig.orders.cancel("O99")
        assert isinstance(outcome.error, ConnectionLost)


async def test_what_cannot_reach_the_venue_is_tried_again_until_it_does_and_written_down_once() -> None:
    async with trading() as rig:
        orders = [await rig.orders.submit(buy()) for _ in range(2)]
        rig.venue.streaming = False
        rig.venue.script += [Outcome.UNSENT] * 4
        task = asyncio.ensure_future(
            rig.orders.cancel(*(order.client_id for order in orders), "O99", wait_s=60.0)
        )
        await settle()
        assert not task.done()
        rig.hear(OrderReport(event=Event.CANCELED, order_id=orders[1].order_id or ""))
        await rig.passes(10)
        done = await task

        assert [(one.name, type(one.error)) for one in done] == [
            (orders[0].client_id, type(None)),
            (orders[1].client_id, type(None)),
            ("O99", Rejected),  # it reached the venue, which has refused it
        ]
        assert [sent.names for sent in rig.venue.sent if sent.action is Action.CANCEL] == [
            (orders[0].order_id, "O99")
        ]
        assert sum(isinstance(record, CancelIntent) for record in rig.journal.kept) == 1


async def test_a_cancel_that_never_reaches_the_venue_is_told_at_its_deadline() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.venue.streaming = False
        rig.venue.script += [Outcome.UNSENT] * 1000
        begun_ns = rig.now
        one = asyncio.ensure_future(rig.orders.cancel(order.client_id, wait_s=5.5))
        everything = asyncio.ensure_future(rig.orders.cancel_all(wait_s=5.5))
        await rig.passes(5)
        assert not one.done() and not everything.done()
        await rig.passes(1)

        (outcome,) = one.result()
        assert isinstance(outcome.error, ConnectFailed)
        assert isinstance(everything.exception(), ConnectFailed)
        assert rig.now - begun_ns == 6 * NS_PER_S


async def test_everything_is_cancelled_once_the_venue_is_reached() -> None:
    async with trading() as rig:
        await rig.orders.submit(buy())
        rig.venue.streaming = False
        rig.venue.script += [Outcome.UNSENT] * 3
        task = asyncio.ensure_future(rig.orders.cancel_all(wait_s=30.0))
        await rig.passes(5)

        assert await task == 1


async def test_what_the_venue_may_have_had_is_not_tried_again_and_without_a_time_nothing_is() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.LOST)
        (lost,) = await rig.orders.cancel(order.client_id, wait_s=30.0)
        rig.venue.script.append(Outcome.UNSENT)
        (unsent,) = await rig.orders.cancel("O99")

        assert isinstance(lost.error, ConnectionLost)
        assert isinstance(unsent.error, ConnectFailed)
        with pytest.raises(CheckFailed, match="wait_s is 0"):
            await rig.orders.cancel("O99", wait_s=0.0)
        with pytest.raises(CheckFailed, match="wait_s is -1"):
            await rig.orders.cancel_all(wait_s=-1.0)


async def test_an_order_under_two_of_its_names_is_cancelled_once_and_told_under_both() -> None:
    async with trading() as rig:
        order = await rig.orders.submit(buy())
        assert order.order_id is not None

        outcomes = await rig.orders.cancel(order.client_id, order.order_id)

        assert [(one.name, one.error) for one in outcomes] == [
            (order.client_id, None),
            (order.order_id, None),
        ]
        assert [len(sent.names) for sent in rig.venue.sent[1:]] == [1]
