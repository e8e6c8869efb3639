"""In emergency-only mode what is safe leaves by REST, whatever the breaker says, and nothing else does."""

from __future__ import annotations

import asyncio

import pytest

from account_rig import AccountRig, virtual
from kraken_private import ENDPOINTS
from leadline.core.breaker import BreakerState
from leadline.errors import Error, Held
from leadline.net.http import Purpose

SAFE = {"BalanceEx", "OpenOrders", "CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter"}
"""Beside the venue's status, which is public."""

TOKEN = {"GetWebSocketsToken"}
"""What the stream is kept up with, on which an account is seen and cancels leave."""


def trip(rig: AccountRig, breaker: str) -> None:
    now_ns = rig.clock.mono_ns()
    match breaker:
        case "open":
            rig.breaker.limited(None, "for the test", now_ns)
        case "half-open":
            rig.breaker.limited(0.0, "for the test", now_ns)
        case "held open":
            rig.breaker.force(BreakerState.OPEN, "for the test")


@pytest.mark.parametrize("breaker", ["closed", "open", "half-open", "held open"])
def test_of_every_request_there_is_those_alone_leave(breaker: str) -> None:
    @virtual
    async def scene() -> None:
        left, held = set(), set()
        for endpoint in ENDPOINTS.values():
            rig = AccountRig()
            rig.venue.reply(endpoint.name, "EGeneral:Internal error")
            trip(rig, breaker)
            rig.rest.emergency_only = True
            try:
                await rig.rest.ask(endpoint, endpoint.purpose)
            except Held as error:
                assert endpoint.name in str(error)
                held.add(endpoint.name)
            except Error:
                pass
            left |= set(rig.venue.names())
        assert left == SAFE | TOKEN
        assert held == set(ENDPOINTS) - left

    scene()


@pytest.mark.parametrize("breaker", ["closed", "open", "held open"])
@pytest.mark.parametrize("name", ["OpenOrders", "ClosedOrders", "QueryOrders", "QueryTrades"])
def test_the_look_up_of_an_order_in_doubt_leaves(breaker: str, name: str) -> None:
    @virtual
    async def scene() -> None:
        rig = AccountRig()
        rig.venue.reply(name, "EGeneral:Internal error")
        trip(rig, breaker)
        rig.rest.emergency_only = True
        await asyncio.gather(rig.rest.ask(ENDPOINTS[name], Purpose.LOOKUP), return_exceptions=True)
        assert rig.venue.names() == [name]

    scene()
