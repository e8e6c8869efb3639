"""Thousands of messages a second on twenty symbols over real sockets, and a reader that takes 50 ms for each.

Everybody else has everything in time, and what the slow one misses is counted exactly.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import leadline
from leadline.app.account_settings import AccountSettings
from leadline.app.config import Settings
from leadline.app.system import System
from leadline.clock import NS_PER_S, SystemClock
from leadline.core.session import LineDown
from leadline.emulator import truth
from leadline.emulator.exchange import Exchange
from leadline.emulator.matching import ASK, BID, Order
from leadline.emulator.serve import serve
from leadline.engine.readers import LOSSLESS_BOUND
from leadline.engine.topic_state import State
from leadline.model.market import Channel, Gap, GapCause
from leadline.model.order import OrderState
from leadline.model.reading import Reading
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey
from leadline.venues.kraken.limits import Tier
from leadline.venues.kraken.venue import Endpoints
from scenario import BTC, BTC_PAIR, fifty
from served_account import far_bid

PAIRS = (BTC_PAIR, *(pair for pair in fifty() if pair.symbol != BTC))[:20]
HOT_TRADES = LOSSLESS_BOUND + 1_500
TURN = 60
"""Trades of the hot symbol between two turns of the loop; each of the others has one in that time."""

SLOW_S = 0.05
LEAST_RATE = 1_000
"""Trades a second, of two messages or more each, where the machine has other things to do as well."""


def trade(exchange: Exchange, symbol: str, now_ns: int) -> None:
    """One small trade: two messages or more."""
    market = exchange.market
    best = market.listings[symbol].book.best(ASK)
    assert best is not None
    price = best[0] - 1
    market.submit(symbol, Order(market.new_order_id(), ASK, price, 10_000), now_ns)
    market.submit(symbol, Order(market.new_order_id(), BID, price, 10_000), now_ns)


class Reads:
    """What one reader of a stream is given."""

    def __init__(self, stream: Any, takes_s: float = 0.0) -> None:
        self.items: list[Any] = []
        self._stream = stream
        self._takes_s = takes_s
        self.task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for item in self._stream:
            if isinstance(item, Reading):
                self.items.append(getattr(item.value, "trade_id", None))
                if self._takes_s:
                    await asyncio.sleep(self._takes_s)
            else:
                self.items.append(item)

    @property
    def gaps(self) -> list[Gap]:
        return [item for item in self.items if isinstance(item, Gap)]

    @property
    def ids(self) -> list[int]:
        return [item for item in self.items if isinstance(item, int)]


async def flood(exchange: Exchange, clock: SystemClock) -> float:
    """The burst; trades a second, over all symbols."""
    begun_ns, count = clock.mono_ns(), 0
    quiet = [pair.symbol for pair in PAIRS[1:]]
    for number in range(HOT_TRADES):
        trade(exchange, BTC, clock.wall_ns())
        count += 1
        if number % TURN == 0:
            for symbol in quiet:
                trade(exchange, symbol, clock.wall_ns())
            count += len(quiet)
            await asyncio.sleep(0.001)
    return count * NS_PER_S / (clock.mono_ns() - begun_ns)


@pytest.mark.timeout(90)
async def test_a_slow_reader_in_a_burst_misses_what_it_is_told_and_delays_nobody(tmp_path: Path) -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=1, rate=0.0, pairs=PAIRS, history_minutes=1)
    async with serve(exchange, clock) as endpoints:
        demo = exchange.trading.demo
        main = AccountSettings("main", KrakenKey(Credentials(demo.api_key, demo.secret), Tier.PRO))
        settings = Settings(Endpoints(**endpoints.as_json()["kraken"]["endpoints"]), (main,), tmp_path)
        async with leadline.open(settings, BTC, channels=(Channel.BOOK,), account="main") as system:
            await system.ready(30)
            await burst(system, exchange, clock)


async def burst(system: System, exchange: Exchange, clock: SystemClock) -> None:
    quick = Reads(system.feed.every_trade(BTC))
    slow = Reads(system.feed.every_trade(BTC), SLOW_S)
    books = Reads(system.feed.books(BTC), SLOW_S)
    others = [Reads(system.feed.every_trade(pair.symbol)) for pair in PAIRS[1:]]
    async with asyncio.timeout(30):
        while any(topic.state is State.WANTED for topic in system.feed.stats.topics):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    flooding = asyncio.ensure_future(flood(exchange, clock))
    orders = [await system.orders.submit(far_bid()) for _ in range(5)]
    rate = await flooding
    last = truth.trades(exchange.market.listings[BTC])["trades"][-1]["trade_id"]
    async with asyncio.timeout(30):
        while quick.ids[-1] < last:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        while not slow.gaps:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        while len(slow.ids) < 40 or isinstance(slow.items[-1], Gap):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for reads in (quick, slow, books, *others):
        reads.task.cancel()

    assert quick.ids == list(range(quick.ids[0], last + 1))
    assert len(quick.ids) > LOSSLESS_BOUND
    assert quick.gaps == []
    assert all(each.gaps == [] and each.ids == sorted(set(each.ids)) for each in others)
    assert {gap.cause for gap in slow.gaps} == {GapCause.OVERFLOW}
    assert sum(gap.missing or 0 for gap in slow.gaps) == slow.ids[-1] - slow.ids[0] + 1 - len(slow.ids) > 0
    for gap in slow.gaps:
        at = slow.items.index(gap)
        assert gap.missing == slow.items[at + 1] - slow.items[at - 1] - 1
    assert set(slow.gaps) <= set(system.feed.gaps)
    assert books.gaps == []
    assert all(order.state is OrderState.WORKING for order in orders)
    assert not [event for event in system.feed.recent_events if isinstance(event, LineDown)]
    assert rate > LEAST_RATE
