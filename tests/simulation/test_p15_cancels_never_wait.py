"""With hundreds of requests queued a cancel is the next to leave, on either path; queued orders never do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any

import pytest

from account_stage import BTC, AccountStage, Trader, buy, perform
from leadline.emulator.counters import ORDER_ALLOWANCES
from leadline.errors import Error, Throttled
from leadline.model.order import OrderState
from leadline.net.http import Purpose
from leadline.venues.kraken.limits import Tier

QUEUED = 500
AT_ONCE_S = 0.05
BY_REST = 24
"""So many placements find their turn by REST within the time that an order has."""

STARTER = Tier.STARTER.value
USABLE = 0.8


class Crowd:
    """Requests of the program that nobody waits for; they end as they may."""

    def __init__(self, works: Iterable[Coroutine[Any, Any, object]]) -> None:
        self.answered = 0
        self.refused = 0
        self._tasks = [asyncio.ensure_future(self._ended(work)) for work in works]

    @property
    def waiting(self) -> int:
        return len(self._tasks) - self.answered - self.refused

    async def _ended(self, work: Awaitable[object]) -> None:
        try:
            await work
            self.answered += 1
        except Error:
            self.refused += 1

    async def disperse(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def begin(stage: AccountStage) -> Trader:
    stage.fault(kind="RATE", tier="starter")
    return await stage.start(tier=Tier.STARTER)


async def lose_the_stream(stage: AccountStage) -> None:
    """No stream from now on: whatever leaves goes by REST."""
    stage.fault(kind="REFUSE", route="ws")
    stage.fault(kind="CLOSE")
    await stage.until(stage.now_s + 1)


def listen(stage: AccountStage) -> list[tuple[float, dict[str, Any]]]:
    """Requests that the program puts on its stream from now on, each with its time."""
    sent: list[tuple[float, dict[str, Any]]] = []
    stage.network.departing = lambda text: sent.append((stage.now_s, json.loads(text)))
    return sent


def polls(trader: Trader, count: int) -> list[Coroutine[Any, Any, object]]:
    return [trader.account.account.fetch_fills(0, Purpose.HISTORY) for _ in range(count)]


def creates(trader: Trader, count: int) -> list[Coroutine[Any, Any, object]]:
    return [trader.orders.submit(buy("0.001", str(50_000 + number))) for number in range(count)]


def test_a_cancel_by_rest_leaves_within_50_ms_ahead_of_500_polls_and_creates() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        standing = await trader.submit(buy())
        await lose_the_stream(stage)
        crowd = Crowd([*polls(trader, QUEUED), *creates(trader, BY_REST)])
        await stage.until(stage.now_s + 0.33)
        assert crowd.waiting > QUEUED - 10

        asked_s = stage.now_s
        (outcome,) = await trader.orders.cancel(standing.client_id)
        first, *_ = [(at_s, name) for at_s, name in stage.asked if at_s >= asked_s]
        assert first[1] == "CancelOrder"
        assert first[0] - asked_s <= AT_ONCE_S
        assert crowd.waiting > QUEUED - 10
        assert outcome.error is None
        assert stage.truth.order(standing.client_id).status == "canceled"
        await crowd.disperse()

    perform(scene)


def test_a_burst_of_cancels_by_rest_leaves_one_each_50_ms_whatever_answers_are_outstanding() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        standing = [await trader.submit(buy("0.001", str(60_000 + number))) for number in range(10)]
        await lose_the_stream(stage)
        stage.fault(kind="REPLY", path="TradesHistory", delay_s=4.0)
        crowd = Crowd(polls(trader, QUEUED))
        while stage.asked[-1][1] != "TradesHistory":
            await stage.until(stage.now_s + 0.1)

        asked_s = stage.now_s
        await asyncio.gather(*(trader.orders.cancel(order.client_id) for order in standing))
        left = [at_s for at_s, name in stage.asked if at_s >= asked_s and name == "CancelOrder"]
        assert len(left) == 10
        for number, at_s in enumerate(left):
            assert at_s - asked_s <= AT_ONCE_S * (number + 1)
        assert crowd.answered == 0
        assert stage.truth.account.open_orders == {}
        await crowd.disperse()

    perform(scene)


def test_a_cancel_by_stream_leaves_at_once_ahead_of_500_queued_creates() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        standing = await trader.submit(buy())
        crowd = Crowd([*creates(trader, QUEUED), *polls(trader, QUEUED)])
        await stage.until(stage.now_s + 2)
        queued = len(trader.orders.queued())
        assert queued > 400
        sent = listen(stage)

        asked_s = stage.now_s
        await trader.orders.cancel(standing.client_id)
        (at_s, request), *_ = sent
        assert (at_s, request["method"]) == (asked_s, "cancel_order")
        assert len(trader.orders.queued()) >= queued - 1
        assert stage.truth.order(standing.client_id).status == "canceled"
        await crowd.disperse()

    perform(scene)


def test_creates_use_four_fifths_of_the_order_counter_and_cancels_the_rest() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        counter = stage.truth.account.counter(BTC)
        highest = 0.0
        crowd = Crowd(creates(trader, 60))
        for _ in range(20):
            await stage.until(stage.now_s + 0.1)
            highest = max(highest, counter.points(stage.network.venue_ns))
        assert USABLE * STARTER.order_limit - 2 < highest <= USABLE * STARTER.order_limit
        room = ORDER_ALLOWANCES["starter"].most - counter.points(stage.network.venue_ns)
        assert room >= 8, "a cancel of the youngest order fits"

        standing = trader.orders.open()
        outcomes = await trader.orders.cancel(*(order.client_id for order in standing))
        assert [outcome.error for outcome in outcomes if outcome.error] == []
        assert counter.points(stage.network.venue_ns) > STARTER.order_limit
        await crowd.disperse()

    perform(scene)


def test_polls_leave_room_for_a_look_up_which_leaves_at_once() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        standing = await trader.submit(buy())
        await stage.until(30)
        crowd = Crowd(polls(trader, QUEUED))
        await stage.until(stage.now_s + 10)
        points = stage.truth.account.rest.points(stage.network.venue_ns)
        assert points <= STARTER.rest_limit - 4

        asked_s = stage.now_s
        await trader.orders.find(standing.client_id)
        first, *_ = [(at_s, name) for at_s, name in stage.asked if at_s >= asked_s]
        assert first == (asked_s, "QueryOrders")
        await crowd.disperse()

    perform(scene)


@pytest.mark.parametrize("streaming", [True, False])
def test_the_cancel_of_a_queued_placement_takes_it_out_and_the_venue_sees_neither(streaming: bool) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        if not streaming:
            await lose_the_stream(stage)
        crowd = Crowd(creates(trader, 100))
        await stage.until(stage.now_s + 0.5)
        task = asyncio.ensure_future(trader.orders.submit(buy("0.001", "40000")))
        await asyncio.sleep(0)
        (waiting,) = [order for order in trader.orders.queued() if order.limit_price == 40_000]
        sent, asked = listen(stage), len(stage.asked)

        (outcome,) = await trader.orders.cancel(waiting.client_id)
        order = await task
        assert outcome.error is None
        assert (order.client_id, order.state) == (waiting.client_id, OrderState.CANCELED)
        assert order.reason == "removed before it was sent"
        await crowd.disperse()
        await stage.until(stage.now_s + 30)
        assert stage.truth.orders(waiting.client_id) == []
        assert [text for _, text in sent if waiting.client_id in json.dumps(text)] == []
        assert [text for _, text in sent if "cancel" in text["method"]] == []
        assert [name for _, name in stage.asked[asked:] if name.startswith("Cancel")] == []
        assert trader.records(waiting.client_id) == []

    perform(scene)


@pytest.mark.parametrize("everything", [True, False])
def test_placements_that_wait_for_their_turn_by_rest_are_taken_back_when_they_are_cancelled(
    everything: bool,
) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        await lose_the_stream(stage)
        works = [asyncio.ensure_future(work) for work in creates(trader, BY_REST)]
        await stage.until(stage.now_s + 0.5)
        waiting = [order.client_id for order in trader.orders.unknown()][1:]
        assert len(waiting) > 15
        asked = len(stage.asked)

        if everything:
            await trader.orders.cancel_all()
        else:
            outcomes = await trader.orders.cancel(*waiting)
            assert [outcome.error for outcome in outcomes] == [None] * len(waiting)
        await asyncio.gather(*works)
        await stage.until(stage.now_s + 30)
        assert [one for name in waiting for one in stage.truth.orders(name)] == []
        assert {trader.orders.get(name).state for name in waiting} == {OrderState.CANCELED}  # type: ignore[union-attr]
        assert [name for _, name in stage.asked[asked:]].count("CancelOrder") == 0
        assert [name for _, name in stage.asked[asked:]].count("AddOrder") <= 1, "the one that was not named"
        assert stage.differences() == []
        assert len(stage.truth.account.open_orders) == (0 if everything else BY_REST - len(waiting))

    perform(scene)


def test_what_waits_longer_than_it_would_is_told_so_and_was_not_sent() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        crowd = Crowd(creates(trader, QUEUED))
        with pytest.raises(Throttled, match="nothing was sent"):
            await trader.submit(buy("0.001", "40000"))
        await stage.until(stage.now_s + 30)
        assert crowd.waiting == 0
        prices = {one["limit_price"] for one in stage.truth.orders()}
        assert len(prices) == crowd.answered
        assert "40000.0" not in prices

    perform(scene)
