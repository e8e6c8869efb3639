from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.errors import (
    CheckFailed,
    ConnectFailed,
    ConnectionLost,
    Refused,
    Rejected,
    UnknownSymbol,
    VenueDown,
)
from leadline.model.market import Side
from leadline.model.order import Amendment, Event, Order, OrderKey, OrderKind, OrderState
from leadline.net.http import Purpose
from leadline.venues.memory_account import MemoryAccount, Outcome
from leadline.venues.ports import Action, Path, Placement
from orderrig import BTC, buy, settle


def make() -> tuple[MemoryAccount, ManualClock]:
    clock = ManualClock()
    return MemoryAccount(clock, [BTC]), clock


def known(order_id: str) -> Order:
    return Order(
        client_id="",
        symbol=BTC,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        state=OrderState.WORKING,
        order_id=order_id,
    )


def placement(venue: MemoryAccount, name: str = "c", **more: object) -> Placement:
    return Placement(name, None, buy(**more), venue.venue_ns() + 2 * NS_PER_S)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "error", "placed"),
    [
        (Outcome.UNANSWERED, ConnectionLost, 1),
        (Outcome.LOST, ConnectionLost, 0),
        (Outcome.LATE, ConnectionLost, 0),
        (Outcome.UNSENT, ConnectFailed, 0),
        (Rejected("EOrder:no"), Rejected, 0),
    ],
)
async def test_a_request_meets_what_the_script_says(
    outcome: Outcome | Rejected, error: type[Exception], placed: int
) -> None:
    venue, _ = make()
    venue.script.append(outcome)

    with pytest.raises(error):
        await venue.place(placement(venue), Path.STREAM)

    assert len(venue.orders.every) == placed


async def test_what_is_queued_leaves_when_it_is_let_unless_it_was_taken_back() -> None:
    venue, _ = make()
    venue.script.extend([Outcome.QUEUED, Outcome.QUEUED])
    first, second = (asyncio.ensure_future(venue.place(placement(venue, name), Path.REST)) for name in "ab")
    await settle()

    assert venue.take_back("a")
    assert not venue.take_back("c")
    venue.depart()
    await settle()

    assert isinstance(first.exception(), Refused)
    assert second.done()
    assert not venue.take_back("b")
    assert [order.client_id for order in venue.orders.every] == ["b"]
    assert [sent.names for sent in venue.sent] == [("b",)]


async def test_what_is_late_arrives_unless_its_deadline_has_passed() -> None:
    venue, clock = make()
    for name in "ab":
        venue.script.append(Outcome.LATE)
        with pytest.raises(ConnectionLost):
            await venue.place(placement(venue, name), Path.STREAM)
        if name == "a":
            venue.arrive()
    clock.advance(3)
    venue.arrive()

    assert [order.client_id for order in venue.orders.every] == ["a"]


async def test_a_slow_request_is_answered_when_released() -> None:
    venue, _ = make()
    venue.script.append(Outcome.SLOW)
    task = asyncio.ensure_future(venue.place(placement(venue), Path.STREAM))
    await settle()
    assert len(venue.orders.every) == 1 and not task.done()
    venue.release()

    assert (await task).order_id == "O00001"


async def test_without_a_stream_nothing_leaves_on_it() -> None:
    venue, _ = make()
    venue.streaming = False

    assert not venue.can_stream()
    with pytest.raises(ConnectFailed):
        await venue.place(placement(venue), Path.STREAM)
    assert (await venue.place(placement(venue), Path.REST)).order_id


async def test_what_comes_after_its_deadline_is_refused() -> None:
    venue, clock = make()
    late = placement(venue)
    clock.advance(3)

    with pytest.raises(Rejected, match="Deadline"):
        await venue.place(late, Path.STREAM)


async def test_a_batch_answers_row_by_row() -> None:
    venue, _ = make()
    venue.rows = [None, Rejected("EOrder:no")]
    first, second = await venue.place_batch([placement(venue, name) for name in "abc"], Path.STREAM)

    assert not isinstance(first, Rejected) and isinstance(second, Rejected)
    assert len(venue.orders.every) == 1


