"""The venue refuses the stream's token while it goes on filling: renewed, live again, each fill once."""

from __future__ import annotations

import logging

import pytest

from account_stage import AccountStage, Trader, buy, perform
from leadline.core.session import LineDown, LineUp
from leadline.engine.order_news import NewsGap, OrderEvent
from leadline.model.order import OrderState

REFUSED_S = 20.0
LIVE_S = 5.0
PARTS = ["0.001", "0.002", "0.003", "0.0015", "0.0025"]


async def refused_while_filling(stage: AccountStage) -> Trader:
    """A cut, and for 20 s after it no token is taken; an order is filled in five parts meanwhile."""
    trader = await stage.start()
    order = await trader.submit(buy("0.01"))
    await stage.until(stage.now_s + 1)
    stage.fault(kind="TOKEN_INVALID", for_s=REFUSED_S)
    stage.cut()
    for part in PARTS:
        await stage.until(stage.now_s + REFUSED_S / 5)
        stage.fill(order.client_id, part)
    return trader


def test_the_stream_is_live_within_five_seconds_of_the_venue_taking_a_token_again() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await refused_while_filling(stage)
        assert trader.desk.lines.ready(stage.clock.mono_ns()) is False

        await stage.until(stage.now_s + LIVE_S)

        assert trader.desk.lines.ready(stage.clock.mono_ns())

    perform(scene)


def test_every_fill_is_delivered_exactly_once_with_its_true_fee_and_side() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await refused_while_filling(stage)
        await stage.until(stage.now_s + LIVE_S)

        told = [one.fill.exec_id for _, one in trader.heard(OrderEvent) if one.fill is not None]
        assert told == [one["exec_id"] for one in stage.truth.fills()]
        assert len(told) == len(PARTS)
        assert stage.differences() == []
        assert [order.state for order in trader.orders.orders()] == [OrderState.FILLED]
        await stage.until(stage.now_s + 10)
        assert await stage.balance_differences() == []

    perform(scene)


def test_the_hole_is_told_with_its_start_its_end_and_its_cause() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await refused_while_filling(stage)
        await stage.until(stage.now_s + LIVE_S)

        gaps = [gap for _, gap in trader.heard(NewsGap)]
        assert [gap.until_ns is None for gap in gaps] == [True, False]
        begun, ended = gaps
        assert ended.from_ns == begun.from_ns
        assert ended.until_ns - ended.from_ns >= REFUSED_S * 1e9
        assert next(down.reason for _, down in trader.heard(LineDown)) == "the connection broke"
        assert trader.heard(LineUp)

    perform(scene)


def test_a_refused_token_is_a_warning_the_first_time_and_is_renewed(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        stage.fault(kind="TOKEN_INVALID", count=1)
        tokens = len(stage.rest("GetWebSocketsToken"))
        with caplog.at_level(logging.WARNING, "leadline"):
            stage.cut()
            await stage.until(stage.now_s + LIVE_S)

        assert ["Invalid session" in line for line in caplog.messages] == [True]
        assert len(stage.rest("GetWebSocketsToken")) == tokens + 2  # of the connect, and the renewal
        assert trader.desk.lines.ready(stage.clock.mono_ns())

    perform(scene)


def test_tokens_refused_for_an_hour_cause_no_storm() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        stage.fault(kind="TOKEN_INVALID", for_s=3600)
        stage.cut()
        begun_s = stage.now_s
        await stage.until(begun_s + 3600 + 60)

        assert len(stage.rest("GetWebSocketsToken", begun_s)) <= 3600 / 4
        assert trader.desk.lines.ready(stage.clock.mono_ns())

    perform(scene)
