"""Each plant has the one fault it is named for."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from binance_private import BTC, KEY, T0, contracts, trade, wrapped
from binance_rest import BinanceRest
from leadline.clock import NS_PER_S
from leadline.core.account_session import AccountNews, OrdersReported
from leadline.core.session import Reconnect
from leadline.model.market import Side
from leadline.model.order import Event, OrderKind, OrderRequest, TimeInForce
from leadline.simulation.binance_order_plants import (
    AckAsFinal,
    AlgoOrdersForgotten,
    ListenKeyNotRenewed,
    TradeLiteCounted,
)
from leadline.venues.binance.account import BinanceAccount
from leadline.venues.binance.limits import AddressLimits, OrderLimits
from leadline.venues.ports import Path, Placement

ALGOS = "GET /fapi/v1/openAlgoOrders"
CREATE = "POST /fapi/v1/listenKey"
PROVE = "PUT /fapi/v1/listenKey"


class Rig:
    def __init__(self, make: type[BinanceAccount]) -> None:
        self.venue = BinanceRest()
        limits = OrderLimits(AddressLimits(self.venue.clock))
        self.account = make(self.venue.rest, contracts(), self.venue.venue_time, limits, self.venue.clock)
        self.news: list[AccountNews] = []
        self.session = self.account.session(lambda news, now_ns: self.news.append(news))

    def hear(self, *frames: bytes) -> None:
        for frame in frames:
            self.session.received(frame, self.venue.clock.mono_ns())

    @property
    def reports(self) -> list[Any]:
        return [report for news in self.news if isinstance(news, OrdersReported) for report in news.reports]


def placement(force: TimeInForce) -> Placement:
    request = OrderRequest(
        symbol=BTC, side=Side.BUY, kind=OrderKind.LIMIT, qty=Decimal("0.010"),
        limit_price=Decimal(90000), time_in_force=force,
    )  # fmt: skip
    return Placement("one", None, request, T0 * 1_000_000 + 5_000_000_000)


@pytest.mark.parametrize(
    ("make", "force", "told"),
    [
        (AckAsFinal, TimeInForce.IOC, [Event.FILLED]),
        (AckAsFinal, TimeInForce.GTC, []),
        (BinanceAccount, TimeInForce.IOC, []),
    ],
)
async def test_an_acknowledgement_is_taken_for_the_end_of_what_does_not_rest(
    make: type[BinanceAccount], force: TimeInForce, told: list[Event]
) -> None:
    rig = Rig(make)
    row = {"orderId": 7, "symbol": "BTCUSDT", "clientOrderId": "one"}
    rig.venue.answers["POST /fapi/v1/order"] = row
    await rig.venue.done(rig.account.place(placement(force), Path.REST))

    assert [report.event for report in rig.reports] == told


@pytest.mark.parametrize(("make", "count"), [(TradeLiteCounted, 2), (BinanceAccount, 1)])
def test_an_announced_match_counts_twice(make: type[BinanceAccount], count: int) -> None:
    async def scene() -> None:
        rig = Rig(make)
        rig.account.algos.listed([], [])
        lite = {"e": "TRADE_LITE", "E": T0, "T": T0, "s": "BTCUSDT", "S": "BUY", "i": 7, "t": 5, "c": "one",
                "L": "90000", "l": "0.004", "m": False, "q": "0.010", "p": "0"}  # fmt: skip
        rig.hear(wrapped(lite), trade(5, "0.004", "0.004"))
        assert len({report.fill.exec_id for report in rig.reports if report.fill}) == count

    asyncio.run(scene())


@pytest.mark.parametrize(("make", "cancelled"), [(AlgoOrdersForgotten, False), (BinanceAccount, True)])
async def test_what_waits_for_a_trigger_is_left_by_a_cancel_of_everything(
    make: type[BinanceAccount], cancelled: bool
) -> None:
    rig = Rig(make)
    waiting = {"algoId": 5, "clientAlgoId": "stop", "symbol": "BTCUSDT", "side": "SELL", "algoStatus": "NEW"}
    lists = iter([[waiting], []])
    rig.venue.answers |= {"GET /fapi/v1/openOrders": [], ALGOS: lambda params: next(lists)}
    rig.venue.answers["DELETE /fapi/v1/algoOpenOrders"] = {"code": 200, "msg": "done"}
    await rig.venue.done(rig.account.cancel_all(Path.REST))

    assert ("DELETE /fapi/v1/algoOpenOrders" in rig.venue.names()) is cancelled


@pytest.mark.parametrize(("make", "asked"), [(ListenKeyNotRenewed, [CREATE]), (BinanceAccount, [CREATE] * 2)])
async def test_a_key_that_was_refused_is_used_again(make: type[BinanceAccount], asked: list[str]) -> None:
    rig = Rig(make)
    rig.venue.answers |= {CREATE: {"listenKey": KEY}, PROVE: {"listenKey": KEY}}
    await rig.venue.done(rig.account.key.get())
    await rig.venue.done(rig.account.key.get(KEY))

    assert [name for name in rig.venue.names() if name == CREATE] == asked


@pytest.mark.parametrize(("make", "left"), [(ListenKeyNotRenewed, False), (BinanceAccount, True)])
async def test_a_stream_that_does_not_tell_of_an_accepted_order_is_believed(
    make: type[BinanceAccount], left: bool
) -> None:
    rig = Rig(make)
    rig.venue.answers |= {CREATE: {"listenKey": KEY}}
    await rig.venue.done(rig.account.authorise(rig.session))
    rig.session.opened(rig.venue.clock.mono_ns())
    rig.hear(b'{"result":null,"id":1}')
    rig.venue.answers["POST /fapi/v1/order"] = {"orderId": 7, "symbol": "BTCUSDT", "clientOrderId": "one"}
    await rig.venue.done(rig.account.place(placement(TimeInForce.GTC), Path.REST))
    later_ns = rig.venue.clock.mono_ns() + 4 * NS_PER_S
    rig.session.received(b'{"result":null,"id":99}', later_ns)
    rig.session.woke(later_ns)

    assert any(isinstance(one, Reconnect) for one in rig.session.outputs()) is left