async def test_changes_cancels_and_replacements_act_on_the_truth() -> None:
    venue, _ = make()
    first = await venue.place(placement(venue), Path.STREAM)
    key, until_ns = OrderKey(first.order_id), venue.venue_ns() + NS_PER_S
    await venue.amend(known(first.order_id), Amendment(qty=Decimal(3)), until_ns, Path.STREAM)
    assert venue.orders.every[0].qty == 3
    await venue.replace(first.order_id, placement(venue, "d"), Path.STREAM)
    assert [order.state for order in venue.orders.every] == [OrderState.CANCELED, OrderState.WORKING]
    with pytest.raises(Rejected):
        await venue.amend(known(first.order_id), Amendment(qty=Decimal(4)), until_ns, Path.STREAM)
    (refused,) = await venue.cancel([key], Path.STREAM)
    assert refused is not None
    assert await venue.cancel_all(Path.REST) == 1
    await venue.dead_man(60, (), Path.STREAM)
    assert venue.dead_man_s == 60
    assert [sent.action for sent in venue.sent].count(Action.CANCEL) == 3


async def test_a_search_knows_nothing_older_and_nothing_while_it_fails() -> None:
    venue, _ = make()
    await venue.place(placement(venue), Path.STREAM)
    venue.orders.fill(venue.orders.every[0], Decimal(1), Decimal(100))
    key = OrderKey(client_id="c")

    assert [report.event for report in await venue.find(key, 0)] == [Event.FILL, Event.STANDS]
    assert await venue.find(key, venue.venue_ns() + NS_PER_S) == []
    venue.failing = VenueDown("EService:Unavailable")
    with pytest.raises(VenueDown):
        await venue.find(key, 0)
    with pytest.raises(VenueDown):
        await venue.authorise(venue.session(lambda news, now_ns: None))


async def test_its_clock_proves_a_deadline_only_while_it_is_known() -> None:
    venue, _ = make()
    venue.offset_ns = 5 * NS_PER_S
    deadline_ns = venue.venue_ns() - 2 * NS_PER_S

    assert venue.passed(deadline_ns, 1.0)
    assert not venue.passed(deadline_ns, 2.0)
    venue.clock_known = False
    assert not venue.passed(deadline_ns, 1.0)


def test_requests_are_held_against_the_instrument() -> None:
    venue, _ = make()
    venue.check(buy())
    for request in (buy("0.00001"), buy(price="0.001")):
        with pytest.raises(CheckFailed):
            venue.check(request)
    with pytest.raises(CheckFailed):
        venue.check_amendment(known("O"), Amendment(qty=Decimal("NaN")))
    with pytest.raises(UnknownSymbol):
        venue.check(buy(symbol="BTC/USDD"))


def test_cancels_are_charged_and_never_told_to_wait() -> None:
    venue, _ = make()
    venue.room_s = 3.0

    assert venue.charge(BTC, Action.ADD) == 3.0
    assert venue.charge(BTC, Action.CANCEL) == 0.0
    assert venue.charged == [(Action.CANCEL, 1)]


async def test_the_account_is_read_from_the_same_truth() -> None:
    venue, _ = make()
    placed = await venue.place(placement(venue), Path.STREAM)
    order = venue.orders.every[0]
    fill = venue.orders.fill(order, Decimal("0.5"), Decimal(100))
    purpose = Purpose.ACCOUNT

    assert [report.order_id for report in await venue.fetch_open_orders(purpose)] == [placed.order_id]
    assert len(await venue.fetch_orders([placed.order_id, "O99"], purpose)) == 2
    assert list(await venue.fetch_fills(0, purpose)) == [fill]
    assert list(await venue.fetch_fills(0, purpose, ["ETH/USD"])) == []
    assert await venue.fetch_fills((fill.venue_ns or 0) + 1, purpose) == []
    assert (await venue.fetch_balances(purpose)).balances == ()
    assert await venue.fetch_ledger(0, purpose) == []
    assert await venue.fetch_positions(purpose) == ()
    await venue.authorise(venue.session(lambda news, now_ns: None))
    assert len(venue.authorised_for) == 1
    assert venue.session(lambda news, now_ns: None).resubscribed == []
