from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from leadline.app.errands import Errands, shown_first
from leadline.app.glance import Glance
from leadline.clock import SystemClock
from leadline.core.retry import ConnectBudget
from leadline.errors import AuthError, ConnectFailed, ConnectionLost, Rejected
from leadline.model.account import Balance, BalancesSnapshot, Wallet, WalletKind
from leadline.model.order import OrderState
from leadline.net.http import Purpose
from leadline.net.websocket import Socket
from leadline.venues.memory_account import MemoryAccount, Outcome
from leadline.venues.ports import Path
from quiet_socket import quiet_socket
from served_account import far_bid

BTC = Balance("BTC", (Wallet(WalletKind.SPOT, "main", Decimal("1.50")),), Decimal(0))


class Even:
    """Chance that is none."""

    def random(self) -> float:
        return 0.0


def account() -> MemoryAccount:
    return MemoryAccount(SystemClock(), ["BTC/USD"])


async def refused() -> Socket:
    raise ConnectFailed("HTTP 403", terminal=True)


@asynccontextmanager
async def by_stream(
    venue: MemoryAccount, told: list[str] | None = None, *, up: bool = True
) -> AsyncIterator[Errands]:
    clock = SystemClock()
    connect = quiet_socket if up else refused
    async with Glance(venue, connect, clock, chance=Even(), connects=ConnectBudget()) as stream:
        yield Errands(venue, clock, stream, ([] if told is None else told).append)


def by_rest(venue: MemoryAccount) -> Errands:
    return Errands(venue, SystemClock(), None, purpose=Purpose.EMERGENCY)


async def test_an_emergency_asks_rest_alone() -> None:
    venue = account()
    venue.balances = BalancesSnapshot((BTC,))
    order = venue.orders.foreign(far_bid())
    errands = by_rest(venue)

    assert await errands.balances() == (venue.balances, Path.REST)
    assert [one.order_id for one in (await errands.open_orders())[0]] == [order.order_id]
    assert await errands.cancel_all() == (1, Path.REST)
    assert len(venue.authorised_for) == 0
    assert [sent.path for sent in venue.sent] == [Path.REST]


async def test_with_a_stream_cancels_go_by_it() -> None:
    venue = account()
    order = venue.orders.foreign(far_bid())
    async with by_stream(venue) as errands:
        (result,) = await errands.cancel([order.order_id])

    assert (result.ok, result.error, result.path) == (True, None, Path.STREAM)
    assert [sent.path for sent in venue.sent] == [Path.STREAM]


async def test_a_stream_that_is_refused_is_told_once_and_rest_taken() -> None:
    venue, told = account(), list[str]()
    async with by_stream(venue, told, up=False) as errands:
        assert (await errands.balances())[1] is Path.REST
        assert (await errands.open_orders())[1] is Path.REST

    assert told == ["no stream (HTTP 403); going by REST"]


@pytest.mark.parametrize(
    "outcome",
    [Outcome.UNANSWERED, Outcome.LOST, Outcome.UNSENT, AuthError("ESession:Invalid session")],
    ids=str,
)
async def test_a_cancel_lost_with_the_stream_is_sent_again_by_rest(outcome: Outcome | AuthError) -> None:
    venue, told = account(), list[str]()
    order = venue.orders.foreign(far_bid())
    venue.script.append(outcome)
    async with by_stream(venue, told) as errands:
        (result,) = await errands.cancel([order.order_id])

    assert (result.ok, result.path) == (True, Path.REST)
    assert order.state is OrderState.CANCELED
    assert "the stream broke off" in told[0]


async def test_by_rest_a_lost_cancel_is_an_error() -> None:
    venue = account()
    venue.script.append(Outcome.LOST)

    with pytest.raises(ConnectionLost):
        await by_rest(venue).cancel_all()


async def test_a_refused_cancel_is_no_verdict_and_is_looked_up() -> None:
    venue = account()
    filled, canceled = venue.orders.foreign(far_bid()), venue.orders.foreign(far_bid())
    venue.orders.fill(filled, Decimal("0.01"), Decimal(30_000))
    venue.orders.end(filled, OrderState.FILLED)
    venue.orders.end(canceled, OrderState.CANCELED)

    one, other, unknown = await by_rest(venue).cancel([filled.order_id, canceled.order_id, "no-such-id"])

    assert (one.ok, one.state, type(one.error)) == (False, OrderState.FILLED, Rejected)
    assert (other.ok, other.state) == (True, OrderState.CANCELED)
    assert (unknown.ok, unknown.state) == (False, None)


async def test_a_look_up_that_fails_leaves_the_refusal_as_it_is() -> None:
    venue = account()
    venue.failing = ConnectionLost("down")

    (result,) = await by_rest(venue).cancel(["O00000-00000-000000"])

    assert (result.ok, result.state) == (False, None)


async def test_ids_of_the_venue_and_ids_of_ours_are_told_apart() -> None:
    venue = account()
    await by_rest(venue).cancel(["OABCDE-FGHIJ-KLMNOP", "34709e67-db21-47fe-a242-efc1dcf76e54"])

    assert [(key.order_id, key.client_id) for key in venue.finds] == [
        ("OABCDE-FGHIJ-KLMNOP", None),
        (None, "34709e67-db21-47fe-a242-efc1dcf76e54"),
    ]


async def test_many_cancels_go_in_the_batches_the_venue_takes() -> None:
    venue = account()
    orders = [venue.orders.foreign(far_bid()) for _ in range(venue.cancel_batch_max + 3)]

    results = await by_rest(venue).cancel([order.order_id for order in orders])

    assert [result.name for result in results] == [order.order_id for order in orders]
    assert all(result.ok for result in results)
    assert [len(sent.names) for sent in venue.sent] == [50, 3]


def test_balances_of_nothing_are_left_out() -> None:
    held = Balance("ETH", (), Decimal(1))

    assert shown_first([held, Balance("USD", ()), BTC]) == [BTC, held]
