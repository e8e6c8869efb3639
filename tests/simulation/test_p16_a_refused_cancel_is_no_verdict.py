"""`EOrder:Unknown order`: filled, cancelled, never accepted, or not yet; only evidence says which."""

from __future__ import annotations

import asyncio

from account_stage import AccountStage, Trader, buy, perform, refused
from leadline.engine.cancels import CancelOutcome
from leadline.engine.order_news import Cause
from leadline.engine.records import Intent
from leadline.errors import Held
from leadline.model.order import Order, OrderState

UNKNOWN = "EOrder:Unknown order"
KNOWN_S = 5.0


async def unseen(stage: AccountStage) -> tuple[Trader, Order]:
    """A live order of which no further news comes: the stream has gone quiet about executions."""
    trader = await stage.start()
    order = await trader.submit(buy())
    await stage.until(stage.now_s + 1)
    stage.fault(kind="STALL", channel="executions")
    return trader, order


async def cancelled(trader: Trader, name: str) -> CancelOutcome:
    (outcome,) = await trader.does(trader.orders.cancel(name))
    return outcome


def verdicts(trader: Trader, name: str) -> set[Cause]:
    """What has made the order final."""
    return {event.cause for event in trader.events(name) if event.order.state.final}


def test_an_order_filled_already_is_filled_by_the_look_up() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, order = await unseen(stage)
        stage.fill(order.client_id)
        outcome = await cancelled(trader, order.client_id)

        assert str(outcome.error).startswith(UNKNOWN)
        assert outcome.order.state is OrderState.WORKING
        await trader.known(order.client_id, OrderState.FILLED, KNOWN_S)
        assert verdicts(trader, order.client_id) == {Cause.REPORTED}
        assert stage.differences() == []

    perform(scene)


def test_an_order_cancelled_already_is_cancelled_by_the_look_up() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, order = await unseen(stage)
        stage.fill(order.client_id, "0.004")
        stage.exchange.trading.cancel_all(stage.truth.account, stage.network.venue_ns)
        outcome = await cancelled(trader, order.client_id)

        assert str(outcome.error).startswith(UNKNOWN)
        assert outcome.order.state is OrderState.WORKING
        await trader.known(order.client_id, OrderState.CANCELED, KNOWN_S)
        assert verdicts(trader, order.client_id) == {Cause.REPORTED}
        assert stage.differences() == []

    perform(scene)


def test_an_order_that_was_never_accepted_is_rejected_by_a_search_past_its_deadline() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        stage.call(stage.now_s + 0.01, stage.cut)
        order = await trader.submit(buy())
        outcome = await cancelled(trader, order.client_id)

        assert str(outcome.error).startswith(UNKNOWN)
        assert outcome.order.state is OrderState.UNKNOWN
        assert isinstance(await refused(trader.submit(buy())), Held)
        (intent,) = [record for _, record in stage.written if isinstance(record, Intent)]
        while stage.network.venue_ns <= intent.deadline_ns:
            assert trader.orders.get(order.client_id).state is OrderState.UNKNOWN
            await stage.clock.sleep(0.1)
        await trader.known(order.client_id, OrderState.REJECTED, 1 + KNOWN_S)
        assert verdicts(trader, order.client_id) == {Cause.SETTLED}
        assert stage.truth.orders() == []

    perform(scene)


def test_an_order_accepted_two_hundred_milliseconds_later_is_live() -> None:
    """The cancel overtakes it: its nonce is then too small, it is refused unread and goes once more."""

    async def scene(stage: AccountStage) -> None:
        stage.fault(kind="REFUSE", status=503)  # by REST requests overtake each other
        trader = await stage.start(ready=False)
        await stage.until(stage.now_s + 10)
        stage.way.later_s = [0.25]
        submitting = trader.does(trader.orders.submit(buy()))
        await stage.clock.sleep(0.06)
        (sent,) = trader.orders.unknown()
        outcome = await cancelled(trader, sent.client_id)

        assert str(outcome.error).startswith(UNKNOWN)
        assert outcome.order.state is OrderState.UNKNOWN
        assert stage.truth.orders() == []
        await asyncio.wait_for(submitting, 1.0)
        await stage.until(stage.now_s + KNOWN_S)
        assert trader.orders.get(sent.client_id).state is OrderState.WORKING
        assert verdicts(trader, sent.client_id) == set()
        assert stage.differences() == []
        assert len(stage.truth.orders()) == 1
        again = await cancelled(trader, sent.client_id)
        assert again.error is None
        await trader.known(sent.client_id, OrderState.CANCELED, KNOWN_S)

    perform(scene)
