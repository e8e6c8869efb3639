"""Fills in bursts, in a reconnect, in a snapshot told twice: each comes once, in venue order."""

from __future__ import annotations

from collections.abc import Sequence

from account_stage import AccountStage, Trader, buy, perform
from leadline.core.session import LineUp
from leadline.engine.order_news import NewsGap, OrderEvent, OrderNews
from leadline.model.order import OrderState

BURST = 200
RECONNECTED_S = 3.0


def told(trader: Trader) -> list[str]:
    """The ids of the fills as the program was told of them."""
    return fills_of([news for _, news in trader.news])


def fills_of(news: Sequence[OrderNews]) -> list[str]:
    return [one.fill.exec_id for one in news if isinstance(one, OrderEvent) and one.fill is not None]


def true(stage: AccountStage) -> list[str]:
    return [one["exec_id"] for one in stage.truth.fills()]


def test_two_hundred_fills_at_one_moment_all_reach_a_reader_that_is_busy_elsewhere() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        order = await trader.submit(buy("1"))
        await stage.until(stage.now_s + 1)
        read: list[OrderNews] = []

        async def slow() -> None:
            events = trader.orders.events()
            async for news in events:
                read.append(news)
                if len(fills_of(read)) == BURST:
                    break
                await stage.clock.sleep(0.5)  # everything else comes meanwhile
            await events.aclose()

        reader = trader.does(slow())
        await stage.clock.sleep(0)
        for _ in range(BURST):
            stage.fill(order.client_id, "0.005")
        await reader

        assert fills_of(read) == true(stage) == told(trader)
        assert len(set(true(stage))) == BURST
        assert stage.differences() == []

    perform(scene)


async def filled_in_the_gap(stage: AccountStage) -> tuple[Trader, float]:
    """A fill that the closed connection swallows, three more in the gap, and the new snapshot told twice.

    Returns when the line was up again.
    """
    trader = await stage.start()
    order = await trader.submit(buy("0.1"))
    await stage.until(stage.now_s + 1)
    stage.fill(order.client_id, "0.01")
    await stage.until(stage.now_s + 1)
    stage.fault(kind="CLOSE", code=1006)
    stage.fill(order.client_id, "0.02")
    stage.fault(kind="REFUSE", for_s=4)
    for _ in range(3):
        await stage.until(stage.now_s + 1)
        stage.fill(order.client_id, "0.015")
    stage.fault(kind="DUP", channel="executions", count=1)
    while len(trader.heard(LineUp)) < 2:
        await stage.clock.sleep(0.05)
    return trader, stage.now_s


def test_fills_of_a_gap_come_once_and_in_venue_order_within_three_seconds_of_the_reconnect() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, up_s = await filled_in_the_gap(stage)
        await stage.until(up_s + RECONNECTED_S)

        assert told(trader) == true(stage)
        assert len(true(stage)) == 5
        assert stage.differences() == []
        assert trader.orders.orders()[0].state is OrderState.PARTIALLY_FILLED

    perform(scene)


def test_the_gap_is_told_before_the_first_event_after_it() -> None:
    async def scene(stage: AccountStage) -> None:
        trader, up_s = await filled_in_the_gap(stage)
        await stage.until(up_s + RECONNECTED_S)

        kinds = [
            type(news).__name__ + ("" if not isinstance(news, NewsGap) or news.until_ns is None else " over")
            for _, news in trader.news
        ]
        swallowed = next(
            number
            for number, (_, news) in enumerate(trader.news)
            if isinstance(news, OrderEvent) and news.fill and news.fill.exec_id == true(stage)[1]
        )
        assert kinds.index("NewsGap") < swallowed
        assert kinds.count("NewsGap") == kinds.count("NewsGap over") == 1

    perform(scene)


def test_a_dropped_message_shows_in_the_sequence_and_costs_nothing() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        order = await trader.submit(buy("0.1"))
        await stage.until(stage.now_s + 1)
        stage.fault(kind="DROP", channel="executions", count=2)
        for _ in range(4):
            stage.fill(order.client_id, "0.01")
            await stage.until(stage.now_s + 0.3)
        await stage.until(stage.now_s + RECONNECTED_S)

        assert sorted(told(trader)) == sorted(true(stage))
        assert len(told(trader)) == 4
        assert [gap.until_ns is None for _, gap in trader.heard(NewsGap)] == [True, False]

    perform(scene)
