from __future__ import annotations

import asyncio

from leadline.app.glance import Glance
from leadline.clock import SystemClock
from leadline.core.account_session import BalancesReported, LineUp, OrdersSnapshot
from leadline.core.retry import ConnectBudget
from leadline.errors import ConnectFailed, VenueDown
from leadline.model.account import BalancesSnapshot
from leadline.model.order import Event, OrderReport
from leadline.net.websocket import Socket
from leadline.venues.memory_account import MemoryAccount
from quiet_socket import quiet_socket

REPORT = OrderReport(event=Event.STANDS, order_id="O1")


class Even:
    """Chance that is none."""

    def random(self) -> float:
        return 0.0


async def unreachable() -> Socket:
    raise ConnectFailed("no way there")


def glance(account: MemoryAccount, connect: object = quiet_socket) -> Glance:
    return Glance(account, connect, SystemClock(), chance=Even(), connects=ConnectBudget())  # type: ignore[arg-type]


def account() -> MemoryAccount:
    return MemoryAccount(SystemClock(), ["BTC/USD"])


async def test_what_the_stream_says_is_kept() -> None:
    async with glance(account()) as stream:
        assert await stream.wait(5) is None
        stream.receive(OrdersSnapshot((REPORT,)), 0)
        stream.receive(BalancesReported(BalancesSnapshot((), 7)), 0)
        stream.receive(LineUp(), 0)

        assert stream.orders == (REPORT,)
        assert stream.balances.venue_ns == 7


async def test_the_credential_comes_before_the_connection() -> None:
    venue = account()
    async with glance(venue) as stream:
        await stream.wait(5)

    assert len(venue.authorised_for) == 1


async def test_when_the_time_is_up_the_reason_is_told() -> None:
    async with glance(account(), unreachable) as stream:
        assert await stream.wait(0.05) == "no way there"


async def test_a_stream_that_is_refused_for_good_is_not_waited_for() -> None:
    async def refused() -> Socket:
        raise ConnectFailed("HTTP 403", terminal=True)

    async with glance(account(), refused) as stream:
        assert await stream.wait(60) == "HTTP 403"


async def test_a_venue_that_gives_no_credential_is_told() -> None:
    venue = account()
    venue.failing = VenueDown("EService:Unavailable")
    async with glance(venue) as stream:
        assert await stream.wait(0.05) == "no credential for the stream: EService:Unavailable"


async def test_what_the_account_does_beside_its_stream_is_done_while_it_lasts() -> None:
    events: list[str] = []

    class Working(MemoryAccount):
        async def run(self) -> None:
            events.append("begun")
            try:
                await asyncio.Event().wait()
            finally:
                events.append("ended")

    async with glance(Working(SystemClock(), ["BTC/USD"])) as stream:
        await stream.wait(5)
        assert events == ["begun"]

    assert events == ["begun", "ended"]
