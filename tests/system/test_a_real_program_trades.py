"""A program trades over real sockets: what it knows in the end is what the venue knows, to the last digit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from leadline.app.opening import open_system
from leadline.app.system import System
from leadline.engine.order_news import NewsGap, OrderEvent, OrderNews
from leadline.errors import CheckFailed
from leadline.model.market import Side
from leadline.model.order import Amendment, Fill, Order, OrderKind, OrderRequest, OrderState
from leadline.model.reading import Source
from trading_venue import BTC, ETH, TradingVenue, trading_venue

READY_S = 20.0
PATIENCE_S = 30.0
AT_ONCE, CANCELLED = 60, 5
"""So many fit the order counter of a pair at once: an early cancel costs eight points of its 180."""


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[TradingVenue]:
    async with trading_venue(tmp_path) as running:
        yield running


@pytest.fixture
async def system(venue: TradingVenue) -> AsyncIterator[System]:
    async with open_system(venue.settings, account="main") as running, asyncio.timeout(PATIENCE_S):
        await running.ready(READY_S)
        yield running


def bid(qty: str = "0.01", price: str = "30000", symbol: str = BTC, **more: object) -> OrderRequest:
    size = {"qty": Decimal(qty), "limit_price": Decimal(price)}
    return OrderRequest(symbol=symbol, side=Side.BUY, kind=OrderKind.LIMIT, **size, **more)


def inside(venue: TradingVenue, step: int = 1) -> str:
    """A price inside the spread, where an order of ours is the best."""
    best_bid, _ = venue.best(BTC)
    return str(best_bid + step)


def market(side: Side, qty: str, symbol: str = BTC) -> OrderRequest:
    return OrderRequest(symbol=symbol, side=side, kind=OrderKind.MARKET, qty=Decimal(qty))


async def settled(venue: TradingVenue, system: System) -> None:
    """Return when nothing differs any more between the program and the venue."""
    news = system.orders.events()
    while system.orders.unknown() or venue.disagreements(system.orders):
        await anext(news)
    await news.aclose()


async def assert_balances_agree(venue: TradingVenue, system: System) -> None:
    """To the last digit, by the stream and by REST."""
    for source in (Source.STREAM, Source.REST):
        owned = (await system.balances.all(source)).value
        nothing = Decimal(0)
        ours = {asset: balance.tradable for asset, balance in owned.items() if balance.tradable}
        theirs = {asset: row["spot"] for asset, row in venue.balances().items() if row.get("spot", nothing)}
        assert ours == theirs


async def test_everything_an_order_can_go_through_ends_as_the_venue_has_it(
    venue: TradingVenue, system: System
) -> None:
    orders = system.orders
    resting = await orders.submit(bid())
    assert resting.state is OrderState.WORKING
    amended = await orders.amend(
        resting.client_id, Amendment(qty=Decimal("0.02"), limit_price=Decimal(30_001))
    )
    assert (amended.qty, amended.limit_price) == (Decimal("0.02"), Decimal(30_001))
    taken = await orders.submit(market(Side.BUY, "0.25"))
    sold = await orders.submit(market(Side.SELL, "1.5", ETH))
    batch = await orders.batch([bid(price=str(price)) for price in range(30_010, 30_015)])
    assert [one.state for one in batch] == [OrderState.WORKING] * 5
    part = await orders.submit(bid("0.5", inside(venue)))
    await venue.fill(part.client_id, "0.12345678")
    [cancelled] = await orders.cancel(batch[1].client_id)
    assert cancelled.error is None
    with pytest.raises(CheckFailed, match="the least is"):
        await orders.submit(bid("0.00000001"))

    await settled(venue, system)
    states = {name: order.state for name in (taken, sold) if (order := orders.get(name.client_id))}
    assert set(states.values()) == {OrderState.FILLED}
    assert of(system, part).filled_qty == Decimal("0.12345678")
    assert of(system, batch[1]).state is OrderState.CANCELED
    assert await orders.cancel_all() == 6
    await settled(venue, system)
    assert orders.open() == []
    assert [one for one in venue.orders() if one["status"] in ("new", "partially_filled")] == []
    assert orders.counts.fills == len(venue.fills())
    assert await system.desk.reconcile()
    await assert_balances_agree(venue, system)


def of(system: System, order: Order) -> Order:
    known = system.orders.get(order.client_id)
    assert known is not None
    return known


async def test_two_hundred_fills_in_one_burst_reach_a_reader_that_is_busy_elsewhere(
    venue: TradingVenue, system: System
) -> None:
    order = await system.orders.submit(bid("2", inside(venue)))
    news = system.orders.events()
    waiting = asyncio.ensure_future(anext(news))
    await asyncio.sleep(0)
    for _ in range(200):
        await venue.fill(order.client_id, "0.01", told=False)
    await venue.told()
    await settled(venue, system)  # it looks at something else until all is over

    seen: list[Fill] = []
    event = await waiting
    while True:
        assert isinstance(event, OrderEvent)
        if event.fill is not None:
            seen.append(event.fill)
        if event.order.state is OrderState.FILLED:
            break
        event = await anext(news)
    await news.aclose()
    assert [fill.exec_id for fill in seen] == [one["exec_id"] for one in venue.fills()]
    assert len(seen) == 200
    await assert_balances_agree(venue, system)


async def test_fills_of_an_outage_are_all_told_once_after_the_gap_is(
    venue: TradingVenue, system: System
) -> None:
    order = await system.orders.submit(bid("1", inside(venue)))
    news = system.orders.events()
    first = asyncio.ensure_future(anext(news))
    await asyncio.sleep(0)
    await venue.inject(kind="DUP", channel="executions", count=1)
    await venue.inject(kind="CLOSE", code=1006)
    for _ in range(3):
        await venue.fill(order.client_id, "0.1")
    told = [await first]
    while len(filled(told)) < 3:
        told.append(await anext(news))
    await news.aclose()

    assert filled(told) == [one["exec_id"] for one in venue.fills()]
    assert isinstance(told[0], NewsGap)
    await settled(venue, system)
    assert system.orders.counts.fills == 3


def filled(told: Sequence[OrderNews]) -> list[str]:
    return [one.fill.exec_id for one in told if isinstance(one, OrderEvent) and one.fill is not None]


async def test_news_that_overtakes_its_acknowledgement_changes_nothing_in_the_end(
    venue: TradingVenue, system: System
) -> None:
    await venue.inject(kind="SHUFFLE", delay_s=0.02)
    told: list[OrderEvent] = []
    system.orders.on(lambda one: told.append(one) if isinstance(one, OrderEvent) else None)
    for symbol in (BTC, ETH):
        price = "30000" if symbol == BTC else "1500"
        taking = [system.orders.submit(market(Side.BUY, "0.01", symbol)) for _ in range(AT_ONCE)]
        resting = [system.orders.submit(bid(price=price, symbol=symbol)) for _ in range(CANCELLED)]
        placed = await asyncio.gather(*resting, *taking)
        await system.orders.cancel(*(one.client_id for one in placed[:CANCELLED]))
    await settled(venue, system)

    counts = system.orders.counts
    assert (counts.adopted, counts.contradicted, counts.reports_dropped) == (0, 0, 0)
    assert counts.fills == len(venue.fills())
    assert len(venue.orders()) == 2 * (AT_ONCE + CANCELLED)
    assert overtaken(told) > 0
    await venue.heal()
    await assert_balances_agree(venue, system)


def overtaken(told: list[OrderEvent]) -> int:
    """How many orders were told of by the stream before they were acknowledged."""
    first: dict[str, str] = {}
    for one in told:
        if one.cause.value in ("reported", "acknowledged"):
            first.setdefault(one.order.client_id, one.cause.value)
    return sum(cause == "reported" for cause in first.values())
