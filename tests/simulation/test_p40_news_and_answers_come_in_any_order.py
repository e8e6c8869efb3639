"""Executions before acknowledgements, acknowledgements after the end: an order ends as the venue has it."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

import pytest

from account_stage import AccountStage, buy, perform, sell
from leadline.engine.order_news import OrderEvent, OrderNews, ReportsDropped
from leadline.model.order import Order, OrderState
from leadline.simulation.network import PRIVATE, Arrival
from leadline.venues.memory_account import Outcome
from leadline.venues.memory_orders import TrueOrder
from orderrig import OrderRig, settle, trading
from orderrig import buy as buying
from orderrig import sell as selling

ORDERS = 10_000
AT_ONCE = 100
PRICE = Decimal(100)
STREAMED = 800

_LIVE = {OrderState.WORKING, OrderState.PARTIALLY_FILLED}
_ENDS = {OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED}
LEGAL = {
    None: {OrderState.UNKNOWN},
    OrderState.UNKNOWN: {OrderState.UNKNOWN, *_LIVE, *_ENDS},
    OrderState.WORKING: {*_LIVE, *_ENDS},
    OrderState.PARTIALLY_FILLED: {OrderState.PARTIALLY_FILLED, *_ENDS},
    **{state: {state} for state in _ENDS},
}
"""Which state may follow which (DESIGN: a fill may overtake its acceptance, nothing finished revives)."""


def illegal(news: Iterable[OrderNews]) -> list[str]:
    """Steps of orders that no order can take."""
    last: dict[str, OrderState | None] = defaultdict(lambda: None)
    found = []
    for one in news:
        if isinstance(one, OrderEvent):
            name, state = one.order.client_id, one.order.state
            if state not in LEGAL[last[name]]:
                found.append(f"{name}: {last[name]} to {state}")
            last[name] = state
    return found


class Play:
    """What happens to one batch of orders at a venue whose answers to half of them come last of all."""

    def __init__(self, rig: OrderRig, luck: random.Random) -> None:
        self._rig = rig
        self._luck = luck
        self._tasks: list[asyncio.Task[Order]] = []
        self._cancels: list[asyncio.Task[object]] = []
        self.overtaken = 0

    async def run(self) -> None:
        venue = self._rig.venue
        before = len(venue.orders.every)
        for number in range(AT_ONCE):
            venue.script.append(Outcome.SLOW if number % 2 else Outcome.ANSWERED)
            request = (buying if self._luck.random() < 0.5 else selling)("1", str(PRICE))
            self._tasks.append(asyncio.ensure_future(self._rig.orders.submit(request)))
        await settle()
        placed = venue.orders.every[before:]
        assert len(placed) == AT_ONCE
        for order in placed:
            self._happen(order)
        await settle()
        self._tell()
        await settle()
        self.overtaken += sum(not task.done() for task in self._tasks)
        venue.release()
        await settle()
        self._tell()
        await asyncio.gather(*self._tasks, *self._cancels)

    def _happen(self, order: TrueOrder) -> None:
        """Filled, partly filled and cancelled, cancelled, or left alone; some of our cancels are too late."""
        end = self._luck.randrange(5)
        if end == 0:
            self._rig.venue.orders.fill(order, order.qty, PRICE)
        if end in (1, 2):
            self._rig.venue.orders.fill(order, order.qty / 4, PRICE)
        if end in (0, 2, 3) and order.client_id is not None:
            self._rig.venue.script.append(self._luck.choice((Outcome.SLOW, Outcome.ANSWERED)))
            self._cancels.append(asyncio.ensure_future(self._rig.orders.cancel(order.client_id)))

    def _tell(self) -> None:
        """In pieces, some of them twice, as after a reconnect; in every other batch in any order at all."""
        reports = self._rig.venue.orders.deliver()
        if self._luck.random() < 0.5:
            self._luck.shuffle(reports)
        while reports:
            count = self._luck.randint(1, 12)
            piece, reports = reports[:count], reports[count:]
            self._rig.hear(*piece)
            if self._luck.random() < 0.1:
                self._rig.hear(*piece)


async def test_ten_thousand_orders_half_of_them_acknowledged_last_end_as_the_venue_has_them() -> None:
    async with trading() as rig:
        luck, overtaken = random.Random(1), 0
        for _ in range(ORDERS // AT_ONCE):
            play = Play(rig, luck)
            await play.run()
            overtaken += play.overtaken
        assert overtaken == ORDERS // 2
        counts = rig.orders.counts
        assert (counts.unconfirmed, counts.adopted, counts.contradicted) == (0, 0, 0)
        assert (counts.reports_dropped, counts.reports_parked) == (0, 0)
        assert not [one for one in rig.news if isinstance(one, ReportsDropped)]
        assert illegal(rig.news) == []
        wrong = []
        for true in rig.venue.orders.every:
            ours = rig.orders.get(true.order_id)
            if ours is None or (ours.state, ours.filled_qty) != (true.state, true.filled_qty):
                wrong.append((true.order_id, true.state, ours))
        assert len(rig.venue.orders.every) == ORDERS
        assert wrong == []
        assert len(rig.venue.sent) == len({*rig.venue.sent})


class Overtakings:
    """Of each order, whether the word of it being filled reached the client before its acknowledgement."""

    def __init__(self, stage: AccountStage) -> None:
        self._tap = stage.network.tap
        stage.network.tap = self._heard
        self._filled: dict[str, int] = {}
        self._acknowledged: dict[str, int] = {}

    def _heard(self, arrival: Arrival) -> None:
        self._tap(arrival)
        if arrival.route != PRIVATE:
            return
        message = json.loads(arrival.frame.text)
        if message.get("method") == "add_order":
            self._acknowledged[message["result"]["order_id"]] = arrival.at_ns
        for row in message.get("data", ()) if message.get("channel") == "executions" else ():
            if row.get("exec_type") == "filled":
                self._filled[row["order_id"]] = arrival.at_ns

    @property
    def share(self) -> float:
        """Of those that were filled."""
        early = [name for name, at_ns in self._filled.items() if at_ns < self._acknowledged[name]]
        return len(early) / len(self._filled)


def test_on_the_stream_fills_cancels_and_answers_that_overtake_each_other_are_all_understood() -> None:
    async def scene(stage: AccountStage) -> None:
        stage.fault(kind="RATE", tier="pro")
        trader = await stage.start()
        overtakings, luck = Overtakings(stage), random.Random(7)

        async def trade(number: int) -> None:
            if number % 2:
                await trader.orders.submit(buy("0.001", "90000"))  # takes what is there
                return
            resting = asyncio.ensure_future(
                trader.orders.submit(sell("0.002", str(Decimal(633_900 + number) / 10)))
            )
            await stage.until(stage.now_s + 0.1 + luck.random())
            (placed,) = [
                one for one in stage.truth.account.orders.values() if one.limit_price == 633_900 + number
            ]
            if luck.random() < 0.5 and number % 4 == 0:
                stage.fill(placed.order_id, "0.0005")
            await trader.orders.cancel(placed.ticket.cl_ord_id or "")
            await resting

        stage.fault(kind="SHUFFLE", delay_s=0.8)
        for number in range(STREAMED):
            task = asyncio.ensure_future(trade(number))
            await stage.until(stage.now_s + 2.0)
            await task
        stage.heal()
        await stage.until(stage.now_s + 10)

        assert overtakings.share > 0.15
        assert stage.differences() == []
        assert await stage.balance_differences() == []
        counts = trader.orders.counts
        assert (counts.unconfirmed, counts.adopted, counts.contradicted) == (0, 0, 0)
        assert (counts.reports_dropped, counts.reports_parked, counts.fills_duplicate) == (0, 0, 0)
        assert illegal(one for _, one in trader.news) == []
        assert len(stage.truth.orders()) == STREAMED

    perform(scene)


@pytest.mark.parametrize("late_s", [0.5, 1.5])
def test_an_acknowledgement_after_the_fill_after_the_cancel_changes_nothing(late_s: float) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        stage.fault(kind="REFUSE", route="ws")
        stage.fault(kind="CLOSE")
        await stage.until(stage.now_s + 1)
        stage.fault(kind="REPLY", path="AddOrder", delay_s=4.0, count=1)
        submitting = asyncio.ensure_future(trader.orders.submit(buy(deadline_s=10.0)))
        await stage.until(stage.now_s + 0.3)
        stage.heal()
        (placed,) = stage.truth.account.orders.values()
        name = placed.ticket.cl_ord_id or ""
        stage.fill(name, "0.004")
        cancelled = await trader.orders.cancel(name)
        assert cancelled[0].error is None
        await trader.does(trader.system.ready(30))
        await stage.until(stage.now_s + late_s)
        assert stage.truth.order(name).status == "canceled"
        order = await submitting
        assert order.client_id == name
        await stage.until(stage.now_s + 3)
        known = trader.orders.get(name)
        assert known is not None
        assert (known.state, known.filled_qty) == (OrderState.CANCELED, Decimal("0.004"))
        assert illegal(one for _, one in trader.news) == []
        assert stage.differences() == []
        assert trader.orders.counts.reports_dropped == 0

    perform(scene)
