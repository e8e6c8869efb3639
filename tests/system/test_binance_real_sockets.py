"""Over real sockets: both routes replaced before the venue closes them, answers cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from leadline.app.opening import open_system
from leadline.clock import SystemClock
from leadline.core.session import LineDown
from leadline.engine.events import LineRotated, SourceChanged
from leadline.model.market import BookDropped, Channel, Gap, Side
from leadline.model.order import OrderKind, OrderRequest, OrderState
from served_binance import ServedBinance, served_binance

BTC = "BTC/USDT:USDT"
CHANNELS = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.MARK)
BID = OrderRequest(
    symbol=BTC, side=Side.BUY, kind=OrderKind.LIMIT, qty=Decimal("0.010"), limit_price=Decimal("61000.0")
)


def inject(venue: ServedBinance, **fault: Any) -> None:
    venue.exchange.inject(fault, venue.exchange.next_event_at())


async def until(condition: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is a state, not an event
            await asyncio.sleep(0.01)


async def test_p26_both_routes_are_replaced_before_the_venue_closes_them(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        inject(venue, kind="CLOSE", after_s=5.0)
        async with open_system(
            venue.settings, [BTC], channels=CHANNELS, depth=20, rotate_after_s=2.0
        ) as system:
            await system.ready(20)
            told: list[Any] = []
            trades: list[Any] = []
            system.feed.listen(told.append)
            system.feed.on_trade(BTC, lambda reading: trades.append(reading.value.trade_id))

            def rotated(route: str) -> int:
                return sum(isinstance(event, LineRotated) and event.route == route for event in told)

            await until(lambda: min(rotated("public"), rotated("market")) >= 2, 30)

            kinds = (LineDown, Gap, BookDropped, SourceChanged)
            assert [event for event in told if isinstance(event, kinds)] == []
            assert trades == list(range(trades[0], trades[0] + len(trades)))
            assert system.feed.stats.receiving == len(CHANNELS)


@pytest.mark.parametrize("where", [{"method": "order.place"}, {"path": "order"}], ids=["stream", "rest"])
async def test_p1_an_order_whose_answer_is_cut_off_with_its_connection_is_one_order(
    tmp_path: Path, where: dict[str, str]
) -> None:
    async with served_binance(tmp_path) as venue, open_system(venue.settings, account="main") as system:
        await system.ready(20)
        if "path" in where:
            account = system.account
            assert account is not None
            inject(venue, kind="REFUSE", route="ws")
            inject(venue, kind="CLOSE", line="ws_api", code=1006)
            await until(lambda: not account.account.can_stream(), 5)
        inject(venue, kind="STALL", channel="executions")
        inject(venue, kind="ACCEPT_THEN_DROP", count=1, **where)
        order = await system.orders.submit(BID)
        began_ns = SystemClock.mono_ns()

        def known() -> bool:
            found = system.orders.get(order.client_id)
            return found is not None and found.state is OrderState.WORKING

        await until(known, 5)
        placed = [one.ticket.client_id for one in venue.exchange.trading.demo.orders.values()]
        assert placed == [order.client_id]
        assert (SystemClock.mono_ns() - began_ns) / 1e9 < 5
